//! Pooled vectors on disk, so that a measurement can be stopped and resumed, and repeated with
//! other whitenings.
//!
//! A file to which records are appended: 8 bytes of magic and the number of values of a vector `n`,
//! then for each picture a key of 32 bytes, the number `m` of its vectors (one a pass, the middle
//! map's values before the last one's), `m * n` little-endian `f32` and the first 4 bytes of the
//! SHA-256 of all these. A record that was cut short, or whose number of vectors cannot be, ends
//! the file and is written over; one that was damaged otherwise is skipped. Of several records of a
//! picture the one with the most vectors counts.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use eyrie_terminal::CliError;
use eyrie_vision::describe::Pooled;

const MAGIC: &[u8; 8] = b"eyriepv2";
const HEAD_BYTES: usize = MAGIC.len() + 4;
const KEY_BYTES: usize = 32;
const SUM_BYTES: usize = 4;

/// The most vectors of a picture.
const MAX_VECTORS: usize = 64;

/// What the vectors of a picture were computed from: a SHA-256.
pub(super) type Key = [u8; KEY_BYTES];

/// The vectors of a picture, one a pass.
pub(super) type Vectors = Arc<[Pooled]>;

type Known = HashMap<Key, Vectors>;

/// How many values the vectors of the middle and of the last map have.
pub(super) type Lengths = [usize; 2];

/// Vectors by key, in memory and, where there is a file, on disk.
pub(super) struct VectorCache {
    inner: Mutex<Inner>,
    lengths: Lengths,
}

struct Inner {
    known: Known,
    file: Option<File>,
    path: PathBuf,
}

impl VectorCache {
    /// The vectors in the file at `path`, which is made where there is none; without a path they
    /// are forgotten with the process.
    ///
    /// # Errors
    /// [`CliError::Failed`] when the file cannot be used, or is no cache of such vectors.
    pub(super) fn open(path: Option<&Path>, lengths: Lengths) -> Result<Self, CliError> {
        let Some(path) = path else {
            let inner = Inner { known: HashMap::new(), file: None, path: PathBuf::new() };
            return Ok(Self { inner: Mutex::new(inner), lengths });
        };
        let (known, file) = load(path, lengths).map_err(|error| unusable(path, &error))?;
        Ok(Self { inner: Mutex::new(Inner { known, file: Some(file), path: path.to_owned() }), lengths })
    }

    pub(super) fn get(&self, key: &Key) -> Option<Vectors> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).known.get(key).cloned()
    }

    /// Keeps the vectors of a picture, and gives them back shared.
    ///
    /// # Errors
    /// [`CliError::Failed`] when the file cannot be written.
    pub(super) fn put(&self, key: Key, vectors: Vec<Pooled>) -> Result<Vectors, CliError> {
        debug_assert!(vectors.len() <= MAX_VECTORS);
        debug_assert!(vectors.iter().all(|pass| [pass.middle.len(), pass.last.len()] == self.lengths));
        let shared: Vectors = vectors.into();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.known.insert(key, Arc::clone(&shared));
        let Inner { file, path, .. } = &mut *inner;
        if let Some(file) = file {
            // One write for the whole record, at the end of the file: two processes may share a
            // cache.
            file.write_all(&record(&key, &shared)).map_err(|error| unusable(path, &error))?;
        }
        Ok(shared)
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Failed(format!("cannot use the cache {}: {error}", path.display()))
}

