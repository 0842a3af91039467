//! What the index holds: keys, descriptors, and which of them the graph covers.
//!
//! A slot is one distinct descriptor with the keys that have it. Equal descriptors share a slot: a
//! graph of thousands of equal points falls apart, since none of them has a link to anything else.
//!
//! The life of a slot:
//!
//! ```text
//!            upsert               upkeep claims it              upkeep finds it by a search
//!   (free) ----------> pending ----------------------> scanned ----------------------------> in the graph only
//!     ^                   |                               |   stays where it is not found          |
//!     |  last key removed  |                               |                                        |
//!     +-------------------+          last key removed      v                                        v
//!     +------------------------------------------------ dead: the graph still has it, until a rebuild
//! ```
//!
//! Pending and scanned slots are compared with every query, so a point is found from the moment it
//! is inserted, and whether or not the graph can reach it. A dead slot lives again when its
//! descriptor comes back.

use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use roaring::RoaringTreemap;

use super::graph::{Graph, GraphPoint};
use crate::domain::{Descriptor, ImageKey};

/// A descriptor compared by its bits.
struct Bits(Descriptor);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.0.values().iter().map(|v| v.to_bits()).eq(other.0.values().iter().map(|v| v.to_bits()))
    }
}

impl Eq for Bits {}

impl Hash for Bits {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.values().iter().for_each(|v| state.write_u32(v.to_bits()));
    }
}

/// The keys of one slot. Nearly every slot has one, and needs no allocation for it.
enum Keys {
    One(ImageKey),
    Many(BTreeSet<ImageKey>),
}

impl Keys {
    fn is_empty(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Many(keys) => keys.is_empty(),
        }
    }

    /// In rising order.
    fn iter(&self) -> impl Iterator<Item = ImageKey> {
        let (one, many) = match self {
            Self::One(key) => (Some(key), None),
            Self::Many(keys) => (None, Some(keys)),
        };
        one.into_iter().chain(many.into_iter().flatten()).copied()
    }

    fn insert(&mut self, key: ImageKey) {
        match self {
            Self::Many(keys) if keys.is_empty() => *self = Self::One(key),
            Self::Many(keys) => drop(keys.insert(key)),
            Self::One(only) => *self = Self::Many(BTreeSet::from([*only, key])),
        }
    }

    fn remove(&mut self, key: ImageKey) {
        match self {
            Self::One(only) if *only == key => *self = Self::Many(BTreeSet::new()),
            Self::One(_) => {}
            Self::Many(keys) => drop(keys.remove(&key)),
        }
    }
}

struct Slot {
    descriptor: Descriptor,
    keys: Keys,
    /// The graph has this slot, or is about to get it: the slot's number stays taken although its
    /// keys are gone.
    claimed: bool,
}

/// A graph in use.
pub(super) struct Linked {
    pub(super) graph: Arc<Graph>,
    /// Slots that it has.
    pub(super) points: usize,
    /// Points that it had when all of them were last checked to be reachable.
    pub(super) checked: usize,
}

#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_key: HashMap<ImageKey, u32>,
    by_descriptor: HashMap<Bits, u32>,
    pending: BTreeSet<u32>,
    scanned: BTreeSet<u32>,
    /// Claimed slots without a key.
    dead: usize,
    linked: Option<Linked>,
}

impl Slots {
    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn linked(&self) -> Option<&Linked> {
        self.linked.as_ref()
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Claimed slots without a key; they cost memory and a search's time until the next rebuild.
    pub(super) fn dead(&self) -> usize {
        self.dead
    }

    /// Slots with a key.
    pub(super) fn live(&self) -> usize {
        self.slots.len() - self.free.len() - self.dead
    }

    /// Inserts a key, or gives it another descriptor.
    pub(super) fn put(&mut self, key: ImageKey, descriptor: Descriptor) {
        let bits = Bits(descriptor);
        let slot = match self.by_descriptor.get(&bits) {
            Some(&slot) => slot,
            None => self.add(bits),
        };
        match self.by_key.insert(key, slot) {
            Some(before) if before == slot => return,
            Some(before) => self.detach(before, key),
            None => {}
        }
        if let Some(slot) = self.slots[slot as usize].as_mut() {
            if slot.claimed && slot.keys.is_empty() {
                self.dead -= 1;
            }
            slot.keys.insert(key);
        }
    }

    /// Removes a key; `false` when it is not there.
    pub(super) fn remove(&mut self, key: ImageKey) -> bool {
        let Some(slot) = self.by_key.remove(&key) else { return false };
        self.detach(slot, key);
        true
    }

    /// The descriptor of a key; `None` when it is not there.
    pub(super) fn descriptor(&self, key: ImageKey) -> Option<&Descriptor> {
        let slot = self.slots.get(*self.by_key.get(&key)? as usize)?.as_ref()?;
        Some(&slot.descriptor)
    }

    fn add(&mut self, bits: Bits) -> u32 {
        let descriptor = bits.0.clone();
        let slot = Some(Slot { descriptor, keys: Keys::Many(BTreeSet::new()), claimed: false });
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None => {
                self.slots.push(slot);
                // A slot takes more than 100 bytes: memory ends long before the numbers do.
                u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 slots")
            }
        };
        self.by_descriptor.insert(bits, number);
        self.pending.insert(number);
        number
    }

    fn detach(&mut self, number: u32, key: ImageKey) {
        let Some(slot) = self.slots[number as usize].as_mut() else { return };
        slot.keys.remove(key);
        if slot.keys.is_empty() {
            if slot.claimed {
                self.dead += 1;
            } else {
                self.release(number);
            }
        }
    }

