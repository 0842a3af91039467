//! One pass of the 2-bit VGG-16 over a 224x224 image, for each instruction set that this CPU has and 1 and 2 threads.
//!
//! Throughput is in multiply-accumulates: elements a second are MAC a second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eyrie::asic::{Arena, Kernels, Network, NetworkParams, VGG16};

fn passes(criterion: &mut Criterion) {
    let (network, rgb) = (
        Network::new(&NetworkParams::pseudo_random(2019, &VGG16)).expect("a sound network"),
        (0..224 * 224 * 3u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<u8>>(),
    );
    let mut group = criterion.benchmark_group("pass_224");
    group.throughput(Throughput::Elements(15_346_630_656)).sample_size(10);
    for kernels in Kernels::available() {
        for threads in [1, 2] {
            let mut arena = Arena::new(&network, threads);
            group.bench_function(BenchmarkId::new(kernels.isa().name(), threads), |bencher| {
                bencher.iter(|| network.run(kernels, &mut arena, &rgb, 224, 224).data[0]);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, passes);
criterion_main!(benches);
