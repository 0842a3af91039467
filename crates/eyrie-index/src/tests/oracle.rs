use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use roaring::RoaringTreemap;

use super::data::{Flat, PARAMS, Random, borrowed, clustered, cosine, index, numbered};
use crate::{Index, IndexError, Neighbor, Params, SearchParams, cosines};

pub(super) fn top(k: usize) -> SearchParams {
    SearchParams { k, ef: None, exact: false }
}

pub(super) fn filled(points: &[(u64, Vec<f32>)], dimension: usize) -> (Index, Flat) {
    let (index, mut flat) = (index(dimension, PARAMS), Flat::default());
    index.upsert(&borrowed(points)).expect("sound");
    flat.upsert(points);
    (index, flat)
}

/// 5,000 clustered points of 64 values with their graph, for tests that only read.
static LARGE: LazyLock<(Index, Flat)> = LazyLock::new(|| {
    let (index, flat) = filled(&numbered(clustered(5000, 64, 1)), 64);
    index.settle();
    (index, flat)
});

pub(super) fn search(
    index: &Index,
    query: &[f32],
    params: SearchParams,
    allowed: Option<&RoaringTreemap>,
) -> Vec<Neighbor> {
    let found = index.search(query, params, allowed).expect("sound");
    assert!(found.unreadable.is_empty());
    found.neighbors
}

pub(super) fn searches_the_graph(index: &Index, query: &[f32], params: SearchParams) -> bool {
    index.shared.searches_the_graph(query, params)
}

/// The number of results, their order, and that each has the score that the exact scan gives it.
pub(super) fn assert_sound(found: &[Neighbor], all: &[Neighbor], k: usize) {
    let scores: HashMap<u64, f32> = all.iter().map(|n| (n.key, n.score)).collect();
    assert!(found.len() >= k.min(all.len()), "as many as there are, up to k");
    assert!(found.iter().skip(k).all(|n| n.score == found[k - 1].score), "only what ties comes behind the k-th");
    assert!(found.iter().all(|n| scores.get(&n.key) == Some(&n.score)), "live, allowed, and exactly scored");
    let in_order = |w: &[Neighbor]| w[0].score > w[1].score || (w[0].score == w[1].score && w[0].key < w[1].key);
    assert!(found.windows(2).all(in_order), "falling scores, rising keys, none twice");
}

/// Checks 100 searches for 10 and returns the share of the true neighbours that were found.
pub(super) fn recall(index: &Index, flat: &Flat, allowed: Option<&RoaringTreemap>) -> f64 {
    let mut hits = 0;
    for query in clustered(100, 64, 99) {
        let all = flat.search(&query, usize::MAX, allowed);
        let found = search(index, &query, top(10), allowed);
        assert_sound(&found, &all, 10);
        let truth: HashSet<_> = all[..10].iter().map(|n| n.key).collect();
        hits += found.iter().filter(|n| truth.contains(&n.key)).count();
    }
    hits as f64 / 1000.0
}

#[test]
fn the_graph_finds_at_least_97_percent_of_the_ten_nearest() {
    let (index, flat) = &*LARGE;
    index.check().expect("sound");
    assert!(searches_the_graph(index, &clustered(1, 64, 7)[0], top(10)));
    let recall = recall(index, flat, None);
    assert!(recall >= 0.97, "{recall}");
}

#[test]
fn a_filter_that_leaves_half_the_points_keeps_the_recall() {
    let (index, flat) = &*LARGE;
    // Every second cluster and every second point: the filter is not independent of the query.
    let (clusters, points) = (|n: &u64| n.is_multiple_of(2), |n: &u64| (n / 50).is_multiple_of(2));
    for half in [clusters, points] as [fn(&u64) -> bool; 2] {
        let recall = recall(index, flat, Some(&(0..5000).filter(half).collect()));
        assert!(recall >= 0.97, "{recall}");
    }
}

