//! From pairs to groups: what is connected by pairs belongs together.

use std::collections::HashMap;

use crate::domain::{ImageKey, SimilarPair, Verdict};

/// The nearest other member of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Link {
    pub(super) verdict: Verdict,
    pub(super) score: f32,
}

/// A node of the forest: an image that is in a pair.
struct Node {
    key: ImageKey,
    parent: u32,
    link: Link,
}

/// Groups as they grow (disjoint sets with path halving, joined by the smaller key). It takes some
/// 50 bytes for each image that is in a pair, and nothing for the others.
#[derive(Default)]
pub(super) struct Groups {
    nodes: Vec<Node>,
    places: HashMap<ImageKey, u32>,
}

impl Groups {
    /// Joins the groups of two images.
    pub(super) fn add(&mut self, pair: &SimilarPair) {
        let link = Link { verdict: pair.verdict, score: pair.score };
        let (a, b) = (self.node(pair.a, link), self.node(pair.b, link));
        let (a, b) = (self.root(a), self.root(b));
        // The oldest image of a group is its root.
        let (root, other) = if self.nodes[a as usize].key <= self.nodes[b as usize].key { (a, b) } else { (b, a) };
        self.nodes[other as usize].parent = root;
    }

    fn node(&mut self, key: ImageKey, link: Link) -> u32 {
        let next = self.nodes.len() as u32;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.nodes.push(Node { key, parent: next, link });
        } else {
            let known = &mut self.nodes[place as usize].link;
            let is_nearer = (link.verdict, -link.score) < (known.verdict, -known.score);
            if is_nearer {
                *known = link;
            }
        }
        place
    }

    fn root(&mut self, mut place: u32) -> u32 {
        loop {
            let parent = self.nodes[place as usize].parent;
            if parent == place {
                return place;
            }
            let grandparent = self.nodes[parent as usize].parent;
            self.nodes[place as usize].parent = grandparent;
            place = grandparent;
        }
    }

    /// Every group: the largest first, then by their oldest image; the members by their keys.
    pub(super) fn into_groups(mut self) -> Vec<Vec<(ImageKey, Link)>> {
        let mut groups: HashMap<u32, Vec<(ImageKey, Link)>> = HashMap::new();
        for place in 0..self.nodes.len() as u32 {
            let root = self.root(place);
            let node = &self.nodes[place as usize];
            groups.entry(root).or_default().push((node.key, node.link));
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        for group in &mut groups {
            group.sort_unstable_by_key(|(key, _)| *key);
        }
        groups.sort_unstable_by_key(|group| (std::cmp::Reverse(group.len()), group.first().map(|(key, _)| *key)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(a: u64, b: u64, score: f32, verdict: Verdict) -> SimilarPair {
        SimilarPair { a: ImageKey(a), b: ImageKey(b), score, verdict }
    }

    fn keys(groups: &[Vec<(ImageKey, Link)>]) -> Vec<Vec<u64>> {
        groups.iter().map(|group| group.iter().map(|(key, _)| key.0).collect()).collect()
    }

    #[test]
    fn what_is_connected_is_one_group_and_the_largest_comes_first() {
        let mut groups = Groups::default();
        for (a, b) in [(20, 30), (1, 9), (40, 50), (9, 12), (12, 1)] {
            groups.add(&pair(a, b, 0.9, Verdict::NearDuplicate));
        }
        assert_eq!(keys(&groups.into_groups()), [vec![1, 9, 12], vec![20, 30], vec![40, 50]]);
    }

    #[test]
    fn a_member_keeps_its_nearest_link() {
        let mut groups = Groups::default();
        groups.add(&pair(1, 2, 0.99, Verdict::NearDuplicate));
        groups.add(&pair(1, 3, 0.5, Verdict::Same));
        groups.add(&pair(2, 3, 0.7, Verdict::NearDuplicate));
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
            let pairs: Vec<_> = pairs.into_iter().filter(|(a, b)| a < b).collect();
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
            // Both ends of each pair are in one group, and every image in one group only.
            for (a, b) in pairs {
                prop_assert!(groups.iter().any(|group| group.contains(&a) && group.contains(&b)));
            }
            let mut all: Vec<u64> = groups.into_iter().flatten().collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), count);
        }
    }
}
