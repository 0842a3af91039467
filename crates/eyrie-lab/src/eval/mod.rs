//! Retrieval protocols: who is a right answer, how good a ranking is, how sure that is, and reports of it.
//!
//! * [`metrics`](Figures): average precision, recall among the first k, recall at precision 1.
//! * [`paired`] and [`intervals`]: bootstrap intervals and a paired test, with fixed seeds.
//! * [`evaluate`]: queries against a gallery of descriptors, exactly.
//! * [`Transform`]: copies of a picture as people make them, for the search of copies.
//! * [`Report`]: JSON, [`markdown()`] and [`html()`] of a run.
//!
//! Everything here is arithmetic on values; files, caches and progress are the command line's.

mod float;
mod html;
mod markdown;
mod metrics;
mod plot;
mod protocol;
mod random;
mod report;
mod resample;
mod transforms;

pub use float::pool_float;
pub use html::{Pictures, html};
pub use markdown::markdown;
pub use metrics::{Figures, Outcome, average_precision, recall_at, recall_at_full_precision};
pub use protocol::{Answered, Candidate, Query, SecondLook, WRONG_KEPT, evaluate};
pub use report::{
    Answer, Comparison, FalseMatch, GroupReport, QueryReport, RECALL_AT, Report, SystemReport, VerdictCount, compare,
    system_report, worst,
};
pub use resample::{Interval, PERMUTATIONS, Paired, RESAMPLES, intervals, paired};
pub use transforms::{TRANSFORMS_REVISION, Transform, UnknownTransform};

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
    /// A transformed copy cannot be encoded or decoded.
    #[error("transform {transform}: {reason}")]
    Transform {
        /// Its name.
        transform: Transform,
        /// What the encoder or decoder says.
        reason: String,
    },
}