#[test]
fn a_filter_that_leaves_one_of_5000_returns_that_one() {
    let (index, _) = &*LARGE;
    let query = &clustered(1, 64, 7)[0];
    for n in [0, 17, 4999] {
        let found = search(index, query, top(10), Some(&[n, 777_777].into_iter().collect()));
        assert_eq!(found.into_iter().map(|n| n.key).collect::<Vec<_>>(), [n]);
    }
}

#[test]
fn a_filter_of_mostly_unknown_keys_returns_all_that_are_known() {
    let (index, flat) = &*LARGE;
    let query = &clustered(1, 64, 7)[0];
    let allowed = (4995..20_000).collect();
    let found = search(index, query, top(10), Some(&allowed));
    assert_eq!(found.len(), 5);
    assert_eq!(found, flat.search(query, 10, Some(&allowed)));
    assert_eq!(search(index, query, top(10), Some(&RoaringTreemap::new())), []);
}

#[test]
fn a_filter_far_from_the_query_still_fills_the_page() {
    let (index, flat) = &*LARGE;
    let query = &clustered(1, 64, 7)[0];
    let all = flat.search(query, 5000, None);
    let allowed: RoaringTreemap = all.iter().rev().take(4000).map(|n| n.key).collect();
    assert_sound(&search(index, query, top(10), Some(&allowed)), &flat.search(query, 5000, Some(&allowed)), 10);
}

#[test]
fn exact_large_and_wide_searches_equal_the_scan() {
    let (index, flat) = &*LARGE;
    for query in &clustered(20, 64, 7) {
        for params in [
            SearchParams { k: 25, ef: None, exact: true },
            SearchParams { k: 25, ef: Some(usize::MAX), exact: false },
            SearchParams { k: usize::MAX, ef: None, exact: false },
            top(4999),
            top(0),
        ] {
            assert_eq!(search(index, query, params, None), flat.search(query, params.k, None), "{params:?}");
        }
    }
}

#[test]
fn nearly_every_point_of_20000_finds_itself_first() {
    let mut random = Random(8);
    let points: Vec<_> = (0..20_000).map(|n| (n, random.unit(16))).collect();
    let index = index(16, PARAMS);
    index.upsert(&borrowed(&points)).expect("sound");
    index.settle();
    index.check().expect("sound");
    assert!(searches_the_graph(&index, &points[0].1, top(1)));
    let mut missed = 0;
    for (key, vector) in &points {
        let found = search(&index, vector, top(1), None);
        // At this density the cosine of two neighbours can round to the same number.
        missed += usize::from(!(found[0].key == *key || found[0].score >= cosine(vector, vector)));
    }
    assert!(missed <= 20, "{missed} of 20000");
}

#[test]
fn ten_thousand_equal_vectors_come_together_in_the_order_of_their_keys() {
    let mut random = Random(6);
    let same = random.unit(32);
    let index = index(32, PARAMS);
    index.upsert(&(0..10_000).rev().map(|n| (n, same.as_slice())).collect::<Vec<_>>()).expect("sound");
    let others: Vec<_> = (10_000..12_000).map(|n| (n, random.unit(32))).collect();
    index.upsert(&borrowed(&others)).expect("sound");
    index.settle();
    index.check().expect("sound");
    assert_eq!((index.len(), index.keys().len()), (12_000, 12_000));
    assert!(searches_the_graph(&index, &same, top(20)));
    let found = search(&index, &same, top(20), None);
    assert!(found.iter().map(|n| n.key).eq(0..10_000), "all of them tie with the twentieth");
    assert_eq!(search(&index, &same, top(10_000), None).len(), 10_000);
    assert_eq!(search(&index, &same, top(11_000), None).len(), 11_000);
    assert!((0..9_999).all(|n| index.remove(n)));
    index.check().expect("sound");
    assert_eq!(search(&index, &same, top(1), None)[0].key, 9_999);
}

