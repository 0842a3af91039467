//! The time that an answer may take. It counts from the head of a request where there is no body to
//! read, and else from the moment that the body is there: while a body arrives its own time-out
//! holds.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::{ApiError, Code};

/// The clock of one request. It stands still while the body arrives and begins anew after that.
#[derive(Debug, Clone)]
pub(crate) struct RequestClock(Arc<watch::Sender<Phase>>);

#[derive(Debug, Clone, Copy)]
enum Phase {
    BodyArrives,
    AnswerDue { since: Instant },
}

impl RequestClock {
    fn start() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::AnswerDue { since: Instant::now() })))
    }

    /// Stops the clock until the value is dropped.
    pub(crate) fn stop_for_body(&self) -> StoppedClock {
        self.0.send_replace(Phase::BodyArrives);
        StoppedClock(self.clone())
    }

    /// Returns when the answer is late.
    async fn late(&self, limit: Duration) {
        let mut phases = self.0.subscribe();
        loop {
            let phase = *phases.borrow_and_update();
            // The sender lives in `self`, so a phase that changes is the only end of the waiting.
            let changed = async {
                if phases.changed().await.is_err() {
                    std::future::pending::<()>().await
                }
            };
            match phase {
                Phase::BodyArrives => changed.await,
                Phase::AnswerDue { since } => {
                    if tokio::time::timeout_at(since + limit, changed).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// A clock that begins anew when this is dropped.
#[derive(Debug)]
pub(crate) struct StoppedClock(RequestClock);

impl Drop for StoppedClock {
    fn drop(&mut self) {
        self.0.0.send_replace(Phase::AnswerDue { since: Instant::now() });
    }
}

/// Bounds the time of the answer.
pub(crate) async fn deadline(State(limit): State<Duration>, mut request: Request, next: Next) -> Response {
    let clock = RequestClock::start();
    request.extensions_mut().insert(clock.clone());
    tokio::select! {
        response = next.run(request) => response,
        () = clock.late(limit) => ApiError::new(
            Code::RequestTimeout,
            format!(
                "there was no answer after {} s; if this was to change something, that may or may not have happened",
                limit.as_secs_f64()
            ),
        )
        .retry_after(5)
        .into_response(),
    }
}
