//! A Postgres database, which several servers may share.
//!
//! Every call is bounded in time: by the wait for a connection, by the server's own
//! `statement_timeout`, and by a limit around both for a server that stopped answering. A
//! connection whose work did not come to its end (an error, a time-out, a cancelled request) is
//! closed instead of going back to the pool: what it might still be doing cannot disturb others,
//! and a server that returns finds fresh connections. An idle one is asked for a sign of life
//! before it is used (`pulse.rs`).

mod answers;
mod api_keys;
mod changes;
mod collections;
mod connect;
mod duplicates;
mod examine;
mod images;
mod job_data;
mod jobs;
mod originals;
mod pulse;
mod quotas;
mod room;
mod session;
mod writes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPool;

use self::session::Session;
use super::{Store, StoreError};
use crate::domain::Clock;
use crate::telemetry::took;

const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Deleting a collection removes all its rows in one transaction.
const DELETE_COLLECTION_TIMEOUT: Duration = Duration::from_secs(600);

/// How a Postgres is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresOptions {
    /// Connections at the same time.
    pub max_connections: u32,
    /// Whether the server keeps parsed statements for a connection. A pooler that gives each
    /// transaction another connection (pgbouncer with `pool_mode = transaction`) needs `false`;
    /// then every call is a transaction.
    pub prepared_statements: bool,
    /// How long the server may work on one statement. A call that has no answer after a quarter
    /// more is given up, the wait for a connection included.
    #[serde(rename = "statement_timeout_ms", with = "crate::domain::milliseconds")]
    pub statement_timeout: Duration,
}

impl PostgresOptions {
    /// Longer than that of a statement, so that a server that lives says itself what took too long.
    fn call_timeout(&self) -> Duration {
        self.statement_timeout + self.statement_timeout / 4
    }
}

/// The store in a Postgres database.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    options: PostgresOptions,
    clock: Arc<dyn Clock>,
}

impl PostgresStore {
    /// Connects to the database of a `postgres://` URL and brings the schema up to date; several
    /// servers may do so at once. `sslmode` in the URL says whether TLS is used. Later losses of
    /// the connection heal by themselves. `clock` gives the times of images.
    ///
    /// # Errors
    /// [`StoreError`] when the URL is none, the server cannot be reached or refuses, or another
    /// program wrote the schema. No text of an error contains the URL or the password.
    pub async fn connect(url: &str, options: PostgresOptions, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let pool = connect::pool(url, options).await?;
        Ok(Self { pool, options, clock })
    }

    /// Does what reads. `operation` is the method of the store.
    async fn read<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Without prepared statements a pooler may be there, which keeps a connection for a
        // transaction only.
        let transaction = (!self.options.prepared_statements).then_some(self.options.statement_timeout);
        self.call(operation, "read", self.options.call_timeout(), transaction, work).await
    }

    /// Does what writes, in a transaction.
    async fn write<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let PostgresOptions { statement_timeout, .. } = self.options;
        self.call(operation, "write", self.options.call_timeout(), Some(statement_timeout), work).await
    }

    /// Bounds a piece of work in time, which counts as `access`; with `transaction` it is one, with
    /// that limit for each statement.
    async fn call<T>(
        &self,
        operation: &'static str,
        access: &'static str,
        limit: Duration,
        transaction: Option<Duration>,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let call = async {
            let mut session = Session::from(&self.pool, self.options.prepared_statements).await?;
            if let Some(limit) = transaction {
                session.begin(limit).await?;
            }
            let value = work(&mut session).await?;
            if transaction.is_some() {
                session.commit().await?;
            }
            took(access, operation, start);
            Ok(session.done(value))
        };
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let seconds = limit.as_secs_f64();
            Err(StoreError::Unavailable(format!("{operation}: the database gave no answer within {seconds} s")))
        })
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let transaction = (!self.options.prepared_statements).then_some(PING_TIMEOUT);
        self.call("ping", "read", PING_TIMEOUT, transaction, async |session| {
            let (read_only, _): (bool, bool) = sqlx::query_as(
                "SELECT current_setting('transaction_read_only') = 'on', EXISTS (SELECT 1 FROM changes)",
            )
            .fetch_one(session)
            .await?;
            if read_only {
                return Err(StoreError::ReadOnly("its transactions are read-only, as those of a standby".to_owned()));
            }
            Ok(())
        })
        .await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
