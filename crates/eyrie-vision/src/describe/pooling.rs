//! From the activations of a map to a vector.
//!
//! Sums are exact integers. The few operations after them are IEEE additions, multiplications,
//! divisions and square roots in a fixed order, none of them fused, so the same activations give
//! the same bytes on every CPU.
//!
//! * [`pool`]: square-root pooling, `sqrt(mean of f^2)`, over each window of [`WINDOWS`], averaged
//!   over the windows. Windows at several places make the vector bear translation, windows of
//!   several sizes make it bear scale.
//! * [`maximum`]: element-wise, over the turned inputs (rotation). Together: nested invariance
//!   pooling, after O. Morère et al., "Nested Invariance Pooling and RBM Hashing for Image Instance
//!   Retrieval", arXiv 1603.04595.
//! * [`Whitener`]: a learned linear map, from pooled values to values of a descriptor or between
//!   such.

use eyrie_chip::{FeatureMap, Whitening};

/// A square window on a grid of 7x7 cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Columns left of it.
    pub x: usize,
    /// Rows above it.
    pub y: usize,
    /// Width and height.
    pub size: usize,
}

/// Rows and columns of the grid that windows lie on: the last map for an input of 224x224.
pub const MAP_SIDE: usize = 7;

/// Windows of one size and how far apart they are: size, stride.
const SCALES: [(usize, usize); 3] = [(7, 1), (5, 2), (3, 2)];

/// The whole map, four windows of 5x5 and nine of 3x3, each set evenly spread and so unchanged by
/// quarter turns.
pub const WINDOWS: [Window; 14] = windows();

const fn windows() -> [Window; 14] {
    let mut all = [Window { x: 0, y: 0, size: MAP_SIDE }; 14];
    let (mut count, mut scale) = (0, 0);
    while scale < SCALES.len() {
        let (size, stride) = SCALES[scale];
        let mut y = 0;
        while y + size <= MAP_SIDE {
            let mut x = 0;
            while x + size <= MAP_SIDE {
                all[count] = Window { x, y, size };
                count += 1;
                x += stride;
            }
            y += stride;
        }
        scale += 1;
    }
    assert!(count == all.len());
    all
}

/// Square-root pooling over every window, averaged over the windows: one value for each channel, 0
/// to 31. A cell of the grid is one pixel of a map of 7x7, 2x2 pixels of one of 14x14 and so on.
///
/// # Panics
/// If the map is not square, or its side no multiple of 7.
pub fn pool(map: &FeatureMap) -> Vec<f32> {
    let cell = map.height / MAP_SIDE;
    let fits = cell > 0 && (map.height, map.width) == (cell * MAP_SIDE, cell * MAP_SIDE);
    assert!(fits, "the map that is pooled has {}x{} pixels", map.height, map.width);
    let mut total = vec![0f32; map.channels];
    let mut squares = vec![0u32; map.channels];
    for window in WINDOWS {
        squares.fill(0);
        for y in window.y * cell..(window.y + window.size) * cell {
            for x in window.x * cell..(window.x + window.size) * cell {
                let pixel = (y * map.width + x) * map.channels;
                for (sum, &f) in squares.iter_mut().zip(&map.data[pixel..pixel + map.channels]) {
                    *sum += u32::from(f) * u32::from(f);
                }
            }
        }
        // At most 14^2 * 31^2 = 188,356 for the maps of VGG-16: exact in an f32.
        let area = (window.size * cell).pow(2) as f32;
        for (total, &sum) in total.iter_mut().zip(&squares) {
            *total += (sum as f32 / area).sqrt();
        }
    }
    for value in &mut total {
        *value /= WINDOWS.len() as f32;
    }
    total
}

/// Raises each value of `into` to that of `other` where it is larger.
pub(super) fn maximum(into: &mut [f32], other: &[f32]) {
    for (a, &b) in into.iter_mut().zip(other) {
        *a = a.max(b);
    }
}

