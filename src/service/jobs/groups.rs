//! From pairs to groups: each group is an image with what it is in a pair with.
//!
//! What pairs merely connect is no group: pictures that share a frame, a caption or a face make
//! chains of pairs through a whole collection. So the image with the most pairs takes all that it
//! is in a pair with, then the next one takes those that are left, and so on ("star clustering",
//! J. Aslam et al., "Static and Dynamic Information Organization with Star Clusters", 1998).

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::domain::{ImageKey, SimilarPair, Verdict};

/// The nearest other member of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Link {
    pub(super) verdict: Verdict,
    pub(super) score: f32,
}

impl Link {
    fn is_nearer_than(&self, other: &Self) -> bool {
        (self.verdict, -self.score) < (other.verdict, -other.score)
    }
}

/// An image that is in a pair.
struct Node {
    key: ImageKey,
    /// Pairs that it is in.
    pairs: u32,
}

/// The pairs of a collection. They take 16 bytes each, and some 40 for each image that is in one.
#[derive(Default)]
pub(super) struct Groups {
    nodes: Vec<Node>,
    places: HashMap<ImageKey, u32>,
    pairs: Vec<(u32, u32, Link)>,
}

impl Groups {
    /// Takes a pair; each is given once.
    pub(super) fn add(&mut self, pair: &SimilarPair) {
        let (a, b) = (self.node(pair.a), self.node(pair.b));
        self.pairs.push((a, b, Link { verdict: pair.verdict, score: pair.score }));
    }

