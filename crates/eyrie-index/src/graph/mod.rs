//! The graph of small worlds (Malkov and Yashunin, 2016), over the codes of the slots.
//!
//! Links are atomics in flat arrays. So a search reads them while insertions change them: what it
//! sees is always a list of slots, though it may be half the old and half the new one. Whoever
//! changes a list holds its stripe's lock. What changes slots themselves (their codes, whether they
//! are in the graph) needs the state's write lock, and no search runs then.
//!
//! Every point keeps at least one link that leads to it: a list never drops a point's last one.
//! That leaves islands, which [`reach`] finds.

mod consolidate;
mod insert;
mod reach;
mod search;
mod select;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use self::reach::Walk;
pub(crate) use self::search::{Limits, Scored, Scratch};
use crate::chunked::Chunked;
use crate::kernels::Kernels;
use crate::points::{NONE, Points, Slot};

/// A point is above layer `l` with probability `m^-l`, and never above this one.
pub(crate) const MAX_LEVEL: usize = 15;
/// Locks for all lists of links.
const STRIPES: usize = 1 << 10;
/// Counts of incoming links stay here once they are here.
const MANY: u8 = u8::MAX;
/// Codes whose products are taken in one go.
const PIECE: usize = 32;

pub(crate) struct Graph {
    /// Links of a point on a layer above the lowest, which has twice as many.
    m: usize,
    pub(crate) lowest: Chunked<AtomicU32>,
    /// Incoming links on the lowest layer.
    incoming: Chunked<AtomicU8>,
    /// Links on the layers from 1 up, `m` each, of the few points that are there.
    upper: HashMap<Slot, Box<[AtomicU32]>>,
    /// The level of the entry point above its slot; all ones when the graph is empty.
    entry: AtomicU64,
    stripes: Box<[Mutex<()>]>,
    /// State of the generator of levels.
    pub(crate) random: u64,
    /// Points, dead ones too.
    len: usize,
}

impl Graph {
    pub(crate) fn new(m: usize) -> Self {
        Self {
            m,
            lowest: Chunked::new(2 * m),
            incoming: Chunked::new(1),
            upper: HashMap::new(),
            entry: AtomicU64::new(u64::MAX),
            stripes: Box::new([]),
            random: 0,
            len: 0,
        }
    }

