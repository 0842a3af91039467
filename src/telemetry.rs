//! Logs, metrics and traces: where they go, and the names that the whole program uses for them.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

mod options;
#[cfg(feature = "otlp")]
mod otlp;
mod trace;

pub use options::{OtlpProtocol, TelemetryError, TelemetryOptions};
pub use trace::Trace;

/// The names of the metrics. Durations are in seconds, sizes in bytes, as Prometheus asks for.
pub mod metric {
    /// Gauge, always 1; labels `version`, `model` (fingerprint) and `isa`.
    pub const BUILD_INFO: &str = "eyrie_build_info";
    /// Gauge: seconds since the process started to serve.
    pub const UPTIME_SECONDS: &str = "eyrie_uptime_seconds";
    /// Gauge: resident memory of the process in bytes (Linux only).
    pub const RESIDENT_MEMORY_BYTES: &str = "process_resident_memory_bytes";
    /// Gauge: memory that the process may take in bytes: the limit of its control group, else that
    /// of the machine (Linux only).
    pub const MEMORY_LIMIT_BYTES: &str = "eyrie_memory_limit_bytes";
    /// Counter: seconds of processor time (Linux only).
    pub const CPU_SECONDS: &str = "process_cpu_seconds_total";
    /// Gauge: when the process began to serve, in seconds since 1970.
    pub const START_SECONDS: &str = "process_start_time_seconds";
    /// Gauge: open file descriptors (Linux only).
    pub const OPEN_FILES: &str = "process_open_fds";
    /// Gauge: file descriptors that the process may have (Linux only).
    pub const MAX_FILES: &str = "process_max_fds";
    /// Gauge: 1 where `/readyz` says ready, else 0.
    pub const READY: &str = "eyrie_ready";
    /// Gauge: open connections.
    pub const HTTP_CONNECTIONS: &str = "http_connections";
    /// Gauge: connections that may be open (`server.max_connections`).
    pub const HTTP_CONNECTIONS_LIMIT: &str = "http_connections_limit";
    /// Counter: requests that were refused or failed, by `code` of the answer.
    pub const HTTP_ERRORS: &str = "http_errors_total";
    /// Counter: answered requests, by `method`, `path` (the matched route, never the raw path) and
    /// `status`.
    pub const HTTP_REQUESTS: &str = "http_requests_total";
    /// Counter: requests that were refused for who sent them or how many there were, by `reason`.
    pub const REFUSALS: &str = "eyrie_refusals_total";
    /// Histogram: seconds from the head of a request to its answer, with the same labels.
    pub const HTTP_REQUEST_SECONDS: &str = "http_request_duration_seconds";
    /// Gauge: images that wait for a worker.
    pub const QUEUE_DEPTH: &str = "eyrie_extraction_queue_depth";
    /// Gauge: images that may wait for a worker (`extractor.queue_length`), by `lane`.
    pub const QUEUE_CAPACITY: &str = "eyrie_extraction_queue_capacity";
    /// Gauge: workers (`extractor.workers`).
    pub const WORKERS: &str = "eyrie_extraction_workers";
    /// Gauge: workers that are describing an image.
    pub const WORKERS_BUSY: &str = "eyrie_extraction_workers_busy";
    /// Gauge: bytes of memory that a worker keeps between two images, by `worker` (its number).
    pub const WORKER_MEMORY_BYTES: &str = "eyrie_extraction_worker_memory_bytes";
    /// Counter: images that a worker took, by `outcome` (`described`, `refused`, `failed`,
    /// `abandoned`).
    pub const EXTRACTIONS: &str = "eyrie_extractions_total";
    /// Counter: decoders of pictures that panicked; each time the picture was refused as damaged.
    pub const DECODER_PANICS: &str = "eyrie_decoder_panics_total";
    /// Counter: worker processes that were lost over a picture, by `reason` (`crash`, `timeout`,
    /// `ended`).
    pub const WORKERS_LOST: &str = "eyrie_workers_lost_total";
    /// Counter: bodies that were turned away, by `reason` (`uploads`, `memory`).
    pub const UPLOADS_REFUSED: &str = "eyrie_uploads_refused_total";
    /// Counter: images that did not fit into a quota, by whose it is: `of` (`collection`, `key`).
    pub const QUOTA_REFUSALS: &str = "eyrie_quota_refusals_total";
    /// Counter: images that were turned away because the queue of their `lane` was full.
    pub const EXTRACTIONS_OVERLOADED: &str = "eyrie_extractions_overloaded_total";
    /// Histogram: seconds that a worker takes for one image, by `profile`.
    pub const EXTRACTION_SECONDS: &str = "eyrie_extraction_seconds";
    /// Histogram: seconds that an image waits for a worker.
    pub const EXTRACTION_WAIT_SECONDS: &str = "eyrie_extraction_wait_seconds";
    /// Histogram: seconds of a worker's steps for one image, by `step` (`decode`, `network`,
    /// `features`).
    pub const EXTRACTION_STEP_SECONDS: &str = "eyrie_extraction_step_seconds";
    /// Histogram: seconds of one call of the database, the wait for a connection included, by
    /// `access` (`read`, `write`).
    pub const STORE_SECONDS: &str = "eyrie_store_seconds";
    /// Gauge: descriptors in the indexes of all collections.
    pub const INDEX_POINTS: &str = "eyrie_index_points";
    /// Gauge: bytes that the indexes of all collections keep (an estimate).
    pub const INDEX_MEMORY_BYTES: &str = "eyrie_index_memory_bytes";
    /// Gauge: sequence number of the last change that the index holds.
    pub const INDEX_WATERMARK: &str = "eyrie_index_watermark";
    /// Gauge: changes in the database that the index lacks, when it was last looked at.
    pub const INDEX_LAG: &str = "eyrie_index_lag";
    /// Histogram: seconds from the start to a complete index.
    pub const INDEX_BUILD_SECONDS: &str = "eyrie_index_build_seconds";
    /// Histogram: seconds to save the indexes that had changed.
    pub const INDEX_SAVE_SECONDS: &str = "eyrie_index_save_seconds";
    /// Counter: descriptors read from the database since the index's file of them is damaged.
    pub const INDEX_REPAIRS: &str = "eyrie_index_repairs_total";
    /// Counter: failed attempts to bring the index to the state of the database.
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
    /// Gauge: jobs in the database, by `state` (`queued`, `running`, `done`, `failed`,
    /// `cancelled`).
    pub const JOBS_BY_STATE: &str = "eyrie_jobs";
}

