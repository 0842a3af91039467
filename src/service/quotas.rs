//! What does not fit.

use metrics::counter;

use super::ServiceError;
use crate::domain::QuotaExceeded;
use crate::telemetry::metric;

/// Whose quotas there are, as a label of the metric.
const OWNERS: [&str; 2] = ["collection", "key"];

/// Lets the metrics have the counts from the start.
pub(super) fn begin_counting() {
    for owner in OWNERS {
        counter!(metric::QUOTA_REFUSALS, "of" => owner).increment(0);
    }
}

/// Counts a refusal.
pub(super) fn refused(refusal: QuotaExceeded) -> ServiceError {
    counter!(metric::QUOTA_REFUSALS, "of" => refusal.of.kind()).increment(1);
    ServiceError::QuotaExceeded(refusal)
}
