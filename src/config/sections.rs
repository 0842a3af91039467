//! The sections, each made of the options of the layers that it sets.

use eyrie_vision::DescriberOptions;
use serde::{Deserialize, Serialize};

use crate::search::IndexOptions;
use crate::service::{Limits, PoolOptions, VerificationOptions};
use crate::store::StorageOptions;
use crate::telemetry::LogOptions;

/// Everything that can be configured. `config/default.toml` gives each key's meaning, unit, range and default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub server: Server,
    /// The database.
    pub storage: StorageOptions,
    /// The extraction of descriptors.
    pub extractor: Extractor,
    /// The search index.
    pub index: IndexOptions,
    /// Searches.
    pub search: VerificationOptions,
    /// Bounds on requests.
    pub limits: Limits,
    /// The log.
    pub log: LogOptions,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `HOST:PORT` to listen on; port 0 takes a free one.
    pub bind: String,
    /// Largest upload in bytes.
    pub max_upload_bytes: usize,
    /// Time for the head of a request to arrive in milliseconds.
    pub header_timeout_ms: u64,
    /// Time for a request's body to arrive in milliseconds.
    pub body_timeout_ms: u64,
    /// Time for the answer once the body is there in milliseconds.
    pub request_timeout_ms: u64,
    /// Time for requests under way at shutdown in milliseconds.
    pub shutdown_grace_ms: u64,
    /// Uploads held in memory at the same time.
    pub max_concurrent_uploads: usize,
    /// Connections open at the same time.
    pub max_connections: usize,
}

/// The extraction of descriptors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extractor {
    /// What describes images.
    #[serde(flatten)]
    pub describer: DescriberOptions,
    /// The workers that run it.
    #[serde(flatten)]
    pub pool: PoolOptions,
}
