//! What the index holds: slots, their keys, the graph, and which slots are scanned beside it.
//!
//! A slot is one distinct vector with the keys that have it. Equal vectors share a slot: a graph of
//! thousands of equal points falls apart, since none of them has a link to anything else.
//!
//! The life of a slot:
//!
//! ```text
//!            upsert               upkeep claims it             upkeep has linked it
//!   (free) ----------> waiting ----------------------> claimed -----------------------> in the graph
//!    ^ ^                  |                              |  stays where no link leads to it  |
//!    | |  last key removed|                              |                                   |
//!    | +------------------+          last key removed    v                                   v
//!    |                               dead: routes searches, is no result; an equal vector revives it
//!    |    nothing links to it any more                   |
//!    +------------------------------ condemned <---------+ upkeep, when a tenth is dead
//! ```
//!
//! Waiting and claimed slots are scanned by every search, so a point is found from the moment it is
//! inserted, and whether or not the graph can reach it.

use std::collections::BTreeSet;

use crate::codes::Encoded;
use crate::error::IndexError;
use crate::graph::Graph;
use crate::points::{NONE, Points, Slot, flag};
use crate::tables::Tables;

pub(crate) struct State {
    pub(crate) points: Points,
    pub(crate) tables: Tables,
    pub(crate) graph: Graph,
    /// Live slots that the graph has not got.
    pub(crate) waiting: BTreeSet<Slot>,
    /// Slots that the graph has got, or is getting, and that are scanned all the same.
    pub(crate) scanned: BTreeSet<Slot>,
    pub(crate) free: Vec<Slot>,
    /// Freed while a snapshot is written: they may be used again when it is.
    limbo: Vec<Slot>,
    pub(crate) saving: bool,
    /// Waiting slots that lost their last key a moment ago.
    keyless: Vec<Slot>,
    /// Slots with a key.
    pub(crate) live: usize,
    /// Slots in the graph without a key.
    pub(crate) dead: usize,
    /// Points that the graph had when it was last found that a path leads to all of them.
    pub(crate) walked: usize,
}

impl State {
    pub(crate) fn new(dimension: usize, m: usize) -> Self {
        Self {
            points: Points::new(dimension),
            tables: Tables::default(),
            graph: Graph::new(m),
            waiting: BTreeSet::new(),
            scanned: BTreeSet::new(),
            free: Vec::new(),
            limbo: Vec::new(),
            saving: false,
            keyless: Vec::new(),
            live: 0,
            dead: 0,
            walked: 0,
        }
    }

