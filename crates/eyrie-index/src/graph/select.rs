//! Which of the points near a point it is linked to.

use super::{Scored, View};
use crate::points::Slot;

/// Chosen points that a candidate is compared with in one go.
const GROUP: usize = 4;

impl View<'_> {
    /// Chooses up to `limit` of `candidates`, which are in falling order of their scores to one
    /// point: those that are nearer to the point than to any that was chosen before (algorithm 4 of
    /// Malkov and Yashunin). So links lead in all directions, not all into the nearest cluster.
    pub(super) fn select(self, candidates: &[Scored], limit: usize, chosen: &mut Vec<Scored>) {
        chosen.clear();
        for &candidate in candidates {
            if chosen.len() >= limit {
                break;
            }
            let query = self.of(candidate.slot());
            let hidden = chosen.chunks(GROUP).any(|group| {
                let mut slots = [0 as Slot; GROUP];
                slots.iter_mut().zip(group).for_each(|(slot, chosen)| *slot = chosen.slot());
                let mut hidden = false;
                self.each_score(query, &slots[..group.len()], |_, score| hidden |= score > candidate.score());
                hidden
            });
            if !hidden {
                chosen.push(candidate);
            }
        }
    }
}
