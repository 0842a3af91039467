//! What is asked about the chip; the answer is [`crate::domain::ChipReport`] itself.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::ExtractionCost;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{Documented, FieldDoc, integer};

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
            FieldDoc::plain("width", side(640), "Columns of the image whose plan is answered.").example(1024),
            FieldDoc::plain("height", side(480), "Rows of the image whose plan is answered.").example(768),
        ]
    }
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
