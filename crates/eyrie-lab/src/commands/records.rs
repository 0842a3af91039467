//! What was computed of pictures, on disk, so that a measurement can be stopped and resumed.
//!
//! A file to which records are appended: a head that tells what it holds, then for each picture a
//! key of 32 bytes, the number `m` of its parts, `m` parts of one size and the first 4 bytes of the
//! SHA-256 of all these. A record that was cut short, or whose number of parts cannot be, ends the
//! file and is written over; one that was damaged otherwise is skipped. Of several records of a
//! picture the one with the most parts counts.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use eyrie_terminal::CliError;

const KEY_BYTES: usize = 32;
const COUNT_BYTES: usize = 4;
const SUM_BYTES: usize = 4;

/// What a record was computed from: a SHA-256.
pub(super) type Key = [u8; KEY_BYTES];

/// What the records of a file are.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// What the file begins with.
    pub(super) head: Vec<u8>,
    /// Bytes of a part.
    pub(super) part: usize,
    /// The most parts of a record.
    pub(super) most: usize,
}

/// Bytes by key, in memory and, where there is a file, on disk.
pub(super) struct Records {
    layout: Layout,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: HashMap<Key, Arc<[u8]>>,
    file: Option<(File, PathBuf)>,
}

impl Records {
    /// The records in the file at `path`, which is made where there is none; without a path they are
    /// forgotten with the process.
    ///
    /// # Errors
    /// [`CliError::Failed`] when the file cannot be used, or holds something else.
    pub(super) fn open(path: Option<&Path>, layout: Layout) -> Result<Self, CliError> {
        let inner = match path {
            Some(path) => load(path, &layout).map_err(|error| unusable(path, &error))?,
            None => Inner::default(),
        };
        Ok(Self { layout, inner: Mutex::new(inner) })
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<[u8]>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).known.get(key).cloned()
    }

    /// Keeps the parts of a picture.
    ///
    /// # Errors
    /// [`CliError::Failed`] when the file cannot be written.
    pub(super) fn put(&self, key: Key, parts: &[u8]) -> Result<(), CliError> {
        debug_assert!(
            parts.len().is_multiple_of(self.layout.part) && parts.len() / self.layout.part <= self.layout.most
        );
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.known.insert(key, parts.into());
        if let Some((file, path)) = &mut inner.file {
            // One write for the whole record, at the end of the file: two processes may share a
            // cache.
            file.write_all(&record(&key, parts, self.layout.part)).map_err(|error| unusable(path, &error))?;
        }
        Ok(())
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Failed(format!("cannot use the cache {}: {error}", path.display()))
}

fn record(key: &Key, parts: &[u8], part: usize) -> Vec<u8> {
    let mut record = key.to_vec();
    record.extend_from_slice(&u32::try_from(parts.len() / part).unwrap_or(u32::MAX).to_le_bytes());
    record.extend_from_slice(parts);
    let sum = Sha256::digest(&record);
    record.extend_from_slice(&sum[..SUM_BYTES]);
    record
}

fn load(path: &Path, layout: &Layout) -> std::io::Result<Inner> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut known: HashMap<Key, Arc<[u8]>> = HashMap::new();
    if bytes.is_empty() {
        file.write_all(&layout.head)?;
        return Ok(Inner { known, file: Some((file, path.to_owned())) });
    }
    if !bytes.starts_with(&layout.head) {
        return Err(std::io::Error::other("it is a cache of something else, or none"));
    }
    let mut at = layout.head.len();
    while let Some(size) = record_size(&bytes[at..], layout) {
        if let Some((key, parts)) = read_record(&bytes[at..at + size])
            && known.get(&key).is_none_or(|other| other.len() < parts.len())
        {
            known.insert(key, parts.into());
        }
        at += size;
    }
    if at < bytes.len() {
        file.set_len(at as u64)?;
        file.seek(SeekFrom::End(0))?;
    }
    Ok(Inner { known, file: Some((file, path.to_owned())) })
}

/// The size of the record that `bytes` begin with, if they hold a whole one.
fn record_size(bytes: &[u8], layout: &Layout) -> Option<usize> {
    let count = bytes.get(KEY_BYTES..)?.first_chunk::<COUNT_BYTES>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok().filter(|count| *count <= layout.most)?;
    let size = KEY_BYTES + COUNT_BYTES + count * layout.part + SUM_BYTES;
    (size <= bytes.len()).then_some(size)
}

/// A whole record, if its checksum is right.
fn read_record(record: &[u8]) -> Option<(Key, &[u8])> {
    let (content, sum) = record.split_at(record.len() - SUM_BYTES);
    if Sha256::digest(content)[..SUM_BYTES] != *sum {
        return None;
    }
    let (key, rest) = content.split_first_chunk::<KEY_BYTES>()?;
    Some((*key, &rest[COUNT_BYTES..]))
}
