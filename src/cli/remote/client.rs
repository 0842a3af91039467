//! Requests to a server: within their time, again where the server asks for it, and never with
//! another answer than one of Eyrie's.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::multipart::Part;
use reqwest::{Body, Certificate, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::error::{Problem, ServerError};
use crate::domain::Secret;
use eyrie_terminal::CliError;
use eyrie_terminal::output::note;

/// How long a server may take to accept a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long a request is repeated where the server is busy.
const MOST_WAITING: Duration = Duration::from_secs(60);

/// When to ask again where the server names a time in words.
const SOME_TIME: Duration = Duration::from_secs(5);

/// The longest answer that is taken into memory, in bytes: far above those of any call.
const LONGEST_ANSWER: usize = 256 << 20;

/// The longest problem document that is read, in bytes.
const LONGEST_PROBLEM: usize = 256 << 10;

/// How a server is reached.
pub(super) struct Connection {
    pub(super) url: Url,
    pub(super) is_loopback: bool,
    pub(super) key: Option<Secret>,
    /// Further roots, as PEM.
    pub(super) certificates: Option<Vec<u8>>,
    /// How long an answer may take.
    pub(super) timeout: Duration,
}

/// A server. Its clones share their connections.
#[derive(Clone)]
pub(in crate::cli) struct Client {
    http: reqwest::Client,
    /// Its address without a slash at the end.
    address: String,
    timeout: Duration,
}

/// An image as a part of a form.
pub(in crate::cli) fn picture(bytes: Bytes) -> Part {
    let length = bytes.len() as u64;
    Part::stream_with_length(Body::from(bytes), length).file_name("image")
}

impl Client {
    pub(super) fn new(connection: Connection) -> Result<Self, CliError> {
        let Connection { url, is_loopback, key, certificates, timeout } = connection;
        // Whoever came first has installed the same one.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let invalid = |_| CliError::Usage("the API key has characters that no key has".to_owned());
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.reveal())).map_err(invalid)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("eyrie/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIME)
            // A key is not sent to another place than the one that was named.
            .redirect(redirect::Policy::none());
        if is_loopback {
            builder = builder.no_proxy();
        }
        if url.scheme() == "http" {
            // No certificate is looked at, and a machine without any is fine.
            builder = builder.tls_certs_only([]);
        } else if let Some(pem) = certificates {
            let roots = Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if roots.is_empty() {
                return Err(CliError::Usage("--ca-file holds no certificate (PEM)".to_owned()));
            }
            builder = builder.tls_certs_merge(roots);
        }
        let http = builder.build().map_err(|error| CliError::Start {
            message: format!("cannot prepare connections: {error}"),
            hint: Some("https needs the certificates of this machine (ca-certificates), or --ca-file"),
        })?;
        Ok(Self { http, address: url.as_str().trim_end_matches('/').to_owned(), timeout })
    }

    /// The address, for people.
    pub(in crate::cli) fn address(&self) -> &str {
        &self.address
    }

    /// How long an answer may take.
    pub(in crate::cli) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A request for a path below `/v1`.
    pub(in crate::cli) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/{path}", self.address))
    }

    /// Sends a request once. The answer is one of success.
    pub(in crate::cli) async fn try_send(&self, request: RequestBuilder) -> Result<Response, ServerError> {
        let answer = timeout(self.timeout, request.send()).await.map_err(|_| self.timed_out())?;
        self.checked(answer.map_err(|error| self.failed(&error))?).await
    }

    /// Sends a request until the server is no longer too busy for it.
    pub(in crate::cli) async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, ServerError> {
        let until = Instant::now() + MOST_WAITING;
        loop {
            match self.try_send(request()).await {
                Err(ServerError::Busy { what, after }) if Instant::now() + after < until => {
                    note(&waiting(&what, after));
                    sleep(after).await;
                }
                answer => return answer,
            }
        }
    }

    /// [`Client::send`], and the JSON of the answer.
    pub(in crate::cli) async fn json<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, ServerError> {
        let answer = self.send(request).await?;
        self.read(answer).await
    }

    /// The JSON of an answer.
    pub(in crate::cli) async fn read<T: DeserializeOwned>(&self, mut answer: Response) -> Result<T, ServerError> {
        let (status, what) = (answer.status(), described(&answer));
        let body = self.body(&mut answer, LONGEST_ANSWER).await?;
        serde_json::from_slice(&body).map_err(|error| {
            let what = format!("{what} (not the expected JSON: {error})");
            ServerError::NotEyrie { server: self.address.clone(), what, status }
        })
    }

    /// The next piece of an answer; `None` at its end.
    pub(in crate::cli) async fn chunk(&self, answer: &mut Response) -> Result<Option<Bytes>, ServerError> {
        let chunk = timeout(self.timeout, answer.chunk()).await.map_err(|_| self.timed_out())?;
        chunk.map_err(|error| self.failed(&error))
    }

    /// A body of at most so many bytes; what is behind them is left out.
    async fn body(&self, answer: &mut Response, most: usize) -> Result<Vec<u8>, ServerError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(answer).await? {
            body.extend_from_slice(&chunk);
            if body.len() > most {
                break;
            }
        }
        Ok(body)
    }

    /// An answer that says that the request was done; every other one as what it tells.
    pub(super) async fn checked(&self, mut answer: Response) -> Result<Response, ServerError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let server = self.address.clone();
        if status.is_redirection() {
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            return Err(ServerError::Moved { server, to: to.unwrap_or("another address").to_owned() });
        }
        let after = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            .then(|| answer.headers().get(RETRY_AFTER).map(seconds))
            .flatten();
        let what = described(&answer);
        let is_problem =
            answer.headers().get(CONTENT_TYPE).is_some_and(|of| of.as_bytes().starts_with(b"application/problem+json"));
        let problem: Option<Problem> = if is_problem {
            serde_json::from_slice(&self.body(&mut answer, LONGEST_PROBLEM).await?).ok()
        } else {
            None
        };
        Err(match (problem, after) {
            (Some(problem), Some(after)) => {
                ServerError::Busy { what: format!("{} ({})", problem.detail, problem.code), after }
            }
            (Some(problem), None) => ServerError::Problem(Box::new(problem)),
            (None, Some(after)) => ServerError::Busy { what: format!("{server} answers {what}"), after },
            (None, None) => ServerError::NotEyrie { server, what, status },
        })
    }

    pub(super) fn failed(&self, error: &reqwest::Error) -> ServerError {
        ServerError::of_request(&self.address, self.timeout.as_secs(), error)
    }

    pub(super) fn timed_out(&self) -> ServerError {
        ServerError::TimedOut { server: self.address.clone(), seconds: self.timeout.as_secs() }
    }
}

/// That a request is sent again later.
pub(in crate::cli) fn waiting(what: &str, after: Duration) -> String {
    format!("the server is busy, asking again in {} s: {what}", after.as_secs())
}

/// Status and type of an answer.
fn described(answer: &Response) -> String {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    match kind {
        Some(kind) => format!("{}, {kind}", answer.status()),
        None => answer.status().to_string(),
    }
}

/// The time that `Retry-After` names.
fn seconds(value: &HeaderValue) -> Duration {
    value.to_str().ok().and_then(|text| text.trim().parse().ok()).map_or(SOME_TIME, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_a_date_as_some_time() {
        assert_eq!(seconds(&HeaderValue::from_static("7")), Duration::from_secs(7));
        assert_eq!(seconds(&HeaderValue::from_static("Fri, 31 Dec 1999 23:59:59 GMT")), SOME_TIME);
    }
}
