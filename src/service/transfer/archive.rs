//! Pictures out of an archive: a zip, or a tar that may be compressed with gzip.
//!
//! Whatever is in it came from anybody. Nothing is ever written under the names that it has, an
//! entry is held up to a bound, and what all of it inflates to is bounded by its size.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use futures::stream::{self, BoxStream, StreamExt};
use rawzip::{CompressionMethod, ZipArchive};
use serde::{Deserialize, Serialize};
use tar::EntryType;
use tokio::sync::mpsc;

use super::format::{RECORDS, RECORDS_END};
use crate::service::ServiceError;
use eyrie_vision::picture::{PictureError, sniff};

/// Entries of one archive.
const MOST_ENTRIES: u64 = 1_000_000;

/// How many times its size an archive may inflate to, beside one entry. Pictures hardly shrink in
/// an archive; what does is a bomb.
const MOST_INFLATION: u64 = 100;

/// The longest path of an entry of a tar, in bytes.
const MAX_PATH_BYTES: u64 = 64 << 10;

/// The largest file of lines in a tar that is an export, in bytes: those that are written have a few MiB.
const MAX_RECORDS_BYTES: u64 = 64 << 20;

/// Bytes at the start of an entry that tell what it is.
const HEAD_BYTES: u64 = 4096;

/// What a tar ends with, at least.
const TAR_END_BYTES: u64 = 512;

/// Parts in which a file is read.
const BUFFER_BYTES: usize = 64 << 10;

/// A kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveKind {
    /// Its list is at its end.
    Zip,
    /// One entry after the other.
    Tar,
    /// The same, compressed.
    TarGzip,
}

impl ArchiveKind {
    /// The kind by the first bytes, 262 of which are enough.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::TarGzip),
            _ if head.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            _ => None,
        }
    }
}

/// Why an entry is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// It is no picture.
    NotAnImage,
    /// It is an archive itself.
    Archive,
    /// It is a link, symbolic or hard.
    Link,
    /// It is a device, a pipe or another thing that is no file.
    Special,
}

impl SkipReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::NotAnImage, Self::Archive, Self::Link, Self::Special];

    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAnImage => "not_an_image",
            Self::Archive => "archive",
            Self::Link => "link",
            Self::Special => "special",
        }
    }
}

/// What an entry has.
#[derive(Debug)]
pub enum EntryContent {
    /// An encoded picture.
    Picture(Bytes),
    /// Something else.
    Skipped(SkipReason),
    /// Lines of an export, which come in order. The archive has nothing else then.
    Records(Bytes),
    /// Something that cannot be read, and why.
    Failed(ServiceError),
}

/// An entry of an archive that is no folder.
#[derive(Debug)]
pub struct Entry {
    /// Its place among them, from 1.
    pub number: u64,
    /// Its path as the archive has it.
    pub path: String,
    /// What it has.
    pub content: EntryContent,
}

/// An archive in a file.
#[derive(Debug)]
pub struct Archive {
    file: File,
    kind: ArchiveKind,
    size: u64,
    max_entry_bytes: u64,
}

impl Archive {
    /// The archive of a file; each entry may have so many bytes.
    ///
    /// # Errors
    /// [`ServiceError::InvalidArchive`] where it is none that is read here.
    pub fn open(mut file: File, max_entry_bytes: u64) -> Result<Self, ServiceError> {
        let mut head = Vec::new();
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        (&mut file).take(TAR_END_BYTES).read_to_end(&mut head).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        // A tar without any entry is zeros.
        let is_blank = head.len() as u64 == TAR_END_BYTES && head.iter().all(|byte| *byte == 0);
        let kind = ArchiveKind::of(&head).or(is_blank.then_some(ArchiveKind::Tar));
        let kind = kind.ok_or_else(|| invalid("it is no zip, no tar and no tar that is compressed with gzip"))?;
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        Ok(Self { file, kind, size, max_entry_bytes })
    }

    /// How many entries there are, folders of a zip included, as far as it can be read.
    ///
    /// # Errors
    /// [`ServiceError::InvalidArchive`] where the file cannot be read.
    pub fn count(&self) -> Result<u64, ServiceError> {
        let file = self.rewound()?;
        let entries = match self.kind {
            ArchiveKind::Zip => zip_of(file)?.0.entries_hint(),
            ArchiveKind::Tar => count_tar(BufReader::with_capacity(BUFFER_BYTES, file)),
            ArchiveKind::TarGzip => count_tar(self.budget().over(MultiGzDecoder::new(BufReader::new(file)))),
        };
        Ok(entries.min(MOST_ENTRIES))
    }

