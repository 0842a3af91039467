//! On whose behalf something is done, so that callers can take turns.

use std::hash::{DefaultHasher, Hash, Hasher};

tokio::task_local! {
    static CALLER: Caller;
}

/// Somebody who asks, told apart from others and nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller(u64);

impl Caller {
    /// The server itself: jobs, and commands that open the database.
    const OURSELVES: Self = Self(0);

    /// The caller that is known by `name`: a key, an address.
    #[must_use]
    pub fn named(name: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self(hasher.finish().max(1))
    }

    /// Does work on behalf of this caller.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CALLER.scope(self, work).await
    }

    /// On whose behalf the running task works.
    pub(super) fn current() -> Self {
        CALLER.try_with(|caller| *caller).unwrap_or(Self::OURSELVES)
    }
}
