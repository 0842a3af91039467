use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::graph::Graph;
use super::*;
use crate::search::index::FlatIndex;

const PARAMS: HnswParams = HnswParams { m: 8, ef_construction: 48, ef_search: 48, exact_below: 100 };

fn top(k: usize) -> SearchParams {
    SearchParams { k, ef: None, exact: false }
}

fn key(n: usize) -> ImageKey {
    ImageKey(n as u64)
}

fn keys(numbers: impl IntoIterator<Item = usize>) -> RoaringTreemap {
    numbers.into_iter().map(|n| n as u64).collect()
}

/// Uniform in [-1, 1), the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / 8_388_608.0 - 1.0
    }

    fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.next()).collect()
    }

    fn descriptor(&mut self, dimension: usize) -> Descriptor {
        Descriptor::new(self.vector(dimension), dimension).expect("not zero")
    }
}

/// `count` descriptors around 50 centres.
fn clustered(count: usize, dimension: usize, seed: u64) -> Vec<Descriptor> {
    let mut centres = Random(12345);
    let centres: Vec<_> = (0..50).map(|_| centres.vector(dimension)).collect();
    let mut random = Random(seed);
    let mut around = |i: usize| centres[i % 50].iter().map(|c| c + 0.4 * random.next()).collect();
    (0..count).map(|i| Descriptor::new(around(i), dimension).expect("not zero")).collect()
}

fn numbered(descriptors: Vec<Descriptor>) -> Vec<(ImageKey, Descriptor)> {
    descriptors.into_iter().enumerate().map(|(n, d)| (key(n), d)).collect()
}

fn filled(points: Vec<(ImageKey, Descriptor)>, dimension: usize) -> (HnswIndex, FlatIndex) {
    let index = HnswIndex::new(dimension, PARAMS).expect("valid");
    let flat = FlatIndex::new(dimension);
    index.upsert(points.clone()).expect("dimension");
    flat.upsert(points).expect("dimension");
    (index, flat)
}

/// 5,000 clustered points of 64 values with their graph, for tests that only read.
static LARGE: LazyLock<(HnswIndex, FlatIndex)> = LazyLock::new(|| {
    let (index, flat) = filled(numbered(clustered(5000, 64, 1)), 64);
    index.settle();
    (index, flat)
});

fn searches_the_graph(index: &HnswIndex, query: &Descriptor, params: SearchParams) -> bool {
    index.candidates(&index.shared.read(), query, params, None).is_some()
}

/// The number of results, their order, and that each has the score that the exact scan gives it.
fn assert_sound(found: &[Neighbor], all: &[Neighbor], k: usize) {
    let scores: HashMap<ImageKey, f32> = all.iter().map(|n| (n.key, n.score)).collect();
    assert!(found.len() >= k.min(all.len()), "as many as there are, up to k");
    assert!(found.iter().skip(k).all(|n| n.score == found[k - 1].score), "only what ties comes behind the k-th");
    assert!(found.iter().all(|n| scores.get(&n.key) == Some(&n.score)), "live, allowed, and exactly scored");
    let in_order = |w: &[Neighbor]| w[0].score > w[1].score || (w[0].score == w[1].score && w[0].key < w[1].key);
    assert!(found.windows(2).all(in_order), "falling scores, rising keys, none twice");
}

/// Checks 100 searches for 10 and returns the share of the true neighbours that were found.
fn recall(index: &HnswIndex, flat: &FlatIndex, allowed: Option<&RoaringTreemap>) -> f64 {
    let mut hits = 0;
    for query in clustered(100, 64, 99) {
        let all = flat.search(&query, top(usize::MAX), allowed).expect("dimension");
        let found = index.search(&query, top(10), allowed).expect("dimension");
        assert_sound(&found, &all, 10);
        let truth: HashSet<_> = all[..10].iter().map(|n| n.key).collect();
        hits += found.iter().filter(|n| truth.contains(&n.key)).count();
    }
    hits as f64 / 1000.0
}

