//! A place where a store lives, so that one test runs over both databases.

use std::sync::Arc;
use std::time::Duration;

use eyrie::domain::{Clock, SystemClock};
use eyrie::store::{PostgresOptions, PostgresStore, SqliteStore, Store, StoreError};
use tempfile::TempDir;

use super::postgres::{self, TestDatabase};

/// How the tests' stores use Postgres.
pub(crate) const OPTIONS: PostgresOptions =
    PostgresOptions { max_connections: 16, prepared_statements: true, statement_timeout: Duration::from_secs(20) };

/// An empty place for a store; removed with this value.
pub(crate) enum Place {
    /// A data directory for SQLite.
    Sqlite(TempDir),
    /// A database of the test server.
    Postgres(TestDatabase),
}

impl Place {
    /// An empty data directory.
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().expect("a folder"))
    }

    /// An empty database.
    pub(crate) async fn postgres() -> Self {
        Self::Postgres(postgres::fresh_database().await)
    }

    /// Opens the store, as a process would at its start. May be done several times at once.
    pub(crate) async fn try_open(&self) -> Result<Arc<dyn Store>, StoreError> {
        self.try_open_at(Arc::new(SystemClock)).await
    }

    /// Opens the store with another clock than the machine's.
    pub(crate) async fn try_open_at(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(dir) => Arc::new(SqliteStore::open(dir.path(), clock).await?),
            Self::Postgres(database) => Arc::new(PostgresStore::connect(&database.url, OPTIONS, clock).await?),
        })
    }

    /// Opens the store.
    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        self.try_open().await.expect("the store opens")
    }
}
