//! Which points no path of links leads to.

use super::View;
use crate::points::{Slot, flag};

/// A walk over all links from the entry, in steps, so that nobody waits long for a lock. The links
/// must stay as they are meanwhile.
#[derive(Default)]
pub(crate) struct Walk {
    reached: Vec<bool>,
    open: Vec<Slot>,
    begun: bool,
}

impl Walk {
    /// Goes on from `points` points at most; `false` when there is nowhere left to go.
    pub(crate) fn step(&mut self, view: View<'_>, points: usize) -> bool {
        if !self.begun {
            self.begun = true;
            self.reached.resize(view.points.len(), false);
            self.open.extend(view.graph.entry().map(|(slot, _)| slot));
            self.open.iter().for_each(|&slot| self.reached[slot as usize] = true);
        }
        for _ in 0..points {
            let Some(slot) = self.open.pop() else { return false };
            for layer in 0..=view.graph.level(slot) {
                for link in view.graph.links(slot, layer) {
                    if !std::mem::replace(&mut self.reached[link as usize], true) {
                        self.open.push(link);
                    }
                }
            }
        }
        true
    }

    /// The live points of the graph that were not reached, for a walk that is at its end.
    pub(crate) fn unreachable(&self, view: View<'_>) -> Vec<Slot> {
        let lost = |slot: &Slot| view.points.is(*slot, flag::LINKED | flag::LIVE);
        let unreached = view.points.slots().zip(&self.reached).filter(|(_, reached)| !**reached);
        unreached.map(|(slot, _)| slot).filter(lost).collect()
    }
}

#[cfg(test)]
impl View<'_> {
    /// Takes away all links between these points and the others, and links them in a ring.
    pub(crate) fn cut_off(self, island: &[Slot]) {
        for slot in self.points.slots() {
            for layer in 0..=self.graph.level(slot) {
                let links: Vec<Slot> = self.graph.links(slot, layer).filter(|link| !island.contains(link)).collect();
                self.graph.relink(slot, layer, links);
            }
        }
        for (at, &slot) in island.iter().enumerate() {
            self.graph.relink(slot, 0, [island[(at + 1) % island.len()]]);
        }
    }
}