#[test]
fn the_graph_finds_at_least_95_percent_of_the_ten_nearest() {
    let (index, flat) = &*LARGE;
    assert!(searches_the_graph(index, &clustered(1, 64, 7)[0], top(10)));
    let recall = recall(index, flat, None);
    assert!(recall >= 0.95, "{recall}");
}

#[test]
fn a_filter_that_leaves_half_the_points_keeps_the_recall() {
    let (index, flat) = &*LARGE;
    // Every second cluster and every second point: the filter is not independent of the query.
    let (clusters, points) = (|n: &usize| n.is_multiple_of(2), |n: &usize| (n / 50).is_multiple_of(2));
    for half in [clusters, points] as [fn(&usize) -> bool; 2] {
        let recall = recall(index, flat, Some(&keys((0..5000).filter(half))));
        assert!(recall >= 0.95, "{recall}");
    }
}

#[test]
fn a_filter_that_leaves_one_of_5000_returns_that_one() {
    let (index, _) = &*LARGE;
    let query = &clustered(1, 64, 7)[0];
    for n in [0, 17, 4999] {
        let allowed = keys([n, 777_777]);
        let found = index.search(query, top(10), Some(&allowed)).expect("dimension");
        assert_eq!(found.into_iter().map(|n| n.key).collect::<Vec<_>>(), [key(n)]);
    }
}

#[test]
fn a_filter_of_mostly_unknown_keys_returns_all_that_are_known() {
    let (index, flat) = &*LARGE;
    let query = &clustered(1, 64, 7)[0];
    let allowed = keys(4995..20_000);
    let found = index.search(query, top(10), Some(&allowed)).expect("dimension");
    assert_eq!(found.len(), 5);
    assert_eq!(Ok(found), flat.search(query, top(10), Some(&allowed)));
    assert_eq!(index.search(query, top(10), Some(&RoaringTreemap::new())), Ok(Vec::new()));
}

#[test]
fn a_filter_far_from_the_query_still_fills_the_page() {
    let (index, flat) = &*LARGE;
    let query = &clustered(1, 64, 7)[0];
    let mut all = flat.search(query, top(5000), None).expect("dimension");
    let allowed: RoaringTreemap = all.drain(..).rev().take(4000).map(|n| n.key.0).collect();
    let found = index.search(query, top(10), Some(&allowed)).expect("dimension");
    assert_sound(&found, &flat.search(query, top(5000), Some(&allowed)).expect("dimension"), 10);
}

#[test]
fn exact_large_and_wide_searches_equal_the_scan() {
    let (index, flat) = &*LARGE;
    let query = &clustered(1, 64, 7)[0];
    for params in [
        SearchParams { k: 25, ef: None, exact: true },
        SearchParams { k: 25, ef: Some(usize::MAX), exact: false },
        SearchParams { k: usize::MAX, ef: None, exact: false },
        top(4999),
        top(0),
    ] {
        assert_eq!(index.search(query, params, None), flat.search(query, params, None), "{params:?}");
    }
}

#[test]
fn replaced_and_removed_points_are_gone_before_during_and_after_the_rebuild() {
    let mut points = numbered(clustered(4000, 64, 2));
    let (index, flat) = filled(points.clone(), 64);
    assert!(recall(&index, &flat, None) >= 0.95);
    index.settle();
    let full = index.memory_bytes();

    let moved: Vec<_> = points.drain(..500).map(|(key, _)| key).zip(clustered(500, 64, 3)).collect();
    for index in [&index as &dyn VectorIndex, &flat] {
        index.upsert(moved.clone()).expect("dimension");
        assert!((1000..2400).all(|n| index.remove(key(n))));
        assert!(!index.remove(key(1000)));
    }
    assert!(recall(&index, &flat, None) >= 0.95);
    index.settle();
    assert!(recall(&index, &flat, None) >= 0.95);
    assert_eq!((index.len(), flat.len()), (2600, 2600));
    let slots = index.shared.read();
    let in_graph = slots.linked().expect("graph").points;
    assert!(slots.dead() * 4 <= in_graph && in_graph < 3500, "{} of {in_graph} are dead", slots.dead());
    assert!(index.memory_bytes() < full * 9 / 10);
}

