//! The sections, each made of the options of the layers that it sets.

use eyrie_vision::DescriberOptions;
use serde::{Deserialize, Serialize};

use crate::domain::Secret;
use crate::http::{HttpOptions, RateOptions};
use crate::search::IndexOptions;
use crate::service::{JobOptions, Limits, PoolOptions, VerificationOptions};
use crate::store::StorageOptions;
use crate::telemetry::{LogOptions, TelemetryOptions};

/// Everything that can be configured. `config/default.toml` gives each key's meaning, unit, range
/// and default.
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
    /// How many requests a client may send.
    pub rate: RateOptions,
    /// Work in the background.
    pub jobs: JobOptions,
    /// The log.
    pub log: LogOptions,
    /// Where traces and metrics are pushed to.
    pub telemetry: TelemetryOptions,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `HOST:PORT` to listen on; port 0 takes a free one.
    pub bind: String,
    /// A key that may do everything and is in no database; empty for none.
    pub admin_key: Secret,
    /// What it takes and answers.
    #[serde(flatten)]
    pub http: HttpOptions,
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
