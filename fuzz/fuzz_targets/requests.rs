//! No request makes the service panic or answer with a fault of its own, and every refusal is a
//! problem document with a code.
//!
//! The whole service runs in this process over a SQLite of its own. The first byte of an input
//! chooses what the others are: a filter, a form, a cursor, the JSON or the lines of some call, or
//! a key. The environment's `FUZZ_KIND` (one of [`KINDS`]) makes all inputs of one kind.

#![no_main]

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{LazyLock, mpsc};

use eyrie::app::App;
use eyrie::config;
use eyrie::domain::Secret;
use eyrie::service::Isolation;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "the-admin-key-of-the-fuzzer-0123456789";

/// What an input is, by its first byte modulo their number.
const KINDS: [&str; 5] = ["filter", "form", "cursor", "json", "key"];

/// The kind that all inputs are.
static ONLY: LazyLock<Option<u8>> = LazyLock::new(|| {
    let only = std::env::var("FUZZ_KIND").ok()?;
    let place = KINDS.iter().position(|kind| *kind == only);
    Some(place.expect("FUZZ_KIND names no kind").try_into().expect("few"))
});

/// Calls whose body is JSON, or lines of it.
const CALLS: [(&str, &str, &str); 12] = [
    ("PATCH", "/v1/collections/fuzzed", "application/merge-patch+json"),
    ("PUT", "/v1/collections/other", "application/json"),
    ("POST", "/v1/collections/fuzzed/search", "application/json"),
    ("POST", "/v1/collections/fuzzed/search:batch", "application/json"),
    ("POST", "/v1/collections/fuzzed/images:count", "application/json"),
    ("POST", "/v1/collections/fuzzed/images:delete", "application/json"),
    ("POST", "/v1/collections/fuzzed/images", "application/json"),
    ("POST", "/v1/collections/fuzzed/images:batch", "application/x-ndjson"),
    ("POST", "/v1/collections/fuzzed/import", "application/x-ndjson"),
    ("PATCH", "/v1/collections/fuzzed/images/one", "application/merge-patch+json"),
    ("POST", "/v1/compare", "application/json"),
    ("POST", "/v1/descriptors", "application/json"),
];

/// Where the service listens.
static SERVICE: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config::load(None, [], &[]).expect("the defaults").config;
        config.server.bind = "127.0.0.1:0".to_owned();
        config.server.admin_key = Secret::new(KEY);
        config.storage.data_dir = folder.path().to_owned();
        config.extractor.pool.isolation = Isolation::Thread;
        config.extractor.describer.threads = 1;
        config.extractor.describer.max_pixels = 1 << 16;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("threads").block_on(async {
            let app = App::builder(config).start().await.expect("the service starts");
            tell.send(app.address()).expect("asked");
            app.serve(std::future::pending()).await;
        });
    });
    told.recv().expect("it started")
});

/// Makes the collection: with the profile of one pass, since a picture costs more than all else.
static COLLECTION: LazyLock<()> = LazyLock::new(|| {
    let head = format!("PUT /v1/collections/fuzzed HTTP/1.1\r\nX-Api-Key: {KEY}\r\nContent-Type: application/json\r\n");
    let (status, _) = answer(head.as_bytes(), br#"{"profile": "fast"}"#).expect("an answer");
    assert_eq!(status, 201);
});

thread_local! {
    static CONNECTION: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
}

/// Bytes as a part of a path or a query.
fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "%{byte:02x}");
        text
    })
}

/// Bytes that may stand in a header.
fn header(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|&byte| if byte < b' ' || byte == 0x7f { b'?' } else { byte }).collect()
}

/// Sends a request and reads its answer: the status and the body.
fn answer(head: &[u8], body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    CONNECTION.with_borrow_mut(|kept| {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => TcpStream::connect(*SERVICE)?,
        };
        let mut request = head.to_vec();
        request.extend(format!("Host: localhost\r\nContent-Length: {}\r\n\r\n", body.len()).bytes());
        request.extend(body);
        connection.write_all(&request)?;
        let mut answer = BufReader::new(&mut connection);
        let (mut status, mut length, mut closes) = (0, 0, false);
        loop {
            let mut line = String::new();
            if answer.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() && status != 100 {
                break;
            }
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().expect("a length");
            } else if line == "connection: close" {
                closes = true;
            }
            assert!(line != "transfer-encoding: chunked", "no answer of these calls is streamed");
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body)?;
        if !closes {
            *kept = Some(connection);
        }
        Ok((status, body))
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    LazyLock::force(&COLLECTION);
    let mut head = Vec::new();
    let mut body = Vec::new();
    let mut key = KEY.as_bytes().to_vec();
    // What it is, and which one of that.
    let (what, which) = (ONLY.unwrap_or(kind % 5), usize::from(kind / 5));
    match KINDS[usize::from(what)] {
        "filter" => {
            head.extend(b"POST /v1/collections/fuzzed/images:count HTTP/1.1\r\nContent-Type: application/json\r\n");
            body = [b"{\"filter\":", rest, b"}"].concat();
        }
        "form" => {
            let call = ["images", "search"][which % 2];
            head.extend(format!("POST /v1/collections/fuzzed/{call} HTTP/1.1\r\n").bytes());
            head.extend(b"Content-Type: multipart/form-data; boundary=b\r\n");
            body = rest.to_vec();
        }
        "cursor" => {
            let cursor = encoded(rest);
            let list = ["collections/fuzzed/images", "jobs", "keys"][which % 3];
            head.extend(format!("GET /v1/{list}?limit=2&cursor={cursor} HTTP/1.1\r\n").bytes());
        }
        "json" => {
            let (method, path, media) = CALLS[which % CALLS.len()];
            head.extend(format!("{method} {path} HTTP/1.1\r\nContent-Type: {media}\r\n").bytes());
            body = rest.to_vec();
        }
        _ => {
            key = header(rest);
            head.extend(b"GET /v1/collections HTTP/1.1\r\n");
        }
    }
    head.extend(if kind & 128 == 0 { b"Authorization: Bearer ".as_slice() } else { b"X-Api-Key: " });
    head.extend(key);
    head.extend(b"\r\n");
    // A connection that the service closed while it was idle, or whose answer said nothing of it.
    let answered = answer(&head, &body).or_else(|_| {
        CONNECTION.set(None);
        answer(&head, &body)
    });
    let (status, text) = answered.expect("an answer");
    assert!(status < 500 || matches!(status, 503 | 507), "{status}: {}", String::from_utf8_lossy(&text));
    if status >= 400 {
        let problem: serde_json::Value = serde_json::from_slice(&text).expect("a problem document");
        assert!(problem["code"].is_string() && problem["status"] == status, "{problem}");
    }
});
