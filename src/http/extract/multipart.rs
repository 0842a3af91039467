//! Forms (RFC 7578) that are in memory as a whole. The parts are views into the body, so nothing is
//! copied, and what bounds the memory of the body holds for its parts.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use memchr::memmem;

use crate::http::error::{ApiError, Code};

/// A field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The field's name.
    pub(crate) name: String,
    /// Its content.
    pub(crate) bytes: Bytes,
}

/// The fields of a form in their order.
pub(crate) fn parts(headers: &HeaderMap, body: &Bytes) -> Result<Vec<Part>, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
    let boundary = boundary.ok_or_else(|| invalid("the Content-Type has no boundary"))?;
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let unended = || invalid("the form ends before its last boundary");

    // The first boundary may stand at the very beginning, where no line break is before it.
    let mut at = if body.starts_with(&delimiter.as_bytes()[2..]) {
        delimiter.len() - 2
    } else {
        finder.find(body).ok_or_else(unended)? + delimiter.len()
    };
    let mut parts = Vec::new();
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = rest[padding..].strip_prefix(b"\r\n").ok_or_else(unended)?;
        let head_at = body.len() - rest.len();
        // A part without header lines begins with the empty line.
        let head_length =
            if rest.starts_with(b"\r\n") { 0 } else { memmem::find(rest, b"\r\n\r\n").ok_or_else(unended)? + 2 };
        let head = std::str::from_utf8(&rest[..head_length])
            .map_err(|_| ApiError::new(Code::InvalidUtf8, "the header of a part of the form is not valid UTF-8"))?;
        let start = head_at + head_length + 2;
        let end = start + content_length(&body[start..], &finder, delimiter.len()).ok_or_else(unended)?;
        let name = name(head).ok_or_else(|| invalid("a part of the form has no name"))?;
        parts.push(Part { name, bytes: body.slice(start..end) });
        at = end + delimiter.len();
    }
}

/// How long the content is: up to a boundary that its own line ends with.
fn content_length(content: &[u8], finder: &memmem::Finder<'_>, delimiter_length: usize) -> Option<usize> {
    finder.find_iter(content).find(|at| {
        let after = content.get(at + delimiter_length..).unwrap_or_default();
        after.starts_with(b"--") || after.starts_with(b"\r\n") || after.starts_with(b" ") || after.starts_with(b"\t")
    })
}

/// The name that the part's header lines give it.
fn name(head: &str) -> Option<String> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    parameter(disposition, "name")
}

/// A parameter of a header's value (`form-data; name="image"`). Names of parameters have no case
/// (RFC 9110, section 5.6.6).
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value;
    loop {
        rest = &rest[end_of_item(rest)..];
        rest = rest.strip_prefix(';')?;
        let item = &rest[..end_of_item(rest)];
        if let Some((key, text)) = item.split_once('=')
            && key.trim().eq_ignore_ascii_case(name)
        {
            return Some(unquoted(text.trim()));
        }
    }
}

/// Where the next semicolon is that no quotes are around, or the end.
fn end_of_item(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn unquoted(text: &str) -> String {
    let Some(inside) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return text.to_owned() };
    let mut unescaped = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        unescaped.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    unescaped
}

fn invalid(reason: &str) -> ApiError {
    ApiError::new(Code::InvalidMultipart, reason)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(content_type: &'static str, body: &'static str) -> Result<Vec<(String, String)>, Code> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let parts = parts(&headers, &Bytes::from_static(body.as_bytes())).map_err(|error| error.code())?;
        Ok(parts.into_iter().map(|p| (p.name, String::from_utf8_lossy(&p.bytes).into_owned())).collect())
    }

    #[test]
    fn a_form_is_read_whatever_the_case_and_the_quotes() {
        let expected = vec![("image".to_owned(), "abc\r\n--xy".to_owned()), ("k".to_owned(), String::new())];
        for (content_type, body) in [
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a;name=b.png\"\r\nContent-Type: image/png\r\n\r\n\
                 abc\r\n--xy\r\n--x\r\ncontent-disposition: form-data; name=k\r\n\r\n\r\n--x--\r\n",
            ),
            (
                "Multipart/Form-Data; charset=utf-8; BOUNDARY=\"x\"",
                "preamble\r\n--x \r\nCONTENT-DISPOSITION:form-data;filename=\"\\\"\";NAME=\"image\"\r\n\r\nabc\r\n--xy\r\n--x\t\r\n\
                 Content-Disposition: form-data; Name=\"k\"\r\n\r\n\r\n--x--epilogue",
            ),
        ] {
            assert_eq!(read(content_type, body), Ok(expected.clone()), "{body}");
        }
        assert_eq!(read("multipart/form-data; boundary=x", "--x--"), Ok(vec![]));
    }

    #[test]
    fn a_form_that_is_none_is_refused() {
        for (content_type, body) in [
            ("multipart/form-data", "--x--"),
            ("multipart/form-data; boundary=", "----"),
            ("multipart/form-data; boundary=x", ""),
            ("multipart/form-data; boundary=x", "--x\r\n"),
            ("multipart/form-data; boundary=x", "no boundary in here"),
            ("multipart/form-data; boundary=x", "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nabc"),
            ("multipart/form-data; boundary=x", "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nabc\r\n--x"),
            ("multipart/form-data; boundary=x", "--x\r\n\r\nabc\r\n--x--"),
        ] {
            assert_eq!(read(content_type, body), Err(Code::InvalidMultipart), "{content_type} {body:?}");
        }
    }
}
