//! How condemned points leave the graph: everything that links to one is linked to what lies
//! behind it instead (the consolidation of FreshDiskANN, Singh et al. 2021).

use std::sync::atomic::Ordering;

use super::View;
use super::search::Scratch;
use crate::points::{NONE, Slot, flag};

impl View<'_> {
    /// Gives a point that links to condemned ones links to their neighbours, on every layer.
    pub(crate) fn bypass(self, slot: Slot, scratch: &mut Scratch) {
        for layer in 0..=self.graph.level(slot) {
            let condemned = |link: Slot| self.points.is(link, flag::CONDEMNED);
            if !self.graph.links(slot, layer).any(condemned) {
                continue;
            }
            let _lock = self.graph.lock(slot);
            let mut candidates: Vec<Slot> = Vec::new();
            for link in self.graph.links(slot, layer) {
                if condemned(link) {
                    candidates.extend(self.graph.links(link, layer).filter(|&next| !condemned(next) && next != slot));
                } else {
                    candidates.push(link);
                }
            }
            candidates.sort_unstable();
            candidates.dedup();
            let mut chosen = std::mem::take(&mut scratch.found);
            self.choose(slot, layer, &candidates, None, &mut chosen, scratch);
            self.graph.relink(slot, layer, chosen.iter().map(|link| link.slot()));
            scratch.found = chosen;
        }
    }

    /// Takes the links of a condemned point away; those that lead to it must be gone.
    pub(crate) fn unlink(self, slot: Slot) {
        let _lock = self.graph.lock(slot);
        for layer in 0..=self.graph.level(slot) {
            self.graph.relink(slot, layer, []);
        }
    }

    /// Chooses another entry where the one that is there is condemned.
    pub(crate) fn replace_entry(self) {
        let condemned = |slot: Slot| self.points.is(slot, flag::CONDEMNED);
        if self.graph.entry().is_some_and(|(slot, _)| condemned(slot)) {
            let highest = self.graph.upper.iter().filter(|(slot, _)| !condemned(**slot));
            let highest = highest.map(|(&slot, links)| (links.len() / self.graph.m, slot)).max();
            let any = || self.points.slots().find(|&slot| self.points.is(slot, flag::LINKED) && !condemned(slot));
            self.graph.set_entry(highest.map(|(level, slot)| (slot, level)).or_else(|| any().map(|slot| (slot, 0))));
        }
    }

    /// Whether every link of a point leads to a point of the same layer; for checks.
    pub(crate) fn has_sound_links(self, slot: Slot) -> bool {
        // Without it a list that is being replaced would be seen half old and half new.
        let _lock = self.graph.lock(slot);
        (0..=self.graph.level(slot)).all(|layer| {
            let cells = self.graph.cells(slot, layer);
            let links: Vec<Slot> = cells.iter().map(|link| link.load(Ordering::Relaxed)).collect();
            let used = links.iter().position(|&link| link == NONE).unwrap_or(links.len());
            let mut distinct = links[..used].to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            let sound = |&link: &Slot| {
                link != slot
                    && (link as usize) < self.points.len()
                    && self.points.is(link, flag::LINKED)
                    && self.graph.level(link) >= layer
            };
            distinct.len() == used && links[used..].iter().all(|&link| link == NONE) && links[..used].iter().all(sound)
        })
    }
}
