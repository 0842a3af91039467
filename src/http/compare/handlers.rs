//! Comparisons.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::dto::ComparisonDto;
use super::requests::{CompareBody, CompareForm, CompareOptions, Include, TwoPictures};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::query::Query;
use crate::http::state::AppState;
use crate::service::CompareRequest;

/// Compare two pictures.
///
/// `a` takes the place of a search's query and `b` that of a stored image, so that score and
/// verdict are those that a search gives. Each is an uploaded picture or the id of a stored one.
/// With `Accept: image/png` the answer is the picture of the comparison itself (see `overlay`).
#[utoipa::path(post, path = "/v1/compare", tag = "search",
    params(Query<CompareOptions>),
    request_body(content((CompareForm = "multipart/form-data"), (CompareBody = "application/json"))),
    responses(
        (status = 200, description = "What the two have in common", content((ComparisonDto = "application/json"), ("image/png"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn compare(
    State(state): State<AppState>,
    headers: HeaderMap,
    TwoPictures { a, b, options }: TwoPictures,
) -> Result<Response, ApiError> {
    let as_picture = wants_picture(&headers);
    let request = CompareRequest {
        a,
        b,
        profile: options.profile,
        overlay: as_picture || options.include.contains(&Include::Overlay),
    };
    let mut response = state.service.compare(request).await?;
    if as_picture && let Some(png) = response.overlay.take() {
        return Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response());
    }
    Ok(Json(ComparisonDto::new(response, options.include.contains(&Include::Cost))).into_response())
}

/// Whether the client asks for a PNG, and not for JSON.
fn wants_picture(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let names = |wanted: &str| {
        let mut types = accepted.split(',').map(|item| item.split(';').next().unwrap_or_default().trim());
        types.any(|media_type| media_type.eq_ignore_ascii_case(wanted))
    };
    names("image/png") && !names("application/json")
}
