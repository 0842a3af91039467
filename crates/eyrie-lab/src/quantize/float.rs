//! The float VGG-16: the yardstick of the quantiser, and the source of its targets. Not used at run
//! time.
//!
//! K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
//! Recognition", arXiv 1409.1556.

use std::collections::BTreeMap;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use safetensors::{Dtype, SafeTensors};

use super::error::QuantizeError;

/// Mean of the training pictures (R, G, B), in units of the full byte range.
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Deviation of the training pictures (R, G, B), in units of the full byte range.
pub const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// Name, input channels, output channels and "a 2x2 max pooling follows" of the 13 convolutions.
const VGG16: [(&str, usize, usize, bool); 13] = [
    ("conv1_1", 3, 64, false),
    ("conv1_2", 64, 64, true),
    ("conv2_1", 64, 128, false),
    ("conv2_2", 128, 128, true),
    ("conv3_1", 128, 256, false),
    ("conv3_2", 256, 256, false),
    ("conv3_3", 256, 256, true),
    ("conv4_1", 256, 512, false),
    ("conv4_2", 512, 512, false),
    ("conv4_3", 512, 512, true),
    ("conv5_1", 512, 512, false),
    ("conv5_2", 512, 512, false),
    ("conv5_3", 512, 512, true),
];

/// Output positions that one matrix product covers: large enough to keep the multiplier busy, small
/// enough for the L2 cache.
const POSITIONS_AT_ONCE: usize = 512;

/// Float values, channels last: `data[(y * width + x) * channels + c]`.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatMap {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Row by row, pixel by pixel, channel by channel.
    pub data: Vec<f32>,
}

impl FloatMap {
    /// The normalised network input of `height * width` RGB pixels: `(byte / 255 - mean) /
    /// deviation`.
    pub fn from_rgb(rgb: &[u8], height: usize, width: usize) -> Self {
        let data = rgb
            .chunks_exact(3)
            .flat_map(|pixel| {
                std::array::from_fn::<f32, 3, _>(|c| (f32::from(pixel[c]) / 255.0 - MEAN[c]) / DEVIATION[c])
            })
            .collect();
        Self { height, width, channels: 3, data }
    }

    /// ReLU and, where `pool` is set, the 2x2 maximum with stride 2 (an odd last row or column is
    /// dropped).
    pub fn relu_and_pool(mut self, pool: bool) -> Self {
        for value in &mut self.data {
            *value = value.max(0.0);
        }
        if !pool {
            return self;
        }
        let (height, width, channels) = (self.height / 2, self.width / 2, self.channels);
        let mut data = Vec::with_capacity(height * width * channels);
        for y in 0..height {
            for x in 0..width {
                let at = |dy: usize, dx: usize| {
                    let start = ((2 * y + dy) * self.width + 2 * x + dx) * channels;
                    &self.data[start..start + channels]
                };
                let (a, b, c, d) = (at(0, 0), at(0, 1), at(1, 0), at(1, 1));
                data.extend((0..channels).map(|k| a[k].max(b[k]).max(c[k].max(d[k]))));
            }
        }
        Self { height, width, channels, data }
    }

    /// The mean over all pixels, one value a channel.
    pub fn mean_over_pixels(&self) -> Vec<f32> {
        let mut sum = vec![0.0_f64; self.channels];
        for pixel in self.data.chunks_exact(self.channels) {
            for (total, value) in sum.iter_mut().zip(pixel) {
                *total += f64::from(*value);
            }
        }
        let pixels = (self.height * self.width) as f64;
        sum.into_iter().map(|total| (total / pixels) as f32).collect()
    }

    /// A copy with a border of one zero pixel, and two more pixels at the end so that every tap may
    /// read a full view.
    fn padded(&self) -> Vec<f32> {
        let row = (self.width + 2) * self.channels;
        let mut padded = vec![0.0; (self.height + 2) * row + 2 * self.channels];
        for (y, source) in self.data.chunks_exact(self.width * self.channels).enumerate() {
            let start = (y + 1) * row + self.channels;
            padded[start..start + source.len()].copy_from_slice(source);
        }
        padded
    }
}

