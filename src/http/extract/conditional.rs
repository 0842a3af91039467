//! Entity tags and preconditions (RFC 9110, section 13). An image's tag is its revision.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Type};

use crate::domain::{Precondition, Seq};
use crate::http::error::{ApiError, Code};
use crate::http::schema::{header_parameter, one_of, tags_schema};
use crate::http::state::AppState;

/// What a change requires, as it is written: `If-Match` may name several revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Required {
    /// One thing, which the database decides at the moment of the change.
    One(Precondition),
    /// One of these revisions, two at least; or none, which never holds.
    AnyOf(Vec<Seq>),
}

/// The precondition of a replacement: `If-Match`, or `If-None-Match: *`.
pub(crate) struct ReplaceIf(pub(crate) Required);

/// The precondition of a change to what is there: `If-Match`.
pub(crate) struct ChangeIf(pub(crate) Required);

/// The tags that the client has, from `If-None-Match` of a GET.
pub(crate) struct TagsOfClient(HeaderMap);

impl FromRequestParts<AppState> for ReplaceIf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let headers = &parts.headers;
        let required = if_match(headers)?;
        let Some(absent) = combined(headers, &header::IF_NONE_MATCH)? else { return Ok(Self(required)) };
        if headers.contains_key(header::IF_MATCH) {
            return Err(invalid("give one of If-Match and If-None-Match"));
        }
        if absent != "*" {
            return Err(invalid("for a change, If-None-Match can only be *"));
        }
        Ok(Self(Required::One(Precondition::Absent)))
    }
}

impl FromRequestParts<AppState> for ChangeIf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        if parts.headers.contains_key(header::IF_NONE_MATCH) {
            return Err(invalid("If-None-Match goes with reading and with PUT; this call knows If-Match"));
        }
        if_match(&parts.headers).map(Self)
    }
}

impl FromRequestParts<AppState> for TagsOfClient {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        Ok(Self(parts.headers.clone()))
    }
}

fn if_match_parameter() -> Parameter {
    let description = "Only if the image has one of these revisions; `*`: only if there is such an image";
    header_parameter("If-Match", description, tags_schema())
}

impl IntoParams for ReplaceIf {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let absent = one_of(["*"]);
        vec![
            if_match_parameter(),
            header_parameter("If-None-Match", "`*`: only if there is no such image. Not with If-Match.", absent),
        ]
    }
}

impl IntoParams for ChangeIf {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![if_match_parameter()]
    }
}

impl IntoParams for TagsOfClient {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        // Any text: what is no tag matches none.
        let tags = ObjectBuilder::new().schema_type(Type::String).examples([Value::from("\"17\"")]);
        vec![header_parameter("If-None-Match", "The entity tags that the client has", tags)]
    }
}

impl TagsOfClient {
    /// Whether the client has this revision already. What cannot be read matches nothing.
    pub(crate) fn have(&self, revision: Seq) -> bool {
        let Ok(Some(list)) = combined(&self.0, &header::IF_NONE_MATCH) else { return false };
        list == "*" || tags(&list).is_some_and(|tags| tags.iter().any(|tag| tag.revision() == Some(revision)))
    }

    /// Whether the client has what this entity tag, without its quotes, stands for.
    pub(crate) fn have_tag(&self, opaque: &str) -> bool {
        let Ok(Some(list)) = combined(&self.0, &header::IF_NONE_MATCH) else { return false };
        list == "*" || tags(&list).is_some_and(|tags| tags.iter().any(|tag| tag.opaque == opaque))
    }
}

/// A tag as a header value.
pub(crate) fn etag(revision: Seq) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&format!("\"{revision}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    (header::ETAG, value)
}

/// Reads `If-Match`.
///
/// # Errors
/// `invalid_precondition` when it is malformed.
fn if_match(headers: &HeaderMap) -> Result<Required, ApiError> {
    let Some(list) = combined(headers, &header::IF_MATCH)? else { return Ok(Required::One(Precondition::None)) };
    if list == "*" {
        return Ok(Required::One(Precondition::Present));
    }
    let tags = tags(&list).ok_or_else(|| invalid("If-Match must be entity tags such as \"17\", or *"))?;
    // A weak tag never matches: If-Match compares strongly.
    let mut revisions: Vec<Seq> = tags.iter().filter(|tag| !tag.weak).filter_map(Tag::revision).collect();
    revisions.sort_unstable();
    revisions.dedup();
    match revisions[..] {
        [revision] => Ok(Required::One(Precondition::Revision(revision))),
        _ => Ok(Required::AnyOf(revisions)),
    }
}

/// All lines of a header as one list.
fn combined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ApiError> {
    let mut lines = Vec::new();
    for value in headers.get_all(name) {
        lines.push(value.to_str().map_err(|_| invalid(&format!("{name} is not text")))?.trim());
    }
    Ok((!lines.is_empty()).then(|| lines.join(",")))
}

struct Tag<'a> {
    weak: bool,
    opaque: &'a str,
}

impl Tag<'_> {
    /// The revision that has this tag.
    fn revision(&self) -> Option<Seq> {
        let revision = self.opaque.parse::<i64>().ok()?;
        (revision.to_string() == self.opaque).then_some(Seq(revision))
    }
}

/// A list of entity tags, one at least.
fn tags(list: &str) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        if opaque.contains([' ', '\t']) {
            return None;
        }
        tags.push(Tag { weak, opaque });
        rest = after.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Some(tags);
        }
        rest = rest.strip_prefix(',')?;
    }
}

fn invalid(detail: &str) -> ApiError {
    ApiError::new(Code::InvalidPrecondition, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn if_match_of(values: &[&'static str]) -> Result<Required, Code> {
        if_match(&headers(header::IF_MATCH, values)).map_err(|e| e.code())
    }

    #[test]
    fn if_match_takes_tags_or_a_star_and_compares_strongly() {
        let revision = |n| Ok(Required::One(Precondition::Revision(Seq(n))));
        assert_eq!(if_match_of(&["\"17\""]), revision(17));
        assert_eq!(if_match_of(&["\"1\" ,\t\"2\""]), Ok(Required::AnyOf(vec![Seq(1), Seq(2)])));
        assert_eq!(if_match_of(&["\"2\"", "\"1\""]), Ok(Required::AnyOf(vec![Seq(1), Seq(2)])));
        assert_eq!(if_match_of(&["\"1\", \"1\", W/\"2\", \"a,b\""]), revision(1));
        assert_eq!(if_match_of(&[" * "]), Ok(Required::One(Precondition::Present)));
        assert_eq!(if_match_of(&[]), Ok(Required::One(Precondition::None)));
        for never in ["W/\"17\"", "\"abc\"", "\"017\"", "\"\""] {
            assert_eq!(if_match_of(&[never]), Ok(Required::AnyOf(Vec::new())), "{never}");
        }
        for malformed in ["17", "\"17", "\"1\" \"2\"", "\"1\",", "*, \"1\"", "w/\"1\"", "\"1 2\"", ""] {
            assert_eq!(if_match_of(&[malformed]), Err(Code::InvalidPrecondition), "{malformed}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly_over_a_list() {
        let have = |value| TagsOfClient(headers(header::IF_NONE_MATCH, &[value])).have(Seq(5));
        for value in ["\"5\"", "W/\"5\"", "\"4\", \"5\"", "*"] {
            assert!(have(value), "{value}");
        }
        for value in ["\"55\"", "5", ""] {
            assert!(!have(value), "{value}");
        }
        assert!(!TagsOfClient(HeaderMap::new()).have(Seq(5)));
    }
}
