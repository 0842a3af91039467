//! Why a store could not answer.

/// Why the store could not answer. "Not found" is no error: it is a `None` or an outcome.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, did not answer in time, or has no connection free. Trying
    /// later may help. A write that ended so may or may not have been committed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The disk or the quota is full.
    #[error("the database has no space left: {0}")]
    Full(String),
    /// The database takes no writes: a file without write permission, a standby.
    #[error("the database can only be read: {0}")]
    ReadOnly(String),
    /// The database cannot be used as it is set up; found when it is opened.
    #[error("{reason}")]
    Setup {
        /// What is wrong, in a sentence for the person who starts the program.
        reason: String,
        /// What helps.
        hint: &'static str,
    },
    /// The database answered something that cannot be: a defect, a damaged file or a foreign
    /// schema.
    #[error("the database failed: {0}")]
    Internal(String),
}

impl StoreError {
    /// The same with what it is about in front of the text: a file, a host.
    pub(super) fn about(self, subject: &str) -> Self {
        let named = |text: String| format!("{subject}: {text}");
        match self {
            Self::Unavailable(text) => Self::Unavailable(named(text)),
            Self::Full(text) => Self::Full(named(text)),
            Self::ReadOnly(text) => Self::ReadOnly(named(text)),
            Self::Setup { reason, hint } => Self::Setup { reason: named(reason), hint },
            Self::Internal(text) => Self::Internal(named(text)),
        }
    }
}
