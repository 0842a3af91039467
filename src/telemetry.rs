//! Logging and the names of the metrics.