/// One 3x3 convolution (stride 1, zero padding 1) in float.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatConv {
    /// For example `conv3_2`.
    pub name: String,
    /// Input channels.
    pub cin: usize,
    /// Output channels.
    pub cout: usize,
    /// `[ky][kx][cin][cout]`.
    pub weights: Vec<f32>,
    /// One value for each output channel.
    pub bias: Vec<f32>,
    /// Whether a 2x2 max pooling with stride 2 follows (after the ReLU).
    pub pool: bool,
}

impl FloatConv {
    /// The sums before the ReLU, of the size of the input.
    ///
    /// Nine accumulated matrix products over shifted views of the padded map: with rows stored
    /// `width + 2` wide, the inputs of consecutive output positions are consecutive, and each tap
    /// is an offset. The two positions after each row's end are computed and dropped.
    pub fn pre_activations(&self, input: &FloatMap) -> FloatMap {
        let (height, width, cin, cout) = (input.height, input.width, self.cin, self.cout);
        let stride = width + 2;
        let padded = input.padded();
        let rows_at_once = (POSITIONS_AT_ONCE / stride).clamp(1, height.max(1));
        let mut data = Vec::with_capacity(height * width * cout);
        let mut sums = vec![0.0_f32; rows_at_once * stride * cout];
        for first_row in (0..height).step_by(rows_at_once) {
            let positions = rows_at_once.min(height - first_row) * stride;
            let sums = &mut sums[..positions * cout];
            for position in sums.chunks_exact_mut(cout) {
                position.copy_from_slice(&self.bias);
            }
            for tap in 0..9 {
                let offset = ((first_row + tap / 3) * stride + tap % 3) * cin;
                let view = &padded[offset..offset + positions * cin];
                let weights = &self.weights[tap * cin * cout..(tap + 1) * cin * cout];
                matmul(
                    MatMut::from_row_major_slice_mut(&mut *sums, positions, cout),
                    Accum::Add,
                    MatRef::from_row_major_slice(view, positions, cin),
                    MatRef::from_row_major_slice(weights, cin, cout),
                    1.0,
                    Par::Seq,
                );
            }
            for row in sums.chunks_exact(stride * cout) {
                data.extend_from_slice(&row[..width * cout]);
            }
        }
        FloatMap { height, width, channels: cout, data }
    }

    /// The whole layer: convolution, bias, ReLU and the pooling where it follows.
    pub fn run(&self, input: &FloatMap) -> FloatMap {
        self.pre_activations(input).relu_and_pool(self.pool)
    }
}

/// A float network of 3x3 convolutions; VGG-16 from conv1_1 to pool5 when it comes from the weights
/// file.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatVgg {
    /// The layers in order.
    pub layers: Vec<FloatConv>,
}

