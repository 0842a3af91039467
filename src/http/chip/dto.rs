//! What goes over the wire about the chip.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{
    ChipFacts, ChipReport, ExtractionCost, ImagePlan, LayerCost, ModelFacts, PassCost, ProfileCost, SubImage,
};
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{Documented, FieldDoc, integer, profile_schema};

/// The longest side of an image whose plan is answered.
const MAX_SIDE: u32 = 100_000;

/// The size of the image to plan for.
pub(crate) struct ChipQuery {
    /// Columns.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
}

impl FromFields for ChipQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            width: fields.number("width", 1..=MAX_SIDE).unwrap_or(640),
            height: fields.number("height", 1..=MAX_SIDE).unwrap_or(480),
        }
    }
}

impl Documented for ChipQuery {
    fn fields() -> Vec<FieldDoc> {
        let side = |default: u32| integer(1..=MAX_SIDE).default(Some(Value::from(default)));
        vec![
            FieldDoc::plain("width", side(640), "Columns of the image whose plan is answered."),
            FieldDoc::plain("height", side(480), "Rows of the image whose plan is answered."),
        ]
    }
}

/// The chip, the model on it, and what describing an image costs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChipReport)]
pub(crate) struct ChipReportDto {
    /// What kind of numbers these are.
    note: &'static str,
    /// The chip.
    chip: ChipDto,
    /// The model on it.
    model: ModelDto,
    /// One pass at 224x224 pixels.
    pass: PassDto,
    /// What the passes of 224x224 pixels cost that descriptors are made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    plan: Option<PlanDto>,
    /// What passes at the chip's largest input would cost, for a chip that holds more than 224x224 pixels. Descriptors are
    /// never made so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    what_if: Option<PlanDto>,
}

/// A chip.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chip)]
pub(crate) struct ChipDto {
    /// What it is called.
    name: String,
    /// Where its numbers come from.
    source: String,
    /// Convolution engines.
    engines: u64,
    /// Side of the square of pixels that an engine convolves at once.
    tile: u64,
    /// Memory for the input and the output of a layer, in bytes.
    image_buffer_bytes: u64,
    /// Memory for the codes, multipliers and biases of the network, in bytes.
    weight_memory_bytes: u64,
    /// Clock in megahertz.
    clock_mhz: f64,
    /// Energy of a multiply-accumulate in picojoules, low and high estimate.
    energy_pj_per_mac: [f64; 2],
    /// The most multiply-accumulates of a cycle.
    peak_macs_per_cycle: u64,
    /// Pixels a side of the largest square image that the image buffer holds.
    largest_input: u32,
    /// Whether the image buffer holds passes of 224x224 pixels.
    gives_descriptors: bool,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(crate) struct ModelDto {
    /// The model's part of the version that descriptors carry.
    fingerprint: String,
    /// Weights of all layers.
    weights: u64,
    /// Bytes of weight memory that it takes.
    weight_bytes: u64,
    /// The model card: origin, licence, accuracy. An object for the model that is built in, a text for one whose card is no
    /// JSON.
    #[schema(value_type = Object)]
    card: Value,
}

/// One pass of the network.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pass)]
pub(crate) struct PassDto {
    /// Pixels a side of the square image.
    input_side: u32,
    /// Layer by layer.
    layers: Vec<LayerDto>,
    /// Multiply-accumulates.
    macs: u64,
    /// Chip cycles.
    cycles: u64,
    /// Multiply-accumulates over what the chip could do in these cycles, 0 to 1.
    utilization: f64,
    /// Bytes of the image buffer that the largest layer's input and output take.
    buffer_bytes: u64,
    /// Time at the chip's clock, in milliseconds.
    chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    energy_millijoules: [f64; 2],
}

/// One layer of a pass.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Layer)]
pub(crate) struct LayerDto {
    /// Its name.
    #[schema(example = "conv3_2")]
    name: String,
    /// Rows of its input and output.
    height: u32,
    /// Columns of its input and output.
    width: u32,
    /// Input channels.
    input_channels: u32,
    /// Output channels.
    output_channels: u32,
    /// Multiply-accumulates.
    macs: u64,
    /// Chip cycles.
    cycles: u64,
    /// Multiply-accumulates over what the chip could do in these cycles, 0 to 1.
    utilization: f64,
    /// Bytes of the image buffer that its input takes.
    input_bytes: u64,
    /// Bytes of the image buffer that its output takes before it is pooled.
    output_bytes: u64,
    /// Bytes of the weight memory that it takes.
    weight_bytes: u64,
    /// Time at the chip's clock, in milliseconds.
    chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    energy_millijoules: [f64; 2],
}

/// How an image is described on the chip, and what it costs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub(crate) struct PlanDto {
    /// Columns of the image.
    width: u32,
    /// Rows of the image.
    height: u32,
    /// Pixels a side of each pass.
    input_side: u32,
    /// Columns of the canvas that `rnip` scales the image to.
    canvas_width: u32,
    /// Rows of the canvas.
    canvas_height: u32,
    /// The sub-images that `rnip` cuts from the canvas, row by row.
    sub_images: Vec<SubImageDto>,
    /// What each profile costs, cheapest first.
    profiles: Vec<ProfileDto>,
}

/// A sub-image, by its upper left corner on the canvas.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubImage)]
pub(crate) struct SubImageDto {
    /// Columns left of it.
    x: u32,
    /// Rows above it.
    y: u32,
}

