//! Pooled vectors on disk, so that a measurement can be stopped and resumed, and repeated with other whitenings.
//!
//! One file for each network, to which records are appended: 8 bytes of magic, the number of values `n`, then for each
//! vector a key of 32 bytes, `n` little-endian `f32` and the first 4 bytes of the SHA-256 of both. A record that was
//! cut short ends the file and is written over; one that was damaged is skipped.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::cli::error::CliError;

const MAGIC: &[u8; 8] = b"eyriepv1";
const HEAD_BYTES: usize = MAGIC.len() + 4;
const KEY_BYTES: usize = 32;
const SUM_BYTES: usize = 4;

/// What a vector was computed from: a SHA-256.
pub(super) type Key = [u8; KEY_BYTES];

type Known = HashMap<Key, Arc<[f32]>>;

/// Vectors by key, in memory and, where there is a folder, on disk.
pub(super) struct Cache {
    inner: Mutex<Inner>,
    values: usize,
}

struct Inner {
    known: Known,
    file: Option<File>,
    path: PathBuf,
}

impl Cache {
    /// The cache of the vectors of `values` values that `network` (a name for a file) yields; without a folder it forgets
    /// them with the process.
    pub(super) fn open(folder: Option<&Path>, network: &str, values: usize) -> Result<Self, CliError> {
        let Some(folder) = folder else {
            let inner = Inner { known: HashMap::new(), file: None, path: PathBuf::new() };
            return Ok(Self { inner: Mutex::new(inner), values });
        };
        let path = folder.join(format!("{network}.vectors"));
        let (known, file) = load(folder, &path, values).map_err(|error| unusable(&path, &error))?;
        Ok(Self { inner: Mutex::new(Inner { known, file: Some(file), path }), values })
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<[f32]>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).known.get(key).cloned()
    }

    /// Keeps a vector.
    pub(super) fn put(&self, key: Key, vector: &[f32]) -> Result<Arc<[f32]>, CliError> {
        debug_assert_eq!(vector.len(), self.values);
        let shared: Arc<[f32]> = vector.into();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.known.insert(key, Arc::clone(&shared));
        let Inner { file, path, .. } = &mut *inner;
        if let Some(file) = file {
            // One write for the whole record, at the end of the file: two processes may share a cache.
            file.write_all(&record(&key, vector)).map_err(|error| unusable(path, &error))?;
        }
        Ok(shared)
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Failed(format!("cannot use the cache {}: {error} (--cache none does without)", path.display()))
}

fn record(key: &Key, vector: &[f32]) -> Vec<u8> {
    let mut record = key.to_vec();
    record.extend(vector.iter().flat_map(|value| value.to_le_bytes()));
    let sum = Sha256::digest(&record);
    record.extend_from_slice(&sum[..SUM_BYTES]);
    record
}

fn load(folder: &Path, path: &Path, values: usize) -> std::io::Result<(Known, File)> {
    std::fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&u32::try_from(values).unwrap_or(u32::MAX).to_le_bytes());
    if bytes.is_empty() {
        file.write_all(&head)?;
        return Ok((HashMap::new(), file));
    }
    if bytes.get(..HEAD_BYTES) != Some(&head[..]) {
        return Err(std::io::Error::other("it is not a cache of such vectors"));
    }
    let size = KEY_BYTES + 4 * values + SUM_BYTES;
    let records = bytes[HEAD_BYTES..].chunks_exact(size);
    let torn = records.remainder().len();
    if torn > 0 {
        file.set_len((bytes.len() - torn) as u64)?;
        file.seek(SeekFrom::End(0))?;
    }
    Ok((records.filter_map(read_record).collect(), file))
}

/// A record, if its checksum is right.
fn read_record(record: &[u8]) -> Option<(Key, Arc<[f32]>)> {
    let (content, sum) = record.split_at(record.len() - SUM_BYTES);
    if Sha256::digest(content)[..SUM_BYTES] != *sum {
        return None;
    }
    let (key, values) = content.split_first_chunk::<KEY_BYTES>()?;
    Some((*key, values.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        [n; KEY_BYTES]
    }

    #[test]
    fn vectors_are_found_again_bit_for_bit() {
        let dir = tempfile::tempdir().expect("folder");
        let cache = Cache::open(Some(&dir.path().join("new")), "n", 3).expect("opens");
        assert_eq!(cache.get(&key(1)), None);
        cache.put(key(1), &[0.1, -2.5, f32::MIN_POSITIVE]).expect("kept");
        cache.put(key(2), &[1.0, 2.0, 3.0]).expect("kept");
        drop(cache);
        let cache = Cache::open(Some(&dir.path().join("new")), "n", 3).expect("opens");
        assert_eq!(cache.get(&key(1)).as_deref(), Some(&[0.1, -2.5, f32::MIN_POSITIVE][..]));
        assert_eq!(cache.get(&key(2)).as_deref(), Some(&[1.0, 2.0, 3.0][..]));
    }

    #[test]
    fn a_record_cut_short_is_written_over_and_a_damaged_one_skipped() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("n.vectors");
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        (1..=3).for_each(|n| drop(cache.put(key(n), &[f32::from(n), 0.5]).expect("kept")));
        drop(cache);
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes.pop();
        bytes[HEAD_BYTES + 35] ^= 1;
        std::fs::write(&path, bytes).expect("writable");
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        assert_eq!([1, 2, 3].map(|n| cache.get(&key(n)).is_some()), [false, true, false]);
        cache.put(key(3), &[3.0, 0.5]).expect("kept");
        drop(cache);
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        assert_eq!(cache.get(&key(3)).as_deref(), Some(&[3.0, 0.5][..]));
    }

    #[test]
    fn another_file_is_not_written_over() {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::write(dir.path().join("n.vectors"), "my diary").expect("file");
        assert!(Cache::open(Some(dir.path()), "n", 2).is_err());
        assert_eq!(std::fs::read(dir.path().join("n.vectors")).expect("readable"), b"my diary");
    }
}
