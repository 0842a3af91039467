//! Readers between an archive and what is in it.

use std::cell::Cell;
use std::io::{self, Read};

use bytes::Bytes;

/// How much may still come out of decompression.
pub(super) struct Budget(pub(super) Cell<u64>);

impl Budget {
    pub(super) fn over<R: Read>(&self, reader: R) -> Metered<'_, R> {
        Metered { reader, budget: self }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// A reader whose bytes are paid from a budget.
pub(super) struct Metered<'a, R> {
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
pub(super) struct Received {
    pub(super) receiver: std::sync::mpsc::Receiver<io::Result<Bytes>>,
    pub(super) rest: Bytes,
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
pub(super) struct Zeros<R> {
    pub(super) reader: R,
    pub(super) zeros: u64,
}

impl<R: Read> Read for Zeros<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let last = buffer[..read].iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros = if last == read { self.zeros + last as u64 } else { last as u64 };
        Ok(read)
    }
}
