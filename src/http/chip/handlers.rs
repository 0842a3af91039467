//! The chip and what it costs.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::dto::ChipQuery;
use crate::domain::ChipReport;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::query::Query;
use crate::http::state::AppState;

/// An answer with one layer of thirteen and a part of the model's card.
fn example() -> Value {
    json!({
        "note": ChipReport::NOTE,
        "chip": {
            "name": "default", "source": "After the accelerator of arXiv 1805.00361", "engines": 16, "tile": 14,
            "image_buffer_bytes": 4014080, "weight_memory_bytes": 4194304, "clock_mhz": 80.0, "energy_pj_per_mac": [0.14, 0.215],
            "peak_macs_per_cycle": 28224, "largest_input": 224, "gives_descriptors": true
        },
        "model": {
            "fingerprint": "0123456789abcdef", "weights": 14710464, "weight_bytes": 3702960,
            "card": {"network": "VGG-16, conv1_1 to pool5, 2-bit weights, 5-bit activations"}
        },
        "pass": {
            "input_side": 224,
            "layers": [{
                "name": "conv1_1", "height": 224, "width": 224, "input_channels": 3, "output_channels": 64, "macs": 86704128,
                "cycles": 16384, "utilization": 0.188, "input_bytes": 150528, "output_bytes": 2007040, "weight_bytes": 816,
                "chip_milliseconds": 0.205, "energy_millijoules": [0.012, 0.019]
            }],
            "macs": 15346630656_u64, "cycles": 557056, "utilization": 0.976, "buffer_bytes": 4014080, "chip_milliseconds": 6.963,
            "energy_millijoules": [2.149, 3.3]
        },
        "plan": {
            "width": 1024, "height": 768, "input_side": 224, "canvas_width": 448, "canvas_height": 336,
            "sub_images": [
                {"x": 0, "y": 0}, {"x": 112, "y": 0}, {"x": 224, "y": 0}, {"x": 0, "y": 112}, {"x": 112, "y": 112}, {"x": 224, "y": 112}
            ],
            "profiles": [
                {"profile": "fast", "passes": 1, "macs": 15346630656_u64, "cycles": 557056, "chip_milliseconds": 6.963, "energy_millijoules": [2.149, 3.3]},
                {"profile": "nip", "passes": 4, "macs": 61386522624_u64, "cycles": 2228224, "chip_milliseconds": 27.853, "energy_millijoules": [8.594, 13.198]},
                {"profile": "rnip", "passes": 10, "macs": 153466306560_u64, "cycles": 5570560, "chip_milliseconds": 69.632, "energy_millijoules": [21.485, 32.995]}
            ]
        }
    })
}

/// The simulated chip, the model on it, what one pass costs layer by layer, and what each profile
/// costs for an image.
///
/// Cycles and bytes are exact for the model of the chip; times and energies are estimates, none of
/// them measured.
#[utoipa::path(get, path = "/v1/chip", tag = "chip", params(Query<ChipQuery>), responses(
    (status = 200, description = "The chip and its costs", body = ChipReport, example = json!(example())),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn chip(
    State(state): State<AppState>,
    Query(ChipQuery { width, height }): Query<ChipQuery>,
) -> Result<Json<ChipReport>, ApiError> {
    Ok(Json(state.service.chip(width, height)))
}
