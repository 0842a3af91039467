//! How a point gets its links.

use super::search::{BEAM, Scratch};
use super::{Limits, Scored, View};
use crate::points::{NONE, Slot};

impl View<'_> {
    /// Links a point that was admitted. A point that is linked already is given its links anew, and
    /// one from the point nearest to it.
    pub(crate) fn insert(self, slot: Slot, ef: usize, scratch: &mut Scratch) {
        let (query, level) = (self.of(slot), self.graph.level(slot));
        let Some((entry, top)) = self.graph.entry() else {
            return self.graph.raise_entry(slot, level);
        };
        if entry == slot && self.graph.len() == 1 {
            return;
        }
        scratch.found.clear();
        scratch.found.push(Scored::new(self.score(query, entry), entry));
        self.approach(query, level + 1..=top, scratch);
        for layer in (0..=level.min(top)).rev() {
            let limits = Limits { ef, visits: usize::MAX };
            self.search_layer(query, limits, layer, |other| other != slot, scratch);
            let Some(&nearest) = scratch.found.first() else { continue };
            let (found, mut chosen) = (std::mem::take(&mut scratch.found), std::mem::take(&mut scratch.chosen));
            self.select(&found, self.graph.m, &mut chosen);
            {
                let _lock = self.graph.lock(slot);
                self.graph.relink(slot, layer, chosen.iter().map(|link| link.slot()));
            }
            let mut linked = false;
            for link in &chosen {
                linked |= self.link_back(link.slot(), slot, link.score(), layer, scratch);
            }
            if !linked {
                self.force_link(nearest.slot(), slot, layer);
            }
            scratch.chosen = chosen;
            scratch.found = found;
            scratch.found.truncate(BEAM);
        }
        if level > top {
            self.graph.raise_entry(slot, level);
        }
    }

    /// Links `from` to `to`, choosing anew where it has as many links as it can. Returns whether
    /// the link is there then.
    fn link_back(self, from: Slot, to: Slot, score: f32, layer: usize, scratch: &mut Scratch) -> bool {
        let _lock = self.graph.lock(from);
        let cells = self.graph.cells(from, layer);
        let links = &mut scratch.batch;
        links.clear();
        links.extend(self.graph.links(from, layer));
        if links.contains(&to) {
            return true;
        }
        if links.len() < cells.len() {
            links.push(to);
            self.graph.relink(from, layer, links.iter().copied());
            return true;
        }
        let links = std::mem::take(&mut scratch.batch);
        let mut chosen = std::mem::take(&mut scratch.found);
        self.choose(from, layer, &links, Some(Scored::new(score, to)), &mut chosen, scratch);
        let linked = chosen.iter().any(|link| link.slot() == to);
        self.graph.relink(from, layer, chosen.iter().map(|link| link.slot()));
        scratch.batch = links;
        scratch.found = chosen;
        linked
    }

    /// Chooses the links of `from` among `links` and `another`. A point to which no other link
    /// leads stays among them.
    pub(super) fn choose(
        self,
        from: Slot,
        layer: usize,
        links: &[Slot],
        another: Option<Scored>,
        chosen: &mut Vec<Scored>,
        scratch: &mut Scratch,
    ) {
        let limit = self.graph.cells(from, layer).len();
        let candidates = &mut scratch.scored;
        candidates.clear();
        candidates.extend(another);
        self.each_score(self.of(from), links, |slot, score| candidates.push(Scored::new(score, slot)));
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        self.select(candidates, limit, chosen);
        if layer > 0 {
            return;
        }
        for &link in candidates.iter().filter(|link| links.contains(&link.slot())) {
            if self.graph.incoming(link.slot()) <= 1 && !chosen.contains(&link) {
                if chosen.len() == limit {
                    let Some(spare) = chosen.iter().rposition(|c| self.graph.incoming(c.slot()) > 1) else { return };
                    chosen.remove(spare);
                }
                chosen.push(link);
            }
        }
    }

    /// Links `from` to `to` whatever it costs: in place of the point that most links lead to.
    fn force_link(self, from: Slot, to: Slot, layer: usize) {
        let _lock = self.graph.lock(from);
        let mut links: Vec<Slot> = self.graph.links(from, layer).collect();
        if links.contains(&to) {
            return;
        }
        if links.len() == self.graph.cells(from, layer).len() {
            let most = links.iter_mut().max_by_key(|link| self.graph.incoming(**link));
            if let Some(most) = most {
                *most = to;
            }
        } else {
            links.push(to);
        }
        debug_assert!(!links.contains(&NONE));
        self.graph.relink(from, layer, links);
    }
}
