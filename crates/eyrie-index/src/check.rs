//! Whether the structure agrees with itself.

use crate::graph::View;
use crate::points::{Slot, flag};
use crate::state::State;

macro_rules! ensure {
    ($condition:expr, $($what:tt)*) => {
        if !$condition {
            return Err(format!($($what)*));
        }
    };
}

impl State {
    /// Checks every list, table, count and link. Links may be changing meanwhile, nothing else.
    pub(crate) fn check(&self, view: View<'_>) -> Result<(), String> {
        let (mut live, mut dead, mut linked, mut vacant) = (0, 0, 0, 0);
        for slot in self.points.slots() {
            let flags = self.points.flags(slot);
            live += usize::from(flags & flag::LIVE != 0);
            vacant += usize::from(flags == 0);
            if flags & flag::LIVE != 0 {
                ensure!(flags & flag::CONDEMNED == 0, "slot {slot} is live and condemned");
                ensure!(flags & (flag::LINKED | flag::BESIDE) != 0, "no search finds slot {slot}");
                for key in self.tables.keys_of(&self.points, slot) {
                    let found = self.tables.slot_of(&self.points, key);
                    ensure!(found == Some(slot), "key {key} of slot {slot} leads to {found:?}");
                }
            }
            if flags & flag::LINKED != 0 {
                linked += 1;
                dead += usize::from(flags & flag::LIVE == 0);
                ensure!(view.has_sound_links(slot), "slot {slot} has a link to nowhere, to itself or twice");
            }
            if flags != 0 && flags & flag::CONDEMNED == 0 {
                let check = self.points.check(slot);
                ensure!(self.tables.of_check(&self.points, check).any(|s| s == slot), "slot {slot} is not found again");
            }
            let (waits, scanned) = (self.waiting.contains(&slot), self.scanned.contains(&slot));
            let is_beside = flags & flag::BESIDE != 0;
            ensure!((waits || scanned) == is_beside, "slot {slot} is in no list that it is said to be in");
            ensure!(!waits || flags & flag::LINKED == 0, "slot {slot} waits for the graph that has it");
        }
        ensure!(live == self.live, "{live} slots are live, {} are counted", self.live);
        ensure!(dead == self.dead, "{dead} slots are dead, {} are counted", self.dead);
        ensure!(linked == self.graph.len(), "{linked} slots are linked, {} are counted", self.graph.len());
        let entry = self.graph.entry();
        let is_linked = |slot: Slot| (slot as usize) < self.points.len() && self.points.is(slot, flag::LINKED);
        ensure!(entry.is_none_or(|(slot, _)| is_linked(slot)), "the entry is no point of the graph");
        let mut free: Vec<Slot> = self.vacant().collect();
        free.sort_unstable();
        ensure!(free.windows(2).all(|pair| pair[0] != pair[1]), "a slot is free twice");
        ensure!(free.iter().all(|&slot| self.points.flags(slot) == 0), "a slot is free and in use");
        ensure!(free.len() == vacant, "{vacant} slots are vacant, {} are free", free.len());
        self.tables.check(&self.points)
    }
}