/// What the names of durations end with.
const SECONDS: &str = "_seconds";

/// What the names of sizes end with.
const BYTES: &str = "_bytes";

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

/// Changes the filter of the log of this process.
type Reload = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

/// Set with the first log of this process.
static RELOAD: OnceLock<Reload> = OnceLock::new();

/// The filter that `RUST_LOG` sets.
fn filter_of_environment() -> Option<String> {
    std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty())
}

fn filter(name: &str, text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text).map_err(|e| format!("{name} is {text:?}, which is no log filter: {e}"))
}

/// What pushes traces and metrics to a collector, where one is configured.
#[derive(Default)]
pub struct Exporting {
    #[cfg(feature = "otlp")]
    exporters: Option<otlp::Exporters>,
}

impl Exporting {
    /// Begins to push. The recorder of metrics is installed here, so this comes before
    /// [`install_metrics`].
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub fn start(options: &TelemetryOptions) -> Result<Self, TelemetryError> {
        options.check()?;
        if options.otlp_endpoint.is_empty() {
            return Ok(Self::default());
        }
        #[cfg(feature = "otlp")]
        {
            let exporters = otlp::Exporters::start(options)?;
            if let Some(recorder) = exporters.recorder(buckets) {
                let both = |prometheus| {
                    let both = metrics_util::layers::FanoutBuilder::default();
                    let both = both.add_recorder(prometheus).add_recorder(recorder).build();
                    metrics::set_global_recorder(both).map_err(|error| error.to_string())
                };
                RECORDER.get_or_init(|| installed(both)).clone().map_err(TelemetryError)?;
            }
            Ok(Self { exporters: Some(exporters) })
        }
        #[cfg(not(feature = "otlp"))]
        Ok(Self::default())
    }

