//! Hostile inputs: one table, each with the answer that it gets.
//!
//! Every case is sent byte by byte to a running server. While that goes on somebody else searches
//! without a pause and must find the same all the time; after every case the server says that it is
//! alive. docs/HOSTILE.md is the table for people.

mod document;
mod http;
mod json;
mod keys;
mod multipart;
mod paths;
mod pictures;
mod strings;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{TestApp, ok, search};
use crate::support::pictures::png;
use crate::support::raw::exchange;

/// What a case is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// A problem document.
    Code(u16, &'static str),
    /// A status alone: what reads the heads of requests refuses before there is a request.
    Bare(u16),
    /// A success: the input is harmless, and text is text.
    Fine(u16),
    /// A search that finds nothing.
    NothingFound,
    /// No answer.
    Closed,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(status, code) => write!(f, "{status} `{code}`"),
            Self::Bare(status) => write!(f, "{status}, connection closed"),
            Self::Fine(status) => write!(f, "{status}"),
            Self::NothingFound => f.write_str("200, nothing found"),
            Self::Closed => f.write_str("connection closed"),
        }
    }
}

/// A hostile input.
struct Case {
    name: String,
    bytes: Vec<u8>,
    /// Whether the client ends its side behind the bytes.
    cut: bool,
    answer: Answer,
}

impl Case {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>, answer: Answer) -> Self {
        Self { name: name.into(), bytes: bytes.into(), cut: false, answer }
    }

    /// The same by a client that goes away.
    fn cut(self) -> Self {
        Self { cut: true, ..self }
    }

    fn refused(name: impl Into<String>, bytes: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Self {
        Self::new(name, bytes, Answer::Code(status, code))
    }
}

/// A request after which the connection ends; `headers` are whole lines.
fn request(method: &str, target: &str, headers: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: eyrie\r\nconnection: close\r\n").into_bytes();
    for header in headers {
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() || method == "POST" {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

fn post(target: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    request("POST", target, &[format!("content-type: {media_type}").as_bytes()], body)
}

/// A server with two pictures and small limits.
async fn server() -> TestApp {
    let mut builder = TestApp::builder();
    limit(&mut builder.config);
    let app = builder.start().await;
    with_pictures(&app).await;
    app
}

fn limit(config: &mut eyrie::config::Config) {
    config.server.http.max_upload_bytes = 1 << 20;
    config.limits.max_transfer_bytes = 200_000;
}

async fn with_pictures(app: &TestApp) {
    for seed in 1..=2 {
        app.add(&format!("p{seed}"), png(seed), json!({"seed": seed})).await;
    }
}

/// What another client's search finds.
async fn others_find(app: &TestApp) -> Value {
    ok(app.post(&search()).json(&json!({"id": "p1"}))).await["results"].clone()
}

/// Sends every case, one after another, while another client searches; all that is wrong is told at
/// the end.
async fn withstands(app: &TestApp, cases: &[Case]) {
    let before = (app.count().await, ok(app.get("/v1/collections")).await);
    let found = others_find(app).await;
    assert_eq!(found[0]["id"], "p2");
    let over = AtomicBool::new(false);
    let others = async {
        let (mut same, mut different) = (0, 0);
        while !over.load(Ordering::Relaxed) {
            // Every case is followed by another search, which says which case it was.
            if others_find(app).await == found { same += 1 } else { different += 1 }
        }
        (same, different)
    };
    let attack = async {
        let mut wrong = Vec::new();
        for case in cases {
            if let Err(reason) = outcome(app, case).await {
                wrong.push(format!("{}: expected {}, {reason}", case.name, case.answer));
            }
            assert_eq!(app.bare(reqwest::Method::GET, "/livez").send().await.expect(&case.name).status(), 200);
            if others_find(app).await != found || app.count().await != before.0 {
                wrong.push(format!("{}: something was stored or is gone", case.name));
            }
        }
        over.store(true, Ordering::Relaxed);
        wrong
    };
    let ((same, different), wrong) = tokio::join!(others, attack);
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(same > 0 && different == 0, "{same} searches of others found the same and {different} did not");
    assert_eq!((app.count().await, ok(app.get("/v1/collections")).await), before, "what is stored");
}

async fn outcome(app: &TestApp, case: &Case) -> Result<(), String> {
    // Only for a server that hangs: no case needs any time.
    let answer = tokio::time::timeout(Duration::from_secs(120), exchange(app.address, &case.bytes, case.cut)).await;
    let answer = answer.map_err(|_| "got no answer and no end".to_owned())?;
    check(&answer, case.answer)
}

/// Whether an answer is the expected one, and harmless.
fn check(answer: &[u8], expected: Answer) -> Result<(), String> {
    if answer.is_empty() {
        return if expected == Answer::Closed { Ok(()) } else { Err("the connection was closed".to_owned()) };
    }
    let text = String::from_utf8_lossy(answer);
    let shown: String = text.chars().take(700).collect();
    let wrong = |what: &str| Err(format!("{what}: {shown:?}"));
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return wrong("no whole answer") };
    if text.chars().any(|c| c.is_control() && !"\r\n".contains(c)) {
        return wrong("control characters in the answer");
    }
    if head.lines().any(|line| line.starts_with("set-cookie") || line.starts_with("owned")) {
        return wrong("a header of the attacker");
    }
    if body.contains("HTTP/1.1 ") {
        return wrong("two answers");
    }
    let status: u16 = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let is = match expected {
        Answer::Code(expected, code) => {
            let whole = head.contains("content-type: application/problem+json")
                && head.contains("x-content-type-options: nosniff")
                && problem["status"] == status;
            status == expected && problem["code"] == code && whole
        }
        Answer::Bare(expected) => status == expected && body.is_empty(),
        Answer::Fine(expected) => status == expected,
        Answer::NothingFound => status == 200 && problem["results"].as_array().is_some_and(Vec::is_empty),
        Answer::Closed => false,
    };
    if is { Ok(()) } else { wrong("got") }
}