    /// The entries behind the first `skip` ones in their order, read ahead by one on a thread of
    /// its own. The first lines of an export are not skipped. Where the archive is damaged that comes last, as [`ServiceError::InvalidArchive`].
    #[must_use]
    pub fn entries(self, skip: u64) -> BoxStream<'static, Result<Entry, ServiceError>> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::task::spawn_blocking(move || {
            let mut last = 0;
            let taken = self.read(&mut |entry| {
                last = entry.number;
                let begins = entry.number == 1 && matches!(entry.content, EntryContent::Records(_));
                (entry.number <= skip && !begins) || sender.blocking_send(Ok(entry)).is_ok()
            });
            if let Err(error) = taken {
                // Nobody may listen any more.
                let _closed = sender.blocking_send(Err(behind(last, error)));
            }
        });
        let entries = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
        entries.boxed()
    }

    /// The lines of a tar that is an export, read ahead on a thread of its own. Any other archive is
    /// an error of the reader.
    #[must_use]
    pub fn lines(self) -> Box<dyn BufRead + Send> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let end = self.read(&mut |entry| {
                let lines = match entry.content {
                    EntryContent::Records(lines) => Ok(lines),
                    EntryContent::Picture(_) | EntryContent::Skipped(_) | EntryContent::Failed(_) => {
                        Err(io::Error::other("it is an archive and no export"))
                    }
                };
                let goes_on = lines.is_ok();
                sender.send(lines).is_ok() && goes_on
            });
            if let Err(error) = end {
                // Nobody may listen any more.
                let _closed = sender.send(Err(io::Error::other(error)));
            }
        });
        Box::new(BufReader::new(Received { receiver, rest: Bytes::new() }))
    }

    /// Gives every entry to `take` until that says no.
    fn read(&self, take: &mut dyn FnMut(Entry) -> bool) -> Result<(), ServiceError> {
        let file = self.rewound()?;
        let budget = self.budget();
        let read = match self.kind {
            ArchiveKind::Zip => self.read_zip(file, &budget, take),
            ArchiveKind::Tar => self.read_tar(BufReader::with_capacity(BUFFER_BYTES, file), take),
            ArchiveKind::TarGzip => self.read_tar(budget.over(MultiGzDecoder::new(BufReader::new(file))), take),
        };
        // Whatever the readers between made of that.
        read.map_err(|error| if budget.is_spent() { bomb() } else { error })
    }

    /// The file from its beginning on.
    fn rewound(&self) -> Result<File, ServiceError> {
        let mut file = self.file.try_clone().map_err(unreadable)?;
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        Ok(file)
    }

    fn budget(&self) -> Budget {
        Budget(Cell::new(self.size.saturating_mul(MOST_INFLATION).saturating_add(self.max_entry_bytes)))
    }

    fn read_zip(&self, file: File, budget: &Budget, take: &mut dyn FnMut(Entry) -> bool) -> Result<(), ServiceError> {
        let (archive, mut buffer) = zip_of(file)?;
        let mut entries = archive.entries(&mut buffer);
        let mut number = 0;
        while let Some(entry) = entries.next_entry().map_err(|e| invalid(&e.to_string()))? {
            if entry.is_dir() {
                continue;
            }
            number = next(number)?;
            let path = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
            let content = if entry.mode().is_symlink() {
                EntryContent::Skipped(SkipReason::Link)
            } else if entry.flags().is_encrypted() {
                EntryContent::Failed(invalid_entry("it is encrypted"))
            } else {
                let inside = archive.get_entry(entry.wayfinder()).map_err(|e| e.to_string());
                let method = entry.compression_method();
                let read = inside.and_then(|inside| {
                    let mut inflated: Box<dyn Read + '_> = if method == CompressionMethod::STORE {
                        Box::new(inside.verifying_reader(budget.over(inside.reader())))
                    } else if method == CompressionMethod::DEFLATE {
                        Box::new(inside.verifying_reader(budget.over(DeflateDecoder::new(inside.reader()))))
                    } else {
                        return Err("it is compressed by another method than deflate".to_owned());
                    };
                    self.content(&mut inflated).map_err(|e| e.to_string())
                });
                if budget.is_spent() {
                    return Err(bomb());
                }
                read.unwrap_or_else(|reason| EntryContent::Failed(invalid_entry(&reason)))
            };
            if !take(Entry { number, path, content }) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read_tar(&self, reader: impl Read, take: &mut dyn FnMut(Entry) -> bool) -> Result<(), ServiceError> {
        let mut reader = Zeros { reader, zeros: 0 };
        let mut archive = tar::Archive::new(&mut reader);
        let mut number = 0;
        let mut long_path = None;
        let mut is_export = false;
        // The extensions are read here, since they may be of any length.
        for entry in archive.entries().map_err(damaged)?.raw(true) {
            let mut entry = entry.map_err(damaged)?;
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() {
                let mut name = extension(&mut entry)?;
                name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                long_path = Some(name);
                continue;
            }
            if kind.is_pax_local_extensions() {
                let records = extension(&mut entry)?;
                let mut records = tar::PaxExtensions::new(&records).filter_map(Result::ok);
                let path = records.find(|record| record.key_bytes() == b"path");
                long_path = path.map(|record| record.value_bytes().to_vec()).or(long_path);
                continue;
            }
            if belongs_to_another(kind) {
                continue;
            }
            let path = long_path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            if kind.is_dir() || path.ends_with(b"/") {
                continue;
            }
            is_export |= number == 0 && is_records(&path);
            // The thumbnails of an export are in its lines, too.
            if is_export && !(is_records(&path) && kind.is_file()) {
                continue;
            }
            number = next(number)?;
            let content = if is_export {
                let size = entry.size();
                EntryContent::Records(records(&mut entry, size)?)
            } else if kind.is_file() || kind.is_contiguous() {
                let size = entry.size();
                match self.content(&mut entry).map_err(damaged)? {
                    EntryContent::Picture(bytes) if (bytes.len() as u64) < size => return Err(truncated()),
                    content @ (EntryContent::Picture(_)
                    | EntryContent::Records(_)
                    | EntryContent::Skipped(_)
                    | EntryContent::Failed(_)) => content,
                }
            } else if kind.is_hard_link() || kind.is_symlink() {
                EntryContent::Skipped(SkipReason::Link)
            } else {
                EntryContent::Skipped(SkipReason::Special)
            };
            if !take(Entry { number, path: String::from_utf8_lossy(&path).into_owned(), content }) {
                return Ok(());
            }
        }
        if reader.zeros < TAR_END_BYTES { Err(truncated()) } else { Ok(()) }
    }

    /// An entry that is a picture, up to the bound; of anything else no more than its beginning is
    /// read.
    fn content(&self, reader: &mut dyn Read) -> io::Result<EntryContent> {
        let mut bytes = Vec::new();
        reader.take(HEAD_BYTES).read_to_end(&mut bytes)?;
        if ArchiveKind::of(&bytes).is_some() {
            return Ok(EntryContent::Skipped(SkipReason::Archive));
        }
        if matches!(sniff(&bytes), Err(PictureError::NotAnImage | PictureError::Empty)) {
            return Ok(EntryContent::Skipped(SkipReason::NotAnImage));
        }
        let most = self.max_entry_bytes;
        reader.take((most + 1).saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Ok(EntryContent::Failed(invalid_entry(&format!("it has more than {most} bytes"))));
        }
        Ok(EntryContent::Picture(bytes.into()))
    }
}