    /// Points, dead ones too.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn m(&self) -> usize {
        self.m
    }

    /// Makes room for `slots` slots.
    pub(crate) fn grow(&mut self, slots: usize) {
        self.lowest.grow(slots);
        self.incoming.grow(slots);
        if self.stripes.is_empty() {
            self.stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        }
    }

    /// Counts a point in, without a link, and draws its level.
    pub(crate) fn admit(&mut self, slot: Slot) {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.random;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        // In (0, 1].
        let uniform = ((x >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let level = (-uniform.ln() / (self.m as f64).ln()) as usize;
        self.admit_at(slot, level.min(MAX_LEVEL));
    }

    /// Counts a point in, without a link, on the layers up to `level`.
    pub(crate) fn admit_at(&mut self, slot: Slot, level: usize) {
        if level > 0 {
            self.raise(slot, level);
        }
        self.len += 1;
    }

    /// Puts a point on the layers up to `level` too.
    pub(crate) fn raise(&mut self, slot: Slot, level: usize) {
        self.upper.insert(slot, (0..level * self.m).map(|_| AtomicU32::new(NONE)).collect());
    }

    /// Counts a point out that nothing links to.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.lowest.row(slot as usize).iter().for_each(|link| link.store(NONE, Ordering::Relaxed));
        self.incoming.at(slot as usize).store(0, Ordering::Relaxed);
        self.upper.remove(&slot);
        self.len -= 1;
    }

    /// The highest layer that a point is on.
    pub(crate) fn level(&self, slot: Slot) -> usize {
        self.upper.get(&slot).map_or(0, |links| links.len() / self.m)
    }

    /// The points above the lowest layer, with their links.
    pub(crate) fn upper(&self) -> impl Iterator<Item = (Slot, &[AtomicU32])> {
        self.upper.iter().map(|(&slot, links)| (slot, &**links))
    }

    /// Where searches begin, and its level.
    pub(crate) fn entry(&self) -> Option<(Slot, usize)> {
        unpack(self.entry.load(Ordering::Acquire))
    }

    pub(crate) fn set_entry(&self, entry: Option<(Slot, usize)>) {
        let packed = entry.map_or(u64::MAX, |(slot, level)| (level as u64) << 32 | u64::from(slot));
        self.entry.store(packed, Ordering::Release);
    }

    /// Makes a point the entry if it is on a higher layer than the one that is.
    fn raise_entry(&self, slot: Slot, level: usize) {
        let packed = (level as u64) << 32 | u64::from(slot);
        // Fails where the one that is there is as high, which is fine.
        let _ = self.entry.fetch_update(Ordering::AcqRel, Ordering::Acquire, |before| {
            unpack(before).is_none_or(|(_, top)| level > top).then_some(packed)
        });
    }

    /// The links of a point on the layers from 1 up, one after another.
    pub(crate) fn upper_of(&self, slot: Slot) -> &[AtomicU32] {
        self.upper.get(&slot).map_or(&[], |links| links)
    }

    /// The links of a point that is on `layer`; those that are none are at the end.
    #[inline]
    pub(crate) fn cells(&self, slot: Slot, layer: usize) -> &[AtomicU32] {
        if layer == 0 {
            return self.lowest.row(slot as usize);
        }
        self.upper.get(&slot).and_then(|links| links.chunks_exact(self.m).nth(layer - 1)).unwrap_or(&[])
    }

    #[inline]
    pub(crate) fn links(&self, slot: Slot, layer: usize) -> impl Iterator<Item = Slot> {
        self.cells(slot, layer).iter().map(|link| link.load(Ordering::Relaxed)).take_while(|&link| link != NONE)
    }

    /// Takes the lock of a point's links.
    fn lock(&self, slot: Slot) -> MutexGuard<'_, ()> {
        self.stripes[slot as usize % STRIPES].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the links of a point, whose lock the caller holds, and counts those that come and
    /// go.
    fn relink(&self, slot: Slot, layer: usize, links: impl IntoIterator<Item = Slot>) {
        let mut links = links.into_iter();
        for cell in self.cells(slot, layer) {
            let link = links.next().unwrap_or(NONE);
            let before = cell.swap(link, Ordering::Relaxed);
            if layer == 0 && link != before {
                // Up first: a count never shows zero in between.
                self.count_up(link);
                self.count_down(before);
            }
        }
    }

    pub(crate) fn count_up(&self, slot: Slot) {
        if slot != NONE {
            let up = |count: u8| count.checked_add(1);
            let _ = self.incoming.at(slot as usize).fetch_update(Ordering::Relaxed, Ordering::Relaxed, up);
        }
    }

    fn count_down(&self, slot: Slot) {
        if slot != NONE {
            let down = |count: u8| if count == MANY { None } else { count.checked_sub(1) };
            let _ = self.incoming.at(slot as usize).fetch_update(Ordering::Relaxed, Ordering::Relaxed, down);
        }
    }

    /// How many links lead to a point on the lowest layer; 255 may be more.
    pub(crate) fn incoming(&self, slot: Slot) -> u8 {
        self.incoming.at(slot as usize).load(Ordering::Relaxed)
    }

    /// Bytes.
    pub(crate) fn bytes(&self) -> usize {
        let upper: usize = self.upper.values().map(|links| links.len() * size_of::<u32>() + 16).sum();
        let table = self.upper.capacity() * (size_of::<(Slot, Box<[AtomicU32]>)>() + 1) * 8 / 7;
        self.lowest.bytes() + self.incoming.bytes() + upper + table + self.stripes.len() * size_of::<Mutex<()>>()
    }
}

#[allow(clippy::cast_possible_truncation)]
fn unpack(entry: u64) -> Option<(Slot, usize)> {
    (entry != u64::MAX).then_some((entry as u32, (entry >> 32) as usize))
}

/// A code that others are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) code: &'a [i8],
    pub(crate) scale: f32,
}

/// The graph with the points that it is over.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) points: &'a Points,
    pub(crate) graph: &'a Graph,
    pub(crate) kernels: Kernels,
}

impl<'a> View<'a> {
    /// The code of a slot, to compare others with it.
    pub(crate) fn of(self, slot: Slot) -> Query<'a> {
        Query { code: self.points.code(slot), scale: self.points.scale(slot) }
    }

    /// Calls `each` with the approximate score of every slot. Scores are symmetric to the last bit.
    #[inline]
    pub(crate) fn each_score(self, query: Query<'_>, slots: &[Slot], mut each: impl FnMut(Slot, f32)) {
        for slots in slots.chunks(PIECE) {
            let mut codes: [&[i8]; PIECE] = [&[]; PIECE];
            let mut sums = [0; PIECE];
            codes.iter_mut().zip(slots).for_each(|(code, &slot)| *code = self.points.code(slot));
            self.kernels.dots(query.code, &codes[..slots.len()], &mut sums);
            for (&slot, &sum) in slots.iter().zip(&sums) {
                each(slot, sum as f32 * (self.points.scale(slot) * query.scale));
            }
        }
    }

    /// The approximate score of one slot.
    pub(crate) fn score(self, query: Query<'_>, slot: Slot) -> f32 {
        let mut score = 0.0;
        self.each_score(query, &[slot], |_, s| score = s);
        score
    }
}