    fn node(&mut self, key: ImageKey) -> u32 {
        let next = self.nodes.len() as u32;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.nodes.push(Node { key, pairs: 0 });
        }
        self.nodes[place as usize].pairs += 1;
        place
    }

    /// Every group: the largest first, then by their oldest image; the members by their keys.
    pub(super) fn into_groups(self) -> Vec<Vec<(ImageKey, Link)>> {
        let Self { nodes, mut pairs, .. } = self;
        let rank = |place: u32| {
            let node = &nodes[place as usize];
            (Reverse(node.pairs), node.key)
        };
        for (a, b, _) in &mut pairs {
            if rank(*b) < rank(*a) {
                std::mem::swap(a, b);
            }
        }
        pairs.sort_unstable_by_key(|&(a, b, _)| (rank(a), rank(b)));
        // By its place, the image that took each.
        let mut taken_by: Vec<Option<u32>> = vec![None; nodes.len()];
        for &(a, b, _) in &pairs {
            let is_free = taken_by[a as usize].is_none_or(|by| by == a);
            if is_free && taken_by[b as usize].is_none() {
                (taken_by[a as usize], taken_by[b as usize]) = (Some(a), Some(a));
            }
        }
        let mut links: HashMap<u32, Link> = HashMap::new();
        for &(a, b, link) in &pairs {
            if taken_by[a as usize].is_some() && taken_by[a as usize] == taken_by[b as usize] {
                for end in [a, b] {
                    let known = links.entry(end).or_insert(link);
                    if link.is_nearer_than(known) {
                        *known = link;
                    }
                }
            }
        }
        let mut groups: HashMap<u32, Vec<(ImageKey, Link)>> = HashMap::new();
        for (place, link) in links {
            if let Some(by) = taken_by[place as usize] {
                groups.entry(by).or_default().push((nodes[place as usize].key, link));
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        for group in &mut groups {
            group.sort_unstable_by_key(|(key, _)| *key);
        }
        groups.sort_unstable_by_key(|group| (Reverse(group.len()), group.first().map(|(key, _)| *key)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn pair(a: u64, b: u64, score: f32, verdict: Verdict) -> SimilarPair {
        SimilarPair { a: ImageKey(a), b: ImageKey(b), score, verdict }
    }

    fn keys(groups: &[Vec<(ImageKey, Link)>]) -> Vec<Vec<u64>> {
        groups.iter().map(|group| group.iter().map(|(key, _)| key.0).collect()).collect()
    }

    #[test]
    fn what_is_in_a_pair_is_one_group_and_the_largest_comes_first() {
        let mut groups = Groups::default();
        for (a, b) in [(20, 30), (1, 9), (40, 50), (9, 12), (12, 1)] {
            groups.add(&pair(a, b, 0.9, Verdict::NearDuplicate));
        }
        assert_eq!(keys(&groups.into_groups()), [vec![1, 9, 12], vec![20, 30], vec![40, 50]]);
    }

    #[test]
    fn a_chain_of_pairs_is_cut_where_nothing_is_in_a_pair_with_the_rest() {
        let mut groups = Groups::default();
        // Two stars, 2 and 12, whose ends 4 and 14 share a frame; 20 looks like an end of the other.
        for (a, b) in [(1, 2), (2, 3), (2, 4), (2, 5), (11, 12), (12, 13), (12, 14), (4, 14), (5, 20)] {
            groups.add(&pair(a, b, 0.9, Verdict::NearDuplicate));
        }
        assert_eq!(keys(&groups.into_groups()), [vec![1, 2, 3, 4, 5], vec![11, 12, 13, 14]]);
    }

    #[test]
    fn a_member_has_the_nearest_link_within_its_group() {
        let mut groups = Groups::default();
        groups.add(&pair(1, 2, 0.99, Verdict::NearDuplicate));
        groups.add(&pair(1, 3, 0.5, Verdict::Same));
        groups.add(&pair(2, 3, 0.7, Verdict::NearDuplicate));
        // The nearest of all, to one that another group has.
        groups.add(&pair(3, 10, 1.0, Verdict::Same));
        groups.add(&pair(10, 11, 0.8, Verdict::NearDuplicate));
        groups.add(&pair(10, 12, 0.8, Verdict::NearDuplicate));
        groups.add(&pair(10, 13, 0.8, Verdict::NearDuplicate));
        groups.add(&pair(1, 4, 0.6, Verdict::NearDuplicate));
        groups.add(&pair(1, 5, 0.6, Verdict::NearDuplicate));
        groups.add(&pair(3, 4, 0.6, Verdict::NearDuplicate));
        let links: Vec<_> = groups.into_groups().remove(0).into_iter().map(|(_, link)| link).collect();
        let link = |verdict, score| Link { verdict, score };
        assert_eq!(links[0], link(Verdict::Same, 0.5));
        assert_eq!(links[1], link(Verdict::NearDuplicate, 0.99));
        assert_eq!(links[2], link(Verdict::Same, 0.5));
    }

    proptest! {
        #[test]
        fn the_order_of_the_pairs_is_of_no_account(
            pairs in prop::collection::vec((0_u64..30, 0_u64..30), 0..40), turn in 0_usize..40,
        ) {
            let pairs: BTreeSet<_> = pairs.into_iter().filter(|(a, b)| a < b).collect();
            let pairs: Vec<_> = pairs.into_iter().collect();
            let grouped = |pairs: &[(u64, u64)]| {
                let mut groups = Groups::default();
                for (a, b) in pairs {
                    groups.add(&pair(*a, *b, 0.9, Verdict::Same));
                }
                keys(&groups.into_groups())
            };
            let mut turned = pairs.clone();
            turned.rotate_left(turn % pairs.len().max(1));
            let groups = grouped(&pairs);
            prop_assert_eq!(&grouped(&turned), &groups);
            // One end of each pair is in a group at least, one image of each group is in a pair with
            // all others, and every image is in one group only.
            let are_paired = |a: &u64, b: &u64| pairs.contains(&(*a.min(b), *a.max(b)));
            for (a, b) in &pairs {
                prop_assert!(groups.iter().any(|group| group.contains(a) || group.contains(b)));
            }
            for group in &groups {
                prop_assert!(group.iter().any(|a| group.iter().all(|b| a == b || are_paired(a, b))));
            }
            let mut all: Vec<u64> = groups.into_iter().flatten().collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), count);
        }
    }
}
