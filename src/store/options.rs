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
    /// Whether and where the uploads themselves are kept.
    #[serde(flatten)]
    pub originals: OriginalsOptions,
}

/// Where the uploads themselves are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepIn {
    /// Nowhere.
    #[default]
    None,
    /// In the database.
    Database,
    /// As files in a folder.
    Directory,
    /// In a bucket of a service that speaks S3.
    S3,
}

/// Whether and where the uploads themselves are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalsOptions {
    /// Where.
    #[serde(rename = "originals")]
    pub keep_in: KeepIn,
    /// The folder for `directory`; empty for `originals` in the data directory.
    #[serde(rename = "originals_dir")]
    pub directory: PathBuf,
    /// The bucket.
    #[serde(rename = "s3_bucket")]
    pub bucket: String,
    /// What the names of objects in the bucket begin with.
    #[serde(rename = "s3_prefix")]
    pub prefix: String,
    /// The region; empty for `AWS_REGION`.
    #[serde(rename = "s3_region")]
    pub region: String,
    /// The service's URL; empty for that of AWS.
    #[serde(rename = "s3_endpoint")]
    pub endpoint: String,
    /// Whether the bucket's name is in the path and not in the host's name.
    #[serde(rename = "s3_path_style")]
    pub path_style: bool,
    /// The name of the key; empty for what `AWS_*` variables say.
    #[serde(rename = "s3_access_key_id")]
    pub access_key_id: Secret,
    /// The key.
    #[serde(rename = "s3_secret_access_key")]
    pub secret_access_key: Secret,
}

impl StorageOptions {
    /// The folder for originals that are files.
    #[must_use]
    pub fn originals_directory(&self) -> PathBuf {
        let configured = &self.originals.directory;
        if configured.as_os_str().is_empty() { self.data_dir.join("originals") } else { configured.clone() }
    }

    /// Whether the database is a Postgres (and not the SQLite file in `data_dir`).
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        !self.database_url.reveal().is_empty()
    }
}
