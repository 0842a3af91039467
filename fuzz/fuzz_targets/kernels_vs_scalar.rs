//! Every kernel that this CPU has equals the scalar one, direct and by Winograd's tiles, layer by
//! layer and as a network, on whatever sound layers the input describes.

#![no_main]

use std::sync::{Arc, LazyLock};

use eyrie_chip::arith::{accumulator_bound, rounding};
use eyrie_chip::{
    Algorithm, Arena, ConvParams, FeatureMap, Kernels, Layer, Network, NetworkParams, SoundConv, Team, max_pool_2x2,
    run_layer,
};
use libfuzzer_sys::fuzz_target;

/// Teams of one to three threads.
static TEAMS: LazyLock<[Arc<Team>; 3]> =
    LazyLock::new(|| [1, 2, 3].map(|threads| Arc::new(Team::new(threads).expect("threads"))));

/// The input, byte by byte, and from its beginning again when it ends; each round is turned by
/// another value.
struct Bytes<'a> {
    data: &'a [u8],
    next: usize,
}

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let round = (self.next / self.data.len()) as u8;
        let byte = self.data[self.next % self.data.len()].wrapping_add(round.wrapping_mul(91));
        self.next += 1;
        byte
    }

    /// `least` to `most`.
    fn number(&mut self, least: usize, most: usize) -> usize {
        least + usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % (most - least + 1)
    }

    /// A map with values of 0 to `max`.
    fn map(&mut self, height: usize, width: usize, channels: usize, max: u8) -> FeatureMap {
        // Every other input is full: sums are largest there.
        let least = if self.byte().is_multiple_of(2) { max } else { 0 };
        let data = (0..height * width * channels).map(|_| (self.byte() & max).max(least)).collect();
        FeatureMap { height, width, channels, data }
    }

    /// A sound layer: multipliers and biases take any share of what the proof of no overflow
    /// leaves.
    fn layer(&mut self, name: &str, cin: usize, cout: usize) -> SoundConv {
        // Every other codebook is small enough for tiles, or nearly so.
        let divisor = if self.byte().is_multiple_of(2) { 8 } else { 1 };
        let mut codebook = [0, 1, 2, 3].map(|_| self.byte() as i8 / divisor);
        codebook.sort_unstable();
        for code in 1..4 {
            // Equal levels are pushed apart, at the upper end downwards.
            codebook[code] = codebook[code].max(codebook[code - 1].saturating_add(1));
        }
        for code in (0..3).rev() {
            codebook[code] = codebook[code].min(codebook[code + 1] - 1);
        }
        let window = 9 * cin;
        let codes: Vec<u8> = (0..cout)
            .flat_map(|_| {
                // A channel in four has one code alone, which reaches the largest sums.
                let only = self.byte();
                let codes: Vec<u8> = (0..window.div_ceil(4))
                    .flat_map(|_| {
                        let b = self.byte();
                        [b & 3, b >> 2 & 3, b >> 4 & 3, b >> 6]
                    })
                    .take(window)
                    .collect();
                if only < 64 { vec![only & 3; window] } else { codes }
            })
            .collect();
        let shift = self.number(1, 30) as u32;
        let mut params = ConvParams {
            name: name.to_owned(),
            cin,
            cout,
            codebook,
            codes,
            multiplier: vec![],
            shift,
            bias: vec![],
            output_scale: 1.0,
            pool: self.byte().is_multiple_of(2),
        };
        let all = i64::from(i32::MAX) - i64::from(rounding(shift));
        for codes in params.codes.chunks_exact(window) {
            let levels = codes.iter().map(|&code| codebook[usize::from(code)]);
            let acc = accumulator_bound(levels, params.input_max());
            let most = all.checked_div(acc).unwrap_or(i64::MAX).clamp(1, 4095);
            let multiplier = self.number(1, most as usize);
            let room = all - acc * multiplier as i64;
            let share = i64::from(i16::from_le_bytes([self.byte(), self.byte()]).max(-i16::MAX));
            params.multiplier.push(multiplier as u16);
            params.bias.push((room * share / i64::from(i16::MAX)) as i32);
        }
        SoundConv::new(params).expect("a sound layer")
    }
}

/// Every kernel that this CPU has, both ways.
fn ways() -> impl Iterator<Item = Kernels> {
    let both = [Algorithm::Direct, Algorithm::Winograd];
    Kernels::available().into_iter().flat_map(move |kernels| both.map(|algorithm| kernels.with_algorithm(algorithm)))
}

/// The scalar kernel's answer on the caller's thread, after all kernels gave the same on `team`.
fn run(params: &SoundConv, input: &FeatureMap, padding: [u8; 3], team: &Team) -> FeatureMap {
    let layer = Layer::new(params);
    let expected = run_layer(Kernels::scalar(), &layer, input, padding, &Team::ALONE);
    for kernels in ways() {
        let got = run_layer(kernels, &layer, input, padding, team);
        let algorithm = kernels.algorithm();
        assert!(got == expected, "{} {algorithm} with {} threads", kernels.isa(), team.threads());
    }
    expected
}

fuzz_target!(|data: &[u8]| {
    if data.is_empty() {
        return;
    }
    let mut bytes = Bytes { data, next: 0 };
    let (height, width) = (bytes.number(1, 6), bytes.number(1, 34));
    let (batch, team) = (bytes.number(1, 3), &TEAMS[bytes.number(0, 2)]);
    let middle = 64 * bytes.number(1, 2);
    let mut layers = vec![bytes.layer("first", 3, middle)];
    if bytes.byte().is_multiple_of(2) {
        layers.push(bytes.layer("second", middle, 64));
    }
    let padding = [0; 3].map(|_| bytes.byte());
    let images: Vec<FeatureMap> = (0..batch).map(|_| bytes.map(height, width, 3, 255)).collect();

    let network = Network::new(&NetworkParams::new(padding, layers.clone()).expect("a sound network"));
    let (out_height, out_width, _) = network.output_shape(height, width);
    if out_height == 0 || out_width == 0 {
        run(&layers[0], &images[0], padding, team);
        return;
    }
    let (mut middle_maps, mut last_maps) = (Vec::new(), Vec::new());
    for image in &images {
        let last = layers.iter().enumerate().fold(image.clone(), |map, (place, layer)| {
            let map = run(layer, &map, padding, team);
            let map = if layer.pool { max_pool_2x2(&map) } else { map };
            if layer.pool && place + 1 < layers.len() {
                middle_maps.push(map.clone());
            }
            map
        });
        last_maps.push(last);
    }
    // Activations of the first layer need not reach 31: the second one alone also gets maps of its
    // own.
    if let [_, second] = layers.as_slice() {
        run(second, &bytes.map(height, width, middle, 31), padding, team);
    }
    let rgb: Vec<u8> = images.iter().flat_map(|image| image.data.iter().copied()).collect();
    for kernels in ways() {
        let mut arena = Arena::new(&network, height, width, batch, Arc::clone(team));
        let got = network.run(kernels, &mut arena, &rgb, height, width);
        let equal = got.middle == middle_maps && got.last == last_maps;
        let (isa, algorithm) = (kernels.isa(), kernels.algorithm());
        assert!(equal, "{isa} {algorithm}: a batch of {batch} with {} threads", team.threads());
    }
});
