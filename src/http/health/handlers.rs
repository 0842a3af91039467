//! What an operator and a scheduler ask.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::dto::ReadinessDto;
use crate::http::error::{ApiError, Code, Problem};
use crate::http::state::AppState;

/// Whether the process lives.
#[utoipa::path(get, path = "/livez", tag = "operation", responses(
    (status = 200, description = "It does", body = String, content_type = "text/plain", example = json!("ok")),
))]
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// Whether requests can be answered, and if not, why.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "They can", body = ReadinessDto),
    (status = 503, description = "They cannot; ready, store, index and workers say why",
        body = Problem, content_type = "application/problem+json"),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn readyz(State(state): State<AppState>) -> Response {
    let readiness = state.service.readiness().await;
    let dto = ReadinessDto {
        ready: readiness.ready,
        store: readiness.store,
        index: readiness.index,
        workers: readiness.workers,
    };
    if dto.ready {
        return Json(dto).into_response();
    }
    let detail = format!("store: {}; index: {}; workers: {}", dto.store, dto.index, dto.workers);
    let members = match json!(dto) {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => serde_json::Map::new(),
    };
    ApiError::new(Code::NotReady, detail).extended(members).retry_after(2).into_response()
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "The metrics", body = String, content_type = "text/plain; version=0.0.4",
        example = json!("# HELP eyrie_searches_total Searches that were answered.\n# TYPE eyrie_searches_total counter\neyrie_searches_total 31\n")),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render()).into_response()
}
