//! Where the database is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::PostgresOptions;
use crate::domain::Secret;

/// The database. `config/default.toml` gives each key's meaning, unit, range and default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageOptions {
    /// Folder of the SQLite database.
    pub data_dir: PathBuf,
    /// `postgres://...`, or empty for SQLite in `data_dir`.
    pub database_url: Secret,
    /// How Postgres is used.
    #[serde(flatten)]
    pub postgres: PostgresOptions,
}

impl StorageOptions {
    /// Whether the database is a Postgres (and not the SQLite file in `data_dir`).
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        !self.database_url.reveal().is_empty()
    }
}
