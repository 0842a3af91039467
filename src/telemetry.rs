//! Logs and metrics: where they go, and the names that the whole program uses for them.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// The names of the metrics. Durations are in seconds, sizes in bytes, as Prometheus asks for.
pub mod metric {
    /// Gauge, always 1; labels `version`, `model` (fingerprint) and `isa`.
    pub const BUILD_INFO: &str = "eyrie_build_info";
    /// Gauge: seconds since the process started to serve.
    pub const UPTIME_SECONDS: &str = "eyrie_uptime_seconds";
    /// Gauge: resident memory of the process in bytes (Linux only).
    pub const RESIDENT_MEMORY_BYTES: &str = "process_resident_memory_bytes";
    /// Counter: answered requests, by `method`, `path` (the matched route, never the raw path) and
    /// `status`.
    pub const HTTP_REQUESTS: &str = "http_requests_total";
    /// Counter: requests that were refused for who sent them or how many there were, by `reason`.
    pub const REFUSALS: &str = "eyrie_refusals_total";
    /// Histogram: seconds from the head of a request to its answer, with the same labels.
    pub const HTTP_REQUEST_SECONDS: &str = "http_request_duration_seconds";
    /// Gauge: images that wait for a worker.
    pub const QUEUE_DEPTH: &str = "eyrie_extraction_queue_depth";
    /// Gauge: workers that are describing an image.
    pub const WORKERS_BUSY: &str = "eyrie_extraction_workers_busy";
    /// Gauge: bytes of memory that a worker keeps between two images, by `worker` (its number).
    pub const WORKER_MEMORY_BYTES: &str = "eyrie_extraction_worker_memory_bytes";
    /// Counter: images that a worker took, by `outcome` (`described`, `refused`, `failed`,
    /// `abandoned`).
    pub const EXTRACTIONS: &str = "eyrie_extractions_total";
    /// Counter: decoders of pictures that panicked; each time the picture was refused as damaged.
    pub const DECODER_PANICS: &str = "eyrie_decoder_panics_total";
    /// Counter: bodies that were turned away, by `reason` (`uploads`, `memory`).
    pub const UPLOADS_REFUSED: &str = "eyrie_uploads_refused_total";
    /// Counter: images that were turned away because the queue of their `lane` was full.
    pub const EXTRACTIONS_OVERLOADED: &str = "eyrie_extractions_overloaded_total";
    /// Histogram: seconds that a worker takes for one image, by `profile`.
    pub const EXTRACTION_SECONDS: &str = "eyrie_extraction_seconds";
    /// Gauge: descriptors in the indexes of all collections.
    pub const INDEX_POINTS: &str = "eyrie_index_points";
    /// Gauge: bytes that the indexes of all collections keep (an estimate).
    pub const INDEX_MEMORY_BYTES: &str = "eyrie_index_memory_bytes";
    /// Gauge: sequence number of the last change that the index holds.
    pub const INDEX_WATERMARK: &str = "eyrie_index_watermark";
    /// Histogram: seconds from the start to a complete index.
    pub const INDEX_BUILD_SECONDS: &str = "eyrie_index_build_seconds";
    /// Counter: failed attempts to read the change log.
    pub const INDEX_SAVE_SECONDS: &str = "eyrie_index_save_seconds";
    /// Counter.
    pub const INDEX_REPAIRS: &str = "eyrie_index_repairs_total";
    /// Counter.
    pub const FOLLOW_FAILURES: &str = "eyrie_index_follow_failures_total";
    /// Histogram: seconds in the index for one search.
    pub const INDEX_SEARCH_SECONDS: &str = "eyrie_index_search_seconds";
    /// Counter: answered searches, by `query` (`image`, `id`, `descriptor`).
    pub const SEARCHES: &str = "eyrie_searches_total";
    /// Counter: answered searches whose first results were verified, by `outcome` (`verified` where
    /// at least one shows the same thing, `nothing`).
    pub const VERIFICATIONS: &str = "eyrie_verifications_total";
    /// Histogram: seconds that the verification of one search takes.
    pub const VERIFICATION_SECONDS: &str = "eyrie_verification_seconds";
    /// Counter: stored local features that could not be read when they were needed.
    pub const FEATURES_UNREADABLE: &str = "eyrie_local_features_unreadable_total";
    /// Counter: jobs that this process worked on, by `kind` and `outcome` (`done`, `failed`,
    /// `lost`: cancelled, or taken over by another process).
    pub const JOBS: &str = "eyrie_jobs_total";
}

/// Upper bounds of the histogram buckets for durations, in seconds: a request that finds its answer
/// in memory takes well under a millisecond, an image of ten passes on one slow core several
/// seconds.
const SECONDS_BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Upper bounds of the histogram buckets for sizes, in bytes.
const BYTES_BUCKETS: [f64; 8] =
    [1024.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0];

/// What is logged and how. `config/default.toml` explains the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOptions {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`; used unless `RUST_LOG` is set.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends the log of this process to its standard error output. Only the first call has an effect.
///
/// # Errors
/// A sentence that names `RUST_LOG` or the level when it is no filter.
pub fn init_logging(options: &LogOptions) -> Result<(), String> {
    let from_environment = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let (name, text) = match &from_environment {
        Some(text) => ("RUST_LOG", text.as_str()),
        None => ("log.level", options.level.as_str()),
    };
    let filter = EnvFilter::try_new(text).map_err(|e| format!("{name} is {text:?}, which is no log filter: {e}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that the process logs already (several services in one test binary): the first
    // one stays.
    let _already_logging = match options.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).try_init()
        }
    };
    Ok(())
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES_BUCKETS)
}