#[test]
fn rebuilding_again_and_again_takes_no_more_memory() {
    let mut random = Random(5);
    let index = HnswIndex::new(4, PARAMS).expect("valid");
    let mut fill = || {
        index.upsert((0..1000).map(|n| (key(n), random.descriptor(4))).collect()).expect("dimension");
        index.settle();
        index.memory_bytes()
    };
    let first = (0..3).map(|_| fill()).max().expect("three");
    for _ in 0..6 {
        assert!(fill() <= first * 5 / 4);
    }
    assert!((0..1000).all(|n| index.remove(key(n))));
    index.settle();
    assert!(index.is_empty());
    let slots = index.shared.read();
    assert!(slots.linked().is_none() || slots.dead() < 256, "an empty index keeps no large graph");
}

#[test]
fn every_point_of_20000_finds_itself_first() {
    let mut random = Random(8);
    let points: Vec<_> = (0..20_000).map(|n| (key(n), random.descriptor(3))).collect();
    // So few links that the graph alone loses some of the points.
    let params = HnswParams { m: 3, ef_construction: 12, ef_search: 8, exact_below: 100 };
    let index = HnswIndex::new(3, params).expect("valid");
    index.upsert(points.clone()).expect("dimension");
    index.settle();
    assert!(searches_the_graph(&index, &points[0].1, top(1)));
    for (key, descriptor) in &points {
        let found = index.search(descriptor, top(1), None).expect("dimension");
        assert!(found[0].score > 0.9999);
        // At this density the cosine of two neighbours can round to the same number; the lower key
        // is first then.
        assert!(found[0].key == *key || found[0].score >= descriptor.cosine(descriptor), "{key}");
    }
}

#[test]
fn a_point_without_a_link_is_told_and_found_all_the_same() {
    let never_stop = AtomicBool::new(false);
    let index = HnswIndex::new(16, PARAMS).expect("valid");
    let points = numbered(clustered(2000, 16, 4));
    let mut slots = index.shared.write();
    points.iter().cloned().for_each(|(key, descriptor)| slots.put(key, descriptor));
    let claimed = slots.claim_live();
    let graph = Graph::new(PARAMS, 2000);
    graph.insert(&claimed[1..], &never_stop);
    let lost = graph.unreachable(&claimed, &never_stop);
    assert!(lost.contains(&claimed[0].0) && lost.len() < 20, "{lost:?}");
    slots.replace_graph(Some(graph), &claimed, lost);
    drop(slots);
    let (key, descriptor) = &points[0];
    assert!(searches_the_graph(&index, descriptor, top(1)));
    assert_eq!(index.search(descriptor, top(1), None).expect("dimension")[0].key, *key);
}

#[test]
fn ten_thousand_equal_descriptors_come_together_in_the_order_of_their_keys() {
    let mut random = Random(6);
    let same = random.descriptor(32);
    let index = HnswIndex::new(32, PARAMS).expect("valid");
    index.upsert((0..10_000).rev().map(|n| (key(n), same.clone())).collect()).expect("dimension");
    index.upsert((10_000..12_000).map(|n| (key(n), random.descriptor(32))).collect()).expect("dimension");
    index.settle();
    assert_eq!(index.len(), 12_000);
    assert!(searches_the_graph(&index, &same, top(20)));
    let found = index.search(&same, top(20), None).expect("dimension");
    assert!(found.iter().map(|n| n.key).eq((0..10_000).map(key)), "all of them tie with the twentieth");
    assert_eq!(index.search(&same, top(10_000), None).expect("dimension").len(), 10_000);
    assert_eq!(index.search(&same, top(11_000), None).expect("dimension").len(), 11_000);
    assert!((0..9_999).all(|n| index.remove(key(n))));
    assert_eq!(index.search(&same, top(1), None).expect("dimension")[0].key, key(9_999));
}

