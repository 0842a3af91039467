//! What is known of each slot, in flat arrays: about 800 bytes a slot at 768 values.

use std::ops::Range;

use crate::chunked::Chunked;
use crate::codes::{Encoded, stride};

/// A number for one distinct vector.
pub(crate) type Slot = u32;

/// No slot.
pub(crate) const NONE: Slot = Slot::MAX;

/// What a slot is, as bits. A slot without any is free.
pub(crate) mod flag {
    /// It has a key.
    pub(crate) const LIVE: u8 = 1;
    /// The graph has it, or is about to get it.
    pub(crate) const LINKED: u8 = 2;
    /// Every search compares it with the query: the graph does not have it yet, or does not find
    /// it.
    pub(crate) const BESIDE: u8 = 4;
    /// It has no key, and what links to it is being given other links: it comes to life no more.
    pub(crate) const CONDEMNED: u8 = 8;
}

pub(crate) struct Points {
    pub(crate) dimension: usize,
    pub(crate) codes: Chunked<i8>,
    pub(crate) scales: Chunked<f32>,
    pub(crate) residuals: Chunked<f32>,
    /// Checksums of the full-precision vectors.
    pub(crate) checks: Chunked<u32>,
    /// The first key of each live slot.
    pub(crate) keys: Chunked<u64>,
    pub(crate) flags: Chunked<u8>,
    /// Slots that were ever used: every slot is below.
    len: usize,
}

impl Points {
    pub(crate) fn new(dimension: usize) -> Self {
        Self {
            dimension,
            codes: Chunked::new(stride(dimension)),
            scales: Chunked::new(1),
            residuals: Chunked::new(1),
            checks: Chunked::new(1),
            keys: Chunked::new(1),
            flags: Chunked::new(1),
            len: 0,
        }
    }

    /// Slots that were ever used.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Every slot that may be in use.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn slots(&self) -> Range<Slot> {
        0..self.len as u32
    }

    /// Makes the arrays hold `len` slots; the new ones are free.
    pub(crate) fn grow(&mut self, len: usize) {
        self.codes.grow(len);
        self.scales.grow(len);
        self.residuals.grow(len);
        self.checks.grow(len);
        self.keys.grow(len);
        self.flags.grow(len);
        self.len = self.len.max(len);
    }

    pub(crate) fn write(&mut self, slot: Slot, encoded: &Encoded, check: u32) {
        let slot = slot as usize;
        self.codes.row_mut(slot).copy_from_slice(&encoded.code);
        self.scales.set(slot, encoded.scale);
        self.residuals.set(slot, encoded.residual);
        self.checks.set(slot, check);
    }

    /// Whether a slot has this code.
    pub(crate) fn has(&self, slot: Slot, encoded: &Encoded, check: u32) -> bool {
        self.check(slot) == check && self.code(slot) == encoded.code && self.scale(slot) == encoded.scale
    }

    #[inline]
    pub(crate) fn code(&self, slot: Slot) -> &[i8] {
        self.codes.row(slot as usize)
    }

    #[inline]
    pub(crate) fn scale(&self, slot: Slot) -> f32 {
        *self.scales.at(slot as usize)
    }

    #[inline]
    pub(crate) fn residual(&self, slot: Slot) -> f32 {
        *self.residuals.at(slot as usize)
    }

    #[inline]
    pub(crate) fn check(&self, slot: Slot) -> u32 {
        *self.checks.at(slot as usize)
    }

    #[inline]
    pub(crate) fn key(&self, slot: Slot) -> u64 {
        *self.keys.at(slot as usize)
    }

    #[inline]
    pub(crate) fn is(&self, slot: Slot, flags: u8) -> bool {
        *self.flags.at(slot as usize) & flags == flags
    }

    #[inline]
    pub(crate) fn flags(&self, slot: Slot) -> u8 {
        *self.flags.at(slot as usize)
    }

    pub(crate) fn raise(&mut self, slot: Slot, flags: u8) {
        self.flags.row_mut(slot as usize)[0] |= flags;
    }

    pub(crate) fn lower(&mut self, slot: Slot, flags: u8) {
        self.flags.row_mut(slot as usize)[0] &= !flags;
    }

    /// Bytes of codes, and of everything else.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        let rest = self.scales.bytes() + self.residuals.bytes() + self.checks.bytes() + self.flags.bytes();
        (self.codes.bytes(), self.keys.bytes() + rest)
    }
}
