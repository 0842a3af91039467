//! Whether idle connections still reach the server.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

/// Asks idle connections for a sign of life.
///
/// A network that drops packets without a word leaves connections that look open. Each would cost
/// somebody the whole wait; after the first one, all that were idle then are taken for gone.
#[derive(Debug)]
pub(super) struct Pulse {
    patience: Duration,
    /// When a connection was last found to be silent.
    silent: Mutex<Option<Instant>>,
}

impl Pulse {
    /// A connection may take so long for a sign of life.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, silent: Mutex::new(None) }
    }

    /// Whether a connection that was idle for so long can be used.
    pub(super) async fn is_felt(&self, connection: &mut PgConnection, idle_for: Duration) -> bool {
        let now = Instant::now();
        let was_idle_then = |silent: Instant| now.saturating_duration_since(silent) < idle_for;
        if self.last_silence().is_some_and(was_idle_then) {
            return false;
        }
        match timeout(self.patience, connection.ping()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "an idle connection to the database has ended");
                false
            }
            Err(_) => {
                tracing::warn!(
                    "nothing answers on an idle connection to the database: those that are idle are made anew"
                );
                *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                false
            }
        }
    }

    fn last_silence(&self) -> Option<Instant> {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
