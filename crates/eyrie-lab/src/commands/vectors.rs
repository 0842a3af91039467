//! Pooled vectors on disk, so that a measurement can be repeated with other whitenings: 8 bytes of
//! magic and the number of values of a vector, then [`Records`] whose parts are the vectors of a
//! pass, the middle map's values before the last one's, as little-endian `f32`.

use std::path::Path;
use std::sync::Arc;

use super::records::{Key, Layout, Records};
use eyrie_terminal::CliError;
use eyrie_vision::describe::Pooled;

const MAGIC: &[u8; 8] = b"eyriepv2";

/// The most vectors of a picture.
const MAX_VECTORS: usize = 64;

/// The vectors of a picture, one a pass.
pub(super) type Vectors = Arc<[Pooled]>;

/// How many values the vectors of the middle and of the last map have.
pub(super) type Lengths = [usize; 2];

/// Vectors by key, in memory and, where there is a file, on disk.
pub(super) struct VectorCache {
    records: Records,
    lengths: Lengths,
}

impl VectorCache {
    /// The vectors in the file at `path`, which is made where there is none; without a path they
    /// are forgotten with the process.
    ///
    /// # Errors
    /// [`CliError::Failed`] when the file cannot be used, or is no cache of such vectors.
    pub(super) fn open(path: Option<&Path>, lengths: Lengths) -> Result<Self, CliError> {
        let values: usize = lengths.iter().sum();
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&u32::try_from(values).unwrap_or(u32::MAX).to_le_bytes());
        let records = Records::open(path, Layout { head, part: 4 * values, most: MAX_VECTORS })?;
        Ok(Self { records, lengths })
    }

    pub(super) fn get(&self, key: &Key) -> Option<Vectors> {
        let [middle, last] = self.lengths;
        let bytes = self.records.get(key)?;
        let values = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let pass = |bytes: &[u8]| Pooled { middle: values(&bytes[..4 * middle]), last: values(&bytes[4 * middle..]) };
        Some(bytes.chunks_exact(4 * (middle + last)).map(pass).collect())
    }

    /// Keeps the vectors of a picture, and gives them back shared.
    ///
    /// # Errors
    /// [`CliError::Failed`] when the file cannot be written.
    pub(super) fn put(&self, key: Key, vectors: Vec<Pooled>) -> Result<Vectors, CliError> {
        debug_assert!(vectors.iter().all(|pass| [pass.middle.len(), pass.last.len()] == self.lengths));
        let values = vectors.iter().flat_map(|pass| pass.middle.iter().chain(&pass.last));
        let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
        self.records.put(key, &bytes)?;
        Ok(vectors.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Magic and number of values.
    const HEAD: usize = 12;

    /// One value of the middle map and two of the last one.
    const LENGTHS: Lengths = [1, 2];

    fn key(n: u8) -> Key {
        [n; 32]
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
        bytes[HEAD + 40] ^= 1;
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
        let second = HEAD + (bytes.len() - HEAD) / 2;
        bytes[second + 32 + 3] = 0x80;
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