#[test]
fn an_empty_index_and_one_of_a_single_point_answer() {
    let mut random = Random(3);
    let (a, b) = (random.descriptor(8), random.descriptor(8));
    let index = HnswIndex::new(8, PARAMS).expect("valid");
    assert!(index.is_empty() && index.memory_bytes() < 1000);
    assert_eq!(index.search(&a, top(5), None), Ok(Vec::new()));
    assert!(!index.remove(key(1)));

    index.upsert(vec![(key(1), a.clone())]).expect("dimension");
    let only = |d: &Descriptor| vec![Neighbor { key: key(1), score: a.cosine(d) }];
    assert_eq!(index.search(&b, top(5), None), Ok(only(&b)));

    assert!(index.remove(key(1)));
    assert_eq!(index.search(&a, top(5), None), Ok(Vec::new()));
    index.upsert(vec![(key(1), a.clone())]).expect("dimension");
    assert_eq!(index.search(&a, top(5), None), Ok(only(&a)));
    index.upsert(vec![(key(1), a.clone()), (key(1), b.clone()), (key(1), a.clone())]).expect("dimension");
    assert_eq!((index.search(&a, top(5), None), index.len()), (Ok(only(&a)), 1));
}

#[test]
fn a_descriptor_of_another_length_is_refused_and_nothing_inserted() {
    let mut random = Random(4);
    let index = HnswIndex::new(8, PARAMS).expect("valid");
    let error = Err(IndexError::Dimension { expected: 8, actual: 9 });
    let (good, bad) = (random.descriptor(8), random.descriptor(9));
    assert_eq!(index.upsert(vec![(key(1), good), (key(2), bad.clone())]), error);
    assert!(index.is_empty());
    assert_eq!(index.search(&bad, top(1), None).map(|_| ()), error);
}

#[test]
fn parameters_outside_their_ranges_are_refused() {
    let name = |dimension, params| match HnswIndex::new(dimension, params) {
        Err(IndexError::Parameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    for m in [0, 1, 256, 257, usize::MAX] {
        assert_eq!(name(8, HnswParams { m, ..PARAMS }), "m");
    }
    for ef in [0, 100_001, usize::MAX] {
        assert_eq!(name(8, HnswParams { ef_construction: ef, ..PARAMS }), "ef_construction");
        assert_eq!(name(8, HnswParams { ef_search: ef, ..PARAMS }), "ef_search");
    }
    assert_eq!(name(0, PARAMS), "dimension");
}

#[test]
fn the_smallest_and_the_largest_parameters_work() {
    let mut random = Random(9);
    let points: Vec<_> = (0..200).map(|n| (key(n), random.descriptor(4))).collect();
    for (m, ef) in [(2, 1), (255, 100_000)] {
        let params = HnswParams { m, ef_construction: ef, ef_search: ef, exact_below: 0 };
        let index = HnswIndex::new(4, params).expect("valid");
        index.upsert(points.clone()).expect("dimension");
        index.settle();
        let narrow = SearchParams { k: 2, ef: Some(2), exact: false };
        for (_, descriptor) in &points {
            assert!(index.search(descriptor, narrow, None).expect("dimension").len() >= 2);
        }
    }
}

#[test]
fn a_panic_under_the_lock_does_not_make_the_index_useless() {
    let (index, flat) = filled(numbered(clustered(50, 8, 1)), 8);
    let panicked = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let _slots = index.shared.write();
                std::panic::resume_unwind(Box::new("a bug"));
            })
            .join()
    });
    assert!(panicked.is_err());
    let query = &clustered(1, 8, 2)[0];
    assert_eq!(index.search(query, top(5), None), flat.search(query, top(5), None));
    assert!(index.remove(key(0)));
}

