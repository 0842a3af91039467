//! Forms that do not end, repeat themselves or say one thing and have another.

use super::{Answer, Case, post, server, withstands};
use crate::support::app::{images, search};
use crate::support::pictures::png;

/// A form with the boundary `x` of parts that are whole, heads and all.
fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(b"--x\r\n");
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    body
}

fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    [format!("content-disposition: form-data; {disposition}\r\n\r\n").as_bytes(), content].concat()
}

fn image() -> Vec<u8> {
    part("name=\"image\"", &png(3))
}

pub(super) fn cases() -> Vec<Case> {
    let typed = |name: &str, media_type: &str, body: &[u8], status: u16, code: &'static str| {
        Case::refused(name, post(&images(""), media_type, body), status, code)
    };
    let sent = |name: &str, body: &[u8], status: u16, code: &'static str| {
        typed(name, "multipart/form-data; boundary=x", body, status, code)
    };
    let parts = |name: &str, parts: &[Vec<u8>], code: &'static str| sent(name, &form(parts), 400, code);
    let query = |name: &str, parts: &[Vec<u8>]| {
        Case::new(name, post(&search(), "multipart/form-data; boundary=x", &form(parts)), Answer::Fine(200))
    };
    let id = |text: &str| part("name=\"id\"", text.as_bytes());
    let invalid = "invalid_multipart";
    let nested = part("name=\"image\"", &[b"--y\r\n\r\n".to_vec(), png(3), b"\r\n--y--".to_vec()].concat());
    let nested = [b"content-type: multipart/mixed; boundary=y\r\n".to_vec(), nested].concat();
    let whole = form(&[image()]);
    let feeds: Vec<u8> = whole.iter().copied().filter(|byte| *byte != b'\r').collect();
    vec![
        typed("no boundary", "multipart/form-data", &whole, 400, invalid),
        typed("an empty boundary", "multipart/form-data; boundary=\"\"", b"----", 400, invalid),
        typed("another boundary than that of the body", "multipart/form-data; boundary=y", &whole, 400, invalid),
        typed(
            "a boundary of 60 000 characters",
            &format!("multipart/form-data; boundary={}", "x".repeat(60_000)),
            &whole,
            400,
            invalid,
        ),
        typed("two boundaries", "multipart/form-data; boundary=y; boundary=x", &whole, 400, invalid),
        typed("a boundary in quotes that do not close", "multipart/form-data; boundary=\"x", &whole, 400, invalid),
        typed("a form of another kind", "multipart/mixed; boundary=x", &whole, 415, "unsupported_media_type"),
        sent("no byte", b"", 400, invalid),
        sent("the last boundary alone", b"--x--", 400, "missing_image"),
        sent("a form that does not end", &whole[..whole.len() - 7], 400, invalid),
        sent("a part that does not begin", b"--x\r\ncontent-disposition: form-data; name=\"image\"", 400, invalid),
        sent("a head of 500 KB", &[b"--x\r\nx: ", vec![b'a'; 500_000].as_slice()].concat(), 400, invalid),
        sent("line feeds alone", &feeds, 400, invalid),
        sent("500 KB of boundaries", "\r\n--x".repeat(100_000).as_bytes(), 400, invalid),
        sent("500 KB of almost boundaries", "\r\n--".repeat(125_000).as_bytes(), 400, invalid),
        parts("a part without a head", &[b"\r\nabc".to_vec()], invalid),
        parts("a part without a name", &[part("filename=\"a.png\"", &png(3))], invalid),
        parts("a part with an empty name", &[part("name=\"\"", &png(3))], "unknown_field"),
        parts("a part whose name has a NUL", &[part("name=\"image\0\"", &png(3))], "unknown_field"),
        parts("a part whose name has an escape sequence", &[part("name=\"\x1b[2J\"", &png(3))], "unknown_field"),
        parts(
            "a part whose name has 100 000 characters",
            &[part(&format!("name=\"{}\"", "a".repeat(100_000)), b"")],
            "unknown_field",
        ),
        parts(
            "a part whose name is not UTF-8",
            &[b"content-disposition: form-data; name=\"\xff\"\r\n\r\n".to_vec()],
            "invalid_utf8",
        ),
        parts("`__proto__` as a field", &[image(), part("name=\"__proto__\"", b"{}")], "unknown_field"),
        parts("two pictures", &[image(), image()], "multiple_images"),
        parts("10 000 parts", &[vec![image(), id("b")], vec![id("a"); 10_000]].concat(), "duplicate_field"),
        parts("a form in a form", &[nested], "not_an_image"),
        parts(
            "a picture in base64 that only the head tells",
            &[[b"content-transfer-encoding: base64\r\n".to_vec(), part("name=\"image\"", b"iVBORw0KGgo=")].concat()],
            "not_an_image",
        ),
        parts("an id that leads out", &[image(), id("../../etc/passwd")], "invalid_image_id"),
        parts("an id of two dots", &[image(), id("..")], "invalid_image_id"),
        parts("an id with a line break", &[image(), id("a\r\nb")], "invalid_image_id"),
        parts("an id that is not UTF-8", &[image(), part("name=\"id\"", b"\xc0\xae")], "invalid_utf8"),
        parts("metadata in UTF-7", &[image(), part("name=\"metadata\"", b"+AHsAfQ-")], "invalid_metadata"),
        query("a file name that leads out", &[part("name=\"image\"; filename=\"../../../etc/passwd\"", &png(1))]),
        query("a file name with SQL, HTML and a NUL", &[part("name=\"image\"; filename=\"');<script>\0\"", &png(1))]),
        query(
            "a type that is a program's",
            &[[b"content-type: application/x-php\r\n".to_vec(), part("name=\"image\"", &png(1))].concat()],
        ),
        query(
            "a length that lies in the head of a part",
            &[[b"content-length: 3\r\n".to_vec(), part("name=\"image\"", &png(1))].concat()],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_forms_are_answered_as_the_table_says() {
    withstands(&server().await, &cases()).await;
}
