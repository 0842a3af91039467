//! What an operator and a scheduler ask.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::{ApiError, Code, Problem};
use super::routes::App;

/// What the service waits for. A 503 has the same members beside those of a problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ready": true, "store": "ok", "index": "ok", "workers": "ok"}))]
#[schema(as = Readiness)]
pub(super) struct ReadinessDto {
    /// Whether requests can be answered now.
    ready: bool,
    /// `ok`, or what is wrong with the database.
    store: String,
    /// `ok`, or what the index is doing.
    index: String,
    /// `ok`, or `shutting down`.
    workers: String,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/livez", tag = "operation", responses(
    (status = 200, description = "It does", body = String, content_type = "text/plain", example = json!("ok")),
))]
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// Whether requests can be answered, and if not, why.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "They can", body = ReadinessDto),
    (status = 503, description = "They cannot; ready, store, index and workers say why",
        body = Problem, content_type = "application/problem+json"),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let state = app.service.readiness().await;
    let dto = ReadinessDto { ready: state.ready, store: state.store, index: state.index, workers: state.workers };
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
    (status = 200, description = "The metrics", body = String, content_type = "text/plain; version=0.0.4"),
))]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()).into_response()
}
