//! Requests that two readers understand differently, and such as are none.

use super::{Answer, Case, request, server, withstands};
use crate::support::app::{images, search};

/// A request behind another one, which nobody may take for one of its own.
const SMUGGLED: &str = "GET /v1/collections HTTP/1.1\r\nhost: eyrie\r\n\r\n";

fn bare(name: &str, bytes: impl Into<Vec<u8>>) -> Case {
    Case::new(name, bytes, Answer::Bare(400))
}

/// A search whose body's length these lines tell.
fn framed(name: &str, lines: &str, body: &str, answer: Answer) -> Case {
    let head = format!("POST {} HTTP/1.1\r\nhost: eyrie\r\ncontent-type: application/json\r\n", search());
    Case::new(name, format!("{head}{lines}\r\n\r\n{body}"), answer)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = smuggling();
    cases.extend(heads());
    cases.extend(chunks());
    cases.extend(targets());
    cases
}

fn smuggling() -> Vec<Case> {
    let body = "{\"id\": \"p1\"}";
    let chunked = format!("c\r\n{body}\r\n0\r\n\r\n{SMUGGLED}");
    let te = "transfer-encoding: chunked";
    vec![
        framed(
            "a length, then chunks, and a request behind them: one answer",
            &format!("content-length: 4\r\n{te}"),
            &chunked,
            Answer::Fine(200),
        ),
        framed(
            "chunks, then a length, and a request behind them: one answer",
            &format!("{te}\r\ncontent-length: 4"),
            &chunked,
            Answer::Fine(200),
        ),
        framed(
            "two lengths",
            "content-length: 12\r\ncontent-length: 4",
            &format!("{body}{SMUGGLED}"),
            Answer::Bare(400),
        ),
        framed("two lengths in one line", "content-length: 12, 4", body, Answer::Bare(400)),
        framed("a length with a sign", "content-length: +12", body, Answer::Bare(400)),
        framed("a negative length", "content-length: -1", body, Answer::Bare(400)),
        framed("a hexadecimal length", "content-length: 0xc", body, Answer::Bare(400)),
        framed("a length with a space inside", "content-length: 1 2", body, Answer::Bare(400)),
        framed("an empty length", "content-length: ", body, Answer::Bare(400)),
        framed("a length beyond 64 bits", "content-length: 18446744073709551617", body, Answer::Bare(400)),
        framed("a length of 2^63", "content-length: 9223372036854775808", body, Answer::Code(413, "upload_too_large")),
        framed("a coding that is none", "transfer-encoding: xchunked", &chunked, Answer::Bare(400)),
        framed("`chunked` and then `identity`", "transfer-encoding: chunked, identity", &chunked, Answer::Bare(400)),
        framed("`chunked` with a vertical tab", "transfer-encoding: \x0bchunked", &chunked, Answer::Bare(400)),
        framed("a space before the colon", "transfer-encoding : chunked", &chunked, Answer::Bare(400)),
        framed("a folded coding", "transfer-encoding:\r\n chunked", &chunked, Answer::Bare(400)),
        framed(
            "`gzip, chunked` without gzip",
            "connection: close\r\ntransfer-encoding: gzip, chunked",
            &chunked,
            Answer::Fine(200),
        ),
        bare(
            "chunks in HTTP/1.0",
            format!("POST {} HTTP/1.0\r\ncontent-type: application/json\r\n{te}\r\n\r\n{chunked}", search()),
        ),
        bare("a line break inside a header's name", "GET /livez HTTP/1.1\r\nhost: eyrie\r\nx-\ny: 1\r\n\r\n"),
        bare("a lone CR in a header's value", "GET /livez HTTP/1.1\r\nhost: eyrie\r\nx: a\rowned: 1\r\n\r\n"),
        Case::new("bare line feeds", "GET /livez HTTP/1.1\nhost: eyrie\nconnection: close\n\n", Answer::Fine(200)),
    ]
}