/// What a profile costs for an image.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "profile": "rnip", "passes": 10, "macs": 153466306560_u64, "cycles": 5570560, "chip_milliseconds": 69.632,
    "energy_millijoules": [21.485, 32.995]
}))]
#[schema(as = ProfileCost)]
pub(crate) struct ProfileDto {
    /// The profile.
    #[schema(schema_with = profile_schema)]
    profile: &'static str,
    /// Passes of the network.
    passes: u32,
    /// Multiply-accumulates of all passes.
    macs: u64,
    /// Chip cycles of all passes.
    cycles: u64,
    /// Time at the chip's clock, in milliseconds.
    chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    energy_millijoules: [f64; 2],
}

/// What describing an image costs on the simulated chip. Time and energy are estimates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "passes": 10, "cycles": 5570560, "macs": 153466306560_u64, "buffer_bytes": 4014080, "chip_milliseconds": 69.632,
    "energy_millijoules": [21.485, 32.995], "host_milliseconds": 376.995
}))]
#[schema(as = Cost)]
pub(crate) struct CostDto {
    /// Passes through the network.
    passes: u32,
    /// Chip cycles of all passes.
    cycles: u64,
    /// Multiply-accumulates of all passes.
    macs: u64,
    /// Largest use of the image buffer, in bytes.
    buffer_bytes: u64,
    /// Time at the chip's clock, in milliseconds.
    chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    energy_millijoules: [f64; 2],
    /// Time on this machine, decoding included, in milliseconds.
    host_milliseconds: f64,
}

/// Times and energies are answered to the thousandth: what comes after it is noise.
pub(crate) fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl From<ExtractionCost> for CostDto {
    fn from(cost: ExtractionCost) -> Self {
        Self {
            passes: cost.passes,
            cycles: cost.cycles,
            macs: cost.macs,
            buffer_bytes: cost.buffer_bytes,
            chip_milliseconds: thousandths(cost.chip_milliseconds),
            energy_millijoules: cost.energy_millijoules.map(thousandths),
            host_milliseconds: thousandths(cost.host_milliseconds),
        }
    }
}

impl From<ChipReport> for ChipReportDto {
    fn from(report: ChipReport) -> Self {
        Self {
            note: report.note,
            chip: report.chip.into(),
            model: report.model.into(),
            pass: report.pass.into(),
            plan: report.plan.map(Into::into),
            what_if: report.what_if.map(Into::into),
        }
    }
}

impl From<ChipFacts> for ChipDto {
    fn from(chip: ChipFacts) -> Self {
        Self {
            name: chip.name,
            source: chip.source,
            engines: chip.engines,
            tile: chip.tile,
            image_buffer_bytes: chip.image_buffer_bytes,
            weight_memory_bytes: chip.weight_memory_bytes,
            clock_mhz: chip.clock_mhz,
            energy_pj_per_mac: chip.energy_pj_per_mac,
            peak_macs_per_cycle: chip.peak_macs_per_cycle,
            largest_input: chip.largest_input,
            gives_descriptors: chip.gives_descriptors,
        }
    }
}

impl From<ModelFacts> for ModelDto {
    fn from(model: ModelFacts) -> Self {
        Self {
            fingerprint: model.fingerprint,
            weights: model.weights,
            weight_bytes: model.weight_bytes,
            card: model.card,
        }
    }
}

impl From<PassCost> for PassDto {
    fn from(pass: PassCost) -> Self {
        Self {
            input_side: pass.input_side,
            layers: pass.layers.into_iter().map(Into::into).collect(),
            macs: pass.macs,
            cycles: pass.cycles,
            utilization: thousandths(pass.utilization),
            buffer_bytes: pass.buffer_bytes,
            chip_milliseconds: thousandths(pass.chip_milliseconds),
            energy_millijoules: pass.energy_millijoules.map(thousandths),
        }
    }
}

impl From<LayerCost> for LayerDto {
    fn from(layer: LayerCost) -> Self {
        Self {
            name: layer.name,
            height: layer.height,
            width: layer.width,
            input_channels: layer.input_channels,
            output_channels: layer.output_channels,
            macs: layer.macs,
            cycles: layer.cycles,
            utilization: thousandths(layer.utilization),
            input_bytes: layer.input_bytes,
            output_bytes: layer.output_bytes,
            weight_bytes: layer.weight_bytes,
            chip_milliseconds: thousandths(layer.chip_milliseconds),
            energy_millijoules: layer.energy_millijoules.map(thousandths),
        }
    }
}

impl From<ImagePlan> for PlanDto {
    fn from(plan: ImagePlan) -> Self {
        Self {
            width: plan.width,
            height: plan.height,
            input_side: plan.input_side,
            canvas_width: plan.canvas_width,
            canvas_height: plan.canvas_height,
            sub_images: plan.sub_images.into_iter().map(|SubImage { x, y }| SubImageDto { x, y }).collect(),
            profiles: plan.profiles.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ProfileCost> for ProfileDto {
    fn from(cost: ProfileCost) -> Self {
        Self {
            profile: cost.profile.as_str(),
            passes: cost.passes,
            macs: cost.macs,
            cycles: cost.cycles,
            chip_milliseconds: thousandths(cost.chip_milliseconds),
            energy_millijoules: cost.energy_millijoules.map(thousandths),
        }
    }
}
