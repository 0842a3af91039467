//! The body of a call that takes JSON only.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, header};

use super::fields::{Fields, FromFields};
use super::json;
use crate::http::error::{ApiError, Code};
use crate::http::state::AppState;

/// The largest body.
const MAX_BYTES: usize = 1 << 20;

/// What the body says; null and no body at all count as `{}`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: FromFields> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        require_identity_encoding(&head.headers)?;
        let accepted = match media_type(&head.headers).as_deref() {
            Some("application/json") => true,
            Some("application/merge-patch+json") => head.method == Method::PATCH,
            Some(_) => false,
            None => true,
        };
        if !accepted {
            return Err(ApiError::new(Code::UnsupportedMediaType, "the body must be application/json"));
        }
        let (bytes, _permit) = state.intake.read(&head, body, MAX_BYTES).await?;
        let text = match json::utf8(&bytes, "the body")?.trim() {
            "" | "null" => "{}",
            text => text,
        };
        let mut fields = Fields::default();
        for (name, value) in json::object(text)? {
            fields.insert_json(name, value)?;
        }
        fields.read(&[]).map(Self)
    }
}

/// The media type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Refuses compressed bodies: their size after decompression could not be bounded before reading
/// them.
pub(crate) fn require_identity_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::CONTENT_ENCODING) {
        // Names of codings have no case (RFC 9110, section 8.4.1).
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(ApiError::new(Code::UnsupportedMediaType, "bodies with a Content-Encoding are not accepted"))
        }
        Some(_) | None => Ok(()),
    }
}
