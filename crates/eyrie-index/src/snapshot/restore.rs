//! From the arrays of a snapshot to the tables and lists that follow from them.

use crate::error::OpenError;
use crate::points::{Slot, flag};
use crate::state::State;

impl State {
    /// Fills tables, lists and counts from flags, keys and codes, of which the first `linked` may
    /// be in the graph.
    pub(super) fn restore_slots(&mut self, linked: usize) -> Result<(), OpenError> {
        self.tables.reserve(&self.points, self.points.len());
        // The next slots to be used are the lowest ones.
        for slot in self.points.slots().rev() {
            let flags = self.points.flags(slot);
            let known = match flags {
                0 => {
                    self.free.push(slot);
                    continue;
                }
                WAITING => self.waiting.insert(slot),
                IN_GRAPH => true,
                LOST | DEAD_AND_LOST => self.scanned.insert(slot),
                flag::LINKED => true,
                _ => false,
            };
            if !known || (flags & flag::LINKED != 0 && slot as usize >= linked) {
                return Err(OpenError::Damaged("a point is in an impossible state"));
            }
            let (scale, residual) = (self.points.scale(slot), self.points.residual(slot));
            if !(scale.is_finite() && scale > 0.0 && residual.is_finite() && residual >= 0.0) {
                return Err(OpenError::Damaged("a scale is impossible"));
            }
            if self.points.code(slot).contains(&i8::MIN) {
                return Err(OpenError::Damaged("a code has an impossible value"));
            }
            self.tables.insert_vector(&self.points, slot);
            if flags & flag::LINKED != 0 {
                self.graph.admit_at(slot, 0);
                self.dead += usize::from(flags & flag::LIVE == 0);
            }
            if flags & flag::LIVE != 0 {
                let key = self.points.key(slot);
                if self.tables.slot_of(&self.points, key).is_some() {
                    return Err(OpenError::Damaged("two points have one key"));
                }
                self.live += 1;
                self.tables.attach(&mut self.points, slot, key, false);
            }
        }
        self.walked = self.graph.len();
        Ok(())
    }

    /// Gives a live slot a key beside its first.
    pub(super) fn restore_further_key(&mut self, slot: Slot, key: u64) -> Result<(), OpenError> {
        let is_live = (slot as usize) < self.points.len() && self.points.is(slot, flag::LIVE);
        if !is_live || self.tables.slot_of(&self.points, key).is_some() {
            return Err(OpenError::Damaged("a further key belongs to no point"));
        }
        self.tables.attach(&mut self.points, slot, key, true);
        Ok(())
    }
}

const WAITING: u8 = flag::LIVE | flag::BESIDE;
const IN_GRAPH: u8 = flag::LIVE | flag::LINKED;
const LOST: u8 = flag::LIVE | flag::LINKED | flag::BESIDE;
const DEAD_AND_LOST: u8 = flag::LINKED | flag::BESIDE;
