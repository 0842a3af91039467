//! One pass of the 2-bit VGG-16 over a 224x224 image, for each instruction set that this CPU has,
//! direct and by Winograd's tiles, with 1 and 2 threads, alone and nine together.
//!
//! Throughput is in multiply-accumulates of the definition: elements a second are MAC a second,
//! however many are computed.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eyrie_chip::{Algorithm, Arena, Kernels, Network, NetworkParams, Team, VGG16};

fn passes(criterion: &mut Criterion) {
    let (network, rgb) = (
        Network::new(&NetworkParams::pseudo_random(2019, &VGG16).expect("a sound network")),
        (0..224 * 224 * 3u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<u8>>(),
    );
    let mut group = criterion.benchmark_group("pass_224");
    group.sample_size(10);
    let both = [Algorithm::Direct, Algorithm::Winograd];
    let ways = Kernels::available().into_iter().flat_map(|kernels| both.map(|way| kernels.with_algorithm(way)));
    for kernels in ways {
        for threads in [1, 2] {
            let team = Arc::new(Team::new(threads).expect("threads"));
            for batch in [1, 9] {
                let mut arena = Arena::new(&network, 224, 224, batch, Arc::clone(&team));
                let images = rgb.repeat(batch);
                group.throughput(Throughput::Elements(batch as u64 * 15_346_630_656));
                let id = format!("{}/{threads}_threads_batch_{batch}", kernels.algorithm());
                group.bench_function(BenchmarkId::new(kernels.isa().name(), id), |bencher| {
                    bencher.iter(|| network.run(kernels, &mut arena, &images, 224, 224).last[0].data[0]);
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, passes);
criterion_main!(benches);
