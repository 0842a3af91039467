//! What one image contributes to a layer: its inputs on the chip and its sums in the float network,
//! at sampled positions.

use half::f16;
use half::slice::HalfFloatSliceExt;

use eyrie_chip::{FeatureMap, Random};

use super::float::{FloatConv, FloatMap};

/// An image on its way through the layers: the float map in 16 bits and the chip's map, both
/// unpadded.
#[derive(Debug, Clone)]
pub(super) struct ImageState {
    /// The chip's activations; before the first layer, the picture's bytes.
    pub(super) chip: FeatureMap,
    /// The float network's activations; empty before the first layer, whose input the bytes give
    /// exactly.
    float: Vec<f16>,
}

impl ImageState {
    /// A square picture of RGB bytes.
    pub(super) fn new(rgb: &[u8], side: usize) -> Self {
        let chip = FeatureMap { height: side, width: side, channels: 3, data: rgb.to_vec() };
        Self { chip, float: Vec::new() }
    }

    fn float_input(&self) -> FloatMap {
        let FeatureMap { height, width, channels, ref data } = self.chip;
        if self.float.is_empty() {
            FloatMap::from_rgb(data, height, width)
        } else {
            FloatMap { height, width, channels, data: self.float.to_f32_vec() }
        }
    }

    /// Runs the float layer in place, and returns its sums before the ReLU at `positions`,
    /// row-major `[positions][cout]`.
    ///
    /// The chip's map is left as it is: the layer's input, until the caller replaces it by the
    /// layer's output.
    pub(super) fn advance_float(&mut self, layer: &FloatConv, positions: &[usize]) -> Vec<f32> {
        let sums = layer.pre_activations(&self.float_input());
        let sampled = positions
            .iter()
            .flat_map(|&position| &sums.data[position * layer.cout..(position + 1) * layer.cout])
            .copied()
            .collect();
        let map = sums.relu_and_pool(layer.pool);
        self.float = vec![f16::ZERO; map.data.len()];
        self.float.convert_from_f32_slice(&map.data);
        sampled
    }

    /// Cosine between the float map and the chip's map of the same layer, whose channels count
    /// `factors` each; 0 when one of them is zero.
    pub(super) fn cosine(&self, factors: &[f32]) -> f64 {
        let (mut ab, mut aa, mut bb) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (row, chip) in self.float.chunks(factors.len()).zip(self.chip.data.chunks(factors.len())) {
            let (mut ab_row, mut aa_row, mut bb_row) = (0.0_f32, 0.0_f32, 0.0_f32);
            for (a, b) in row.to_f32_vec().into_iter().zip(chip.iter().zip(factors).map(|(&b, f)| f32::from(b) * f)) {
                ab_row += a * b;
                aa_row += a * a;
                bb_row += b * b;
            }
            ab += f64::from(ab_row);
            aa += f64::from(aa_row);
            bb += f64::from(bb_row);
        }
        if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
    }

    /// Cosine between the two maps' means over all pixels.
    pub(super) fn pooled_cosine(&self) -> f64 {
        let FeatureMap { height, width, channels, ref data } = self.chip;
        let chip = FloatMap { height, width, channels, data: data.iter().map(|&v| f32::from(v)).collect() };
        let (a, b) = (self.float_input().mean_over_pixels(), chip.mean_over_pixels());
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let norms = (dot(&a, &a) * dot(&b, &b)).sqrt();
        if norms > 0.0 { dot(&a, &b) / norms } else { 0.0 }
    }
}

/// The 3x3 windows around `positions`, row-major `[positions][ky][kx][channels]`; `padding` lies
/// around a picture, zeros around every other map.
pub(super) fn windows(map: &FeatureMap, positions: &[usize], padding: [u8; 3]) -> Vec<u8> {
    let (height, width, channels) = (map.height, map.width, map.channels);
    let zeros = vec![0; channels];
    let outside: &[u8] = if channels == 3 { &padding } else { &zeros };
    let mut rows = Vec::with_capacity(positions.len() * 9 * channels);
    for &position in positions {
        let (y, x) = (position / width, position % width);
        for tap in 0..9 {
            // Row and column one too large, so that they stay positive.
            let (row, column) = (y + tap / 3, x + tap % 3);
            if (1..=height).contains(&row) && (1..=width).contains(&column) {
                let start = ((row - 1) * width + column - 1) * channels;
                rows.extend_from_slice(&map.data[start..start + channels]);
            } else {
                rows.extend_from_slice(outside);
            }
        }
    }
    rows
}

/// `count` of `positions` positions, rising, each once: one from each of `count` equal stretches.
/// All when there are no more.
pub(super) fn sample_positions(positions: usize, count: usize, seed: u64) -> Vec<usize> {
    if count >= positions {
        return (0..positions).collect();
    }
    let mut random = Random::new(seed);
    (0..count)
        .map(|stretch| {
            let (start, end) = (stretch * positions / count, (stretch + 1) * positions / count);
            start + (random.bits() % (end - start) as u64) as usize
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampled_positions_are_distinct_and_repeatable() {
        let first = sample_positions(1000, 300, 7);
        assert_eq!(first, sample_positions(1000, 300, 7));
        assert_ne!(first, sample_positions(1000, 300, 8));
        assert!(first.windows(2).all(|pair| pair[0] < pair[1]) && first.len() == 300 && first[299] < 1000);
        assert_eq!(sample_positions(5, 9, 7), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_window_at_the_corner_sees_the_padding() {
        let map = FeatureMap { height: 2, width: 2, channels: 3, data: (1..=12).collect() };
        let rows = windows(&map, &[0, 3], [91, 92, 93]);
        let p = [91, 92, 93];
        let want = [p, p, p, p, [1, 2, 3], [4, 5, 6], p, [7, 8, 9], [10, 11, 12]].concat();
        assert_eq!(rows[..27], want);
        let want = [[1, 2, 3], [4, 5, 6], p, [7, 8, 9], [10, 11, 12], p, p, p, p].concat();
        assert_eq!(rows[27..], want);
    }
}
