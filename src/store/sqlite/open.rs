//! Opening: the data directory, the file, the schema, and the connections.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::super::StoreError;
use super::super::migrate::{self, APPLIED, Applied, Database, NOTE};

/// How long a write waits for another process's write.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call waits for a connection. Writes queue up for the only one: on a busy machine that
/// is a backlog, no failure.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;

/// The name of the database in the data directory.
pub(super) const FILE: &str = "eyrie.db";

/// The table as sqlx's own migrator makes it.
const MIGRATIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations ( \
     version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
     success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

/// The connections of an open store.
pub(super) struct Pools {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    pub(super) probe: SqlitePool,
}

pub(super) async fn pools(data_dir: &Path) -> Result<Pools, StoreError> {
    let dir = data_dir.to_owned();
    // The lock keeps two processes from creating the schema at once; it goes with the file handle.
    let lock = tokio::task::spawn_blocking(move || prepare_directory(&dir))
        .await
        .map_err(|e| StoreError::Internal(e.to_string()))??;
    let path = data_dir.join(FILE);
    let pools = open(&path).await.map_err(|error| error.about(&path.display().to_string()))?;
    drop(lock);
    Ok(pools)
}

async fn open(path: &Path) -> Result<Pools, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone().journal_mode(SqliteJournalMode::Wal))
        .await?;
    migrate(&mut *writer.acquire().await?).await?;
    let options = options.create_if_missing(false);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.clone().pragma("query_only", "ON"))
        .await?;
    let probe = SqlitePoolOptions::new().max_connections(1).connect_with(options.busy_timeout(Duration::ZERO)).await?;
    Ok(Pools { writer, readers, probe })
}

/// Brings the schema up to date. The data directory's lock keeps other processes out.
async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let pending = migrate::pending(Database::Sqlite, &applied(connection).await?)?;
    // A file that can only be read may be up to date.
    if pending.is_empty() {
        return Ok(());
    }
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    sqlx::raw_sql(MIGRATIONS_TABLE).execute(&mut *connection).await?;
    for migration in pending {
        sqlx::raw_sql(migration.sql).execute(&mut *connection).await?;
        sqlx::query(NOTE)
            .bind(migration.version)
            .bind(migration.description)
            .bind(migration.checksum)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(())
}

/// What was applied, oldest first.
pub(super) async fn applied(connection: &mut SqliteConnection) -> Result<Vec<Applied>, StoreError> {
    let has_table: bool = sqlx::query_scalar("SELECT count(*) > 0 FROM sqlite_master WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut *connection)
        .await?;
    Ok(match has_table {
        true => sqlx::query_as(APPLIED).fetch_all(connection).await?,
        false => Vec::new(),
    })
}

/// Creates the data directory and locks it until the returned file is dropped.
pub(super) fn prepare_directory(dir: &Path) -> Result<File, StoreError> {
    let failed = |what: &str, error: std::io::Error| {
        let text = format!("{what} the data directory {}: {error}", dir.display());
        if error.kind() == ErrorKind::StorageFull {
            StoreError::Full(text)
        } else {
            StoreError::Setup {
                reason: text,
                hint: "the folder must be writable for this user; --data-dir chooses another",
            }
        }
    };
    if !dir.is_dir() {
        std::fs::create_dir_all(dir).map_err(|e| failed("cannot create", e))?;
        // SQLite syncs the directory itself; that its name survives a power cut is up to its
        // parent.
        if let Some(parent) = dir.canonicalize().map_err(|e| failed("cannot read", e))?.parent() {
            File::open(parent).and_then(|p| p.sync_all()).map_err(|e| failed("cannot sync the parent of", e))?;
        }
    }
    let lock = File::create(dir.join("eyrie.lock")).map_err(|e| failed("cannot write to", e))?;
    lock.lock().map_err(|e| failed("cannot lock", e))?;
    Ok(lock)
}
