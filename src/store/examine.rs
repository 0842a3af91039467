//! What this program would find in a database, before it changes anything of it.

use super::codec::row;
use super::migrate::{self, Applied, Database};
use super::statements::{SUMMARIES, SUMMARIES_WITHOUT_ORIGINALS, SUMMARIES_WITHOUT_QUOTAS};
use super::{CollectionSummary, StoreError};

/// What a database is like, read without a change to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination {
    /// Its schema: the number of its newest migration, 0 before the first.
    pub schema: i64,
    /// The newest schema that this program knows.
    pub newest: i64,
    /// The migrations that the next start applies, oldest first: `0006_jobs`.
    pub pending: Vec<String>,
    /// Its collections by name.
    pub collections: Vec<CollectionSummary>,
    /// Images whose local features are of another version, or were never stored.
    pub outdated_features: u64,
}

/// Images without local features where nothing else can be there.
pub(super) const ALL_IMAGES: &str = "SELECT count(*) AS count FROM images";

/// The first schema with local features.
pub(super) const WITH_FEATURES: i64 = 2;

/// The first schema with originals.
const WITH_ORIGINALS: i64 = 7;

/// The first schema with quotas.
const WITH_QUOTAS: i64 = 10;

/// What is in the collections of a schema.
pub(super) fn summaries(schema: i64) -> &'static str {
    match schema {
        ..WITH_ORIGINALS => SUMMARIES_WITHOUT_ORIGINALS,
        WITH_ORIGINALS..WITH_QUOTAS => SUMMARIES_WITHOUT_QUOTAS,
        WITH_QUOTAS.. => SUMMARIES,
    }
}

/// The place of the version in encoded local features, counted from 0.
pub(super) const VERSION_AT: i32 = 4;

row! {
    /// A count.
    #[derive(Debug)]
    pub(super) struct Count {
        count: i64,
    }
}

impl Count {
    pub(super) fn get(&self) -> u64 {
        self.count.unsigned_abs()
    }
}

impl Examination {
    /// Of a database in which these migrations were applied.
    ///
    /// # Errors
    /// [`StoreError::Setup`] where it is newer than this program, or not Eyrie's.
    pub(super) fn begin(database: Database, applied: &[Applied]) -> Result<Self, StoreError> {
        let pending = migrate::pending(database, applied)?;
        Ok(Self {
            schema: migrate::newest_of(applied),
            newest: migrate::newest(database),
            pending: pending.iter().map(|m| format!("{:04}_{}", m.version, m.description)).collect(),
            collections: Vec::new(),
            outdated_features: 0,
        })
    }
}
