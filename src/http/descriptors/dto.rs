//! What is answered about a descriptor.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::chip::dto::CostDto;
use crate::http::images::dto::format_schema;
use crate::service::{Described, Remark};

/// Something to know of a descriptor that is none the less valid.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Warning)]
pub(crate) struct WarningDto {
    /// The kind for programs. `small_picture`: what was described has fewer pixels than the network
    /// looks at. New codes may be added.
    code: &'static str,
    /// A sentence for people.
    detail: String,
}

/// What a picture looks like, as numbers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "descriptor": [0.0312, -0.0175, 0.0061], "version": "0123456789abcdef/rnip", "dimension": 768, "format": "jpeg", "width": 480,
    "height": 640, "cost": {
        "passes": 10, "cycles": 5570560, "macs": 153466306560_u64, "buffer_bytes": 4014080, "chip_milliseconds": 69.632,
        "energy_millijoules": [21.485, 32.995], "host_milliseconds": 376.995
    }, "warnings": []
}))]
#[schema(as = Descriptor)]
pub(crate) struct DescriptorDto {
    /// The values, of unit norm: the cosine of two descriptors of one version is the sum of the
    /// products of their values.
    descriptor: Vec<f32>,
    /// Model and profile that made it. Descriptors of two versions are never compared.
    version: String,
    /// How many values there are.
    dimension: usize,
    /// The format that was found.
    #[schema(schema_with = format_schema)]
    format: &'static str,
    /// Width in pixels of what was described, upright as its EXIF data say.
    width: u32,
    /// Height in pixels of what was described, upright as its EXIF data say.
    height: u32,
    /// What describing it cost.
    cost: CostDto,
    /// What to know of it; often nothing.
    warnings: Vec<WarningDto>,
}

impl From<Described> for DescriptorDto {
    fn from(described: Described) -> Self {
        let Described { descriptor, version, format, width, height, cost, remarks } = described;
        let warning = |remark| match remark {
            Remark::Enlarged => WarningDto {
                code: "small_picture",
                detail: format!(
                    "{width}x{height} pixels are fewer than the network looks at (224x224); what is similar may be missed"
                ),
            },
        };
        Self {
            dimension: descriptor.dimension(),
            descriptor: descriptor.values().to_vec(),
            version: version.to_string(),
            format: format.as_str(),
            width,
            height,
            cost: cost.into(),
            warnings: remarks.into_iter().map(warning).collect(),
        }
    }
}
