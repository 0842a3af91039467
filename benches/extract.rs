//! From an upload to a descriptor, step by step, on a synthetic JPEG of one megapixel.
//!
//! `cargo bench --bench extract`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use eyrie::domain::Profile;
use eyrie_chip::{FeatureMap, Kernels, Team};
use eyrie_vision::describe::{AsicExtractor, Extractor, Model, Request, pool};
use eyrie_vision::picture::{DecodeLimits, Scaler, decode, sample_jpeg, thumbnail};

const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 10_000_000, max_aspect_ratio: 20 };

fn steps(c: &mut Criterion) {
    let upload = sample_jpeg(1152, 864).expect("encodes");
    let image = decode(&upload, LIMITS).expect("decodes");
    let (mut scaler, mut buffer) = (Scaler::default(), Vec::new());
    c.bench_function("extract/decode", |b| b.iter(|| decode(black_box(&upload), LIMITS)));
    c.bench_function("extract/resize_224", |b| b.iter(|| scaler.scale(black_box(&image), 224, 224, &mut buffer)));
    c.bench_function("extract/resize_canvas", |b| b.iter(|| scaler.scale(black_box(&image), 598, 448, &mut buffer)));
    c.bench_function("extract/thumbnail", |b| b.iter(|| thumbnail(black_box(&image), &mut scaler, &mut buffer)));
    let data = (0..7 * 7 * 512).map(|i| (i % 32) as u8).collect();
    let map = FeatureMap { height: 7, width: 7, channels: 512, data };
    c.bench_function("extract/pool", |b| b.iter(|| pool(black_box(&map))));
}

fn whole(c: &mut Criterion) {
    let upload = sample_jpeg(1152, 864).expect("encodes");
    let model = Arc::new(Model::embedded().expect("the model in the binary is sound"));
    let mut extractor = AsicExtractor::new(model, Kernels::detect(), Arc::new(Team::ALONE), LIMITS);
    let mut group = c.benchmark_group("extract/whole");
    group.sample_size(10);
    let request = |profile| Request { thumbnail: true, ..Request::descriptor(profile) };
    for profile in Profile::ALL {
        group.bench_function(profile.as_str(), |b| b.iter(|| extractor.extract(black_box(&upload), request(profile))));
    }
    group.finish();
}

criterion_group!(benches, steps, whole);
criterion_main!(benches);