    /// Pushes what is left, for `within` at most. Blocks.
    pub fn end(self, within: Duration) {
        #[cfg(feature = "otlp")]
        if let Some(exporters) = self.exporters {
            exporters.end(within);
        }
        #[cfg(not(feature = "otlp"))]
        let _nothing = within;
    }
}

/// Sends the log of this process to its standard error output. Only the first call has an effect.
///
/// # Errors
/// A sentence that names `RUST_LOG` or the level when it is no filter.
pub fn init_logging(options: &LogOptions) -> Result<(), String> {
    let filter = match filter_of_environment() {
        Some(text) => filter("RUST_LOG", &text)?,
        None => filter("log.level", &options.level)?,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that the process logs already (several services in one test binary): the first
    // one stays.
    macro_rules! start {
        ($builder:expr) => {{
            let builder = $builder.with_filter_reloading();
            let handle = builder.reload_handle();
            if builder.try_init().is_ok() {
                let reload = move |filter| handle.reload(filter).map_err(|e| e.to_string());
                let _first = RELOAD.set(Box::new(reload));
            }
        }};
    }
    match options.format {
        LogFormat::Json => start!(builder.json().flatten_event(true).with_current_span(false)),
        LogFormat::Text => {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            start!(builder.with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()))
        }
    }
    Ok(())
}

/// Logs with another level from now on, and says so in the log. `RUST_LOG`, where set, stays in
/// force.
///
/// # Errors
/// A sentence that says why the level stays as it is.
pub fn reload_level(from: &str, to: &str) -> Result<(), String> {
    if filter_of_environment().is_some() {
        return Err("RUST_LOG is set and takes the place of log.level".to_owned());
    }
    let filter = filter("log.level", to)?;
    let reload = RELOAD.get().ok_or("this process has no log of its own")?;
    // Said where it can be read: a level that hides it comes after it.
    let said_before = tracing::enabled!(tracing::Level::INFO);
    let say = || tracing::info!(from, to, "the log has another level");
    if said_before {
        say();
    }
    reload(filter)?;
    if !said_before {
        say();
    }
    Ok(())
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix(SECONDS.to_owned()), &SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix(BYTES.to_owned()), &BYTES_BUCKETS)
}

/// The upper bounds of a histogram's buckets.
#[cfg(feature = "otlp")]
fn buckets(name: &str) -> &'static [f64] {
    if name.ends_with(BYTES) { &BYTES_BUCKETS } else { &SECONDS_BUCKETS }
}

static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// The handle of the recorder that keeps the metrics of this process. The first call installs it
/// and describes the metrics. The handle renders them; somebody must call its `run_upkeep` every
/// few seconds.
///
/// # Errors
/// A sentence when the process has a recorder that is not this one.
pub fn install_metrics() -> Result<PrometheusHandle, String> {
    let alone = |recorder| metrics::set_global_recorder(recorder).map_err(|error| error.to_string());
    RECORDER.get_or_init(|| installed(alone)).clone()
}

/// The handle of a recorder that is installed by `install`.
fn installed(install: impl FnOnce(PrometheusRecorder) -> Result<(), String>) -> Result<PrometheusHandle, String> {
    let failed = |reason: String| format!("cannot install the metrics recorder: {reason}");
    let recorder = builder().map_err(|error| failed(error.to_string()))?.build_recorder();
    let handle = recorder.handle();
    install(recorder).map_err(failed)?;
    describe();
    begin();
    Ok(handle)
}

