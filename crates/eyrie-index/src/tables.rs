//! From keys and from vectors to slots.
//!
//! The tables hold slot numbers alone and find the key or the checksum that belongs to one in the
//! arrays of the slots: 5 bytes an entry, and 6 to 11 with the room that a table needs.

use std::collections::{BTreeSet, HashMap};

use hashbrown::HashTable;
use roaring::RoaringTreemap;

use crate::points::{Points, Slot, flag};

/// Mixes the bits of a number (the finaliser of SplitMix64). Keys come from a sequence of the
/// database, so nobody chooses them for their hashes.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn hash_of_check(check: u32) -> u64 {
    mix(u64::from(check) + 0x9e37_79b9_7f4a_7c15)
}

#[derive(Default)]
pub(crate) struct Tables {
    /// By the first key of each live slot.
    by_key: HashTable<Slot>,
    /// Every slot that an equal vector may share: all but the free and the condemned.
    by_vector: HashTable<Slot>,
    /// The keys of a slot beside the first; few slots have any.
    more: HashMap<Slot, BTreeSet<u64>>,
    by_more: HashMap<u64, Slot>,
}

impl Tables {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len() + self.by_more.len()
    }

    /// Tables for so many slots.
    pub(crate) fn reserve(&mut self, points: &Points, slots: usize) {
        self.by_key.reserve(slots, |&slot| mix(points.key(slot)));
        self.by_vector.reserve(slots, |&slot| hash_of_check(points.check(slot)));
    }

    /// The slot of a key.
    pub(crate) fn slot_of(&self, points: &Points, key: u64) -> Option<Slot> {
        let found = self.by_key.find(mix(key), |&slot| points.key(slot) == key);
        found.or_else(|| self.by_more.get(&key)).copied()
    }

    /// The keys of a live slot, the first one first, the others rising.
    pub(crate) fn keys_of<'a>(&'a self, points: &Points, slot: Slot) -> impl Iterator<Item = u64> + use<'a> {
        std::iter::once(points.key(slot)).chain(self.more_of(slot))
    }

    /// The keys of a slot beside the first.
    pub(crate) fn more_of(&self, slot: Slot) -> impl Iterator<Item = u64> {
        let more = if self.more.is_empty() { None } else { self.more.get(&slot) };
        more.into_iter().flatten().copied()
    }

    /// Gives a slot a key that no slot has. `live` says whether it has one already.
    pub(crate) fn attach(&mut self, points: &mut Points, slot: Slot, key: u64, live: bool) {
        if live {
            self.more.entry(slot).or_default().insert(key);
            self.by_more.insert(key, slot);
        } else {
            points.keys.set(slot as usize, key);
            self.by_key.insert_unique(mix(key), slot, |&slot| mix(points.key(slot)));
        }
    }

    /// Takes a key from the slot that has it; `false` when the slot has none left.
    pub(crate) fn detach(&mut self, points: &mut Points, slot: Slot, key: u64) -> bool {
        if points.key(slot) != key {
            self.by_more.remove(&key);
            if let Some(more) = self.more.get_mut(&slot) {
                more.remove(&key);
                if more.is_empty() {
                    self.more.remove(&slot);
                }
            }
            return true;
        }
        if let Ok(entry) = self.by_key.find_entry(mix(key), |&other| other == slot) {
            entry.remove();
        }
        let Some(more) = self.more.get_mut(&slot) else { return false };
        let Some(first) = more.pop_first() else { return false };
        if more.is_empty() {
            self.more.remove(&slot);
        }
        self.by_more.remove(&first);
        self.attach(points, slot, first, false);
        true
    }

    /// The slots whose vector has this checksum.
    pub(crate) fn of_check(&self, points: &Points, check: u32) -> impl Iterator<Item = Slot> {
        self.by_vector.iter_hash(hash_of_check(check)).copied().filter(move |&slot| points.check(slot) == check)
    }

    pub(crate) fn insert_vector(&mut self, points: &Points, slot: Slot) {
        let hash = |slot: &Slot| hash_of_check(points.check(*slot));
        self.by_vector.insert_unique(hash(&slot), slot, hash);
    }

    pub(crate) fn remove_vector(&mut self, points: &Points, slot: Slot) {
        if let Ok(entry) = self.by_vector.find_entry(hash_of_check(points.check(slot)), |&other| other == slot) {
            entry.remove();
        }
    }

    /// Every slot that has more than one key, with all but the first.
    pub(crate) fn shared(&self) -> impl Iterator<Item = (Slot, &BTreeSet<u64>)> {
        self.more.iter().map(|(&slot, keys)| (slot, keys))
    }

    /// All keys.
    pub(crate) fn keys(&self, points: &Points) -> RoaringTreemap {
        self.by_key.iter().map(|&slot| points.key(slot)).chain(self.by_more.keys().copied()).collect()
    }

    /// Checks that the tables name only slots that belong there.
    pub(crate) fn check(&self, points: &Points) -> Result<(), String> {
        if let Some(slot) = self.by_key.iter().find(|slot| !points.is(**slot, flag::LIVE)) {
            return Err(format!("the table of keys has slot {slot}, which is not live"));
        }
        let is_lost = |slot: &&Slot| points.flags(**slot) == 0 || points.is(**slot, flag::CONDEMNED);
        if let Some(slot) = self.by_vector.iter().find(is_lost) {
            return Err(format!("the table of vectors has slot {slot}, which is free or condemned"));
        }
        let of_slots: usize = self.more.values().map(BTreeSet::len).sum();
        if of_slots != self.by_more.len() || self.more.keys().any(|&slot| !points.is(slot, flag::LIVE)) {
            return Err("the further keys of slots do not agree".to_owned());
        }
        Ok(())
    }

    /// Bytes, those of the side maps estimated.
    pub(crate) fn bytes(&self) -> usize {
        self.by_key.allocation_size()
            + self.by_vector.allocation_size()
            + self.by_more.len() * 48
            + self.more.len() * 48
    }
}