/// Adds `other` to `into`, value by value.
pub(super) fn add(into: &mut [f32], other: &[f32]) {
    for (a, &b) in into.iter_mut().zip(other) {
        *a += b;
    }
}

/// Scales to unit L2 norm; the sum of squares is taken in order in `f64`. Zeros stay zeros.
pub(super) fn normalize(values: &mut [f32]) {
    let squared: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    if squared > 0.0 {
        let norm = squared.sqrt();
        for v in values {
            *v = (f64::from(*v) / norm) as f32;
        }
    }
}

/// The last step before the whitening: the power 3/4 of each value with its sign kept (it tames the
/// few channels that answer to everything), then unit norm. A vector of zeros, from a picture that
/// excites nothing, becomes uniform.
///
/// The 3/4 are two square roots and a product, each correctly rounded. Measured, they find packages
/// and covers better than the usual 1/2 (H. Jégou et al., "Aggregating local image descriptors into
/// compact codes", 2012), see `docs/benchmarks/`.
pub(super) fn signed_power(values: &mut [f32]) {
    for v in values.iter_mut() {
        let root = v.abs().sqrt();
        *v = (root * root.sqrt()).copysign(*v);
    }
    normalize(values);
    uniform_if_zero(values);
}

/// Gives a vector without direction the one that favours no dimension, so that every picture has a
/// descriptor.
pub(super) fn uniform_if_zero(values: &mut [f32]) {
    if values.iter().all(|&v| v == 0.0) {
        let each = (1.0 / values.len() as f64).sqrt() as f32;
        values.fill(each);
    }
}

/// `y = components * (x - mean)`, stored so that each input is spread over all outputs at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitener {
    mean: Vec<f32>,
    /// `columns[i * outputs + j]` takes input `i` to output `j`.
    columns: Vec<f32>,
    outputs: usize,
}

impl Whitener {
    /// Transposes the components.
    pub fn new(whitening: &Whitening) -> Self {
        let (inputs, outputs) = (whitening.inputs(), whitening.outputs());
        let columns =
            (0..inputs).flat_map(|i| (0..outputs).map(move |j| whitening.components[j * inputs + i])).collect();
        Self { mean: whitening.mean.clone(), columns, outputs }
    }

    /// How many values come out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Applies the map. Each output adds up its products in the order of the inputs, however many
    /// outputs the compiler works on at a time.
    ///
    /// # Panics
    /// If `input` has another length than the mean.
    pub fn apply(&self, input: &[f32]) -> Vec<f32> {
        self.leading(input, self.outputs)
    }

