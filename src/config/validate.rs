//! The ranges. `config/default.toml` states the same ones in words.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Config, ConfigError, Source};
use crate::domain::Verify;

/// What `extractor.isa` may be.
pub const ISAS: [&str; 7] = ["auto", "scalar", "avx2", "avxvnni", "avx512vnni", "amx", "neon"];
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Checks every value.
///
/// # Errors
/// [`ConfigError::Range`] for the first that is not allowed.
pub(super) fn validate(config: &Config, sources: &BTreeMap<String, Source>) -> Result<(), ConfigError> {
    let refuse = |key: &'static str, value: String, allowed: String| {
        let source_name = sources.get(key).unwrap_or(&Source::Default).to_string();
        Err(ConfigError::Range { key, value, allowed, source_name })
    };

    let Config { server, storage, extractor, index, search, limits, log } = config;
    let wide = |n: usize| n as u64;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let http = &server.http;
    let ranges: [(&'static str, u64, u64, u64, &str); 23] = [
        ("server.max_upload_bytes", wide(http.max_upload_bytes), 1024, 1 << 30, "bytes"),
        ("server.request_timeout_ms", milliseconds(http.request_timeout), 100, 3_600_000, "milliseconds"),
        ("server.header_timeout_ms", milliseconds(http.header_timeout), 100, 3_600_000, "milliseconds"),
        ("server.body_timeout_ms", milliseconds(http.body_timeout), 100, 3_600_000, "milliseconds"),
        ("server.shutdown_grace_ms", milliseconds(http.shutdown_grace), 0, 600_000, "milliseconds"),
        ("server.max_concurrent_uploads", wide(http.max_concurrent_uploads), 1, 10_000, "uploads"),
        ("server.max_connections", wide(http.max_connections), 1, 1_000_000, "connections"),
        ("storage.max_connections", storage.max_connections.into(), 1, 1000, "connections"),
        ("extractor.threads", wide(extractor.describer.threads), 0, 1024, "threads"),
        ("extractor.workers", wide(extractor.workers), 1, 256, "workers"),
        ("extractor.queue_length", wide(extractor.queue_length), 1, 100_000, "images"),
        ("extractor.max_pixels", extractor.describer.max_pixels, 1, 1_000_000_000, "pixels"),
        ("extractor.max_aspect_ratio", extractor.describer.max_aspect_ratio.into(), 1, 1000, "times"),
        ("index.m", wide(index.m), 2, 255, "links"),
        ("index.ef_construction", wide(index.ef_construction), 1, 100_000, "candidates"),
        ("index.ef_search", wide(index.ef_search), 1, 100_000, "candidates"),
        ("index.exact_below", wide(index.exact_below), 0, 10_000_000, "candidates"),
        ("index.follow_interval_ms", index.follow_interval_ms, 10, 3_600_000, "milliseconds"),
        ("search.verify_candidates", wide(search.verify_candidates), 0, 1000, "candidates"),
        ("limits.max_results", wide(limits.max_results), 1, 100_000, "results"),
        ("limits.metadata_max_bytes", wide(limits.metadata_max_bytes), 2, 1 << 20, "bytes"),
        ("limits.metadata_max_depth", wide(limits.metadata_max_depth), 1, 64, "levels"),
        ("storage.data_dir", wide(storage.data_dir.as_os_str().len()), 1, 4096, "characters long"),
    ];
    for (key, value, least, most, unit) in ranges {
        if !(least..=most).contains(&value) {
            return refuse(key, value.to_string(), format!("{least} to {most} {unit}"));
        }
    }

    let port = server.bind.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    if port.and_then(|p| p.parse::<u16>().ok()).is_none() {
        return refuse("server.bind", format!("{:?}", server.bind), "HOST:PORT, for example 127.0.0.1:8080".to_owned());
    }
    let url = storage.database_url.reveal();
    if !url.is_empty() && !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return refuse(
            "storage.database_url",
            "a text that is not shown".to_owned(),
            "postgres://USER:PASSWORD@HOST:PORT/DATABASE, or empty for SQLite in storage.data_dir".to_owned(),
        );
    }
    if search.verify == Verify::Always && search.verify_candidates == 0 {
        return refuse(
            "search.verify_candidates",
            "0".to_owned(),
            "at least 1 where search.verify is always".to_owned(),
        );
    }
    one_of("extractor.isa", &extractor.describer.isa, &ISAS)
        .or_else(|(key, value, allowed)| refuse(key, value, allowed))?;
    one_of("log.level", &log.level, &LEVELS).or_else(|(key, value, allowed)| refuse(key, value, allowed))
}

fn one_of(key: &'static str, value: &str, allowed: &[&str]) -> Result<(), (&'static str, String, String)> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err((key, format!("{value:?}"), format!("one of {}", allowed.join(", "))))
}
