//! Whether the service can answer.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::requests::Readiness;
use crate::search::SearchState;
use crate::store::{Store, StoreError};

/// The database has to answer within this time.
const BOUND: Duration = Duration::from_secs(2);

/// A good answer of the database counts for so long, however many probes ask. A bad one does not:
/// the first probe after the return of the database finds it.
const KEPT: Duration = Duration::from_secs(1);

const OK: &str = "ok";

/// Remembers when the database last gave a good answer. Probes that come at once ask one after the
/// other.
#[derive(Default)]
pub(super) struct StoreCheck(Mutex<Option<Instant>>);

impl StoreCheck {
    /// Whether the service can answer now: the database, asked here, what is searched, and whether
    /// the process is ending.
    pub(super) async fn readiness(&self, store: &dyn Store, search: SearchState, closed: bool) -> Readiness {
        let store = self.state(store).await;
        Readiness {
            ready: store == OK && (search.answers() || search == SearchState::Off) && !closed,
            store: store.to_owned(),
            index: match search {
                SearchState::Off => "not kept in this process".to_owned(),
                SearchState::Building { done, total, serving } => {
                    let answers = if serving { ", answers are partial" } else { "" };
                    format!("building, {done} of {total}{answers}")
                }
                SearchState::Waiting => "waiting for the database, then it is built".to_owned(),
                SearchState::Ready => OK.to_owned(),
            },
            workers: if closed { "shutting down" } else { OK }.to_owned(),
        }
    }

    /// `ok`, or what is wrong in a few public words; the log has the inside.
    async fn state(&self, store: &dyn Store) -> &'static str {
        let mut last_good = self.0.lock().await;
        if last_good.is_some_and(|at| at.elapsed() < KEPT) {
            return OK;
        }
        let state = match timeout(BOUND, store.ping()).await {
            Ok(Ok(())) => OK,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database fails the readiness check");
                in_public(&error)
            }
            Err(_) => {
                tracing::warn!(seconds = BOUND.as_secs(), "the database does not answer the readiness check");
                "no answer in time"
            }
        };
        *last_good = (state == OK).then(Instant::now);
        state
    }

    /// Asks the database again at the next probe.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

/// What is wrong, without the inside.
fn in_public(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Full(_) => "no space left",
        StoreError::ReadOnly(_) => "read-only",
        StoreError::Setup { .. } | StoreError::Internal(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_in_a_few_public_words_what_is_wrong_with_the_database() {
        let inside = || "the inside".to_owned();
        let errors = [
            StoreError::Unavailable(inside()),
            StoreError::Full(inside()),
            StoreError::ReadOnly(inside()),
            StoreError::Setup { reason: inside(), hint: "a hint" },
            StoreError::Internal(inside()),
        ];
        let words = errors.each_ref().map(in_public);
        assert_eq!(words, ["unavailable", "no space left", "read-only", "failed", "failed"]);
    }
}
