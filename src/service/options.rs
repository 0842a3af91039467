//! What can be set about the service.

use serde::{Deserialize, Serialize};

/// The workers that describe images. `config/default.toml` gives each key's meaning, unit, range and default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolOptions {
    /// Images described at the same time.
    pub workers: usize,
    /// Images that may wait for a worker, beside those that are being described.
    pub queue_length: usize,
}
