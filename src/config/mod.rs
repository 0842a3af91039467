//! The configuration: defaults, file, environment, flags, in rising order of precedence.
//!
//! `config/default.toml` is part of the program and documents every key; [`load()`] puts the other layers over it and
//! checks the result, so a [`Config`] in hand is one that every range allows.

mod load;
mod secret;
mod validate;

use std::path::PathBuf;

use eyrie_vision::describe::DescriberOptions;
use serde::{Deserialize, Serialize};

use crate::domain::Verify;
use crate::http::HttpOptions;

pub use load::{DEFAULTS, Loaded, Override, Source, load};
pub use secret::Secret;
pub use validate::ISAS;

/// Why there is no configuration. Each text names the key, the value and where it was set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {reason}")]
    File {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The file is no TOML, or a value has the wrong type.
    #[error("{0}")]
    Value(String),
    /// A key that does not exist.
    #[error("unknown key {key:?} ({source_name}){}", nearest.as_ref().map(|n| format!("; did you mean {n:?}?")).unwrap_or_default())]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// Where it was found.
        source_name: String,
        /// The existing key that looks most like it.
        nearest: Option<String>,
    },
    /// A value that is not allowed.
    #[error("{key} is {value} ({source_name}); it must be {allowed}")]
    Range {
        /// The key, with its section.
        key: &'static str,
        /// The value, as text.
        value: String,
        /// The values allowed, in words.
        allowed: String,
        /// Where it was set.
        source_name: String,
    },
    /// Two environment variables say different things about one key.
    #[error("{first} and {second} set {key} to different values; keep one of them")]
    Ambiguous {
        /// The key, with its section.
        key: String,
        /// One variable.
        first: String,
        /// The other.
        second: String,
    },
}

/// Everything that can be configured. `config/default.toml` gives each key's meaning, unit, range and default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub server: Server,
    /// The database.
    pub storage: Storage,
    /// The extraction of descriptors.
    pub extractor: Extractor,
    /// The search index.
    pub index: Index,
    /// Searches.
    pub search: Search,
    /// Bounds on requests.
    pub limits: Limits,
    /// The log.
    pub log: Log,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `HOST:PORT` to listen on; port 0 takes a free one.
    pub bind: String,
    /// What it takes and answers.
    #[serde(flatten)]
    pub http: HttpOptions,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Folder of the SQLite database.
    pub data_dir: PathBuf,
    /// `postgres://...`, or empty for SQLite in `data_dir`.
    pub database_url: Secret,
    /// Database connections.
    pub max_connections: u32,
}

/// The extraction of descriptors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extractor {
    /// What describes images.
    #[serde(flatten)]
    pub describer: DescriberOptions,
    /// Images described at the same time.
    pub workers: usize,
    /// Images that may wait for a worker.
    pub queue_length: usize,
}

/// The search index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Links of each point.
    pub m: usize,
    /// Candidates looked at while a point is inserted.
    pub ef_construction: usize,
    /// Candidates looked at in a search.
    pub ef_search: usize,
    /// Up to this many candidates are compared exactly.
    pub exact_below: usize,
    /// How often the change log is read, in milliseconds.
    pub follow_interval_ms: u64,
}

/// Searches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Whether the first results are verified, where the search does not say.
    pub verify: Verify,
    /// How many are.
    pub verify_candidates: usize,
}

/// Bounds on requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most results of one search.
    pub max_results: usize,
    /// Largest metadata in bytes of JSON.
    pub metadata_max_bytes: usize,
    /// Deepest nesting of metadata in levels.
    pub metadata_max_depth: usize,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Storage {
    /// Whether the database is a Postgres (and not the SQLite file in `data_dir`).
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        !self.database_url.reveal().is_empty()
    }
}

#[cfg(test)]
mod tests;