#[test]
fn searches_and_changes_at_the_same_time_agree_with_the_scan_afterwards() {
    const EACH: usize = 1500;
    let index = HnswIndex::new(16, PARAMS).expect("valid");
    let flat = FlatIndex::new(16);
    let both = [&index as &dyn VectorIndex, &flat];
    let writer = |offset: usize| {
        let mut random = Random(offset as u64 + 1);
        for n in (offset..offset + EACH).chain(offset..offset + EACH / 2) {
            let descriptor = random.descriptor(16);
            both.iter().for_each(|i| i.upsert(vec![(key(n), descriptor.clone())]).expect("dimension"));
            let found = index.search(&descriptor, top(1), None).expect("dimension");
            assert_eq!(found[0].key, key(n), "what was written is read");
            if n % 3 == 0 {
                both.iter().for_each(|i| assert!(i.remove(key(n))));
                let found = index.search(&descriptor, top(1), None).expect("dimension");
                assert!(found.first().is_none_or(|f| f.key != key(n)), "what was removed is not");
            }
        }
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = [scope.spawn(|| writer(0)), scope.spawn(|| writer(100_000))];
        for seed in [11, 12] {
            let (index, done) = (&index, &done);
            scope.spawn(move || {
                let mut random = Random(seed);
                while !done.load(Ordering::Relaxed) {
                    let found = index.search(&random.descriptor(16), top(7), None).expect("dimension");
                    assert!(found.windows(2).all(|w| w[0].score >= w[1].score));
                    assert_eq!(found.iter().map(|n| n.key).collect::<HashSet<_>>().len(), found.len());
                }
            });
        }
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
    index.settle();
    assert_eq!(index.len(), flat.len());
    let mut random = Random(13);
    for _ in 0..20 {
        let (query, exact) = (random.descriptor(16), SearchParams { k: 50, ef: None, exact: true });
        assert_eq!(index.search(&query, exact, None), flat.search(&query, exact, None));
        let all = flat.search(&query, top(usize::MAX), None).expect("dimension");
        assert_sound(&index.search(&query, top(10), None).expect("dimension"), &all, 10);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Upsert(Vec<(usize, usize)>),
    Remove(usize),
    Search { query: usize, k: usize, allowed: Option<HashSet<usize>> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (a_key, a_descriptor) = (0..20_usize, 0..12_usize);
    let allowed = prop::option::of(prop::collection::hash_set(0..24_usize, 0..24));
    prop::collection::vec(
        prop_oneof![
            3 => prop::collection::vec((a_key.clone(), a_descriptor.clone()), 1..6).prop_map(Step::Upsert),
            2 => a_key.prop_map(Step::Remove),
            3 => (a_descriptor, 0..25_usize, allowed).prop_map(|(query, k, allowed)| Step::Search { query, k, allowed }),
        ],
        1..80,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_small_index_equals_the_scan_after_any_steps(steps in steps(), exact_below in 0..12_usize) {
        let mut random = Random(21);
        let descriptors: Vec<_> = (0..12).map(|_| random.descriptor(3)).collect();
        let index = HnswIndex::new(3, HnswParams { exact_below, ..PARAMS }).expect("valid");
        let flat = FlatIndex::new(3);
        for step in steps {
            match step {
                Step::Upsert(points) => {
                    let points: Vec<_> = points.iter().map(|&(n, d)| (key(n), descriptors[d].clone())).collect();
                    prop_assert_eq!(index.upsert(points.clone()), flat.upsert(points));
                }
                Step::Remove(n) => prop_assert_eq!(index.remove(key(n)), flat.remove(key(n))),
                Step::Search { query, k, allowed } => {
                    let allowed = allowed.map(keys);
                    let search = |i: &dyn VectorIndex| i.search(&descriptors[query], top(k), allowed.as_ref());
                    prop_assert_eq!(search(&index), search(&flat));
                }
            }
            prop_assert_eq!(index.len(), flat.len());
            for n in 0..20 {
                prop_assert_eq!(index.descriptor(key(n)), flat.descriptor(key(n)));
            }
        }
    }
}
