//! Entity tags and preconditions (RFC 9110, section 13). An image's tag is its revision.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::error::{ApiError, Code};
use crate::domain::Seq;
use crate::service::ServiceError;

/// What `If-Match` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// `*`: the image must be there.
    Any,
    /// The image must have this revision.
    Revision(Seq),
}

/// The entity tag of a revision.
pub(super) fn etag(revision: Seq) -> String {
    format!("\"{revision}\"")
}

/// Reads `If-Match`.
///
/// # Errors
/// `invalid_precondition` when it is malformed or names several tags, `precondition_failed` when it names a tag that
/// no revision can have.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, ApiError> {
    let Some(value) = single(headers, &header::IF_MATCH)? else { return Ok(None) };
    if value == "*" {
        return Ok(Some(IfMatch::Any));
    }
    // A weak tag never matches: If-Match compares strongly.
    let (weak, quoted) = value.strip_prefix("W/").map_or((false, value), |rest| (true, rest));
    let opaque = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|opaque| !opaque.contains('"'))
        .ok_or_else(|| invalid("If-Match must be one entity tag such as \"17\", or *"))?;
    match opaque.parse::<i64>() {
        Ok(revision) if !weak && revision.to_string() == opaque => Ok(Some(IfMatch::Revision(Seq(revision)))),
        _ => Err(ServiceError::PreconditionFailed.into()),
    }
}

/// Whether the client said `If-None-Match: *`, that is, "only if it is not there".
pub(super) fn if_absent(headers: &HeaderMap) -> Result<bool, ApiError> {
    match single(headers, &header::IF_NONE_MATCH)? {
        None => Ok(false),
        Some("*") => Ok(true),
        Some(_) => Err(invalid("for a change, If-None-Match can only be *")),
    }
}

/// Whether `If-None-Match` names this tag, so that the client has the current state already.
pub(super) fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}

/// Refuses preconditions where they are not supported, rather than acting as if they held.
pub(super) fn refuse_preconditions(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH) {
        return Err(invalid("this call does not support If-Match and If-None-Match"));
    }
    Ok(())
}

/// A tag as a header value.
pub(super) fn etag_header(revision: Seq) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&etag(revision)).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    (header::ETAG, value)
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(invalid(&format!("{name} must be given once")));
    }
    first.map(|value| value.to_str().map(str::trim).map_err(|_| invalid(&format!("{name} is not text")))).transpose()
}

fn invalid(detail: &str) -> ApiError {
    ApiError::new(Code::InvalidPrecondition, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn if_match_of(value: &'static str) -> Result<Option<IfMatch>, Code> {
        if_match(&headers(header::IF_MATCH, value)).map_err(|e| e.code())
    }

    #[test]
    fn if_match_takes_one_strong_tag_or_a_star() {
        assert_eq!(if_match_of("\"17\""), Ok(Some(IfMatch::Revision(Seq(17)))));
        assert_eq!(if_match_of(" * "), Ok(Some(IfMatch::Any)));
        assert_eq!(if_match_of("W/\"17\""), Err(Code::PreconditionFailed));
        assert_eq!(if_match_of("\"abc\""), Err(Code::PreconditionFailed));
        assert_eq!(if_match_of("\"017\""), Err(Code::PreconditionFailed));
        assert_eq!(if_match_of("17"), Err(Code::InvalidPrecondition));
        assert_eq!(if_match_of("\"1\", \"2\""), Err(Code::InvalidPrecondition));
        assert_eq!(if_match(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn if_none_match_compares_weakly_over_a_list() {
        for value in ["\"5\"", "W/\"5\"", "\"4\", \"5\"", "*"] {
            assert!(is_current(&headers(header::IF_NONE_MATCH, value), "\"5\""), "{value}");
        }
        assert!(!is_current(&headers(header::IF_NONE_MATCH, "\"55\""), "\"5\""));
        assert!(!is_current(&HeaderMap::new(), "\"5\""));
    }
}
