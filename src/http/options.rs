//! What can be configured of the HTTP edge.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::links::PublicPath;
use super::origin::{CorsOrigin, Peers};
use crate::domain::Scope;

/// Bounds on what one client, and all of them together, can ask of the server, and what is in front
/// of it. `config/default.toml` gives each key's range and default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpOptions {
    /// The most bytes of one uploaded image.
    pub max_upload_bytes: usize,
    /// How long the head of a request may take to arrive, and how long a connection may be idle.
    #[serde(rename = "header_timeout_ms", with = "crate::domain::milliseconds")]
    pub header_timeout: Duration,
    /// How long a body may take to arrive, and how long a client may take nothing of an answer.
    #[serde(rename = "body_timeout_ms", with = "crate::domain::milliseconds")]
    pub body_timeout: Duration,
    /// How long the answer may take once the body is there.
    #[serde(rename = "request_timeout_ms", with = "crate::domain::milliseconds")]
    pub request_timeout: Duration,
    /// How long requests under way may take to end after the shutdown began.
    #[serde(rename = "shutdown_grace_ms", with = "crate::domain::milliseconds")]
    pub shutdown_grace: Duration,
    /// How many uploads may be in memory at a time, from their first byte until they are stored or
    /// answered.
    pub max_concurrent_uploads: usize,
    /// How much memory uploads, the pictures that are decoded of them and the workers may take
    /// together, in MiB; 0 for no bound.
    pub memory_budget_mib: usize,
    /// How many connections may be open at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// The path under which clients reach the server, where a proxy adds one.
    pub public_path: PublicPath,
    /// The origins whose pages may use the server, beside its own.
    pub cors_origins: Vec<CorsOrigin>,
    /// The proxies whose `X-Forwarded-Host`, `X-Forwarded-Proto` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<Peers>,
    /// What may be done without a key.
    pub allow_anonymous: Vec<Scope>,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
}

/// Who may read the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricsAccess {
    /// Everybody.
    Open,
    /// Who may read anything else.
    Key,
}
