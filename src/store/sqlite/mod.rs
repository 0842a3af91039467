//! One file, `eyrie.db`, in the data directory.
//!
//! Write-ahead log with `synchronous = FULL`: what was acknowledged survives a kill and a power
//! cut. There is one connection for writing and a few for reading; a reader never waits for the
//! writer. Another process may use the same file: writes begin with `BEGIN IMMEDIATE`, so they
//! queue up for the file's one write lock at the start instead of failing in the middle.

mod answers;
mod api_keys;
mod backup;
mod changes;
mod collections;
mod duplicates;
mod examine;
#[cfg(test)]
mod faults;
mod images;
mod job_data;
mod jobs;
mod open;
mod originals;
mod quotas;
mod room;
#[cfg(test)]
mod tests;
mod writes;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::lease::Lease;
use super::{Store, StoreError, failure};
use crate::domain::Clock;
use crate::telemetry::took;

pub use self::backup::{
    BackupError, BackupStep, BackupWatch, Manifest, Restored, backup, check_backup, manifest, restore,
};

const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The store in a SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    /// A connection that waits for nobody: it tells whether the file takes writes.
    probe: SqlitePool,
    clock: Arc<dyn Clock>,
    #[cfg(test)]
    faults: Arc<faults::Faults>,
}

impl SqliteStore {
    /// Opens `eyrie.db` in the data directory; creates both and brings the schema up to date where
    /// needed. Several processes may do so at once. `clock` gives the times of images.
    ///
    /// # Errors
    /// [`StoreError`] says which file is in the way, or that another program wrote it.
    pub async fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let open::Pools { writer, readers, probe } = open::pools(data_dir).await?;
        Ok(Self {
            writer,
            readers,
            probe,
            clock,
            #[cfg(test)]
            faults: Arc::default(),
        })
    }

    /// Does what reads. `operation` is the method of the store.
    async fn read<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        self.begins(operation)?;
        let mut connection = self.readers.acquire().await?;
        let value = work(&mut connection).await?;
        drop(connection);
        took("read", operation, start);
        self.ended(operation).await?;
        Ok(value)
    }

    /// Does what writes, in a transaction that takes the file's write lock at once or waits for it.
    async fn write<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        self.begins(operation)?;
        let mut lease = Lease::from(&self.writer).await?;
        // No guard rolls back: a connection whose work was not done is closed.
        let connection = lease.connection();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let value = work(connection).await?;
        sqlx::raw_sql("COMMIT").execute(connection).await?;
        let value = lease.done(value);
        took("write", operation, start);
        self.ended(operation).await?;
        Ok(value)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.begins("ping")?;
        sqlx::query("SELECT 1 FROM changes LIMIT 1").execute(&self.readers).await?;
        // It takes the write lock and changes nothing. A lock that another connection holds is a
        // sign of writes, too.
        match sqlx::query("UPDATE collections SET name = name WHERE FALSE").execute(&self.probe).await {
            Ok(_) => Ok(()),
            Err(error) if failure::is_busy(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(test))]
impl SqliteStore {
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn begins(&self, _operation: &'static str) -> Result<(), StoreError> {
        Ok(())
    }

    #[allow(clippy::unused_self, clippy::unused_async, clippy::unnecessary_wraps)]
    async fn ended(&self, _operation: &'static str) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    async fn ping(&self) -> Result<(), StoreError> {
        match tokio::time::timeout(PING_TIMEOUT, self.probe()).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Unavailable("no answer within 2 s".to_owned())),
        }
    }

    async fn close(&self) {
        self.readers.close().await;
        self.probe.close().await;
        self.writer.close().await;
    }
}
