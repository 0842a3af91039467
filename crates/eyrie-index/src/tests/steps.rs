//! Any steps, against the exact scan.

use std::collections::HashSet;

use proptest::prelude::*;
use roaring::RoaringTreemap;

use super::data::{Flat, PARAMS, Random};
use super::oracle::search;
use crate::{Index, Params, SearchParams, cosines};

#[derive(Debug, Clone)]
enum Step {
    Upsert(Vec<(u64, usize)>),
    Remove(u64),
    Search {
        query: usize,
        k: usize,
        exact: bool,
        allowed: Option<HashSet<u64>>,
    },
    Settle,
    Consolidate,
    Save,
    /// Goes on from what was saved, and from the changes since.
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (a_key, a_vector) = (0..20_u64, 0..12_usize);
    let allowed = prop::option::of(prop::collection::hash_set(0..24_u64, 0..24));
    let search = (a_vector.clone(), 0..25_usize, any::<bool>(), allowed);
    prop::collection::vec(
        prop_oneof![
            4 => prop::collection::vec((a_key.clone(), a_vector), 1..6).prop_map(Step::Upsert),
            3 => a_key.prop_map(Step::Remove),
            4 => search.prop_map(|(query, k, exact, allowed)| Step::Search { query, k, exact, allowed }),
            1 => Just(Step::Settle),
            1 => Just(Step::Consolidate),
            1 => Just(Step::Save),
            1 => Just(Step::Reopen),
        ],
        1..60,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_small_index_equals_the_scan_after_any_steps(steps in steps(), exact_below in 0..12_usize) {
        let mut random = Random(21);
        let vectors: Vec<_> = (0..12).map(|_| random.unit(3)).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let params = Params { exact_below, ..PARAMS };
        let mut index = Index::create(folder.path(), "steps", 3, params, cosines).expect("made");
        let mut flat = Flat::default();
        // What changed since the snapshot was taken: a key and, unless it was removed, its vector.
        let mut log: Vec<(u64, Option<usize>)> = Vec::new();
        let mut saved = false;
        for step in steps {
            match step {
                Step::Upsert(points) => {
                    let borrowed: Vec<_> = points.iter().map(|&(n, v)| (n, vectors[v].as_slice())).collect();
                    index.upsert(&borrowed).expect("sound");
                    points.iter().for_each(|&(n, v)| flat.upsert(&[(n, vectors[v].clone())]));
                    log.extend(points.iter().map(|&(n, v)| (n, Some(v))));
                }
                Step::Remove(n) => {
                    prop_assert_eq!(index.remove(n), flat.remove(n));
                    log.push((n, None));
                }
                Step::Search { query, k, exact, allowed } => {
                    let allowed: Option<RoaringTreemap> = allowed.map(|keys| keys.into_iter().collect());
                    let found = search(&index, &vectors[query], SearchParams { k, ef: None, exact }, allowed.as_ref());
                    prop_assert_eq!(found, flat.search(&vectors[query], k, allowed.as_ref()));
                }
                Step::Settle => index.settle(),
                Step::Consolidate => index.shared.tend_at_once(),
                Step::Save => {
                    index.save(7).expect("room on the disk");
                    log.clear();
                    saved = true;
                }
                Step::Reopen if saved => {
                    drop(index);
                    let opened = Index::open(folder.path(), "steps", 3, params, cosines).expect("whole");
                    prop_assert_eq!(opened.stamp, 7);
                    index = opened.index;
                    for &(n, vector) in &log {
                        match vector {
                            Some(v) => index.upsert(&[(n, &vectors[v])]).expect("sound"),
                            None => drop(index.remove(n)),
                        }
                    }
                }
                Step::Reopen => {}
            }
            prop_assert_eq!(index.check(), Ok(()));
            prop_assert_eq!(index.len(), flat.0.len());
            for n in 0..20 {
                prop_assert_eq!(index.vector(n), flat.0.get(&n).cloned());
            }
        }
    }
}
