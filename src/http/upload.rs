//! The three forms in which an image comes in: as a part of a form, as the body itself, and as base64 in JSON.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::body::{self, media_type};
use super::error::{ApiError, Code};
use super::fields::{self, TextFields};
use super::routes::App;

/// What a form or JSON object may have beside the image itself, in bytes.
const OVERHEAD_BYTES: usize = 1 << 20;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The fields of a call that takes an image.
pub(super) trait UploadFields: DeserializeOwned + Send + 'static {
    /// The names of the parts that a form may have, `image` among them.
    const PARTS: &'static [&'static str];

    /// Takes the base64 text that came in the field `image` of a JSON body.
    fn take_image(&mut self) -> Option<String>;
}

/// An image, where there is one, and the fields that came with it.
pub(super) struct Upload<T> {
    /// The bytes of the image.
    pub(super) image: Option<Bytes>,
    /// The other fields.
    pub(super) fields: T,
}

impl<T: UploadFields> FromRequest<App> for Upload<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        body::require_identity_encoding(&parts.headers)?;
        let upload = match media_type(&parts.headers).as_deref() {
            Some("multipart/form-data") => form(app, parts, body).await,
            Some("application/json") => json(app, &parts, body).await,
            Some("application/octet-stream") => raw(app, &parts, body).await,
            Some(other) if other.starts_with("image/") => raw(app, &parts, body).await,
            Some(other) => Err(unsupported(other)),
            None => Err(unsupported("none")),
        }?;
        let limit = app.limits.max_upload_bytes;
        match &upload.image {
            Some(image) if image.len() > limit => Err(body::too_large(limit)),
            Some(_) | None => Ok(upload),
        }
    }
}

fn unsupported(given: &str) -> ApiError {
    ApiError::new(
        Code::UnsupportedMediaType,
        format!(
            "send the image as multipart/form-data, as image/* or application/octet-stream, or as base64 in \
             application/json; the Content-Type given is {given}"
        ),
    )
}

async fn raw<T: UploadFields>(app: &App, parts: &Parts, body: Body) -> Result<Upload<T>, ApiError> {
    let fields = TextFields::from_query(parts.uri.query())?;
    if fields.contains("image") {
        return Err(ApiError::new(Code::UnknownField, "the image is the body; there is no query parameter image"));
    }
    let fields = fields.read()?;
    let whole = body::read(app, &parts.headers, body, app.limits.max_upload_bytes).await?;
    Ok(Upload { image: Some(whole.bytes.clone()), fields })
}

async fn json<T: UploadFields>(app: &App, parts: &Parts, body: Body) -> Result<Upload<T>, ApiError> {
    refuse_query(parts)?;
    // Base64 writes three bytes as four characters.
    let limit = app.limits.max_upload_bytes.div_ceil(3) * 4 + OVERHEAD_BYTES;
    let whole = body::read(app, &parts.headers, body, limit).await?;
    let parsed = tokio::task::spawn_blocking(move || {
        let mut fields: T = fields::read_json(&whole.bytes)?;
        let image = match fields.take_image() {
            Some(text) => Some(decode_base64(&text)?),
            None => None,
        };
        Ok(Upload { image, fields })
    });
    parsed.await.unwrap_or_else(|error| Err(ApiError::internal(format!("reading a JSON body: {error}"))))
}

fn decode_base64(text: &str) -> Result<Bytes, ApiError> {
    BASE64.decode(text).map(Bytes::from).map_err(|error| {
        let hint = if text.starts_with("data:") { "; leave out the \"data:...;base64,\" in front" } else { "" };
        ApiError::new(Code::InvalidBase64, format!("image: {error}{hint}"))
    })
}

async fn form<T: UploadFields>(app: &App, parts: Parts, body: Body) -> Result<Upload<T>, ApiError> {
    refuse_query(&parts)?;
    let limit = app.limits.max_upload_bytes + OVERHEAD_BYTES;
    let whole = body::read(app, &parts.headers, body, limit).await?;
    let mut form = parse_form(&parts.headers, whole.bytes.clone()).await?;
    let mut image = None;
    let mut fields = TextFields::default();
    while let Some(part) = form.next_field().await.map_err(broken_form)? {
        let name = part.name().unwrap_or_default().to_owned();
        if !T::PARTS.contains(&name.as_str()) {
            return Err(ApiError::new(
                Code::UnknownField,
                format!("there is no field {name:?}; the form may have {}", T::PARTS.join(", ")),
            ));
        }
        let bytes = part.bytes().await.map_err(broken_form)?;
        if name != "image" {
            fields.insert(&name, fields::text(&bytes, &format!("the field {name:?}"))?)?;
        } else if image.replace(bytes).is_some() {
            return Err(ApiError::new(Code::MultipleImages, "the form has more than one field \"image\""));
        }
    }
    if fields.contains("image") {
        return Err(ApiError::new(Code::UnknownField, "in a form the image is a field of its own, not one of params"));
    }
    Ok(Upload { image, fields: fields.read()? })
}

async fn parse_form(headers: &HeaderMap, bytes: Bytes) -> Result<Multipart, ApiError> {
    let mut request = Request::new(Body::from(bytes));
    *request.headers_mut() = headers.clone();
    Multipart::from_request(request, &())
        .await
        .map_err(|rejection| ApiError::new(Code::InvalidMultipart, rejection.body_text()))
}

fn broken_form(error: axum::extract::multipart::MultipartError) -> ApiError {
    ApiError::new(Code::InvalidMultipart, error.body_text())
}

/// Query parameters belong to the raw form alone; ignoring them elsewhere would hide a mistake.
fn refuse_query(parts: &Parts) -> Result<(), ApiError> {
    match parts.uri.query() {
        Some(query) if !query.is_empty() => Err(ApiError::new(
            Code::InvalidRequest,
            "query parameters go with a raw image body only; put them into the form or the JSON object",
        )),
        Some(_) | None => Ok(()),
    }
}
