//! Logs and metrics: where they go, and the names that the whole program uses for them.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// The names of the metrics. Durations are in seconds, sizes in bytes, as Prometheus asks for.
pub mod metric {
    /// Gauge, always 1; labels `version`, `model` (fingerprint) and `isa`.
    pub const BUILD_INFO: &str = "eyrie_build_info";
    /// Gauge: seconds since the process started to serve.
    pub const UPTIME_SECONDS: &str = "eyrie_uptime_seconds";
    /// Gauge: resident memory of the process in bytes (Linux only).
    pub const RESIDENT_MEMORY_BYTES: &str = "process_resident_memory_bytes";
}

/// Upper bounds of the histogram buckets for durations, in seconds: a request that finds its answer in memory takes
/// well under a millisecond, an image of thirteen passes on one slow core several seconds.
const SECONDS_BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Upper bounds of the histogram buckets for sizes, in bytes.
const BYTES_BUCKETS: [f64; 8] =
    [1024.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0];

/// What is logged and how.
#[derive(Debug, Clone, Copy)]
pub struct Logging<'a> {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`; used unless `RUST_LOG` is set.
    pub level: &'a str,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Sends the log of this process to its standard error output. Only the first call has an effect.
///
/// # Errors
/// A sentence that names `RUST_LOG` or the level when it is no filter.
pub fn init_logging(logging: Logging<'_>) -> Result<(), String> {
    let from_environment = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let (name, text) = match &from_environment {
        Some(text) => ("RUST_LOG", text.as_str()),
        None => ("log.level", logging.level),
    };
    let filter = EnvFilter::try_new(text).map_err(|e| format!("{name} is {text:?}, which is no log filter: {e}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that the process logs already (several services in one test binary): the first one stays.
    let _already_logging = if logging.json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
        builder.with_ansi(colours).try_init()
    };
    Ok(())
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES_BUCKETS)
}

/// Installs the recorder that keeps the metrics of this process, and describes the metrics. The handle renders them;
/// somebody must call its `run_upkeep` every few seconds.
///
/// # Errors
/// A sentence when the process has another recorder already.
pub fn install_metrics() -> Result<PrometheusHandle, String> {
    let handle = builder()
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|e| format!("cannot install the metrics recorder: {e}"))?;
    describe();
    Ok(handle)
}

fn describe() {
    use metrics::{Unit, describe_gauge};
    describe_gauge!(metric::BUILD_INFO, "Always 1; the labels name the program's version, model and instruction set.");
    describe_gauge!(metric::UPTIME_SECONDS, Unit::Seconds, "Seconds since the process started to serve.");
    describe_gauge!(metric::RESIDENT_MEMORY_BYTES, Unit::Bytes, "Resident memory of the process.");
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

    #[cfg(target_os = "linux")]
    #[test]
    fn the_resident_memory_is_known_on_linux() {
        assert!(resident_memory_bytes().expect("/proc") > 1024.0 * 1024.0);
    }
}
