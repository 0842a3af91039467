//! What a call for an original takes.

use std::convert::Infallible;
use std::ops::Range;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde_json::Value;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Type};

use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{Documented, FieldDoc, any_text, header_parameter};
use crate::http::state::AppState;

/// Which original the client expects.
pub(crate) struct OriginalQuery {
    /// The first digits of its hash.
    pub(crate) hash: Option<String>,
}

impl FromFields for OriginalQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { hash: fields.text("v") }
    }
}

impl Documented for OriginalQuery {
    fn fields() -> Vec<FieldDoc> {
        let text = "The beginning of the SHA-256 that the URL was made for, 16 digits. An answer that has it may be cached for ever.";
        vec![FieldDoc::plain("v", any_text(), text).example("9f86d081884c7d65")]
    }
}

/// The part that the client asks for: `Range`, and `If-Range`.
pub(crate) struct RangeOfClient {
    range: Option<String>,
    only_if: Option<String>,
}

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// What lies behind the end.
    Nothing,
}

impl FromRequestParts<AppState> for RangeOfClient {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        let text = |headers: &HeaderMap, name| {
            headers.get(name).map(|value| value.to_str().unwrap_or_default().trim().to_owned())
        };
        Ok(Self { range: text(&parts.headers, header::RANGE), only_if: text(&parts.headers, header::IF_RANGE) })
    }
}

impl IntoParams for RangeOfClient {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        // Any text: what is no range, or several of them, asks for the whole.
        let text = |example| ObjectBuilder::new().schema_type(Type::String).examples([Value::from(example)]);
        let hash = "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"";
        vec![
            header_parameter("Range", "A part of it: one range of bytes", text("bytes=0-1023")),
            header_parameter(
                "If-Range",
                "The part only if the original has this entity tag, else the whole",
                text(hash),
            ),
        ]
    }
}

impl RangeOfClient {
    /// What to send of so many bytes that have this entity tag.
    pub(crate) fn of(&self, size: u64, tag: &str) -> Wanted {
        // A weak tag, and a date, prove nothing about bytes.
        if self.only_if.as_deref().is_some_and(|only_if| only_if != tag) {
            return Wanted::Whole;
        }
        self.range.as_deref().and_then(|range| wanted(range, size)).unwrap_or(Wanted::Whole)
    }
}

/// What a `Range` asks for (RFC 9110, section 14); `None` where it is not one range of bytes.
fn wanted(range: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (start, end) = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(length)) => (size.saturating_sub(length), if length == 0 { 0 } else { size }),
        (Some(start), None) => (start, size),
        (Some(start), Some(last)) if start > last => return None,
        (Some(start), Some(last)) => (start, size.min(last.saturating_add(1))),
    };
    Some(if start < end { Wanted::Part(start..end) } else { Wanted::Nothing })
}

/// A number of any length, of which none is larger than this type; `Some(None)` for no digits.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|b| b.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> Wanted {
        RangeOfClient { range: Some(range.to_owned()), only_if: None }.of(100, "\"t\"")
    }

    #[test]
    fn one_range_is_read_as_the_standard_says() {
        for (range, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-99", 0..100),
            ("bytes=10-19", 10..20),
            ("bytes=90-", 90..100),
            ("bytes=90-1000", 90..100),
            ("bytes=-1", 99..100),
            ("bytes=-1000", 0..100),
            ("Bytes = 5-5", 5..6),
            ("bytes=0-99999999999999999999999", 0..100),
        ] {
            assert_eq!(asked(range), Wanted::Part(part), "{range}");
        }
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(asked(range), Wanted::Nothing, "{range}");
        }
        for range in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,5-6", "lines=0-1", "bytes=+1-2"]
        {
            assert_eq!(asked(range), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn a_part_of_something_else_is_not_sent() {
        let asked = |only_if: &str| {
            RangeOfClient { range: Some("bytes=0-4".to_owned()), only_if: Some(only_if.to_owned()) }.of(100, "\"t\"")
        };
        assert_eq!(asked("\"t\""), Wanted::Part(0..5));
        for other in ["\"u\"", "W/\"t\"", "t", "", "Fri, 27 Nov 2026 05:00:00 GMT"] {
            assert_eq!(asked(other), Wanted::Whole, "{other}");
        }
    }
}
