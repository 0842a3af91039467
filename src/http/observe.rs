//! What happens to every request: an id, a span, a line in the log, metrics, and a problem document
//! where it failed.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use tracing::{Instrument, field};
use uuid::Uuid;

use super::error::ApiError;
use crate::telemetry::{Trace, metric};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, for handlers that answer with several problems.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives a request its id and span; logs and counts it; writes its problem document where it
/// failed.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let request_id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let path = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
    let span = tracing::info_span!(
        "request",
        %request_id,
        method = %request.method(),
        path = shortened(request.uri().path()).as_str(),
        peer = peer.unwrap_or_default(),
        trace_id = field::Empty,
    );
    let method = method_label(request.method());
    let header = |name: &str| request.headers().get(name)?.to_str().ok().map(str::to_owned);
    let trace = Trace::of_request(method, &path, &request_id, header);
    if let Some(id) = trace.id() {
        span.record("trace_id", id);
    }
    let watch = Watch { start: Instant::now(), method, path, trace: trace.clone(), answered: false };
    let answer = async move {
        let response = next.run(request).await;
        finish(response, &request_id, watch)
    };
    trace.scope(answer).instrument(span).await
}

/// As much of a path as a log line needs, in ASCII: a client may send any other character as it is,
/// also such as control a terminal.
fn shortened(path: &str) -> String {
    utf8_percent_encode(path, CONTROLS).flat_map(str::chars).take(300).collect()
}

fn finish(mut response: Response, request_id: &str, watch: Watch) -> Response {
    let failure = response.extensions_mut().remove::<ApiError>();
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let failure = failure.or_else(|| failed.then(|| ApiError::from_status(response.status())));
    let mut code = "";
    if let Some(failure) = failure {
        code = failure.code().as_str();
        metrics::counter!(metric::HTTP_ERRORS, "code" => code).increment(1);
        failure.write_into(&mut response, request_id);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    watch.answered(response.status(), code);
    response
}

/// Logs and counts a request, also one whose client goes away before the answer.
struct Watch {
    start: Instant,
    method: &'static str,
    path: String,
    trace: Trace,
    answered: bool,
}

impl Watch {
    fn answered(mut self, status: StatusCode, code: &str) {
        self.answered = true;
        let seconds = self.count(status.as_str());
        tracing::info!(status = status.as_u16(), route = self.path, code, ms = seconds * 1e3, "answered");
        self.trace.answered(status.as_u16(), code);
    }

    fn count(&self, status: &str) -> f64 {
        let seconds = self.start.elapsed().as_secs_f64();
        let labels = [("method", self.method.to_owned()), ("path", self.path.clone()), ("status", status.to_owned())];
        metrics::counter!(metric::HTTP_REQUESTS, &labels).increment(1);
        metrics::histogram!(metric::HTTP_REQUEST_SECONDS, &labels).record(seconds);
        seconds
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.answered {
            let seconds = self.count("client_gone");
            tracing::info!(route = self.path, ms = seconds * 1e3, "the client went away before the answer");
            self.trace.abandoned();
        }
    }
}

/// The client's own request id where it is harmless in a log, else a fresh one.
fn request_id(headers: &HeaderMap) -> String {
    let harmless = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(harmless);
    given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// A label out of a fixed set: clients can make methods up.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_log_is_short_and_ascii() {
        assert_eq!(shortened("/a%20b"), "/a%20b");
        assert_eq!(shortened("/\u{9b}2J\u{202e}"), "/%C2%9B2J%E2%80%AE");
        assert_eq!(shortened(&"\u{e9}".repeat(10_000)).len(), 300);
    }

    #[test]
    fn only_a_harmless_request_id_is_taken_over() {
        let of =
            |value: &'static str| request_id(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(value))]));
        assert_eq!(of("trace-1.a:b_C"), "trace-1.a:b_C");
        for bad in ["", "a b", "a\"b", "{}", "a,b"] {
            assert_eq!(of(bad).len(), 36, "{bad:?}");
        }
        assert_eq!(request_id(&HeaderMap::new()).len(), 36);
    }
}