#[test]
fn an_empty_index_and_one_of_a_single_point_answer() {
    let mut random = Random(3);
    let (a, b) = (random.unit(8), random.unit(8));
    let index = index(8, PARAMS);
    assert!(index.is_empty() && index.memory().total() < 2000, "{:?}", index.memory());
    assert_eq!(search(&index, &a, top(5), None), []);
    assert!(!index.remove(1));

    index.upsert(&[(1, &a)]).expect("sound");
    assert!(index.memory().total() < 30_000, "{:?}", index.memory());
    let only = |v: &[f32]| [Neighbor { key: 1, score: cosine(&a, v) }];
    assert_eq!(search(&index, &b, top(5), None), only(&b));
    assert_eq!((index.vector(1), index.vector(2)), (Some(a.clone()), None));

    assert!(index.remove(1));
    assert_eq!(search(&index, &a, top(5), None), []);
    index.upsert(&[(1, &a)]).expect("sound");
    assert_eq!(search(&index, &a, top(5), None), only(&a));
    index.upsert(&[(1, &a), (1, &b), (1, &a)]).expect("sound");
    assert_eq!((search(&index, &a, top(5), None), index.len()), (only(&a).to_vec(), 1));
    index.upsert(&[(1, &b), (2, &a)]).expect("sound");
    assert_eq!((index.vector(1), index.vector(2)), (Some(b), Some(a)));
    index.check().expect("sound");
}

#[test]
fn the_smallest_and_the_largest_keys_are_keys() {
    let mut random = Random(3);
    let (a, b) = (random.unit(8), random.unit(8));
    let index = index(8, PARAMS);
    index.upsert(&[(0, &a), (u64::MAX, &b)]).expect("sound");
    assert_eq!(search(&index, &b, top(1), None)[0].key, u64::MAX);
    assert!(index.remove(0) && !index.remove(0) && index.remove(u64::MAX) && index.is_empty());
}

#[test]
fn a_vector_of_another_length_or_norm_is_refused_and_nothing_inserted() {
    let mut random = Random(4);
    let index = index(8, PARAMS);
    let (good, bad, long) = (random.unit(8), random.unit(9), vec![1.0; 8]);
    let dimension = IndexError::Dimension { expected: 8, actual: 9 };
    assert_eq!(index.upsert(&[(1, &good), (2, &bad)]), Err(dimension.clone()));
    assert_eq!(index.upsert(&[(1, &good), (2, &long)]), Err(IndexError::Norm));
    assert!(index.is_empty());
    assert_eq!(index.search(&bad, top(1), None), Err(dimension));
    assert_eq!(index.search(&long, top(1), None), Err(IndexError::Norm));
}

#[test]
fn parameters_outside_their_ranges_are_refused() {
    let name = |dimension, params| match Index::temporary(dimension, params, cosines) {
        Err(crate::SaveError::Index(IndexError::Parameter { name, .. })) => name,
        other => panic!("{other:?}"),
    };
    for m in [0, 1, 256, 257, usize::MAX] {
        assert_eq!(name(8, Params { m, ..PARAMS }), "m");
    }
    for ef in [0, 100_001, usize::MAX] {
        assert_eq!(name(8, Params { ef_construction: ef, ..PARAMS }), "ef_construction");
        assert_eq!(name(8, Params { ef_search: ef, ..PARAMS }), "ef_search");
    }
    assert_eq!(name(8, Params { threads: 0, ..PARAMS }), "threads");
    assert_eq!((name(0, PARAMS), name(65_537, PARAMS)), ("dimension", "dimension"));
}

#[test]
fn the_smallest_and_the_largest_parameters_work() {
    let mut random = Random(9);
    let points: Vec<_> = (0..200).map(|n| (n, random.unit(4))).collect();
    for (m, ef) in [(2, 1), (255, 100_000)] {
        let params = Params { m, ef_construction: ef, ef_search: ef, exact_below: 0, threads: 3 };
        let index = index(4, params);
        index.upsert(&borrowed(&points)).expect("sound");
        index.settle();
        index.check().expect("sound");
        let narrow = SearchParams { k: 2, ef: Some(2), exact: false };
        for (_, vector) in &points {
            assert!(search(&index, vector, narrow, None).len() >= 2);
        }
    }
}
