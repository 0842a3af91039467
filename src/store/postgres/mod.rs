//! A Postgres database, which several servers may share.
//!
//! Every call is bounded in time: by the wait for a connection, by the server's own
//! `statement_timeout`, and by a limit around both for a server that stopped answering. A
//! connection whose work did not come to its end (an error, a time-out, a cancelled request) is
//! closed instead of going back to the pool: what it might still be doing cannot disturb others,
//! and a server that returns finds fresh connections.

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

/// How long the server works on one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longer than [`STATEMENT_TIMEOUT`], so that a server that lives says itself what took too long.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
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
}

/// The store in a Postgres database.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    prepared: bool,
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
        Ok(Self { pool, prepared: options.prepared_statements, clock })
    }

    /// Does what reads. `operation` is the method of the store.
    async fn read<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Without prepared statements a pooler may be there, which keeps a connection for a
        // transaction only.
        let transaction = (!self.prepared).then_some(STATEMENT_TIMEOUT);
        self.call(operation, "read", CALL_TIMEOUT, transaction, work).await
    }

    /// Does what writes, in a transaction.
    async fn write<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.call(operation, "write", CALL_TIMEOUT, Some(STATEMENT_TIMEOUT), work).await
    }

    /// Bounds a piece of work in time, which counts as `access`; with `transaction` it is one, with that limit for each
    /// statement.
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
            let mut session = Session::from(&self.pool, self.prepared).await?;
            if let Some(limit) = transaction {
                session.begin(limit).await?;
            }
            let value = work(&mut session).await?;
            if transaction.is_some() {
                session.commit().await?;
            }
            took(access, start);
            Ok(session.done(value))
        };
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let seconds = limit.as_secs();
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
        let transaction = (!self.prepared).then_some(PING_TIMEOUT);
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