fn record(key: &Key, vectors: &[Pooled]) -> Vec<u8> {
    let mut record = key.to_vec();
    record.extend_from_slice(&u32::try_from(vectors.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend(
        vectors.iter().flat_map(|pass| pass.middle.iter().chain(&pass.last)).flat_map(|value| value.to_le_bytes()),
    );
    let sum = Sha256::digest(&record);
    record.extend_from_slice(&sum[..SUM_BYTES]);
    record
}

fn load(path: &Path, lengths: Lengths) -> std::io::Result<(Known, File)> {
    let values = lengths.iter().sum();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
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
        if let Some((key, vectors)) = read_record(&bytes[at..at + size], lengths)
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
fn read_record(record: &[u8], [middle, last]: Lengths) -> Option<(Key, Vectors)> {
    let (content, sum) = record.split_at(record.len() - SUM_BYTES);
    if Sha256::digest(content)[..SUM_BYTES] != *sum {
        return None;
    }
    let (key, rest) = content.split_first_chunk::<KEY_BYTES>()?;
    let values = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let pass = |bytes: &[u8]| Pooled { middle: values(&bytes[..4 * middle]), last: values(&bytes[4 * middle..]) };
    Some((*key, rest[4..].chunks_exact(4 * (middle + last)).map(pass).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One value of the middle map and two of the last one.
    const LENGTHS: Lengths = [1, 2];

    fn key(n: u8) -> Key {
        [n; KEY_BYTES]
    }

    fn pass(values: [f32; 3]) -> Pooled {
        Pooled { middle: values[..1].to_vec(), last: values[1..].to_vec() }
    }

    fn open(path: &Path) -> VectorCache {
        VectorCache::open(Some(path), LENGTHS).expect("opens")
    }

    #[test]
    fn vectors_are_found_again_bit_for_bit() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("new").join("n.vectors");
        let one = vec![pass([0.1, -2.5, f32::MIN_POSITIVE])];
        let two = vec![pass([1.0, 2.0, 3.0]), pass([4.0, 5.0, 6.0])];
        let cache = open(&path);
        assert_eq!(cache.get(&key(1)), None);
        cache.put(key(1), one.clone()).expect("kept");
        cache.put(key(2), two.clone()).expect("kept");
        cache.put(key(3), two.clone()).expect("kept");
        cache.put(key(3), two[..1].to_vec()).expect("kept");
        drop(cache);
        let cache = open(&path);
        assert_eq!(cache.get(&key(1)).as_deref(), Some(&one[..]));
        assert_eq!(cache.get(&key(2)).as_deref(), Some(&two[..]));
        assert_eq!(cache.get(&key(3)).as_deref(), Some(&two[..]), "the record with the most vectors");
    }

    #[test]
    fn a_record_cut_short_is_written_over_and_a_damaged_one_skipped() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("n.vectors");
        let vectors = |n: u8| vec![pass([f32::from(n), 0.5, 0.25])];
        let cache = open(&path);
        for n in 1..=3 {
            cache.put(key(n), vectors(n)).expect("kept");
        }
        drop(cache);
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes.pop();
        bytes[HEAD_BYTES + 40] ^= 1;
        std::fs::write(&path, bytes).expect("writable");
        let cache = open(&path);
        assert_eq!([1, 2, 3].map(|n| cache.get(&key(n)).is_some()), [false, true, false]);
        cache.put(key(3), vectors(3)).expect("kept");
        drop(cache);
        assert_eq!(open(&path).get(&key(3)).as_deref(), Some(&vectors(3)[..]));
    }

    #[test]
    fn a_record_with_an_impossible_number_ends_the_file() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("n.vectors");
        let cache = open(&path);
        for n in 1..=2 {
            cache.put(key(n), vec![pass([0.5, 1.0, 2.0])]).expect("kept");
        }
        drop(cache);
        let mut bytes = std::fs::read(&path).expect("readable");
        let second = HEAD_BYTES + (bytes.len() - HEAD_BYTES) / 2;
        bytes[second + KEY_BYTES + 3] = 0x80;
        std::fs::write(&path, bytes).expect("writable");
        let cache = open(&path);
        assert_eq!([1, 2].map(|n| cache.get(&key(n)).is_some()), [true, false]);
        assert_eq!(std::fs::metadata(&path).expect("there").len(), second as u64);
    }

    #[test]
    fn another_file_is_not_written_over() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("n.vectors");
        std::fs::write(&path, "my diary").expect("file");
        assert!(VectorCache::open(Some(&path), LENGTHS).is_err());
        assert_eq!(std::fs::read(&path).expect("readable"), b"my diary");
    }
}
