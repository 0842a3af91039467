//! Logging and the names of the metrics.

/// Names of the metrics. Counters end in `_total`, durations are seconds.
pub mod metric {
    /// Gauge: images that wait for a worker.
    pub const QUEUE_DEPTH: &str = "eyrie_extraction_queue_depth";
    /// Gauge: workers that are describing an image.
    pub const WORKERS_BUSY: &str = "eyrie_extraction_workers_busy";
    /// Counter: images that a worker took, by `outcome` (`described`, `refused`, `failed`, `abandoned`).
    pub const EXTRACTIONS: &str = "eyrie_extractions_total";
    /// Counter: images that were turned away because the queue was full.
    pub const EXTRACTIONS_OVERLOADED: &str = "eyrie_extractions_overloaded_total";
    /// Histogram: seconds that a worker takes for one image, by `profile`.
    pub const EXTRACTION_SECONDS: &str = "eyrie_extraction_seconds";
    /// Gauge: descriptors in the indexes of all collections.
    pub const INDEX_POINTS: &str = "eyrie_index_points";
    /// Gauge: bytes that the indexes of all collections keep (an estimate).
    pub const INDEX_BYTES: &str = "eyrie_index_bytes";
    /// Gauge: sequence number of the last change that the index holds.
    pub const INDEX_WATERMARK: &str = "eyrie_index_watermark";
    /// Histogram: seconds from the start to a complete index.
    pub const INDEX_BUILD_SECONDS: &str = "eyrie_index_build_seconds";
    /// Counter: failed attempts to read the change log.
    pub const FOLLOW_FAILURES: &str = "eyrie_index_follow_failures_total";
    /// Histogram: seconds in the index for one search.
    pub const INDEX_SEARCH_SECONDS: &str = "eyrie_index_search_seconds";
    /// Counter: answered searches, by `query` (`image`, `id`, `descriptor`).
    pub const SEARCHES: &str = "eyrie_searches_total";
}
