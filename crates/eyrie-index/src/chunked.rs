//! Rows of equal width that grow without being copied.

use std::mem::{size_of, take};
use std::sync::atomic::{AtomicU8, AtomicU32};

/// Rows of a full chunk. The first chunk of an array is smaller until it is full.
pub(crate) const CHUNK: usize = 1 << 14;
/// Rows of the first chunk at first.
const FIRST: usize = 1 << 6;
/// Rows begin at multiples of so many bytes where their width allows it.
const ALIGNMENT: usize = 64;

/// An element with a value for rows that nothing was written to.
pub(crate) trait Blank: Default + Send + Sync {
    /// So many elements. Zeros come from the system without being touched.
    fn blanks(count: usize) -> Vec<Self>;
}

macro_rules! zero_is_blank {
    ($($number:ty),*) => {$(
        impl Blank for $number {
            fn blanks(count: usize) -> Vec<Self> {
                vec![<$number>::default(); count]
            }
        }
    )*};
}
zero_is_blank!(i8, u8, u32, u64, f32);

impl Blank for AtomicU32 {
    fn blanks(count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(u32::MAX)).collect()
    }
}

impl Blank for AtomicU8 {
    fn blanks(count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(0)).collect()
    }
}

struct Chunk<T> {
    data: Vec<T>,
    /// Elements before the first row, for its alignment.
    start: usize,
}

impl<T: Blank> Chunk<T> {
    fn new(elements: usize) -> Self {
        let data = T::blanks(elements + ALIGNMENT / size_of::<T>());
        let start = data.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT / size_of::<T>());
        Self { data, start }
    }
}

/// An array of rows of `width` elements.
pub(crate) struct Chunked<T> {
    chunks: Vec<Chunk<T>>,
    width: usize,
    rows: usize,
}

impl<T: Blank> Chunked<T> {
    pub(crate) fn new(width: usize) -> Self {
        Self { chunks: Vec::new(), width, rows: 0 }
    }

    /// How many rows there are; more than were asked for.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Makes room for `rows` rows in all.
    pub(crate) fn grow(&mut self, rows: usize) {
        if rows > self.rows && self.rows < CHUNK {
            let wanted = rows.next_power_of_two().clamp(FIRST, CHUNK);
            let mut chunk = Chunk::new(wanted * self.width);
            if let Some(before) = self.chunks.first_mut() {
                let old = &mut before.data[before.start..][..self.rows * self.width];
                let new = &mut chunk.data[chunk.start..][..self.rows * self.width];
                new.iter_mut().zip(old).for_each(|(new, old)| *new = take(old));
            }
            self.chunks.clear();
            self.chunks.push(chunk);
            self.rows = wanted;
        }
        while rows > self.rows {
            self.chunks.push(Chunk::new(CHUNK * self.width));
            self.rows += CHUNK;
        }
    }

    #[inline]
    pub(crate) fn row(&self, row: usize) -> &[T] {
        let chunk = &self.chunks[row / CHUNK];
        &chunk.data[chunk.start + row % CHUNK * self.width..][..self.width]
    }

    #[inline]
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [T] {
        let chunk = &mut self.chunks[row / CHUNK];
        &mut chunk.data[chunk.start + row % CHUNK * self.width..][..self.width]
    }

    /// The first element of a row.
    #[inline]
    pub(crate) fn at(&self, row: usize) -> &T {
        let chunk = &self.chunks[row / CHUNK];
        &chunk.data[chunk.start + row % CHUNK * self.width]
    }

    /// Replaces the first element of a row.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, value: T) {
        self.row_mut(row)[0] = value;
    }

    /// The rows from `from` that lie in one piece, as far as `to`.
    pub(crate) fn piece(&self, from: usize, to: usize) -> &[T] {
        let chunk = &self.chunks[from / CHUNK];
        let rows = to.min((from / CHUNK + 1) * CHUNK) - from;
        &chunk.data[chunk.start + from % CHUNK * self.width..][..rows * self.width]
    }

    /// As [`Chunked::piece`].
    pub(crate) fn piece_mut(&mut self, from: usize, to: usize) -> &mut [T] {
        let chunk = &mut self.chunks[from / CHUNK];
        let rows = to.min((from / CHUNK + 1) * CHUNK) - from;
        &mut chunk.data[chunk.start + from % CHUNK * self.width..][..rows * self.width]
    }

    /// The first `rows` rows, copied.
    pub(crate) fn copy(&self, rows: usize) -> Vec<T>
    where
        T: Copy,
    {
        let mut copy = Vec::with_capacity(rows * self.width);
        while copy.len() < rows * self.width {
            copy.extend_from_slice(self.piece(copy.len() / self.width, rows));
        }
        copy
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.data.capacity() * size_of::<T>()).sum::<usize>()
            + self.chunks.capacity() * size_of::<Chunk<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_after_growing_and_rows_are_aligned() {
        let mut array = Chunked::<i8>::new(64);
        let mut written = 0;
        for rows in [1, 63, 65, 1000, CHUNK, CHUNK + 1, 3 * CHUNK] {
            array.grow(rows);
            assert!(array.rows() >= rows);
            for row in written..rows {
                assert!(array.row(row).iter().all(|&byte| byte == 0));
                array.row_mut(row).fill(row as i8);
            }
            written = rows;
            for row in 0..rows {
                assert!(array.row(row).iter().all(|&byte| byte == row as i8));
                assert_eq!(array.row(row).as_ptr() as usize % 64, 0);
            }
        }
        assert_eq!(array.piece(CHUNK - 2, CHUNK + 5).len(), 2 * 64);
        assert_eq!(array.piece(CHUNK, CHUNK + 5).len(), 5 * 64);
    }
}
