//! What a chip is and what it costs to describe images on it, as numbers that are reported. Cycles
//! and bytes are exact for the model of the chip; times and energies are estimates.

use eyrie_chip::{PassCost, thousandths, thousandths_of_both};
use serde::Serialize;
use serde_json::Value;

use crate::describe::{Profile, SubImage};

/// A chip, and what follows from its numbers for the network.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Chip))]
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
    /// Memory for the codes, multipliers and biases of the network, in bytes.
    pub weight_memory_bytes: u64,
    /// Clock in megahertz.
    pub clock_mhz: f64,
    /// Energy of a multiply-accumulate in picojoules, low and high estimate.
    pub energy_pj_per_mac: [f64; 2],
    /// The most multiply-accumulates of a cycle.
    pub peak_macs_per_cycle: u64,
    /// Pixels a side of the largest square image that the image buffer holds.
    pub largest_input: u32,
    /// Whether the image buffer holds passes of 224x224 pixels.
    pub gives_descriptors: bool,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Model))]
pub struct ModelFacts {
    /// The model's part of the version that descriptors carry.
    pub fingerprint: String,
    /// Weights of all layers.
    pub weights: u64,
    /// Bytes of weight memory that it takes.
    pub weight_bytes: u64,
    /// The model card: origin, licence, accuracy. An object for the model that is built in, a text
    /// for one whose card is no JSON.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub card: Value,
}

/// What a profile costs for an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "profile": "rnip", "passes": 10, "macs": 153466306560_u64, "cycles": 5570560, "chip_milliseconds": 69.632,
    "energy_millijoules": [21.485, 32.995]
})))]
pub struct ProfileCost {
    /// The profile.
    pub profile: Profile,
    /// Passes of the network.
    pub passes: u32,
    /// Multiply-accumulates of all passes.
    pub macs: u64,
    /// Chip cycles of all passes.
    pub cycles: u64,
    /// Time at the chip's clock, in milliseconds.
    #[serde(serialize_with = "thousandths")]
    pub chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    #[serde(serialize_with = "thousandths_of_both")]
    pub energy_millijoules: [f64; 2],
}

/// How an image is described on the chip, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Plan))]
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

/// The chip, the model on it, and what describing an image costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChipReport {
    /// What kind of numbers these are.
    pub note: &'static str,
    /// The chip.
    pub chip: ChipFacts,
    /// The model on it.
    pub model: ModelFacts,
    /// One pass at 224x224 pixels, or at the largest input of a chip that holds less.
    pub pass: PassCost,
    /// What the passes of 224x224 pixels cost that descriptors are made of. Not there for a chip
    /// that holds less.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub plan: Option<ImagePlan>,
    /// What passes at the chip's largest input would cost, for a chip whose largest input is not
    /// 224x224 pixels. Descriptors are never made so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub what_if: Option<ImagePlan>,
}

impl ChipReport {
    /// Said with every report.
    pub const NOTE: &'static str = "The chip is simulated and nothing here was measured on one: cycles and bytes are exact for \
         the model of the chip, times follow from an assumed clock, energies are estimates (docs/CHIP.md).";
}