/// Counters of what should never happen are there from the start: who looks for a rise would miss
/// the first event otherwise.
fn begin() {
    for name in [metric::DECODER_PANICS, metric::FOLLOW_FAILURES, metric::INDEX_REPAIRS, metric::FEATURES_UNREADABLE] {
        metrics::counter!(name).increment(0);
    }
}

/// Notes a call of the database that began at `start`; `operation` is the method of the store.
pub fn took(access: &'static str, operation: &'static str, start: Instant) {
    metrics::histogram!(metric::STORE_SECONDS, "access" => access).record(start.elapsed().as_secs_f64());
    let details = [("eyrie.access", access), ("eyrie.operation", operation)];
    Trace::current().stage("store", &details, start, Instant::now());
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!(metric::BUILD_INFO, "Always 1; the labels name the program's version, model and instruction set.");
    describe_gauge!(metric::UPTIME_SECONDS, Unit::Seconds, "Seconds since the process started to serve.");
    describe_gauge!(metric::RESIDENT_MEMORY_BYTES, Unit::Bytes, "Resident memory of the process.");
    describe_gauge!(metric::MEMORY_LIMIT_BYTES, Unit::Bytes, "Memory that the process may take.");
    describe_counter!(metric::CPU_SECONDS, Unit::Seconds, "Processor time of the process.");
    describe_gauge!(metric::START_SECONDS, Unit::Seconds, "When the process began to serve, since 1970.");
    describe_gauge!(metric::OPEN_FILES, "Open file descriptors.");
    describe_gauge!(metric::MAX_FILES, "File descriptors that the process may have.");
    describe_gauge!(metric::READY, "1 where /readyz says ready, else 0.");
    describe_gauge!(metric::HTTP_CONNECTIONS, "Open connections.");
    describe_gauge!(metric::HTTP_CONNECTIONS_LIMIT, "Connections that may be open.");
    describe_counter!(metric::HTTP_ERRORS, "Requests that were refused or failed, by code of the answer.");
    describe_counter!(metric::HTTP_REQUESTS, "Answered requests, by method, matched route and status.");
    describe_counter!(metric::REFUSALS, "Requests refused for who sent them or how many there were, by reason.");
    describe_histogram!(metric::HTTP_REQUEST_SECONDS, Unit::Seconds, "Time from the head of a request to its answer.");
    describe_gauge!(metric::QUEUE_DEPTH, "Images that wait for a worker, by lane (search, ingest).");
    describe_gauge!(metric::QUEUE_CAPACITY, "Images that may wait for a worker, by lane.");
    describe_gauge!(metric::WORKERS, "Workers that describe images.");
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
    describe_counter!(metric::QUOTA_REFUSALS, "Images that did not fit into a quota, by whose it is.");
    describe_counter!(metric::EXTRACTIONS_OVERLOADED, "Images turned away because the queue of their lane was full.");
    describe_histogram!(metric::EXTRACTION_SECONDS, Unit::Seconds, "Time of a worker for one image, by profile.");
    describe_histogram!(metric::EXTRACTION_WAIT_SECONDS, Unit::Seconds, "Time that an image waits for a worker.");
    describe_histogram!(
        metric::EXTRACTION_STEP_SECONDS,
        Unit::Seconds,
        "Time of a worker's steps for one image, by step."
    );
    describe_histogram!(metric::STORE_SECONDS, Unit::Seconds, "Time of one call of the database, by access.");
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
    describe_gauge!(metric::INDEX_LAG, "Changes in the database that the index lacks.");
    describe_histogram!(metric::INDEX_BUILD_SECONDS, Unit::Seconds, "Time to build the index from the database.");
    describe_counter!(metric::FOLLOW_FAILURES, "Failed attempts to bring the index to the state of the database.");
    describe_histogram!(metric::INDEX_SEARCH_SECONDS, Unit::Seconds, "Time in the index for one search.");
    describe_counter!(metric::SEARCHES, "Answered searches, by kind of query.");
    describe_counter!(metric::VERIFICATIONS, "Answered searches whose first results were verified, by outcome.");
    describe_histogram!(metric::VERIFICATION_SECONDS, Unit::Seconds, "Time to verify the first results of one search.");
    describe_counter!(metric::JOBS, "Jobs that this process worked on, by kind and outcome.");
    describe_gauge!(metric::JOBS_BY_STATE, "Jobs in the database, by state.");
    describe_counter!(metric::FEATURES_UNREADABLE, "Stored local features that could not be read when needed.");
}

