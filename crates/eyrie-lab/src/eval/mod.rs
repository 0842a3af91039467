//! Retrieval protocols: who is a right answer, how good a ranking is, how sure that is, and reports
//! of it.
//!
//! * [`metrics`](Figures): average precision, recall among the first k, recall at precision 1.
//! * [`paired`] and [`intervals`]: bootstrap intervals and a paired test, with fixed seeds.
//! * [`evaluate`]: queries against a gallery of descriptors, exactly.
//! * [`Transform`]: copies of a picture as people make them, for the search of copies.
//! * [`EvalReport`]: JSON, [`markdown()`] and [`html()`] of a run.
//!
//! Everything here is arithmetic on values; files, caches and progress are the command line's.

mod error;
mod float;
mod html;
mod markdown;
mod metrics;
mod plot;
mod protocol;
mod report;
mod resample;
mod transforms;

pub use error::EvalError;
pub use float::pool_float;
pub use html::{Pictures, html};
pub use markdown::markdown;
pub use metrics::{Figures, Outcome, average_precision, recall_at, recall_at_full_precision};
pub use protocol::{Candidate, Finding, Query, SecondLook, WRONG_KEPT, evaluate};
pub use report::{
    Answer, CalibrationBin, Comparison, EvalReport, FalseMatch, GroupReport, QueryReport, RECALL_AT, SystemReport,
    VerdictCount, calibration, compare, roc, system_report, worst,
};
pub use resample::{Interval, PERMUTATIONS, Paired, RESAMPLES, interval_of_share, intervals, paired};
pub use transforms::{TRANSFORMS_REVISION, Transform, TransformError, UnknownTransform};