/// The handle of the recorder that keeps the metrics of this process. The first call installs it
/// and describes the metrics. The handle renders them; somebody must call its `run_upkeep` every
/// few seconds.
///
/// # Errors
/// A sentence when the process has a recorder that is not this one.
pub fn install_metrics() -> Result<PrometheusHandle, String> {
    static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let install = || {
        let installed = builder().and_then(PrometheusBuilder::install_recorder);
        let handle = installed.map_err(|e| format!("cannot install the metrics recorder: {e}"))?;
        describe();
        Ok(handle)
    };
    RECORDER.get_or_init(install).clone()
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!(metric::BUILD_INFO, "Always 1; the labels name the program's version, model and instruction set.");
    describe_gauge!(metric::UPTIME_SECONDS, Unit::Seconds, "Seconds since the process started to serve.");
    describe_gauge!(metric::RESIDENT_MEMORY_BYTES, Unit::Bytes, "Resident memory of the process.");
    describe_counter!(metric::HTTP_REQUESTS, "Answered requests, by method, matched route and status.");
    describe_counter!(metric::REFUSALS, "Requests refused for who sent them or how many there were, by reason.");
    describe_histogram!(metric::HTTP_REQUEST_SECONDS, Unit::Seconds, "Time from the head of a request to its answer.");
    describe_gauge!(metric::QUEUE_DEPTH, "Images that wait for a worker, by lane (search, ingest).");
    describe_gauge!(metric::WORKERS_BUSY, "Workers that are describing an image.");
    describe_gauge!(metric::WORKER_MEMORY_BYTES, Unit::Bytes, "Memory that a worker keeps between two images.");
    describe_counter!(metric::EXTRACTIONS, "Images that a worker took, by outcome.");
    describe_counter!(
        metric::DECODER_PANICS,
        "Decoders of pictures that panicked; the picture was refused as damaged."
    );
    describe_counter!(
        metric::UPLOADS_REFUSED,
        "Bodies turned away, by reason: too many (uploads) or too much (memory)."
    );
    describe_counter!(metric::EXTRACTIONS_OVERLOADED, "Images turned away because the queue of their lane was full.");
    describe_histogram!(metric::EXTRACTION_SECONDS, Unit::Seconds, "Time of a worker for one image, by profile.");
    describe_gauge!(metric::INDEX_POINTS, "Descriptors in the indexes of all collections.");
    describe_gauge!(
        metric::INDEX_MEMORY_BYTES,
        Unit::Bytes,
        "Memory of the indexes of all collections, by what it holds."
    );
    describe_histogram!(metric::INDEX_SAVE_SECONDS, Unit::Seconds, "Time to save the indexes that had changed.");
    describe_counter!(
        metric::INDEX_REPAIRS,
        "Descriptors read from the database since the index's file of them is damaged."
    );
    describe_gauge!(metric::INDEX_WATERMARK, "Sequence number of the last change that the index holds.");
    describe_histogram!(metric::INDEX_BUILD_SECONDS, Unit::Seconds, "Time to build the index from the database.");
    describe_counter!(metric::FOLLOW_FAILURES, "Failed attempts to bring the index to the state of the database.");
    describe_histogram!(metric::INDEX_SEARCH_SECONDS, Unit::Seconds, "Time in the index for one search.");
    describe_counter!(metric::SEARCHES, "Answered searches, by kind of query.");
    describe_counter!(metric::VERIFICATIONS, "Answered searches whose first results were verified, by outcome.");
    describe_histogram!(metric::VERIFICATION_SECONDS, Unit::Seconds, "Time to verify the first results of one search.");
    describe_counter!(metric::JOBS, "Jobs that this process worked on, by kind and outcome.");
    describe_counter!(metric::FEATURES_UNREADABLE, "Stored local features that could not be read when needed.");
}

/// Sets [`metric::BUILD_INFO`].
pub fn record_build_info(model: &str, isa: &str) {
    let labels =
        [("version", env!("CARGO_PKG_VERSION").to_owned()), ("model", model.to_owned()), ("isa", isa.to_owned())];
    metrics::gauge!(metric::BUILD_INFO, &labels).set(1.0);
}

/// Sets the gauges that only a look at the process can tell; to be called every few seconds.
pub fn record_process(started: std::time::Instant) {
    metrics::gauge!(metric::UPTIME_SECONDS).set(started.elapsed().as_secs_f64());
    if let Some(bytes) = resident_memory_bytes() {
        metrics::gauge!(metric::RESIDENT_MEMORY_BYTES).set(bytes);
    }
}

/// `None` where there is no `/proc`.
fn resident_memory_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_rendered_as_histograms_with_buckets() {
        let recorder = builder().expect("bounds").build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!("a_request_seconds").record(0.02);
            metrics::histogram!("a_body_bytes").record(2000.0);
            record_build_info("0123", "scalar");
            record_process(std::time::Instant::now());
        });
        let text = handle.render();
        assert!(text.contains("a_request_seconds_bucket{le=\"0.025\"} 1"), "{text}");
        assert!(text.contains("a_body_bytes_bucket{le=\"1024\"} 0"), "{text}");
        assert!(text.contains("model=\"0123\"") && text.contains("# TYPE eyrie_uptime_seconds gauge"), "{text}");
        assert!(text.contains("# HELP eyrie_build_info Always 1"), "{text}");
    }

    #[test]
    fn the_recorder_is_installed_once_and_every_call_gets_its_handle() {
        let handles = [install_metrics().expect("installs"), install_metrics().expect("is there")];
        metrics::counter!("a_count_of_the_process").increment(1);
        for handle in handles {
            assert!(handle.render().contains("a_count_of_the_process 1"));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_resident_memory_is_known_on_linux() {
        assert!(resident_memory_bytes().expect("/proc") > 1024.0 * 1024.0);
    }
}