    /// Takes a free slot; it stays free in all but this list until it is [filled](State::fill).
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn reserve(&mut self) -> Result<Slot, IndexError> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        let slot = self.points.len();
        if slot >= NONE as usize {
            return Err(IndexError::Full);
        }
        self.points.grow(slot + 1);
        Ok(slot as Slot)
    }

    /// Gives a reserved slot its vector. It waits then, and is to get a key.
    pub(crate) fn fill(&mut self, slot: Slot, encoded: &Encoded, check: u32) {
        self.points.write(slot, encoded, check);
        self.points.raise(slot, flag::BESIDE);
        self.tables.insert_vector(&self.points, slot);
        self.waiting.insert(slot);
    }

    /// Gives a slot a key, and takes it from the slot that had it. [`State::tidy`] is due after the
    /// last of several.
    pub(crate) fn attach(&mut self, slot: Slot, key: u64) {
        match self.tables.slot_of(&self.points, key) {
            Some(before) if before == slot => return,
            Some(before) => self.detach(before, key),
            None => {}
        }
        let live = self.points.is(slot, flag::LIVE);
        if !live {
            self.live += 1;
            self.dead -= usize::from(self.points.is(slot, flag::LINKED));
            self.points.raise(slot, flag::LIVE);
        }
        self.tables.attach(&mut self.points, slot, key, live);
    }

    /// Removes a key; `false` when it is not there.
    pub(crate) fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.tables.slot_of(&self.points, key) else { return false };
        self.detach(slot, key);
        self.tidy();
        true
    }

    fn detach(&mut self, slot: Slot, key: u64) {
        if self.tables.detach(&mut self.points, slot, key) {
            return;
        }
        self.points.lower(slot, flag::LIVE);
        self.live -= 1;
        if self.points.is(slot, flag::LINKED) {
            self.dead += 1;
        } else {
            self.keyless.push(slot);
        }
    }

    /// Frees the waiting slots that lost their keys. Until then one can get another key.
    pub(crate) fn tidy(&mut self) {
        while let Some(slot) = self.keyless.pop() {
            // One may be in the list twice, and be free the second time.
            if self.points.flags(slot) == flag::BESIDE {
                self.tables.remove_vector(&self.points, slot);
                self.waiting.remove(&slot);
                self.release(slot);
            }
        }
    }

    /// Makes a slot free that no table and no link names.
    pub(crate) fn release(&mut self, slot: Slot) {
        self.points.lower(slot, u8::MAX);
        if self.saving { self.limbo.push(slot) } else { self.free.push(slot) }
    }

    /// Lets slots be used again that were freed while a snapshot was written.
    pub(crate) fn end_saving(&mut self) {
        self.saving = false;
        self.free.append(&mut self.limbo);
    }

    /// The free slots, those too that may not be used again yet.
    pub(crate) fn vacant(&self) -> impl Iterator<Item = Slot> {
        self.free.iter().chain(&self.limbo).copied()
    }

    /// Bytes of the lists of slots; those of the sets are estimated.
    pub(crate) fn lists_bytes(&self) -> usize {
        (self.waiting.len() + self.scanned.len()) * 8
            + (self.free.capacity() + self.limbo.capacity() + self.keyless.capacity()) * size_of::<Slot>()
    }

    /// The slots that every search must compare with the query, whatever the graph says.
    pub(crate) fn beside_the_graph(&self) -> impl Iterator<Item = Slot> {
        self.waiting.iter().chain(&self.scanned).copied()
    }

    /// Claims up to `most` waiting slots for the graph; they are scanned until
    /// [`State::settle`].
    pub(crate) fn claim(&mut self, most: usize) -> Vec<Slot> {
        let slots: Vec<Slot> = std::iter::from_fn(|| self.waiting.pop_first()).take(most).collect();
        self.graph.grow(self.points.len());
        for &slot in &slots {
            self.points.raise(slot, flag::LINKED);
            self.graph.admit(slot);
        }
        self.scanned.extend(&slots);
        slots
    }

    /// Leaves slots to the graph, but for those that no link leads to.
    pub(crate) fn settle(&mut self, checked: &[Slot], lost: &[Slot]) {
        for slot in checked {
            self.scanned.remove(slot);
            self.points.lower(*slot, flag::BESIDE);
        }
        for &slot in lost {
            self.scanned.insert(slot);
            self.points.raise(slot, flag::BESIDE);
        }
    }

    /// Condemns those of `slots` that are dead. No vector comes back to such a slot.
    pub(crate) fn condemn(&mut self, slots: &[Slot]) -> Vec<Slot> {
        let is_dead = |slot: &Slot| self.points.flags(*slot) & (flag::LINKED | flag::LIVE) == flag::LINKED;
        let dead: Vec<Slot> = slots.iter().copied().filter(is_dead).collect();
        for &slot in &dead {
            self.points.raise(slot, flag::CONDEMNED);
            self.tables.remove_vector(&self.points, slot);
        }
        dead
    }

    /// Frees condemned slots that nothing links to any more.
    pub(crate) fn bury(&mut self, condemned: &[Slot]) {
        for &slot in condemned {
            self.graph.forget(slot);
            self.scanned.remove(&slot);
            self.release(slot);
        }
        self.dead -= condemned.len();
    }
}
