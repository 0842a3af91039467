//! Connections that are lent for one piece of work.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use tokio::time::timeout;

use super::StoreError;

/// How long a connection may take to show that it can go back.
const RETURN_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that goes back to the pool when its work is done, and is closed when it is not.
///
/// After an error, a time-out or a cancellation nobody knows what a Postgres server is still doing
/// for a connection, and SQLite may have rolled the transaction back by itself (on a full disk it
/// does), which the connection's count of open transactions does not notice. A new connection knows
/// nothing of either.
#[derive(Debug)]
pub(super) struct Lease<DB: Database> {
    conn: PoolConnection<DB>,
    finished: bool,
}

impl<DB: Database> Lease<DB> {
    pub(super) async fn from(pool: &Pool<DB>) -> Result<Self, StoreError> {
        Ok(Self { conn: pool.acquire().await?, finished: false })
    }

    pub(super) fn connection(&mut self) -> &mut DB::Connection {
        &mut self.conn
    }

    /// Gives the connection back; `result` is passed through.
    pub(super) fn done<T>(mut self, result: T) -> T {
        self.finished = true;
        result
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if !self.finished {
            self.conn.close_on_drop();
            return;
        }
        // The pool asks the server before it takes a connection back, and would wait for ever for
        // one that is gone without a word. One that is late is closed, and its place is free again.
        let back = self.conn.return_to_pool();
        tokio::spawn(async move {
            if timeout(RETURN_TIMEOUT, back).await.is_err() {
                tracing::warn!("a connection to the database is closed: nothing answers on it");
            }
        });
    }
}
