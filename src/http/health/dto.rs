//! What readiness is.

use serde::Serialize;
use utoipa::ToSchema;

/// What the service waits for. A 503 has the same members beside those of a problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ready": true, "store": "ok", "index": "ok", "workers": "ok"}))]
#[schema(as = Readiness)]
pub(crate) struct ReadinessDto {
    /// Whether requests can be answered now.
    pub(crate) ready: bool,
    /// `ok`, or what is wrong with the database.
    pub(crate) store: String,
    /// `ok`, or what the index is doing.
    pub(crate) index: String,
    /// `ok`, or `shutting down`.
    pub(crate) workers: String,
}
