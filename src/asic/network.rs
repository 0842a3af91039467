//! The network as numbers: what a model file holds and a chip runs.

/// Why parameters are not a network that the chip can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The file is damaged, truncated or of another kind or version.
    #[error("not a usable model file: {0}")]
    Format(String),
    /// Shapes or values that do not fit together.
    #[error("layer {layer}: {reason}")]
    Layer {
        /// Name of the layer.
        layer: String,
        /// What does not fit.
        reason: String,
    },
    /// The proof that no accumulator can overflow fails for these parameters.
    #[error("layer {layer}: a sum could reach {bound}, more than 32 bits hold")]
    Overflow {
        /// Name of the layer.
        layer: String,
        /// The largest magnitude that a sum could reach.
        bound: i64,
    },
}

/// One 3x3 convolution (stride 1, padding 1) with its requantisation and, where it follows, the 2x2 max pooling.
///
/// For output channel `c`, with `acc` the exact integer sum of activation times level over the window:
/// `out = clamp((acc * multiplier[c] + bias[c] + 2^(shift-1)) >> shift, 0, 31)`.
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
    /// Real value of one step of the output activations; for reports and for undoing the scale.
    pub output_scale: f32,
    /// Whether a 2x2 max pooling with stride 2 follows.
    pub pool: bool,
}

/// A whole network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkParams {
    /// The bytes (R, G, B) that the first layer sees outside the image: the mean colour.
    pub padding: [u8; 3],
    /// The layers in order.
    pub layers: Vec<ConvParams>,
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

/// Activations, 0 to 31, channels last: `data[(y * width + x) * channels + c]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureMap {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Row by row, pixel by pixel, channel by channel.
    pub data: Vec<u8>,
}
