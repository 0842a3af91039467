//! What a layer and a pass cost on a chip, as it is reported. Cycles and bytes are exact for the
//! model of the chip; times and energies are estimates, written to the thousandth: what comes after
//! it is noise.

use serde::{Serialize, Serializer};

/// One layer of a pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Layer))]
pub struct LayerCost {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(example = "conv3_2"))]
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
    #[serde(serialize_with = "thousandths")]
    pub utilization: f64,
    /// Bytes of the image buffer that its input takes.
    pub input_bytes: u64,
    /// Bytes of the image buffer that its output takes before it is pooled.
    pub output_bytes: u64,
    /// Bytes of the weight memory that it takes.
    pub weight_bytes: u64,
    /// Time at the chip's clock, in milliseconds.
    #[serde(serialize_with = "thousandths")]
    pub chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    #[serde(serialize_with = "thousandths_of_both")]
    pub energy_millijoules: [f64; 2],
}

impl LayerCost {
    /// Bytes of the image buffer that input and output take together.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.input_bytes + self.output_bytes
    }
}

/// One pass of the network.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Pass))]
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
    #[serde(serialize_with = "thousandths")]
    pub utilization: f64,
    /// Bytes of the image buffer that the largest layer's input and output take.
    pub buffer_bytes: u64,
    /// Time at the chip's clock, in milliseconds.
    #[serde(serialize_with = "thousandths")]
    pub chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    #[serde(serialize_with = "thousandths_of_both")]
    pub energy_millijoules: [f64; 2],
}

impl PassCost {
    /// Bytes of the weight memory that all layers take.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.weight_bytes).sum()
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Writes a time, an energy or a share to the thousandth; for `#[serde(serialize_with)]`.
///
/// # Errors
/// Those of the serializer.
pub fn thousandths<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*value))
}

/// Writes the low and the high estimate of an energy to the thousandth; for
/// `#[serde(serialize_with)]`.
///
/// # Errors
/// Those of the serializer.
pub fn thousandths_of_both<S: Serializer>(values: &[f64; 2], serializer: S) -> Result<S::Ok, S::Error> {
    values.map(rounded).serialize(serializer)
}
