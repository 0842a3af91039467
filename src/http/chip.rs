//! The chip and what it costs.

use axum::Json;
use axum::extract::State;

use super::chip_dto::{ChipQuery, DEFAULT_IMAGE, MAX_SIDE};
use super::error::{ApiError, Code, Problem};
use super::fields::Query;
use super::routes::App;
use crate::domain::ChipReport;

/// The simulated chip, the model on it, what one pass costs layer by layer, and what each profile costs for an image.
///
/// Cycles and bytes are exact for the model of the chip; times and energies are estimates, none of them measured.
#[utoipa::path(get, path = "/v1/chip", tag = "chip", params(ChipQuery), responses(
    (status = 200, description = "The chip and its costs", body = ChipReport),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn chip(State(app): State<App>, Query(query): Query<ChipQuery>) -> Result<Json<ChipReport>, ApiError> {
    let (width, height) = match (query.width, query.height) {
        (None, None) => DEFAULT_IMAGE,
        (Some(width), Some(height)) => (width, height),
        (Some(_), None) | (None, Some(_)) => {
            return Err(ApiError::new(Code::InvalidRequest, "width and height go together"));
        }
    };
    for (name, side) in [("width", width), ("height", height)] {
        if !(1..=MAX_SIDE).contains(&side) {
            return Err(ApiError::new(Code::OutOfRange, format!("{name} must be 1 to {MAX_SIDE}")));
        }
    }
    Ok(Json(app.service.chip(width, height)))
}
