//! The chip and what it costs.

use axum::Json;
use axum::extract::State;

use super::dto::ChipQuery;
use crate::domain::ChipReport;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::query::Query;
use crate::http::state::AppState;

/// The simulated chip, the model on it, what one pass costs layer by layer, and what each profile
/// costs for an image.
///
/// Cycles and bytes are exact for the model of the chip; times and energies are estimates, none of
/// them measured.
#[utoipa::path(get, path = "/v1/chip", tag = "chip", params(Query<ChipQuery>), responses(
    (status = 200, description = "The chip and its costs", body = ChipReport),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn chip(
    State(state): State<AppState>,
    Query(ChipQuery { width, height }): Query<ChipQuery>,
) -> Result<Json<ChipReport>, ApiError> {
    Ok(Json(state.service.chip(width, height)))
}
