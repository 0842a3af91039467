//! Why a protocol could not be run.

/// Why a protocol could not be run.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A query without a right answer, or one whose right answer is not in the index.
    #[error("query {0}: its right answer is not in the index")]
    NoRightAnswer(String),
    /// As many descriptors are needed as queries.
    #[error("{queries} queries, but {descriptors} descriptors")]
    Count {
        /// Queries given.
        queries: usize,
        /// Descriptors given.
        descriptors: usize,
    },
    /// Two systems have no query in common.
    #[error("{0} and {1} have no query in common")]
    NothingInCommon(String, String),
}
