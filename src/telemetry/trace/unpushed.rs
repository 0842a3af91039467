//! Traces of a program that pushes none.

use std::time::Instant;

/// No trace: this program pushes none.
#[derive(Clone, Default)]
pub struct Trace;

#[allow(clippy::unused_self)]
impl Trace {
    /// No trace.
    #[must_use]
    pub fn of_request(_: &'static str, _: &str, _: &str, _: impl Fn(&str) -> Option<String>) -> Self {
        Self
    }

    /// No trace.
    #[must_use]
    pub fn current() -> Self {
        Self
    }

    /// Does work.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        work.await
    }

    /// None.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        None
    }

    /// Nothing.
    pub fn stage(&self, _: &'static str, _: &[(&'static str, &'static str)], _: Instant, _: Instant) -> Self {
        Self
    }

    /// Nothing.
    pub fn came_by_key(&self, _: &str) {}

    /// Nothing.
    pub fn answered(&self, _: u16, _: &str) {}

    /// Nothing.
    pub fn abandoned(&self) {}
}
