//! The three forms in which an image comes in: as a part of a form, as the body itself, and as
//! base64 in JSON. Parameters of the query string go with each of them.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use bytes::Bytes;

use super::fields::{Fields, FromFields, text_of};
use super::json_body::{media_type, require_identity_encoding};
use super::{base64, json, multipart};
use crate::http::error::{ApiError, Code};
use crate::http::intake;
use crate::http::state::AppState;
use eyrie_vision::picture::PictureError;

/// What a form or JSON object may have beside the image itself, in bytes.
const OVERHEAD_BYTES: usize = 1 << 20;

/// The field that holds the image, in a form and in JSON.
pub(crate) const IMAGE: &str = "image";

/// An image, where there is one, and the fields that came with it. The permit to have it in memory
/// is in the bytes.
pub(crate) struct Upload<T> {
    /// The bytes of the image.
    pub(crate) image: Option<Bytes>,
    /// The other fields.
    pub(crate) fields: T,
}

impl<T: FromFields + Send + 'static> FromRequest<AppState> for Upload<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        require_identity_encoding(&head.headers)?;
        let fields = Fields::from_query(head.uri.query())?;
        if fields.contains(IMAGE) {
            return Err(ApiError::new(
                Code::UnknownField,
                "there is no query parameter `image`; the body has the image",
            ));
        }
        let upload = match media_type(&head.headers).as_deref() {
            Some("multipart/form-data") => form(state, &head, body, fields).await,
            Some("application/json") => json(state, &head, body, fields).await,
            Some("application/octet-stream") => raw(state, &head, body, fields).await,
            Some(other) if other.starts_with("image/") => raw(state, &head, body, fields).await,
            Some(other) => Err(unsupported(other)),
            None => Err(unsupported("none")),
        }?;
        let image = upload.image.map(|image| sized(image, state.options.max_upload_bytes)).transpose()?;
        Ok(Self { image, ..upload })
    }
}

/// The image of a call that needs one.
pub(crate) fn required(image: Option<Bytes>) -> Result<Bytes, ApiError> {
    image.ok_or_else(|| ApiError::new(Code::MissingImage, "the field `image` is missing"))
}

/// The image, if its size is one that is taken.
pub(crate) fn sized(image: Bytes, limit: usize) -> Result<Bytes, ApiError> {
    match image.len() {
        0 => Err(PictureError::Empty.into()),
        length if length > limit => Err(intake::too_large(limit)),
        _ => Ok(image),
    }
}

/// The most bytes of a form around images of so many bytes.
pub(crate) fn form_limit(images: usize) -> usize {
    images + OVERHEAD_BYTES
}

/// The most bytes of a JSON text around images of so many bytes as base64.
pub(crate) fn json_limit(images: usize) -> usize {
    base64::encoded_length(images) + OVERHEAD_BYTES
}

/// The members of a JSON object: the image, where it has one, and what else it says, which is added
/// to `fields`.
pub(crate) fn image_and_fields(text: &str, fields: &mut Fields) -> Result<Option<Bytes>, ApiError> {
    let mut image = None;
    for (name, value) in json::object(text)? {
        match value.get() {
            "null" if name == IMAGE => {}
            text if name == IMAGE && !text.starts_with('"') => {
                return Err(ApiError::new(Code::InvalidRequest, "image: a text with base64 is needed"));
            }
            _ if name == IMAGE => image = Some(base64::decode(text_of(IMAGE, value)?)?),
            _ => fields.insert_json(name, value)?,
        }
    }
    Ok(image)
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

async fn raw<T: FromFields>(state: &AppState, head: &Parts, body: Body, fields: Fields) -> Result<Upload<T>, ApiError> {
    let fields = fields.read(&[])?;
    let (bytes, permit) = state.intake.read(head, body, state.options.max_upload_bytes).await?;
    Ok(Upload { image: Some(permit.over(bytes)), fields })
}

async fn json<T: FromFields + Send + 'static>(
    state: &AppState,
    head: &Parts,
    body: Body,
    mut fields: Fields,
) -> Result<Upload<T>, ApiError> {
    let limit = json_limit(state.options.max_upload_bytes);
    let (bytes, permit) = state.intake.read(head, body, limit).await?;
    let parsed = tokio::task::spawn_blocking(move || {
        let image = image_and_fields(json::utf8(&bytes, "the body")?, &mut fields)?;
        let image = image.map(|image| permit.over(image));
        Ok(Upload { image, fields: fields.read(&[IMAGE])? })
    });
    parsed.await.unwrap_or_else(|error| Err(ApiError::internal(format!("reading a JSON body: {error}"))))
}

async fn form<T: FromFields>(
    state: &AppState,
    head: &Parts,
    body: Body,
    mut fields: Fields,
) -> Result<Upload<T>, ApiError> {
    let limit = form_limit(state.options.max_upload_bytes);
    let (bytes, permit) = state.intake.read(head, body, limit).await?;
    let mut image = None;
    for part in multipart::parts(&head.headers, &permit.over(bytes))? {
        if part.name != IMAGE {
            fields.insert_bytes(part.name, &part.bytes)?;
        } else if image.replace(part.bytes).is_some() {
            return Err(ApiError::new(Code::MultipleImages, "the form has more than one field `image`"));
        }
    }
    Ok(Upload { image, fields: fields.read(&[IMAGE])? })
}
