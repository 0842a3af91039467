//! The collector, as something that takes posts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::blocking::Client;
use reqwest::{Url, redirect};

/// Sends posts of one signal, and says in the log once that they do not arrive, and once that they
/// do again.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client,
    /// What it is sent: `traces` or `metrics`.
    signal: &'static str,
    is_away: AtomicBool,
}

impl Collector {
    /// The collector of a signal below `endpoint`, which may take `timeout` for a post.
    ///
    /// # Errors
    /// A sentence: the endpoint is no URL, or TLS cannot be prepared.
    pub(super) fn new(endpoint: &str, signal: &'static str, timeout: Duration) -> Result<Self, String> {
        let url = Url::parse(endpoint).map_err(|error| format!("telemetry.otlp_endpoint is no URL: {error}"))?;
        // Whoever came first has installed the same one.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(concat!("eyrie/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            // Headers may hold a secret, which is for the place that was named.
            .redirect(redirect::Policy::none());
        // Without TLS no certificate is looked at, and a machine without any is fine.
        let builder = if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        // Such a client cannot be made by a thread that runs tasks.
        let made = std::thread::spawn(move || builder.build()).join();
        let client = made.map_err(|_| "the client of the collector could not be made".to_owned())?;
        let client = client.map_err(|error| format!("connections to the collector cannot be prepared: {error}"))?;
        Ok(Self { client, signal, is_away: AtomicBool::new(false) })
    }

    fn note(&self, failure: Option<String>) {
        let is_away = failure.is_some();
        if self.is_away.swap(is_away, Ordering::Relaxed) == is_away {
            return;
        }
        let signal = self.signal;
        match failure {
            Some(reason) => tracing::warn!(
                signal,
                reason,
                "the OpenTelemetry collector does not take what is pushed: it is dropped until it does"
            ),
            None => tracing::info!(signal, "the OpenTelemetry collector takes what is pushed again"),
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.client.send_bytes(request).await;
        self.note(match &answer {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(reason(&**error)),
        });
        answer
    }
}

/// An error with what it comes from.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
