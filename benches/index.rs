//! The graph against the exact scan: 10,000 points of 256 values around 100 centres.

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use eyrie::domain::{Descriptor, ImageKey};
use eyrie::search::{FlatIndex, HnswIndex, HnswParams, SearchParams, VectorIndex};

const DIMENSION: usize = 256;
const POINTS: usize = 10_000;
const PARAMS: HnswParams = HnswParams { m: 16, ef_construction: 100, ef_search: 64, exact_below: 1000 };

/// Uniform in [-1, 1), the same on every run.
fn next(state: &mut u64) -> f32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 40) as f32 / 8_388_608.0 - 1.0
}

fn points(count: usize, seed: u64) -> Vec<(ImageKey, Descriptor)> {
    let (mut centres, mut random) = (7_u64, seed);
    let centres: Vec<Vec<f32>> = (0..100).map(|_| (0..DIMENSION).map(|_| next(&mut centres)).collect()).collect();
    let mut point = |n: usize| {
        let values = centres[n % 100].iter().map(|c| c + 0.7 * next(&mut random)).collect();
        (ImageKey(n as u64), Descriptor::new(values, DIMENSION).expect("not zero"))
    };
    (0..count).map(&mut point).collect()
}

fn hnsw(points: Vec<(ImageKey, Descriptor)>) -> HnswIndex {
    let index = HnswIndex::new(DIMENSION, PARAMS).expect("valid");
    index.upsert(points).expect("dimension");
    index.settle();
    index
}

fn search(c: &mut Criterion) {
    let (points, queries) = (points(POINTS, 1), points(64, 2));
    let flat = FlatIndex::new(DIMENSION);
    flat.upsert(points.clone()).expect("dimension");
    let graph = hnsw(points);
    let mut group = c.benchmark_group("index_search_10_of_10000");
    let mut run = |name: &str, index: &dyn VectorIndex, ef: usize| {
        let params = SearchParams { k: 10, ef: Some(ef), exact: false };
        let mut query = queries.iter().cycle();
        group.bench_function(BenchmarkId::new(name, ef), |b| {
            b.iter(|| index.search(&query.next().expect("endless").1, params, None));
        });
    };
    run("flat", &flat, 0);
    for ef in [16, 64, 128] {
        run("hnsw", &graph, ef);
    }
    group.finish();
}

fn build(c: &mut Criterion) {
    let points = points(POINTS, 1);
    let mut group = c.benchmark_group("index_build_10000");
    group.sample_size(10);
    group.bench_function("hnsw", |b| b.iter_batched(|| points.clone(), hnsw, BatchSize::PerIteration));
    group.finish();
}

criterion_group!(benches, search, build);
criterion_main!(benches);
