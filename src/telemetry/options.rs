//! Where traces and metrics are pushed to.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::Secret;

/// Where traces and metrics are pushed to, and how. `config/default.toml` explains the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryOptions {
    /// URL of an OpenTelemetry collector; empty for none.
    pub otlp_endpoint: String,
    /// Headers of each post: `name=value` with commas between them.
    pub otlp_headers: Secret,
    /// How posts are written.
    pub otlp_protocol: OtlpProtocol,
    /// Of how many requests in a hundred the trace is sent, where their sender does not say.
    pub trace_percent: u8,
    /// How often metrics are pushed.
    #[serde(rename = "metrics_interval_ms", with = "crate::domain::milliseconds")]
    pub metrics_interval: Duration,
}

/// Why traces and metrics cannot be pushed as it is configured.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TelemetryError(pub(super) String);

/// How posts to a collector are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtlpProtocol {
    /// OTLP/HTTP with protobuf.
    Protobuf,
    /// OTLP/HTTP with JSON.
    Json,
}

impl TelemetryOptions {
    /// Whether this program can do what they say.
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub fn check(&self) -> Result<(), TelemetryError> {
        self.check_for(cfg!(feature = "otlp"))
    }

    fn check_for(&self, can_push: bool) -> Result<(), TelemetryError> {
        if !can_push && !self.otlp_endpoint.is_empty() {
            let reason = "telemetry.otlp_endpoint is set, and this program was built without the cargo feature otlp";
            return Err(TelemetryError(reason.to_owned()));
        }
        self.headers().map(drop)
    }

    /// The headers by name.
    ///
    /// # Errors
    /// [`TelemetryError`], which shows none of them.
    pub(super) fn headers(&self) -> Result<HashMap<String, String>, TelemetryError> {
        let pairs = self.otlp_headers.reveal().split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let headers = pairs.map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        });
        let headers: Option<_> = headers.collect();
        headers.ok_or_else(|| {
            TelemetryError("telemetry.otlp_headers must be name=value with commas between them".to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(endpoint: &str, headers: &str) -> TelemetryOptions {
        TelemetryOptions {
            otlp_endpoint: endpoint.to_owned(),
            otlp_headers: Secret::new(headers),
            otlp_protocol: OtlpProtocol::Protobuf,
            trace_percent: 100,
            metrics_interval: Duration::from_secs(60),
        }
    }

    #[test]
    fn a_program_that_cannot_push_says_so_where_it_should() {
        let error = options("http://127.0.0.1:4318", "").check_for(false).expect_err("refused").to_string();
        assert!(error.ends_with("this program was built without the cargo feature otlp"), "{error}");
        options("", "").check_for(false).expect("nothing is asked for");
        options("http://127.0.0.1:4318", "").check_for(true).expect("it can");
    }

    #[test]
    fn headers_are_read_by_name_and_not_shown_where_they_are_none() {
        let headers = options("", " authorization = Basic YTpi==, x-team=a ,").headers().expect("headers");
        let pairs = [("authorization", "Basic YTpi=="), ("x-team", "a")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(headers, HashMap::from(pairs));
        let error = options("", "hunter2").check().expect_err("no header").to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
