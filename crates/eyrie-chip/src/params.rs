//! The network as numbers: what a model file holds, and what makes such numbers a network that the
//! chip can run.

use std::borrow::Cow;
use std::ops::Deref;

use crate::arith::{ACTIVATION_MAX, MULTIPLIER_MAX, PIXEL_MAX, SHIFT_MAX, accumulator_bound, requantise_bound};
use crate::error::ModelError;
use crate::random::Random;

/// One 3x3 convolution (stride 1, padding 1) with its requantisation and, where it follows, the 2x2
/// max pooling.
///
/// For output channel `c`, with `acc` the exact integer sum of activation times level over the
/// window: `out = clamp((acc * multiplier[c] + bias[c] + 2^(shift-1)) >> shift, 0, 31)`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvParams {
    /// For example `conv3_2`.
    pub name: String,
    /// Input channels (3 in the first layer, else a multiple of 64).
    pub cin: usize,
    /// Output channels (a multiple of 64).
    pub cout: usize,
    /// The four levels, rising.
    pub codebook: [i8; 4],
    /// One code (0 to 3, an index into `codebook`) a weight, laid out `[cout][ky][kx][cin]`.
    pub codes: Vec<u8>,
    /// A 12-bit multiplier (1 to 4095) for each output channel.
    pub multiplier: Vec<u16>,
    /// The rounding right shift, 1 to 30.
    pub shift: u32,
    /// Added after the multiplication, one for each output channel.
    pub bias: Vec<i32>,
    /// Real value of one step of the output activations, for reports. Between two layers a
    /// channel's step may be a multiple of it, which the multipliers before and the codes after
    /// agree on.
    pub output_scale: f32,
    /// Whether a 2x2 max pooling with stride 2 follows.
    pub pool: bool,
}

impl ConvParams {
    /// The largest input: 255 for the first layer, which sees the image (three channels), else 31.
    pub fn input_max(&self) -> u8 {
        if self.cin == 3 { PIXEL_MAX } else { ACTIVATION_MAX }
    }

    /// Multiply-accumulates for one output pixel.
    pub fn weights(&self) -> usize {
        9 * self.cin * self.cout
    }

    /// Checks shapes, ranges and, channel by channel, that no sum can overflow 32 bits.
    fn validate(&self) -> Result<(), ModelError> {
        let refuse = |reason: String| Err(ModelError::Layer { layer: self.name.clone(), reason });
        if self.cin != 3 && (self.cin == 0 || !self.cin.is_multiple_of(64)) {
            return refuse(format!("{} input channels are neither 3 nor a multiple of 64", self.cin));
        }
        if self.cout == 0 || !self.cout.is_multiple_of(64) {
            return refuse(format!("{} output channels are no multiple of 64", self.cout));
        }
        let weights = self.cin.checked_mul(self.cout).and_then(|n| n.checked_mul(9));
        if weights != Some(self.codes.len()) {
            return refuse(format!("{} codes do not fit {}x3x3x{}", self.codes.len(), self.cout, self.cin));
        }
        if self.multiplier.len() != self.cout || self.bias.len() != self.cout {
            return refuse(format!(
                "{} multipliers and {} biases for {} output channels",
                self.multiplier.len(),
                self.bias.len(),
                self.cout
            ));
        }
        if !self.codebook.is_sorted_by(|a, b| a < b) {
            return refuse(format!("the levels {:?} do not rise", self.codebook));
        }
        if self.shift == 0 || self.shift > SHIFT_MAX {
            return refuse(format!("a shift of {} is outside 1 to {SHIFT_MAX}", self.shift));
        }
        if !(self.output_scale.is_finite() && self.output_scale > 0.0) {
            return refuse(format!("an output scale of {} is not positive and finite", self.output_scale));
        }
        if let Some(code) = self.codes.iter().find(|&&code| code > 3) {
            return refuse(format!("{code} is not a 2-bit code"));
        }
        if let Some(multiplier) = self.multiplier.iter().find(|&&m| m == 0 || m > MULTIPLIER_MAX) {
            return refuse(format!("a multiplier of {multiplier} is outside 1 to {MULTIPLIER_MAX}"));
        }
        let bound = self.bound();
        if bound > i64::from(i32::MAX) {
            return Err(ModelError::Overflow { layer: self.name.clone(), bound });
        }
        Ok(())
    }