/// A zip and the buffer that its list is read with.
fn zip_of(file: File) -> Result<(ZipArchive<rawzip::FileReader>, Vec<u8>), ServiceError> {
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(|e| invalid(&e.to_string()))?;
    Ok((archive, buffer))
}

fn count_tar(reader: impl Read) -> u64 {
    let mut archive = tar::Archive::new(reader);
    let Ok(entries) = archive.entries() else { return 0 };
    let kinds = entries.raw(true).map_while(Result::ok).map(|entry| entry.header().entry_type());
    let counted = kinds.filter(|kind| !belongs_to_another(*kind) && !kind.is_dir());
    counted.take(MOST_ENTRIES as usize).count() as u64
}

/// Whether what looks like an entry of a tar says something of the next one, or of all.
fn belongs_to_another(kind: EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

/// The number of the next entry.
fn next(number: u64) -> Result<u64, ServiceError> {
    if number == MOST_ENTRIES {
        return Err(invalid(&format!("it has more than {MOST_ENTRIES} entries")));
    }
    Ok(number + 1)
}

/// What stands before an entry of a tar and belongs to it.
fn extension(entry: &mut impl Read) -> Result<Vec<u8>, ServiceError> {
    let mut bytes = Vec::new();
    entry.take(MAX_PATH_BYTES + 1).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 > MAX_PATH_BYTES {
        return Err(invalid(&format!("the path of an entry has more than {MAX_PATH_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Whether lines of an export have this path in a tar.
fn is_records(path: &[u8]) -> bool {
    let number = path.strip_prefix(RECORDS.as_bytes()).and_then(|rest| rest.strip_suffix(RECORDS_END.as_bytes()));
    number.is_some_and(|number| number.len() == 8 && number.iter().all(u8::is_ascii_digit))
}

/// Lines of an export.
fn records(entry: &mut impl Read, size: u64) -> Result<Bytes, ServiceError> {
    if size > MAX_RECORDS_BYTES {
        return Err(invalid(&format!("a file of records has more than {MAX_RECORDS_BYTES} bytes")));
    }
    let mut lines = Vec::new();
    entry.read_to_end(&mut lines).map_err(damaged)?;
    if (lines.len() as u64) < size { Err(truncated()) } else { Ok(lines.into()) }
}

fn invalid(reason: &str) -> ServiceError {
    ServiceError::InvalidArchive(reason.to_owned())
}

fn invalid_entry(reason: &str) -> ServiceError {
    ServiceError::InvalidEntry(reason.to_owned())
}

fn unreadable(error: io::Error) -> ServiceError {
    invalid(&format!("it cannot be read: {error}"))
}

fn damaged(error: io::Error) -> ServiceError {
    invalid(&format!("it is damaged: {error}"))
}

fn truncated() -> ServiceError {
    invalid("it ends early")
}

fn bomb() -> ServiceError {
    invalid(&format!("it inflates to more than {MOST_INFLATION} times its size"))
}

/// Where an archive cannot be read on.
fn behind(last: u64, error: ServiceError) -> ServiceError {
    if let ServiceError::InvalidArchive(reason) = &error
        && last > 0
    {
        return ServiceError::InvalidArchive(format!("behind entry {last}: {reason}"));
    }
    error
}

/// How much may still come out of decompression.
struct Budget(Cell<u64>);

impl Budget {
    fn over<R: Read>(&self, reader: R) -> Metered<'_, R> {
        Metered { reader, budget: self }
    }

    fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// A reader whose bytes are paid from a budget.
struct Metered<'a, R> {
    reader: R,
    budget: &'a Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget.is_spent() {
            return Err(io::Error::other("too much comes out"));
        }
        let read = self.reader.read(buffer)?;
        self.budget.0.set(self.budget.0.get().saturating_sub(read as u64));
        Ok(read)
    }
}

/// Reads what another thread sends.
struct Received {
    receiver: std::sync::mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.receiver.recv() {
                Ok(more) => self.rest = more?,
                Err(_) => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// Knows how many zeros came last.
struct Zeros<R> {
    reader: R,
    zeros: u64,
}

impl<R: Read> Read for Zeros<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let last = buffer[..read].iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros = if last == read { self.zeros + last as u64 } else { last as u64 };
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder};
    use rawzip::ZipArchiveWriter;

    use super::*;

    const MOST: u64 = 100_000;

    /// What begins like a PNG.
    fn picture(length: usize) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.resize(length, 7);
        bytes
    }

    fn zip(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut archive = ZipArchiveWriter::new(&mut out);
        for (name, bytes) in entries {
            let (mut entry, config) =
                archive.new_file(name).compression_method(CompressionMethod::DEFLATE).start().expect("an entry");
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
            writer.write_all(bytes).expect("memory");
            let (encoder, descriptor) = writer.finish().expect("memory");
            encoder.finish().expect("memory");
            entry.finish(descriptor).expect("memory");
        }
        archive.finish().expect("memory");
        out
    }

    fn header(kind: EntryType, size: usize) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size as u64);
        header.set_mode(0o644);
        header
    }

    fn tar(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in entries {
            let mut header = header(EntryType::Regular, bytes.len());
            // The library would refuse names that lead elsewhere.
            let field = &mut header.as_old_mut().name;
            if name.len() < field.len() {
                field[..name.len()].copy_from_slice(name.as_bytes());
                header.set_cksum();
                archive.append(&header, &bytes[..]).expect("memory");
            } else {
                archive.append_data(&mut header, name, &bytes[..]).expect("memory");
            }
        }
        archive.into_inner().expect("memory")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    /// Every entry in short, and why it ended early.
    fn read(bytes: &[u8]) -> (Vec<String>, Option<String>) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        let archive = match Archive::open(file, MOST) {
            Ok(archive) => archive,
            Err(error) => return (Vec::new(), Some(error.to_string())),
        };
        let mut seen = Vec::new();
        let end = archive.read(&mut |entry| {
            let what = match entry.content {
                EntryContent::Picture(bytes) => format!("{} bytes", bytes.len()),
                EntryContent::Skipped(reason) => reason.as_str().to_owned(),
                EntryContent::Records(lines) => format!("{} bytes of lines", lines.len()),
                EntryContent::Failed(error) => error.to_string(),
            };
            seen.push(format!("{} {}: {what}", entry.number, entry.path));
            true
        });
        if end.is_ok() && !seen.iter().any(|entry| entry.ends_with("lines")) {
            assert_eq!(archive.count().expect("readable"), seen.len() as u64);
        }
        (seen, end.err().map(|error| error.to_string()))
    }

    #[test]
    fn pictures_come_out_and_the_rest_is_named() {
        let long = format!("{}/b.png", "folder".repeat(30));
        let inner = zip(&[("x.png", picture(10))]);
        let entries = [
            ("a.png", picture(5_000)),
            (long.as_str(), picture(20)),
            ("notes.txt", b"hello".to_vec()),
            ("empty", Vec::new()),
            ("../../etc/passwd.png", picture(30)),
            ("inner.zip", inner),
            ("large.png", picture(MOST as usize + 1)),
        ];
        let expected = [
            "1 a.png: 5000 bytes".to_owned(),
            format!("2 {long}: 20 bytes"),
            "3 notes.txt: not_an_image".to_owned(),
            "4 empty: not_an_image".to_owned(),
            "5 ../../etc/passwd.png: 30 bytes".to_owned(),
            "6 inner.zip: archive".to_owned(),
            format!("7 large.png: it has more than {MOST} bytes"),
        ];
        for archive in [tar(&entries), gzip(&tar(&entries))] {
            assert_eq!(read(&archive), (expected.to_vec(), None));
        }
        // What writes the zip takes the dots out.
        let mut of_zip = expected.to_vec();
        of_zip[4] = "5 etc/passwd.png: 30 bytes".to_owned();
        assert_eq!(read(&zip(&entries)), (of_zip, None));
    }

    #[test]
    fn links_devices_and_folders_are_no_pictures() {
        let mut archive = tar::Builder::new(Vec::new());
        for (kind, name) in [
            (EntryType::Directory, "folder/"),
            (EntryType::Symlink, "link.png"),
            (EntryType::Link, "hard.png"),
            (EntryType::Char, "device"),
            (EntryType::Fifo, "pipe"),
        ] {
            let mut header = header(kind, 0);
            header.set_link_name("/etc/passwd").expect("short");
            archive.append_data(&mut header, name, io::empty()).expect("memory");
        }
        let (seen, end) = read(&archive.into_inner().expect("memory"));
        assert_eq!(seen, ["1 link.png: link", "2 hard.png: link", "3 device: special", "4 pipe: special"]);
        assert_eq!(end, None);
    }

    #[test]
    fn an_archive_that_is_cut_gives_what_is_whole() {
        let all = tar(&[("a.png", picture(2_000)), ("b.png", picture(3_000))]);
        // In the second picture, in its header, before it, and before the end.
        for (at, whole) in [(4_000, 1), (2_700, 1), (2_560, 1), (all.len() - 1_024, 2), (600, 0), (100, 0)] {
            let (seen, end) = read(&all[..at]);
            assert_eq!(seen.len(), whole, "{at}: {seen:?}");
            assert!(end.is_some(), "{at}");
        }
        let packed =
            gzip(&tar(&[("a.png", picture(2_000)), ("n.txt", (0..40_000u32).flat_map(u32::to_le_bytes).collect())]));
        let (seen, end) = read(&packed[..packed.len() - 20]);
        assert_eq!((seen.first().map(String::as_str), end.is_some()), (Some("1 a.png: 2000 bytes"), true), "{seen:?}");
        let zip = zip(&[("a.png", picture(2_000))]);
        let (seen, end) = read(&zip[..zip.len() - 10]);
        assert!(seen.is_empty() && end.is_some(), "the list of a zip is at its end");
    }

    #[test]
    fn a_bomb_ends_when_too_much_came_out() {
        let zeros = vec![0; 60 << 20];
        let (seen, end) = read(&gzip(&tar(&[("a.png", picture(10)), ("zeros", zeros)])));
        assert_eq!(seen.first().map(String::as_str), Some("1 a.png: 10 bytes"));
        assert!(end.is_some_and(|reason| reason.contains("inflates to more than")), "{seen:?}");
        // No entry is large, but all of them are.
        let mut entries = Vec::new();
        for number in 0..200 {
            entries.push((format!("{number}.png"), picture(MOST as usize)));
        }
        let entries: Vec<(&str, Vec<u8>)> =
            entries.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        let (_, end) = read(&zip(&entries));
        assert!(end.is_some_and(|reason| reason.contains("inflates to more than")));
    }

    #[test]
    fn a_path_of_any_length_is_refused() {
        let mut archive = tar::Builder::new(Vec::new());
        let name = vec![b'a'; 1 << 20];
        let mut long = header(EntryType::GNULongName, name.len());
        long.set_cksum();
        archive.append(&long, &name[..]).expect("memory");
        let (seen, end) = read(&archive.into_inner().expect("memory"));
        assert!(seen.is_empty() && end.is_some_and(|reason| reason.contains("the path of an entry has more than")));
    }

    #[test]
    fn entries_of_a_zip_that_lie_or_are_encrypted_fail_alone() {
        let sound = zip(&[("a.png", picture(1_000)), ("b.png", picture(2_000))]);
        let at = |signature: &[u8]| sound.windows(4).position(|four| four == signature).expect("there");
        let central = at(b"PK\x01\x02");
        let with = |place: usize, value: u8| {
            let mut changed = sound.clone();
            changed[central + place] = value;
            read(&changed)
        };
        // The flag, the method, the checksum and the size of the first entry.
        for (place, value, reason) in
            [(8, 9, "it is encrypted"), (10, 12, "another method"), (16, 0xff, ""), (24, 1, ""), (42, 0x7f, "")]
        {
            let (seen, end) = with(place, value);
            assert_eq!((seen.len(), end), (2, None), "{place}: {seen:?}");
            assert!(seen[0].contains(reason) && !seen[0].ends_with(" bytes"), "{place}: {seen:?}");
            assert_eq!(seen[1], "2 b.png: 2000 bytes");
        }
    }

    #[test]
    fn of_an_export_the_lines_come_alone() {
        let export = [
            ("records/00000000.ndjson", b"{}\n".to_vec()),
            ("records/00000001.ndjson", b"{}\n{}\n".to_vec()),
            ("thumbnails/a.jpeg", picture(100)),
            ("records/00000002.ndjson", b"{}".to_vec()),
        ];
        let (seen, end) = read(&tar(&export));
        assert_eq!(end, None);
        assert_eq!(
            seen,
            [
                "1 records/00000000.ndjson: 3 bytes of lines",
                "2 records/00000001.ndjson: 6 bytes of lines",
                "3 records/00000002.ndjson: 2 bytes of lines"
            ]
        );
        // Behind a picture they are files as others are.
        let (seen, _) = read(&tar(&[("a.png", picture(10)), ("records/00000000.ndjson", b"{}".to_vec())]));
        assert_eq!(seen, ["1 a.png: 10 bytes", "2 records/00000000.ndjson: not_an_image"]);
    }

    #[test]
    fn what_is_no_archive_is_told() {
        for bytes in [&b""[..], b"hello", &picture(100), b"PK\x03\x04", b"\x1f\x8b\x08\x00nothing"] {
            let (seen, end) = read(bytes);
            assert!(seen.is_empty() && end.is_some(), "{bytes:?}");
        }
        assert_eq!(read(&tar(&[])), (Vec::new(), None));
        assert_eq!(read(&zip(&[])), (Vec::new(), None));
    }
}