fn heads() -> Vec<Case> {
    let line = |line: &[u8]| request("GET", "/livez", &[line], b"");
    let many: Vec<u8> = (0..101).flat_map(|n| format!("x-{n}: 1\r\n").into_bytes()).collect();
    let full = "GET /livez HTTP/1.1\r\nhost: eyrie\r\nx: ";
    vec![
        bare("a NUL in a header's value", line(b"x: a\0b")),
        bare("an escape sequence in a header's value", line(b"x: \x1b[2J")),
        bare("a NUL in a header's name", line(b"x\0y: 1")),
        bare("a header without a colon", line(b"nothing")),
        bare("a header without a name", line(b": 1")),
        bare("a header's name in UTF-8", line("\u{202e}: 1".as_bytes())),
        bare("a folded header", line(b"x: 1\r\n owned: 1")),
        Case::new("bytes beyond ASCII in a header's value", line(b"x: \xff\xfe"), Answer::Fine(200)),
        Case::new("101 headers", [&b"GET /livez HTTP/1.1\r\n"[..], &many, b"\r\n"].concat(), Answer::Bare(431)),
        Case::new("a header of 128 KiB", format!("{full}{}", "a".repeat((128 << 10) - full.len())), Answer::Bare(431)),
        Case::refused("two hosts", line(b"host: other"), 400, "invalid_request"),
        Case::new("no host", "GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n", Answer::Fine(200)),
        Case::new("half a head", "GET /livez HTTP/1.1\r\nhost:", Answer::Closed).cut(),
        Case::new("no byte at all", "", Answer::Closed).cut(),
        bare("a handshake of TLS", &b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"[..]),
        Case::new("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Answer::Closed),
        Case::new(
            "an upgrade to HTTP/2",
            line(b"upgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA"),
            Answer::Fine(200),
        ),
        bare("HTTP/0.9", "GET /livez\r\n\r\n"),
        bare("HTTP/3.7", "GET /livez HTTP/3.7\r\nhost: eyrie\r\n\r\n"),
        bare("a line of 60 000 spaces", format!("GET{}/livez HTTP/1.1\r\n\r\n", " ".repeat(60_000))),
        bare("a method with a NUL", "G\0T /livez HTTP/1.1\r\n\r\n"),
        Case::refused(
            "a method that is none",
            request(&"BREW".repeat(500), "/livez", &[], b""),
            405,
            "method_not_allowed",
        ),
        Case::refused("TRACE", request("TRACE", "/livez", &[b"x-secret: 1"], b""), 405, "method_not_allowed"),
        Case::refused("CONNECT", request("CONNECT", "169.254.169.254:80", &[], b""), 404, "route_not_found"),
        Case::new("an expectation that is none", line(b"expect: 999-owned"), Answer::Fine(200)),
        Case::new(
            "another method in a header",
            request("GET", &images("/p1"), &[b"x-http-method-override: DELETE"], b""),
            Answer::Fine(200),
        ),
    ]
}

fn chunks() -> Vec<Case> {
    let chunked = |name: &str, body: &str, answer: Answer| {
        framed(name, "transfer-encoding: chunked\r\nconnection: close", body, answer)
    };
    let incomplete = Answer::Code(400, "incomplete_body");
    vec![
        chunked("a chunk with a size that is none", "zz\r\n{}\r\n0\r\n\r\n", incomplete),
        chunked("a chunk with a negative size", "-1\r\n{}\r\n0\r\n\r\n", incomplete),
        chunked("a chunk of 2^64", "10000000000000000\r\n{}\r\n0\r\n\r\n", incomplete),
        chunked("a chunk of 2^64 - 1", "ffffffffffffffff\r\n{}\r\n0\r\n\r\n", incomplete).cut(),
        chunked("a chunk that ends early", "2\r\n{}0\r\n\r\n", incomplete),
        chunked("a chunk with 40 000 bytes of extensions", &format!("2;{}\r\n", "a".repeat(40_000)), incomplete),
        chunked(
            "40 000 bytes of trailers",
            &format!("c\r\n{{\"id\": \"p1\"}}\r\n0\r\n{}\r\n", "x: 1\r\n".repeat(7_000)),
            incomplete,
        ),
        chunked("chunks that stop", "5\r\n{\"id", incomplete).cut(),
        framed("a body shorter than its length", "content-length: 1000", "{", incomplete).cut(),
        framed(
            "a body longer than its length",
            "connection: close\r\ncontent-length: 12",
            "{\"id\": \"p1\"}}}}",
            Answer::Fine(200),
        ),
    ]
}

fn targets() -> Vec<Case> {
    let target = |target: &str| request("GET", target, &[], b"");
    let page = |lines: &[&[u8]]| {
        request("PUT", "/v1/collections/owned", &[lines, &[&b"content-type: application/json"[..]]].concat(), b"{}")
    };
    vec![
        Case::new("the whole address of another host", target("http://169.254.169.254/livez"), Answer::Fine(200)),
        bare("an address with another scheme", target("file:///etc/passwd")),
        Case::refused("an asterisk", target("*"), 404, "route_not_found"),
        Case::refused("a target without a slash", target("livez"), 404, "route_not_found"),
        bare("a target with a space", target("/livez /v1")),
        bare("a target with a fragment of control characters", target("/livez#\x1b[2J")),
        Case::refused("a target in UTF-8", target("/\u{202e}"), 404, "route_not_found"),
        Case::new("a target of 70 000 bytes", target(&format!("/{}", "a".repeat(70_000))), Answer::Bare(414)),
        Case::refused("a page of another site", page(&[b"origin: https://evil.example"]), 403, "cross_origin"),
        Case::refused("a page of no site", page(&[b"origin: null"]), 403, "cross_origin"),
        Case::refused(
            "a page with a forged host",
            page(&[b"origin: http://eyrie", b"sec-fetch-site: cross-site"]),
            403,
            "cross_origin",
        ),
        Case::refused("two origins", page(&[b"origin: http://eyrie, https://evil.example"]), 403, "cross_origin"),
        Case::refused(
            "a range beyond 64 bits",
            request("GET", "/v1/jobs/x/result", &[b"range: bytes=0-18446744073709551616"], b""),
            404,
            "unknown_job",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_http_is_answered_as_the_table_says() {
    withstands(&server().await, &cases()).await;
}
