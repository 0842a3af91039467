//! A pass allocates nothing: all its memory is in the arena.

use std::sync::Arc;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use eyrie_chip::{Algorithm, Arena, Kernels, Network, NetworkParams, Team, VGG16};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn a_pass_allocates_nothing() {
    let shapes: Vec<_> = VGG16.into_iter().take(8).collect();
    let network = Network::new(&NetworkParams::pseudo_random(1, &shapes).expect("a sound network"));
    let ways = |kernels: Kernels| Algorithm::ALL.map(|algorithm| kernels.with_algorithm(algorithm));
    for kernels in Kernels::available().into_iter().flat_map(ways) {
        let mut arena = Arena::new(&network, 48, 64, 3, Arc::new(Team::ALONE));
        let bytes = arena.bytes();
        for (height, width, batch) in [(48, 64, 3), (32, 32, 1), (48, 64, 3)] {
            let images = vec![7; batch * height * width * 3];
            assert_no_alloc(|| {
                network.run(kernels, &mut arena, &images, height, width);
            });
        }
        assert_eq!(arena.bytes(), bytes, "the stated size");
    }
}