    /// The largest magnitude that any sum of this layer can reach, over all channels and all
    /// inputs.
    ///
    /// A layer is sound when this is at most `i32::MAX`. Lengths must fit (see [`SoundConv::new`]).
    pub fn bound(&self) -> i64 {
        let window = 9 * self.cin;
        let channels = self.codes.chunks_exact(window).zip(self.multiplier.iter().zip(&self.bias));
        channels
            .map(|(codes, (&multiplier, &bias))| {
                let levels = codes.iter().map(|&code| self.codebook[usize::from(code & 3)]);
                requantise_bound(accumulator_bound(levels, self.input_max()), multiplier, bias, self.shift)
            })
            .max()
            .unwrap_or(0)
    }
}

/// A layer that the chip can run: shapes and ranges fit, and no sum overflows. There is none that
/// was not checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundConv(ConvParams);

impl SoundConv {
    /// Checks shapes, ranges and, channel by channel, that no sum can overflow 32 bits.
    ///
    /// # Errors
    /// [`ModelError::Layer`] and [`ModelError::Overflow`].
    pub fn new(params: ConvParams) -> Result<Self, ModelError> {
        params.validate()?;
        Ok(Self(params))
    }
}

impl Deref for SoundConv {
    type Target = ConvParams;

    fn deref(&self) -> &ConvParams {
        &self.0
    }
}

/// A whole network that the chip can run: sound layers, each of which takes what the one before it
/// gives.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkParams {
    padding: [u8; 3],
    layers: Vec<SoundConv>,
}

impl NetworkParams {
    /// A network of these layers in this order. `padding` is the bytes (R, G, B) that the first
    /// layer sees outside the image: the mean colour.
    ///
    /// # Errors
    /// [`ModelError::Layer`] for one that does not take what the one before it gives;
    /// [`ModelError::Format`] when there is no layer.
    pub fn new(padding: [u8; 3], layers: Vec<SoundConv>) -> Result<Self, ModelError> {
        if layers.is_empty() {
            return Err(ModelError::Format("the network has no layers".into()));
        }
        let mut channels = 3;
        for layer in &layers {
            if layer.cin != channels {
                return Err(ModelError::Layer {
                    layer: layer.name.clone(),
                    reason: format!("takes {} channels where {channels} come in", layer.cin),
                });
            }
            channels = layer.cout;
        }
        Ok(Self { padding, layers })
    }

    /// The bytes (R, G, B) that the first layer sees outside the image.
    pub fn padding(&self) -> [u8; 3] {
        self.padding
    }

    /// The layers in order; at least one.
    pub fn layers(&self) -> &[SoundConv] {
        &self.layers
    }

    /// Names and shapes of the layers, without their weights.
    pub fn shapes(&self) -> Vec<LayerShape> {
        let shape = |layer: &SoundConv| LayerShape {
            name: Cow::Owned(layer.name.clone()),
            cin: layer.cin,
            cout: layer.cout,
            pool: layer.pool,
        };
        self.layers.iter().map(shape).collect()
    }

