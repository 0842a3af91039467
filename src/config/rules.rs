//! What values are allowed. `config/default.toml` states the same in words.

use toml::Value;

use super::error::ConfigError;
use super::layers::Layers;

/// What `extractor.isa` may be.
pub const ISAS: [&str; 7] = ["auto", "scalar", "avx2", "avxvnni", "avx512vnni", "amx", "neon"];

/// What `extractor.algorithm` may be.
pub const ALGORITHMS: [&str; 3] = ["auto", "direct", "winograd"];

/// What the value of a key may be.
pub(super) enum Rule {
    /// A whole number from the first to the second, in this unit.
    Within(i64, i64, &'static str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of these texts.
    Each(&'static [&'static str]),
    /// A text that passes the check; the words say which texts do.
    Text(fn(&str) -> bool, &'static str),
}

use Rule::{Each, OneOf, Text, Within};

/// The rules by key. A key without one takes any value of its type.
pub(super) const RULES: [(&str, Rule); 57] = [
    ("server.bind", Text(is_host_and_port, "HOST:PORT, for example 127.0.0.1:8080")),
    ("server.max_upload_bytes", Within(1024, 1 << 30, "bytes")),
    ("server.header_timeout_ms", Within(100, 3_600_000, "milliseconds")),
    ("server.body_timeout_ms", Within(100, 3_600_000, "milliseconds")),
    ("server.request_timeout_ms", Within(100, 3_600_000, "milliseconds")),
    ("server.shutdown_grace_ms", Within(0, 600_000, "milliseconds")),
    ("server.max_concurrent_uploads", Within(1, 10_000, "uploads")),
    ("server.memory_budget_mib", Within(0, 1 << 20, "MiB")),
    ("server.max_connections", Within(1, 1_000_000, "connections")),
    ("server.admin_key", Text(is_empty_or_secret, "32 to 512 visible ASCII characters, or empty for none")),
    ("server.allow_anonymous", Each(&["search", "read", "write", "admin"])),
    ("server.metrics", OneOf(&["open", "key"])),
    ("storage.data_dir", Text(|text| (1..=4096).contains(&text.len()), "a path of 1 to 4096 bytes")),
    (
        "storage.database_url",
        Text(
            |url| url.is_empty() || url.starts_with("postgres://") || url.starts_with("postgresql://"),
            "postgres://USER:PASSWORD@HOST:PORT/DATABASE, or empty for SQLite in storage.data_dir",
        ),
    ),
    ("storage.max_connections", Within(1, 1000, "connections")),
    ("storage.statement_timeout_ms", Within(100, 3_600_000, "milliseconds")),
    ("storage.originals", OneOf(&["none", "database", "directory", "s3"])),
    (
        "storage.s3_endpoint",
        Text(
            |url| url.is_empty() || url.starts_with("https://") || url.starts_with("http://"),
            "https://HOST:PORT or http://HOST:PORT, or empty for AWS",
        ),
    ),
    ("storage.s3_prefix", Text(is_prefix, "segments of A-Z a-z 0-9 . _ - with slashes between them, or empty")),
    ("extractor.isa", OneOf(&ISAS)),
    ("extractor.algorithm", OneOf(&ALGORITHMS)),
    ("extractor.threads", Within(0, 1024, "threads")),
    ("extractor.workers", Within(1, 256, "workers")),
    ("extractor.queue_length", Within(1, 100_000, "images")),
    ("extractor.isolation", OneOf(&["auto", "process", "thread"])),
    ("extractor.picture_timeout_ms", Within(100, 3_600_000, "milliseconds")),
    ("extractor.max_pixels", Within(1, 1_000_000_000, "pixels")),
    ("extractor.max_aspect_ratio", Within(1, 1000, "times")),
    ("index.m", Within(2, 255, "links")),
    ("index.ef_construction", Within(1, 100_000, "candidates")),
    ("index.ef_search", Within(1, 100_000, "candidates")),
    ("index.exact_below", Within(0, 10_000_000, "candidates")),
    ("index.follow_interval_ms", Within(10, 3_600_000, "milliseconds")),
    ("index.save_interval_ms", Within(100, 86_400_000, "milliseconds")),
    ("index.max_memory_mib", Within(0, 1 << 20, "MiB")),
    ("search.verify", OneOf(&["auto", "always", "never"])),
    ("search.verify_candidates", Within(0, 1000, "candidates")),
    ("search.verify_reach", Within(0, 1000, "candidates")),
    ("limits.max_results", Within(1, 100_000, "results")),
    ("limits.max_batch", Within(1, 10_000, "items")),
    ("limits.metadata_max_bytes", Within(2, 1 << 20, "bytes")),
    ("limits.metadata_max_depth", Within(1, 64, "levels")),
    ("limits.max_transfer_bytes", Within(1024, 1 << 40, "bytes")),
    ("jobs.keep_days", Within(0, 3650, "days")),
    ("rate.peer_reads", Within(0, 1_000_000, "requests a second")),
    ("rate.peer_writes", Within(0, 1_000_000, "requests a second")),
    ("rate.key_reads", Within(0, 1_000_000, "requests a second")),
    ("rate.key_writes", Within(0, 1_000_000, "requests a second")),
    ("rate.burst_seconds", Within(1, 3_600, "seconds")),
    ("rate.wrong_keys", Within(0, 1_000_000, "wrong keys a minute")),
    ("rate.concurrent", Within(0, 1_000_000, "requests")),
    ("log.level", OneOf(&["off", "error", "warn", "info", "debug", "trace"])),
    ("log.format", OneOf(&["text", "json"])),
    (
        "telemetry.otlp_endpoint",
        Text(is_empty_or_place, "http://HOST:PORT or https://HOST:PORT, a path behind it, or empty for none"),
    ),
    ("telemetry.otlp_protocol", OneOf(&["protobuf", "json"])),
    ("telemetry.trace_percent", Within(0, 100, "of a hundred requests")),
    ("telemetry.metrics_interval_ms", Within(0, 3_600_000, "milliseconds")),
];

impl Rule {
    fn allows(&self, value: &Value) -> bool {
        match self {
            Self::Within(least, most, _) => value.as_integer().is_some_and(|n| (*least..=*most).contains(&n)),
            Self::OneOf(texts) => value.as_str().is_some_and(|text| texts.contains(&text)),
            Self::Each(texts) => value
                .as_array()
                .is_some_and(|list| list.iter().all(|item| item.as_str().is_some_and(|text| texts.contains(&text)))),
            Self::Text(check, _) => value.as_str().is_some_and(check),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Within(least, most, unit) => format!("{least} to {most} {unit}"),
            Self::OneOf(texts) => format!("one of {}", texts.join(", ")),
            Self::Each(texts) => format!("a list of {}", texts.join(", ")),
            Self::Text(_, words) => (*words).to_owned(),
        }
    }
}

/// Checks every value.
///
/// # Errors
/// [`ConfigError::Value`] for the first that is not allowed.
pub(super) fn check(layers: &Layers) -> Result<(), ConfigError> {
    for (key, rule) in RULES {
        match layers.get(key) {
            Some(setting) if !rule.allows(&setting.value) => {
                return Err(setting.refusal(key, rule.words()));
            }
            Some(_) | None => {}
        }
    }
    let is = |key, value: Value| layers.get(key).filter(|setting| setting.value == value);
    if is("search.verify", "always".into()).is_some()
        && let Some(none) = is("search.verify_candidates", 0.into())
    {
        return Err(none.refusal("search.verify_candidates", "at least 1 where search.verify is always"));
    }
    if let (Some(s3), Some(bucket)) = (is("storage.originals", "s3".into()), is("storage.s3_bucket", "".into())) {
        let needs = format!("the name of a bucket where storage.originals is {}", s3.value);
        return Err(bucket.refusal("storage.s3_bucket", needs));
    }
    Ok(())
}

fn is_prefix(text: &str) -> bool {
    let is_segment = |segment: &str| {
        let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        plain && !matches!(segment, "" | "." | "..")
    };
    text.is_empty() || text.split('/').all(is_segment)
}

/// An address without a user's name, a query or a fragment: it is printed and logged.
fn is_empty_or_place(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.is_empty() || rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['@', '?', '#']))
}

fn is_empty_or_secret(text: &str) -> bool {
    text.is_empty() || (32..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
