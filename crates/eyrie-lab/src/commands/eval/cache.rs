//! Pooled vectors on disk, so that a measurement can be stopped and resumed, and repeated with other whitenings.
//!
//! One file for each network, to which records are appended: 8 bytes of magic and the number of values of a vector `n`, then
//! for each picture a key of 32 bytes, the number `m` of its vectors, `m * n` little-endian `f32` and the first 4 bytes of the
//! SHA-256 of all these. A record that was cut short, or whose number of vectors cannot be, ends the file and is written
//! over; one that was damaged otherwise is skipped. Of several records of a picture the one with the most vectors counts.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use eyrie_terminal::CliError;

const MAGIC: &[u8; 8] = b"eyriepv2";
const HEAD_BYTES: usize = MAGIC.len() + 4;
const KEY_BYTES: usize = 32;
const SUM_BYTES: usize = 4;

/// The most vectors of a picture.
const MAX_VECTORS: usize = 64;

/// What the vectors of a picture were computed from: a SHA-256.
pub(super) type Key = [u8; KEY_BYTES];

/// The vectors of a picture.
pub(super) type Vectors = Arc<[Vec<f32>]>;

type Known = HashMap<Key, Vectors>;

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

    pub(super) fn get(&self, key: &Key) -> Option<Vectors> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).known.get(key).cloned()
    }

    /// Keeps the vectors of a picture.
    pub(super) fn put(&self, key: Key, vectors: Vec<Vec<f32>>) -> Result<(), CliError> {
        debug_assert!(vectors.len() <= MAX_VECTORS && vectors.iter().all(|vector| vector.len() == self.values));
        let shared: Vectors = vectors.into();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.known.insert(key, Arc::clone(&shared));
        let Inner { file, path, .. } = &mut *inner;
        if let Some(file) = file {
            // One write for the whole record, at the end of the file: two processes may share a cache.
            file.write_all(&record(&key, &shared)).map_err(|error| unusable(path, &error))?;
        }
        Ok(())
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Failed(format!("cannot use the cache {}: {error} (--cache none does without)", path.display()))
}

fn record(key: &Key, vectors: &[Vec<f32>]) -> Vec<u8> {
    let mut record = key.to_vec();
    record.extend_from_slice(&u32::try_from(vectors.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend(vectors.iter().flatten().flat_map(|value| value.to_le_bytes()));
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
    let mut known = Known::new();
    let mut at = HEAD_BYTES;
    while let Some(size) = record_size(&bytes[at..], values) {
        if let Some((key, vectors)) = read_record(&bytes[at..at + size], values)
            && known.get(&key).is_none_or(|other| other.len() < vectors.len())
        {
            known.insert(key, vectors);
        }
        at += size;
    }
    if at < bytes.len() {
        file.set_len(at as u64)?;
        file.seek(SeekFrom::End(0))?;
    }
    Ok((known, file))
}

/// The size of the record that `bytes` begin with, if they hold a whole one.
fn record_size(bytes: &[u8], values: usize) -> Option<usize> {
    let count = bytes.get(KEY_BYTES..)?.first_chunk::<4>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok().filter(|count| *count <= MAX_VECTORS)?;
    let size = KEY_BYTES + 4 + count * values * 4 + SUM_BYTES;
    (size <= bytes.len()).then_some(size)
}

/// A whole record, if its checksum is right.
fn read_record(record: &[u8], values: usize) -> Option<(Key, Vectors)> {
    let (content, sum) = record.split_at(record.len() - SUM_BYTES);
    if Sha256::digest(content)[..SUM_BYTES] != *sum {
        return None;
    }
    let (key, rest) = content.split_first_chunk::<KEY_BYTES>()?;
    let vector = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    Some((*key, rest[4..].chunks_exact(4 * values).map(vector).collect()))
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
        let folder = dir.path().join("new");
        let one = vec![vec![0.1, -2.5, f32::MIN_POSITIVE]];
        let two = vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]];
        let cache = Cache::open(Some(&folder), "n", 3).expect("opens");
        assert_eq!(cache.get(&key(1)), None);
        cache.put(key(1), one.clone()).expect("kept");
        cache.put(key(2), two.clone()).expect("kept");
        cache.put(key(3), two.clone()).expect("kept");
        cache.put(key(3), two[..1].to_vec()).expect("kept");
        drop(cache);
        let cache = Cache::open(Some(&folder), "n", 3).expect("opens");
        assert_eq!(cache.get(&key(1)).as_deref(), Some(&one[..]));
        assert_eq!(cache.get(&key(2)).as_deref(), Some(&two[..]));
        assert_eq!(cache.get(&key(3)).as_deref(), Some(&two[..]), "the record with the most vectors");
    }

    #[test]
    fn a_record_cut_short_is_written_over_and_a_damaged_one_skipped() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("n.vectors");
        let vectors = |n: u8| vec![vec![f32::from(n), 0.5]];
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        (1..=3).for_each(|n| cache.put(key(n), vectors(n)).expect("kept"));
        drop(cache);
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes.pop();
        bytes[HEAD_BYTES + 40] ^= 1;
        std::fs::write(&path, bytes).expect("writable");
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        assert_eq!([1, 2, 3].map(|n| cache.get(&key(n)).is_some()), [false, true, false]);
        cache.put(key(3), vectors(3)).expect("kept");
        drop(cache);
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        assert_eq!(cache.get(&key(3)).as_deref(), Some(&vectors(3)[..]));
    }

    #[test]
    fn a_record_with_an_impossible_number_ends_the_file() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("n.vectors");
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        (1..=2).for_each(|n| cache.put(key(n), vec![vec![0.5, 1.0]]).expect("kept"));
        drop(cache);
        let mut bytes = std::fs::read(&path).expect("readable");
        let second = HEAD_BYTES + (bytes.len() - HEAD_BYTES) / 2;
        bytes[second + KEY_BYTES + 3] = 0x80;
        std::fs::write(&path, bytes).expect("writable");
        let cache = Cache::open(Some(dir.path()), "n", 2).expect("opens");
        assert_eq!([1, 2].map(|n| cache.get(&key(n)).is_some()), [true, false]);
        assert_eq!(std::fs::metadata(&path).expect("there").len(), second as u64);
    }

    #[test]
    fn another_file_is_not_written_over() {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::write(dir.path().join("n.vectors"), "my diary").expect("file");
        assert!(Cache::open(Some(dir.path()), "n", 2).is_err());
        assert_eq!(std::fs::read(dir.path().join("n.vectors")).expect("readable"), b"my diary");
    }
}