    /// A network of the given shape with pseudo-random codes, scaled so that activations use their
    /// range.
    ///
    /// For tests and benchmarks only: it runs like a trained network and says nothing about images.
    ///
    /// # Errors
    /// Those of [`SoundConv::new`] and [`NetworkParams::new`], for shapes that are those of no
    /// network.
    #[doc(hidden)]
    pub fn pseudo_random(seed: u64, shapes: &[LayerShape]) -> Result<Self, ModelError> {
        let mut random = Random::new(seed);
        let layers: Result<_, _> = shapes
            .iter()
            .map(|shape| {
                let &LayerShape { ref name, cin, cout, pool } = shape;
                let codebook = [-3i8, -1, 1, 3];
                let window = 9 * cin;
                let codes: Vec<u8> = (0..window * cout).map(|_| (random.bits() >> 62) as u8).collect();
                // Mean and mean square of the inputs: bytes of a picture, or half of a bell curve
                // of deviation 10.
                let (mean, variance) = if cin == 3 { (115.0, 4000.0) } else { (4.0, 34.0) };
                let deviation = (window as f64 * 5.0 * variance).sqrt();
                let factor = 10.0 / deviation;
                let shift = (4095.0 / (1.5 * factor)).log2().floor().clamp(1.0, 18.0) as u32;
                let multiplier: Vec<u16> = (0..cout)
                    .map(|_| {
                        let jitter = 0.75 + 0.5 * (random.bits() >> 40) as f64 / (1u64 << 24) as f64;
                        (factor * jitter * f64::from(1u32 << shift)).round().clamp(1.0, 4095.0) as u16
                    })
                    .collect();
                let bias = codes
                    .chunks_exact(window)
                    .zip(&multiplier)
                    .map(|(codes, &multiplier)| {
                        let sum: i32 = codes.iter().map(|&code| i32::from(codebook[usize::from(code)])).sum();
                        (-f64::from(sum) * mean * f64::from(multiplier)) as i32
                    })
                    .collect();
                SoundConv::new(ConvParams {
                    name: name.clone().into_owned(),
                    cin,
                    cout,
                    codebook,
                    codes,
                    multiplier,
                    shift,
                    bias,
                    output_scale: 0.125,
                    pool,
                })
            })
            .collect();
        Self::new([124, 116, 104], layers?)
    }
}

/// A linear map from a pooled vector to a descriptor: `y = components * (x - mean)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitening {
    /// What it was learned for, for example the name of a profile.
    pub name: String,
    /// One value for each input dimension.
    pub mean: Vec<f32>,
    /// Rows of `mean.len()` values, one for each output dimension, strongest first.
    pub components: Vec<f32>,
}

impl Whitening {
    /// Input dimensions.
    pub fn inputs(&self) -> usize {
        self.mean.len()
    }

    /// Output dimensions.
    pub fn outputs(&self) -> usize {
        self.components.len().checked_div(self.mean.len()).unwrap_or(0)
    }
}

/// Name and shape of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerShape {
    /// For example `conv3_2`.
    pub name: Cow<'static, str>,
    /// Input channels.
    pub cin: usize,
    /// Output channels.
    pub cout: usize,
    /// Whether a 2x2 max pooling follows.
    pub pool: bool,
}

impl LayerShape {
    /// A 3x3 convolution from `cin` to `cout` channels, with a pooling after it or not.
    pub const fn new(name: &'static str, cin: usize, cout: usize, pool: bool) -> Self {
        Self { name: Cow::Borrowed(name), cin, cout, pool }
    }

    /// Weights, and multiply-accumulates for one output pixel.
    pub fn weights(&self) -> usize {
        9 * self.cin * self.cout
    }
}

