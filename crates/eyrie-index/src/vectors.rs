//! The full-precision vectors: a file of records of one size, one a slot.
//!
//! A record is the vector's values, little-endian, and nothing else. Its CRC-32 is kept in memory
//! and in the snapshot with everything else about the slot, not beside the values: so a record
//! that was damaged, and one that was written for another point after the snapshot was taken, both
//! fail the check of the slot that asks for it.
//!
//! Records are read and written by position, without a lock. Where a write fails (a full disk) the
//! vector stays in memory, and [`Vectors::flush`] tries again.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

/// The checksum of a record.
pub(crate) fn check_of(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The bytes of a record.
pub(crate) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn to_values(bytes: &[u8], values: &mut Vec<f32>) {
    values.clear();
    values.extend(bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
}

/// A record as it is read: room for its bytes and its values.
#[derive(Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    pub(crate) values: Vec<f32>,
}

impl Record {
    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.values.capacity() * size_of::<f32>()
    }
}

pub(crate) struct Vectors {
    file: File,
    record: usize,
    unwritten: RwLock<HashMap<u32, Vec<u8>>>,
    /// How many of them there are, so that nobody takes the lock for nothing.
    unwritten_count: AtomicUsize,
}

impl Vectors {
    /// Records of `dimension` values in this file, which may hold some already.
    pub(crate) fn new(file: File, dimension: usize) -> Self {
        let record = dimension * size_of::<f32>();
        Self { file, record, unwritten: RwLock::default(), unwritten_count: AtomicUsize::new(0) }
    }

    /// Reads a slot's vector; `false` where the record is not the one whose checksum is `check`.
    pub(crate) fn read(&self, slot: u32, check: u32, record: &mut Record) -> bool {
        if self.unwritten_count.load(Ordering::Acquire) > 0
            && let Some(bytes) = self.unwritten.read().unwrap_or_else(PoisonError::into_inner).get(&slot)
            && check_of(bytes) == check
        {
            to_values(bytes, &mut record.values);
            return true;
        }
        record.bytes.resize(self.record, 0);
        let read = self.file.read_exact_at(&mut record.bytes, self.position(slot));
        if read.is_err() || check_of(&record.bytes) != check {
            return false;
        }
        to_values(&record.bytes, &mut record.values);
        true
    }

    /// Writes records; those of neighbouring slots that follow one another go in one piece.
    pub(crate) fn write(&self, records: &[(u32, &[u8])]) {
        for run in records.chunk_by(|a, b| b.0 == a.0 + 1) {
            let result = if let [(slot, bytes)] = run {
                self.file.write_all_at(bytes, self.position(*slot))
            } else {
                let bytes: Vec<u8> = run.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
                self.file.write_all_at(&bytes, self.position(run[0].0))
            };
            let failed = result.is_err();
            if failed || self.unwritten() > 0 {
                let mut unwritten = self.unwritten.write().unwrap_or_else(PoisonError::into_inner);
                for (slot, bytes) in run {
                    if failed {
                        unwritten.insert(*slot, bytes.to_vec());
                    } else {
                        unwritten.remove(slot);
                    }
                }
                self.unwritten_count.store(unwritten.len(), Ordering::Release);
            }
        }
    }

    /// How many vectors are in memory because they could not be written.
    pub(crate) fn unwritten(&self) -> usize {
        self.unwritten_count.load(Ordering::Acquire)
    }

    /// Writes what could not be written before.
    pub(crate) fn flush(&self) -> io::Result<()> {
        if self.unwritten() == 0 {
            return Ok(());
        }
        let mut unwritten = self.unwritten.write().unwrap_or_else(PoisonError::into_inner);
        let mut result = Ok(());
        unwritten.retain(|&slot, bytes| {
            if result.is_ok() {
                result = self.file.write_all_at(bytes, self.position(slot));
            }
            result.is_err()
        });
        self.unwritten_count.store(unwritten.len(), Ordering::Release);
        result
    }

    /// Makes everything that was written last through a crash.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data()
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.unwritten() * (self.record + 64)
    }

    fn position(&self, slot: u32) -> u64 {
        u64::from(slot) * self.record as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(n: f32) -> Vec<u8> {
        to_bytes(&[n, -n, 1.0])
    }

    #[test]
    fn records_are_read_back_and_damage_is_told() {
        let file = tempfile::tempfile().expect("a temporary file");
        let other = file.try_clone().expect("a second handle");
        let vectors = Vectors::new(file, 3);
        let records: Vec<_> = [5, 6, 9].map(|slot| (slot, bytes(slot as f32))).into();
        vectors.write(&records.iter().map(|(slot, bytes)| (*slot, bytes.as_slice())).collect::<Vec<_>>());
        let mut record = Record::default();
        for (slot, bytes) in &records {
            assert!(vectors.read(*slot, check_of(bytes), &mut record));
            assert_eq!(record.values, [*slot as f32, -(*slot as f32), 1.0]);
        }
        let check = check_of(&bytes(6.0));
        assert!(!vectors.read(5, check, &mut record), "another point's record");
        assert!(!vectors.read(10, check, &mut record), "behind the end");
        other.write_all_at(&[1], 6 * 12 + 3).expect("a write");
        assert!(!vectors.read(6, check, &mut record), "a damaged record");
    }

    #[test]
    fn what_a_full_disk_refuses_is_kept_and_written_later() {
        // A file that is open for reading alone refuses as a full disk does.
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vectors");
        std::fs::write(&path, []).expect("a file");
        let mut vectors = Vectors::new(File::open(&path).expect("opens"), 3);
        let (five, six) = (bytes(5.0), bytes(6.0));
        vectors.write(&[(5, &five), (6, &six)]);
        assert_eq!(vectors.unwritten(), 2);
        let mut record = Record::default();
        assert!(vectors.read(6, check_of(&six), &mut record));
        assert!(!vectors.read(6, check_of(&five), &mut record));
        assert!(vectors.sync().is_err() && vectors.unwritten() == 2);

        vectors.file = File::options().read(true).write(true).open(&path).expect("opens");
        let seven = bytes(7.0);
        vectors.write(&[(6, &seven)]);
        assert_eq!(vectors.unwritten(), 1, "a later write of the slot takes its place");
        vectors.sync().expect("room again");
        assert_eq!(vectors.unwritten(), 0);
        assert!(vectors.read(5, check_of(&five), &mut record) && vectors.read(6, check_of(&seven), &mut record));
    }
}
