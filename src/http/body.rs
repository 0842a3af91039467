//! Reading request bodies: whole, under a limit, within a deadline, and not too many at once.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use super::error::{ApiError, Code};
use super::fields;
use super::routes::App;

/// The largest body of a call that takes JSON only.
const MAX_JSON_BYTES: usize = 1 << 20;

/// How much of a refused body is still read, so that the client gets to read the answer instead of a reset connection.
const DISCARD_BYTES: usize = 64 << 20;
/// For how long.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// A body in memory, with the permit that bounds how many there are.
pub(super) struct WholeBody {
    /// The bytes.
    pub(super) bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(app: &App, headers: &HeaderMap, body: Body, limit: usize) -> Result<WholeBody, ApiError> {
    let mut stream = body.into_data_stream();
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > limit as u64) {
        discard(stream).await;
        return Err(too_large(limit));
    }
    let Ok(permit) = app.uploads.clone().try_acquire_owned() else {
        discard(stream).await;
        return Err(ApiError::overloaded("too many uploads at the moment; try again in 1 s", 1));
    };
    let timeout = app.limits.body_timeout();
    match tokio::time::timeout(timeout, collect(&mut stream, limit)).await {
        Ok(Ok(bytes)) => Ok(WholeBody { bytes, _permit: permit }),
        Ok(Err(Failure::TooLarge)) => {
            drop(permit);
            discard(stream).await;
            Err(too_large(limit))
        }
        Ok(Err(Failure::Broken(error))) => {
            Err(ApiError::new(Code::IncompleteBody, "the body ended before it was complete").logging(error))
        }
        Err(_) => Err(ApiError::new(
            Code::BodyTimeout,
            format!("the body was not complete after {} s", timeout.as_secs_f64()),
        )),
    }
}

enum Failure {
    TooLarge,
    Broken(String),
}

async fn collect(stream: &mut BodyDataStream, limit: usize) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Failure::Broken(error.to_string()))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Failure::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

async fn discard(mut stream: BodyDataStream) {
    let drain = async {
        let mut left = DISCARD_BYTES;
        while let Some(Ok(chunk)) = stream.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whether everything was drained or the time is over makes no difference to the answer.
    let _ = tokio::time::timeout(DISCARD_TIME, drain).await;
}

/// The failure of a body or image over its limit.
pub(super) fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::UploadTooLarge, format!("at most {limit} bytes are accepted"))
}

/// The media type without its parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Refuses compressed bodies: their size after decompression could not be bounded before reading them.
pub(super) fn require_identity_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(value) if value != "identity" => {
            Err(ApiError::new(Code::UnsupportedMediaType, "bodies with a Content-Encoding are not accepted"))
        }
        _ => Ok(()),
    }
}

/// A JSON body of a call that takes nothing else; no body at all counts as `{}`.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        require_identity_encoding(&parts.headers)?;
        let accepted = match media_type(&parts.headers).as_deref() {
            Some("application/json") => true,
            Some("application/merge-patch+json") => parts.method == Method::PATCH,
            Some(_) => false,
            None => true,
        };
        if !accepted {
            return Err(ApiError::new(Code::UnsupportedMediaType, "the body must be application/json"));
        }
        let whole = read(app, &parts.headers, body, MAX_JSON_BYTES).await?;
        let text = if whole.bytes.is_empty() { &b"{}"[..] } else { &whole.bytes };
        fields::read_json(text).map(Self)
    }
}