    /// Gives the number of an unclaimed slot without keys back.
    fn release(&mut self, number: u32) {
        if let Some(slot) = self.slots[number as usize].take() {
            self.by_descriptor.remove(&Bits(slot.descriptor));
            self.pending.remove(&number);
            self.free.push(number);
        }
    }

    /// The descriptor and the keys of a slot, in rising order; `None` where it has no key.
    pub(super) fn get(&self, number: u32) -> Option<(&Descriptor, impl Iterator<Item = ImageKey>)> {
        let slot = self.slots.get(number as usize)?.as_ref()?;
        (!slot.keys.is_empty()).then(|| (&slot.descriptor, slot.keys.iter()))
    }

    /// The slots of these keys, without repetition; unknown keys are passed over.
    pub(super) fn of_keys(&self, keys: &RoaringTreemap) -> Vec<u32> {
        let mut numbers: Vec<u32> = keys.iter().filter_map(|key| self.by_key.get(&ImageKey(key)).copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Every number that may be in use.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        (0_u32..).take(self.slots.len())
    }

    /// The slots that every search must compare with the query, whatever the graph says.
    pub(super) fn beside_the_graph(&self) -> impl Iterator<Item = u32> {
        self.pending.iter().chain(&self.scanned).copied()
    }

    /// Whether every search compares this slot with the query anyway.
    pub(super) fn is_beside_the_graph(&self, number: u32) -> bool {
        self.pending.contains(&number) || self.scanned.contains(&number)
    }

    fn points(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<GraphPoint> {
        let point = |n: u32| self.slots[n as usize].as_ref().map(|slot| (n, slot.descriptor.clone()));
        numbers.into_iter().filter_map(point).collect()
    }

    /// Claims the pending slots for the graph; they are scanned until [`Slots::settle`].
    pub(super) fn claim_pending(&mut self) -> Vec<GraphPoint> {
        let numbers = std::mem::take(&mut self.pending);
        for &number in &numbers {
            if let Some(slot) = self.slots[number as usize].as_mut() {
                slot.claimed = true;
            }
        }
        self.scanned.extend(&numbers);
        self.points(numbers)
    }

    /// Claims every live slot, for a graph of its own.
    pub(super) fn claim_live(&mut self) -> Vec<GraphPoint> {
        self.claim_pending();
        let live: Vec<u32> = self.numbers().filter(|&n| self.get(n).is_some()).collect();
        self.points(live)
    }

    /// Every claimed slot, dead ones too.
    pub(super) fn claimed(&self) -> Vec<GraphPoint> {
        let claimed = |n: &u32| self.slots[*n as usize].as_ref().is_some_and(|slot| slot.claimed);
        self.points(self.numbers().filter(claimed))
    }

    /// Leaves those of `checked` to the graph that are not among `lost`; the lost ones are scanned
    /// from now on.
    pub(super) fn settle(&mut self, checked: &[GraphPoint], lost: Vec<u32>) {
        for (number, _) in checked {
            self.scanned.remove(number);
        }
        self.scanned.extend(lost);
    }

    /// Counts points that went into the graph.
    pub(super) fn grew(&mut self, added: usize, all_checked: bool) {
        if let Some(linked) = self.linked.as_mut() {
            linked.points += added;
            if all_checked {
                linked.checked = linked.points;
            }
        }
    }

    /// Takes a graph of exactly the slots of `points` (or none) into use and frees every slot that
    /// is dead and not in it. Returns the graph before, which is to be dropped without a lock: it
    /// frees itself in rayon's pool.
    pub(super) fn replace_graph(
        &mut self,
        graph: Option<Graph>,
        points: &[GraphPoint],
        lost: Vec<u32>,
    ) -> Option<Linked> {
        let mut inside = vec![false; self.slots.len()];
        points.iter().for_each(|(number, _)| inside[*number as usize] = true);
        self.scanned.clear();
        self.dead = 0;
        for number in self.numbers() {
            let Some(slot) = self.slots[number as usize].as_mut() else { continue };
            slot.claimed = inside[number as usize];
            match (slot.claimed, slot.keys.is_empty()) {
                (true, true) => self.dead += 1,
                (true, false) => {}
                (false, true) => self.release(number),
                (false, false) => drop(self.pending.insert(number)),
            }
        }
        self.scanned.extend(lost);
        let count = points.len();
        let linked = graph.map(|graph| Linked { graph: Arc::new(graph), points: count, checked: count });
        std::mem::replace(&mut self.linked, linked)
    }

    /// Bytes of keys, descriptors and tables (an estimate: 16 bytes are taken for what an
    /// allocation costs).
    pub(super) fn memory_bytes(&self, dimension: usize) -> usize {
        let used = self.slots.len() - self.free.len();
        let shared: usize = self.by_key.len().saturating_sub(self.live()) * size_of::<ImageKey>();
        let descriptors = used * (dimension * size_of::<f32>() + 16 + 16);
        let tables = self.slots.capacity() * size_of::<Option<Slot>>()
            + self.by_key.capacity() * (size_of::<(ImageKey, u32)>() + 1)
            + self.by_descriptor.capacity() * (size_of::<(Bits, u32)>() + 1)
            + (self.free.capacity() + self.pending.len() + self.scanned.len()) * size_of::<u32>();
        shared + descriptors + tables
    }

    /// Gives memory back that a larger content needed.
    pub(super) fn shrink(&mut self) {
        let last_used = self.slots.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.slots.truncate(last_used);
        self.free.retain(|&number| (number as usize) < last_used);
        if self.by_key.capacity() / 2 > self.by_key.len() {
            self.slots.shrink_to_fit();
            self.free.shrink_to_fit();
            self.by_key.shrink_to_fit();
            self.by_descriptor.shrink_to_fit();
        }
    }
}
