//! What a chip is and what it costs to describe images on it, as numbers that are reported. Cycles and bytes are exact for
//! the model of the chip; times and energies are estimates.

use serde::Serialize;
use serde_json::Value;

use crate::describe::Profile;

/// A chip and what follows from its numbers for the network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChipFacts {
    /// What it is called.
    pub name: String,
    /// Where its numbers come from.
    pub source: String,
    /// Convolution engines.
    pub engines: u64,
    /// Side of the square of pixels that an engine convolves at once.
    pub tile: u64,
    /// Memory for the input and the output of a layer, in bytes.
    pub image_buffer_bytes: u64,
    /// Memory for the network, in bytes.
    pub weight_memory_bytes: u64,
    /// Clock in megahertz.
    pub clock_mhz: f64,
    /// Least and most energy of a multiply-accumulate, in picojoules (estimate).
    pub energy_pj_per_mac: [f64; 2],
    /// The most multiply-accumulates of a cycle.
    pub peak_macs_per_cycle: u64,
    /// Pixels a side of the largest square image whose every layer fits the image buffer.
    pub largest_input: u32,
    /// Whether the image buffer holds the passes of 224x224 pixels that descriptors are made of.
    pub gives_descriptors: bool,
}

/// The network that runs on the chip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelFacts {
    /// The model's part of the version that descriptors carry.
    pub fingerprint: String,
    /// Weights of all layers.
    pub weights: u64,
    /// Bytes of weight memory that codes, multipliers and biases take.
    pub weight_bytes: u64,
    /// The model card: origin, licence, accuracy.
    pub card: Value,
}

/// The cost of one layer in one pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerCost {
    /// For example `conv3_2`.
    pub name: String,
    /// Rows of its input and output.
    pub height: u32,
    /// Columns of its input and output.
    pub width: u32,
    /// Input channels.
    pub input_channels: u32,
    /// Output channels.
    pub output_channels: u32,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Chip cycles.
    pub cycles: u64,
    /// Multiply-accumulates over what the chip could do in these cycles, 0 to 1.
    pub utilization: f64,
    /// Bytes of the image buffer that the input takes.
    pub input_bytes: u64,
    /// Bytes of the image buffer that the output takes before it is pooled.
    pub output_bytes: u64,
    /// Bytes of the weight memory.
    pub weight_bytes: u64,
    /// Time at the chip's clock, in milliseconds (estimate).
    pub chip_milliseconds: f64,
    /// Energy in millijoules, low and high (estimate).
    pub energy_millijoules: [f64; 2],
}

/// The cost of one pass of the network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassCost {
    /// Pixels a side of the square image.
    pub input_side: u32,
    /// Layer by layer.
    pub layers: Vec<LayerCost>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Chip cycles.
    pub cycles: u64,
    /// Multiply-accumulates over what the chip could do in these cycles, 0 to 1.
    pub utilization: f64,
    /// Bytes of the image buffer that the largest layer's input and output take.
    pub buffer_bytes: u64,
    /// Time at the chip's clock, in milliseconds (estimate).
    pub chip_milliseconds: f64,
    /// Energy in millijoules, low and high (estimate).
    pub energy_millijoules: [f64; 2],
}

/// What a profile costs for an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileCost {
    /// The profile.
    pub profile: Profile,
    /// Passes of the network.
    pub passes: u32,
    /// Multiply-accumulates of all passes.
    pub macs: u64,
    /// Chip cycles of all passes.
    pub cycles: u64,
    /// Time at the chip's clock, in milliseconds (estimate).
    pub chip_milliseconds: f64,
    /// Energy in millijoules, low and high (estimate).
    pub energy_millijoules: [f64; 2],
}

/// A sub-image, by its upper left corner on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SubImage {
    /// Columns left of it.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
}

/// How an image of some size is described on the chip, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImagePlan {
    /// Columns of the image.
    pub width: u32,
    /// Rows of the image.
    pub height: u32,
    /// Pixels a side of each pass.
    pub input_side: u32,
    /// Columns of the canvas that `rnip` scales the image to.
    pub canvas_width: u32,
    /// Rows of the canvas.
    pub canvas_height: u32,
    /// The sub-images that `rnip` cuts from the canvas, row by row.
    pub sub_images: Vec<SubImage>,
    /// What each profile costs, cheapest first.
    pub profiles: Vec<ProfileCost>,
}

/// All of it, for one image size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChipReport {
    /// What kind of numbers these are: [`ChipReport::NOTE`].
    pub note: &'static str,
    /// The chip.
    pub chip: ChipFacts,
    /// The network.
    pub model: ModelFacts,
    /// One pass at 224x224 pixels, or at the largest input of a chip that holds less.
    pub pass: PassCost,
    /// The plan of Eyrie's passes of 224x224 pixels; `None` for a chip that holds less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<ImagePlan>,
    /// The plan of passes at the chip's largest input, where that is not 224. Nothing in Eyrie describes images so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<ImagePlan>,
}

impl ChipReport {
    /// Said with every report.
    pub const NOTE: &'static str = "The chip is simulated and nothing here was measured on one: cycles and bytes are exact for \
         the model of the chip, times follow from an assumed clock, energies are estimates (docs/CHIP.md).";
}
