//! Pictures out of an archive: a zip, or a tar that may be compressed with gzip.
//!
//! Whatever is in it came from anybody. Nothing is ever written under the names that it has, an
//! entry is held up to a bound, and what all of it inflates to is bounded by its size.

mod reading;
#[cfg(test)]
mod tests;

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
use reading::{Budget, Received, Zeros};

/// Entries of one archive.
const MOST_ENTRIES: u64 = 1_000_000;

/// How many times its size an archive may inflate to, beside one entry. Pictures hardly shrink in
/// an archive; what does is a bomb.
const MOST_INFLATION: u64 = 100;

/// The longest path of an entry of a tar, in bytes.
const MAX_PATH_BYTES: u64 = 64 << 10;

/// The largest file of lines in a tar that is an export, in bytes: those that are written have a
/// few MiB.
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
    /// its own. The first lines of an export are not skipped. Where the archive is damaged that
    /// comes last, as [`ServiceError::InvalidArchive`].
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

    /// The lines of a tar that is an export, read ahead on a thread of its own. Any other archive
    /// is an error of the reader.
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