impl FloatVgg {
    /// Reads the weights file that `training/fetch_vgg16` writes: safetensors, f32,
    /// `convB_L.weight` in HWIO and `convB_L.bias`.
    ///
    /// # Errors
    ///
    /// [`QuantizeError::Weights`] when the file is damaged, or a tensor is absent, of another shape
    /// or not finite.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, QuantizeError> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| QuantizeError::Weights(error.to_string()))?;
        let tensors: BTreeMap<String, _> = file.tensors().into_iter().collect();
        let read = |name: String, shape: &[usize]| -> Result<Vec<f32>, QuantizeError> {
            let tensor = tensors.get(&name).ok_or_else(|| QuantizeError::Weights(format!("no tensor {name}")))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
                let found = (tensor.dtype(), tensor.shape());
                return Err(QuantizeError::Weights(format!("{name} should be f32 {shape:?}, is {found:?}")));
            }
            let values: Vec<f32> =
                tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            if values.iter().all(|value| value.is_finite()) {
                Ok(values)
            } else {
                Err(QuantizeError::Weights(format!("{name} has values that are not finite")))
            }
        };
        let layers = VGG16
            .iter()
            .map(|&(name, cin, cout, pool)| {
                let weights = read(format!("{name}.weight"), &[3, 3, cin, cout])?;
                let bias = read(format!("{name}.bias"), &[cout])?;
                Ok(FloatConv { name: name.to_owned(), cin, cout, weights, bias, pool })
            })
            .collect::<Result<_, QuantizeError>>()?;
        Ok(Self { layers })
    }

    /// The map after the last pooling before that of the last layer (pool4; the input where there
    /// is none) and the last layer's map (pool5), of an image of `height * width` RGB pixels.
    pub fn run(&self, rgb: &[u8], height: usize, width: usize) -> [FloatMap; 2] {
        let run = |map, layers: &[FloatConv]| layers.iter().fold(map, |map, layer| layer.run(&map));
        let before_last = &self.layers[..self.layers.len().saturating_sub(1)];
        let (early, late) =
            self.layers.split_at(before_last.iter().rposition(|layer| layer.pool).map_or(0, |at| at + 1));
        let middle = run(FloatMap::from_rgb(rgb, height, width), early);
        let last = run(middle.clone(), late);
        [middle, last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_chip::Random;

    /// The definition, in f64.
    fn naive(layer: &FloatConv, input: &FloatMap, y: usize, x: usize, c: usize) -> f64 {
        let mut sum = f64::from(layer.bias[c]);
        for ky in 0..3 {
            for kx in 0..3 {
                let (iy, ix) = ((y + ky).wrapping_sub(1), (x + kx).wrapping_sub(1));
                if iy >= input.height || ix >= input.width {
                    continue;
                }
                for k in 0..layer.cin {
                    let weight = layer.weights[((ky * 3 + kx) * layer.cin + k) * layer.cout + c];
                    sum += f64::from(weight) * f64::from(input.data[(iy * input.width + ix) * layer.cin + k]);
                }
            }
        }
        sum
    }

    #[test]
    fn convolution_equals_its_definition_at_every_position() {
        let mut random = Random::new(1);
        // One row, one column, and a map that takes several products (POSITIONS_AT_ONCE).
        for (height, width, cin, cout) in [(1, 5, 3, 8), (4, 1, 5, 3), (7, 9, 16, 8), (6, 300, 3, 4)] {
            let mut values = |n: usize| (0..n).map(|_| random.normal()).collect::<Vec<f32>>();
            let layer = FloatConv {
                name: "test".into(),
                cin,
                cout,
                weights: values(9 * cin * cout),
                bias: values(cout),
                pool: false,
            };
            let input = FloatMap { height, width, channels: cin, data: values(height * width * cin) };
            let output = layer.pre_activations(&input);
            for y in 0..height {
                for x in 0..width {
                    for c in 0..cout {
                        let got = f64::from(output.data[(y * width + x) * cout + c]);
                        let want = naive(&layer, &input, y, x, c);
                        assert!((got - want).abs() < 1e-3, "{height}x{width} at {y},{x},{c}: {got} for {want}");
                    }
                }
            }
        }
    }

    #[test]
    fn pooling_takes_the_maximum_of_the_positive_parts() {
        let map = FloatMap { height: 2, width: 4, channels: 1, data: vec![-1., -2., 3., 0., -3., -4., 1., 7.] };
        let pooled = map.relu_and_pool(true);
        assert_eq!((pooled.height, pooled.width, pooled.data), (1, 2, vec![0., 7.]));
    }

    #[test]
    fn damaged_weights_are_refused() {
        assert!(matches!(FloatVgg::from_safetensors(b"not a file"), Err(QuantizeError::Weights(_))));
    }
}