/// The convolutions of VGG-16 (K. Simonyan, A. Zisserman, arXiv 1409.1556, configuration D),
/// conv1_1 to pool5.
pub const VGG16: [LayerShape; 13] = [
    LayerShape::new("conv1_1", 3, 64, false),
    LayerShape::new("conv1_2", 64, 64, true),
    LayerShape::new("conv2_1", 64, 128, false),
    LayerShape::new("conv2_2", 128, 128, true),
    LayerShape::new("conv3_1", 128, 256, false),
    LayerShape::new("conv3_2", 256, 256, false),
    LayerShape::new("conv3_3", 256, 256, true),
    LayerShape::new("conv4_1", 256, 512, false),
    LayerShape::new("conv4_2", 512, 512, false),
    LayerShape::new("conv4_3", 512, 512, true),
    LayerShape::new("conv5_1", 512, 512, false),
    LayerShape::new("conv5_2", 512, 512, false),
    LayerShape::new("conv5_3", 512, 512, true),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arith::rounding;

    fn sound() -> ConvParams {
        NetworkParams::pseudo_random(1, &VGG16[..2]).expect("sound").layers.remove(1).0
    }

    fn reason(layer: &ConvParams) -> String {
        layer.validate().expect_err("must be refused").to_string()
    }

    #[test]
    fn a_pseudo_random_vgg16_is_sound_and_of_the_published_size() {
        let params = NetworkParams::pseudo_random(7, &VGG16);
        let weights = |params: &NetworkParams| params.layers().iter().map(|layer| layer.weights()).sum::<usize>();
        assert_eq!(params.as_ref().map(weights), Ok(14_710_464));
        assert_eq!(params, NetworkParams::pseudo_random(7, &VGG16), "the same seed gives the same network");
    }

    #[test]
    fn each_kind_of_nonsense_is_refused_with_its_reason() {
        type Spoil = fn(&mut ConvParams);
        let cases: [(Spoil, &str); 11] = [
            (|l| l.cin = 48, "neither 3 nor a multiple of 64"),
            (|l| l.cin = 0, "neither 3 nor a multiple of 64"),
            (|l| l.cout = 32, "no multiple of 64"),
            (|l| l.codes.truncate(9), "9 codes do not fit"),
            (|l| l.codes[5] = 4, "not a 2-bit code"),
            (|l| l.bias.truncate(1), "1 biases"),
            (|l| l.multiplier[3] = 0, "a multiplier of 0"),
            (|l| l.multiplier[3] = 4096, "a multiplier of 4096"),
            (|l| l.codebook = [-3, 1, 1, 3], "do not rise"),
            (|l| l.shift = 31, "a shift of 31"),
            (|l| l.output_scale = f32::NAN, "an output scale"),
        ];
        for (spoil, expected) in cases {
            let mut layer = sound();
            spoil(&mut layer);
            let reason = reason(&layer);
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn sizes_whose_product_overflows_are_refused() {
        let mut layer = sound();
        layer.cin = usize::MAX / 64 * 64;
        layer.cout = usize::MAX / 64 * 64;
        assert!(reason(&layer).contains("do not fit"));
    }

    #[test]
    fn a_layer_whose_sums_could_pass_32_bits_is_refused_and_one_below_is_not() {
        let mut layer = sound();
        layer.codes.fill(3);
        layer.codebook = [-1, 0, 1, 127];
        layer.multiplier.fill(1);
        let acc = 576 * 31 * 127i64;
        let largest = (i64::from(i32::MAX) - acc - i64::from(rounding(layer.shift))) as i32;
        layer.bias.fill(0);
        layer.bias[63] = largest;
        assert_eq!(layer.bound(), i64::from(i32::MAX));
        assert_eq!(layer.validate(), Ok(()));
        layer.bias[63] = -largest - 1;
        assert_eq!(layer.validate(), Err(ModelError::Overflow { layer: "conv1_2".into(), bound: 1 << 31 }));
        layer.bias[63] = i32::MIN;
        assert!(matches!(layer.validate(), Err(ModelError::Overflow { .. })));
    }

    #[test]
    fn a_chain_that_does_not_fit_is_refused() {
        let mut layers = NetworkParams::pseudo_random(1, &VGG16[..4]).expect("sound").layers;
        layers.swap(2, 3);
        let refused = NetworkParams::new([0; 3], layers);
        assert!(matches!(refused, Err(ModelError::Layer { layer, .. }) if layer == "conv2_2"));
        assert!(NetworkParams::new([0; 3], Vec::new()).is_err());
    }
}