    /// The first `count` values that the map gives, or all where it gives fewer.
    ///
    /// # Panics
    /// Those of [`Whitener::apply`].
    pub fn leading(&self, input: &[f32], count: usize) -> Vec<f32> {
        assert_eq!(input.len(), self.mean.len(), "values to be whitened");
        let mut output = vec![0f32; count.min(self.outputs)];
        for ((&x, &mean), column) in input.iter().zip(&self.mean).zip(self.columns.chunks_exact(self.outputs)) {
            let centred = x - mean;
            for (sum, &component) in output.iter_mut().zip(column) {
                *sum += component * centred;
            }
        }
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(channels: usize, value: impl Fn(usize, usize, usize) -> u8) -> FeatureMap {
        let mut map = FeatureMap { height: 7, width: 7, channels, data: Vec::new() };
        for y in 0..7 {
            for x in 0..7 {
                map.data.extend((0..channels).map(|c| value(x, y, c)));
            }
        }
        map
    }

    #[test]
    fn there_are_one_four_and_nine_windows_inside_the_map() {
        let count = |size| WINDOWS.iter().filter(|w| w.size == size).count();
        assert_eq!([7, 5, 3].map(count), [1, 4, 9]);
        assert!(WINDOWS.iter().all(|w| w.x + w.size <= 7 && w.y + w.size <= 7));
    }

    #[test]
    fn quarter_turns_move_windows_onto_windows() {
        for w in WINDOWS {
            assert!(WINDOWS.contains(&Window { x: 7 - w.size - w.y, y: w.x, size: w.size }), "{w:?}");
        }
    }

    #[test]
    fn an_even_map_pools_to_its_value() {
        assert_eq!(pool(&map(3, |_, _, c| [0, 7, 31][c])), [0.0, 7.0, 31.0]);
    }

    #[test]
    fn pooling_follows_the_formula() {
        let map = map(2, |x, y, c| ((x * 5 + y * 11 + c * 3) % 32) as u8);
        for (channel, pooled) in pool(&map).into_iter().enumerate() {
            let mean: f64 = WINDOWS
                .iter()
                .map(|w| {
                    let squares: f64 = (0..w.size * w.size)
                        .map(|i| (w.x + i % w.size, w.y + i / w.size))
                        .map(|(x, y)| f64::from(map.data[(y * 7 + x) * 2 + channel]).powi(2))
                        .sum();
                    (squares / (w.size * w.size) as f64).sqrt()
                })
                .sum::<f64>()
                / 14.0;
            assert!((f64::from(pooled) - mean).abs() < 1e-5, "{pooled} {mean}");
        }
    }

    #[test]
    fn a_larger_map_is_pooled_over_the_same_parts() {
        let small = map(2, |x, y, c| ((x * 5 + y * 11 + c * 3) % 32) as u8);
        let mut large = FeatureMap { height: 14, width: 14, channels: 2, data: Vec::new() };
        for (y, x) in (0..14).flat_map(|y| (0..14).map(move |x| (y, x))) {
            large.data.extend_from_slice(&small.data[(y / 2 * 7 + x / 2) * 2..][..2]);
        }
        assert_eq!(pool(&large), pool(&small));
    }

    #[test]
    #[should_panic(expected = "the map that is pooled")]
    fn a_map_of_another_size_is_refused() {
        pool(&FeatureMap { height: 6, width: 7, channels: 1, data: vec![0; 42] });
    }

    #[test]
    fn zeros_become_uniform_and_have_unit_norm() {
        let mut values = [0f32; 4];
        signed_power(&mut values);
        assert_eq!(values, [0.5; 4]);
    }

    #[test]
    fn the_power_keeps_signs() {
        let mut values = [-16f32, 81.0, 0.0];
        signed_power(&mut values);
        let norm = 8f64.hypot(27.0);
        assert_eq!(values, [(-8.0 / norm) as f32, (27.0 / norm) as f32, 0.0]);
    }

    proptest! {
        #[test]
        fn whitening_equals_the_plain_product(
            (inputs, outputs) in (1usize..20, 1usize..20),
            seed in proptest::collection::vec(-4.0f32..4.0, 500),
        ) {
            let whitening = Whitening {
                name: "fast".into(),
                mean: seed[..inputs].to_vec(),
                components: seed[20..20 + inputs * outputs].to_vec(),
            };
            let x = &seed[480..480 + inputs];
            let y = Whitener::new(&whitening).apply(x);
            for (row, &y) in whitening.components.chunks_exact(inputs).zip(&y) {
                let mut expected = 0f32;
                for i in 0..inputs {
                    expected += row[i] * (x[i] - whitening.mean[i]);
                }
                prop_assert_eq!(y.to_bits(), expected.to_bits());
            }
        }

        #[test]
        fn normalized_vectors_have_unit_norm(values in proptest::collection::vec(-100.0f32..100.0, 1..600)) {
            let mut values = values;
            prop_assume!(values.iter().any(|v| v.abs() > 1e-3));
            normalize(&mut values);
            let squared: f64 = values.iter().map(|&v| f64::from(v).powi(2)).sum();
            prop_assert!((squared - 1.0).abs() < 1e-6);
        }
    }
}