/// Sets [`metric::BUILD_INFO`].
pub fn record_build_info(model: &str, isa: &str) {
    let labels =
        [("version", env!("CARGO_PKG_VERSION").to_owned()), ("model", model.to_owned()), ("isa", isa.to_owned())];
    metrics::gauge!(metric::BUILD_INFO, &labels).set(1.0);
}

/// Sets the gauges that only a look at the process can tell; to be called every few seconds.
pub fn record_process(started: Instant) {
    metrics::gauge!(metric::UPTIME_SECONDS).set(started.elapsed().as_secs_f64());
    metrics::gauge!(metric::START_SECONDS).set(start_seconds(started));
    let gauges = [
        (metric::RESIDENT_MEMORY_BYTES, resident_memory_bytes()),
        (metric::MEMORY_LIMIT_BYTES, memory_limit_bytes()),
        (metric::OPEN_FILES, open_files()),
        (metric::MAX_FILES, max_files()),
    ];
    for (name, value) in gauges {
        if let Some(value) = value {
            metrics::gauge!(name).set(value);
        }
    }
    if let Some(seconds) = cpu_seconds() {
        metrics::counter!(metric::CPU_SECONDS).absolute(seconds);
    }
}

/// One number for the life of the process: a look at two clocks differs from the next one.
fn start_seconds(started: Instant) -> f64 {
    static SECONDS: OnceLock<f64> = OnceLock::new();
    *SECONDS.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(started.elapsed()).as_secs_f64()
    })
}

/// Whole seconds; `None` where there is no `/proc`.
fn cpu_seconds() -> Option<u64> {
    /// Of the numbers in `/proc`, on every Linux.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name of the program, which may hold anything: the state is the third field.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[allow(clippy::cast_precision_loss)]
fn open_files() -> Option<f64> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count() as f64)
}

fn max_files() -> Option<f64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The least limit of the process's control group and those above it; the machine's memory where
/// there is none.
fn memory_limit_bytes() -> Option<f64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let root = std::path::Path::new("/sys/fs/cgroup");
    let limits = root
        .join(group)
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
        .filter_map(|folder| std::fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse::<f64>().ok())
        .collect::<Vec<_>>();
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
    });
    limits.into_iter().chain(machine).reduce(f64::min)
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
            record_process(Instant::now());
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
    fn what_a_process_takes_and_may_take_is_known_on_linux() {
        let resident = resident_memory_bytes().expect("/proc");
        assert!(resident > 1024.0 * 1024.0);
        assert!(memory_limit_bytes().expect("/proc") > resident);
        assert!(open_files().expect("/proc") >= 3.0);
        assert!(max_files().expect("/proc") >= open_files().expect("/proc"));
        let begin = Instant::now();
        let before = cpu_seconds().expect("/proc");
        while cpu_seconds().expect("/proc") == before {
            assert!(begin.elapsed().as_secs() < 60, "a minute of work is no second of the processor");
        }
    }

    #[test]
    fn the_time_of_the_start_stays_the_same() {
        let started = Instant::now();
        assert!(start_seconds(started).to_bits() == start_seconds(started).to_bits());
        assert!(start_seconds(started) > 1.7e9);
    }
}
