//! What can be configured of the use cases. `config/default.toml` gives each key's meaning, unit,
//! range and default.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{MetadataLimits, Secret, Verify};

/// What the use cases are configured by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOptions {
    /// Bounds on requests.
    pub limits: Limits,
    /// The verification of searches.
    pub search: VerificationOptions,
    /// A key that may do everything, or an empty text.
    pub admin_key: Secret,
    /// Work in the background.
    pub jobs: JobOptions,
    /// The most bytes of one picture in an archive.
    pub max_upload_bytes: u64,
    /// The folder in which bodies are kept that have to be there as a whole.
    pub spool_dir: PathBuf,
}

/// Bounds on requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most results of one search, offset included.
    pub max_results: usize,
    /// The most images or searches of one call.
    pub max_batch: usize,
    /// Largest metadata in bytes of JSON.
    pub metadata_max_bytes: usize,
    /// Deepest nesting of metadata in levels.
    pub metadata_max_depth: usize,
    /// Largest archive to import, and largest import or export in the background, in bytes.
    pub max_transfer_bytes: u64,
}

/// Work in the background.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobOptions {
    /// For how many days a job that has ended is kept; for ever with 0.
    pub keep_days: u32,
}

impl Limits {
    /// Bounds on metadata.
    #[must_use]
    pub fn metadata(&self) -> MetadataLimits {
        MetadataLimits { max_bytes: self.metadata_max_bytes, max_depth: self.metadata_max_depth }
    }
}

/// The verification of searches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationOptions {
    /// Whether a search that does not say otherwise is verified.
    pub verify: Verify,
    /// How many of the first results are verified; with 0 none ever is.
    pub verify_candidates: usize,
    /// How many are where none of these shows the same thing; not more than these, and it is they
    /// alone.
    pub verify_reach: usize,
    /// Whether what was compared in vain is put in order by its likeness to what shows the same
    /// thing, too.
    pub expand: bool,
}

/// The workers that describe images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolOptions {
    /// Images described at the same time.
    pub workers: usize,
    /// Images of each lane that may wait for a worker, beside those that are being described.
    pub queue_length: usize,
    /// Where images are described.
    pub isolation: Isolation,
    /// How long describing one image may take in a process of its own.
    #[serde(rename = "picture_timeout_ms", with = "crate::domain::milliseconds")]
    pub picture_timeout: Duration,
}

/// Where images are described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// In processes where there is a sandbox for them (Linux), else in threads.
    Auto,
    /// Each worker is a process that can do nothing but describe images.
    Process,
    /// Each worker is a thread of the service.
    Thread,
}
