//! The three forms in which an image comes in: as a part of a form, as the body itself, and as
//! base64 in JSON. A form and JSON can have several, for calls that take them. Parameters of the query string go with each of them.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::value::RawValue;

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

/// Images, one in most calls, and the fields that came with them. The permit to have them in memory
/// is in their bytes.
pub(crate) struct Upload<T> {
    /// The bytes of each image, at most [`FromFields::MOST_IMAGES`].
    pub(crate) images: Vec<Bytes>,
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
        let images = sized_each(upload.images, state.options.max_upload_bytes)?;
        Ok(Self { images, ..upload })
    }
}

/// The image of a call that needs one.
pub(crate) fn required(images: Vec<Bytes>) -> Result<Bytes, ApiError> {
    let mut images = images.into_iter();
    images.next().ok_or_else(|| ApiError::new(Code::MissingImage, "the field `image` is missing"))
}

/// The images, if the size of each is one that is taken.
pub(crate) fn sized_each(images: Vec<Bytes>, limit: usize) -> Result<Vec<Bytes>, ApiError> {
    let several = images.len() > 1;
    let sized = |(number, image)| {
        sized(image, limit).map_err(|error| if several { error.within(&format!("image {number}")) } else { error })
    };
    (1..).zip(images).map(sized).collect()
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

/// The members of a JSON object: the images, at most `most`, and what else it says, which is added
/// to `fields`.
pub(crate) fn images_and_fields(text: &str, fields: &mut Fields, most: usize) -> Result<Vec<Bytes>, ApiError> {
    let mut images = Vec::new();
    for (name, value) in json::object(text)? {
        if name == IMAGE { images = images_of(value, most)? } else { fields.insert_json(name, value)? }
    }
    Ok(images)
}

/// An image as base64, or several where so many may come.
fn images_of(value: &RawValue, most: usize) -> Result<Vec<Bytes>, ApiError> {
    let invalid = |what: &str| ApiError::new(Code::InvalidRequest, format!("image: {what} is needed"));
    match value.get().as_bytes() {
        b"null" => Ok(Vec::new()),
        [b'"', ..] => Ok(vec![base64::decode(text_of(IMAGE, value)?)?]),
        [b'[', ..] if most > 1 => {
            let texts: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|_| invalid("a list of texts"))?;
            if texts.len() > most {
                return Err(too_many(most));
            }
            let decoded = |text: &&RawValue| match text.get().starts_with('"') {
                true => base64::decode(text_of(IMAGE, text)?),
                false => Err(invalid("a list of texts with base64")),
            };
            texts.iter().map(decoded).collect()
        }
        _ if most > 1 => Err(invalid("a text with base64, or a list of them,")),
        _ => Err(invalid("a text with base64")),
    }
}

fn too_many(most: usize) -> ApiError {
    let detail = match most {
        1 => "the form has more than one field `image`".to_owned(),
        _ => format!("at most {most} images can be sent at once"),
    };
    ApiError::new(Code::MultipleImages, detail)
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
    Ok(Upload { images: vec![permit.over(bytes)], fields })
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
        let images = images_and_fields(json::utf8(&bytes, "the body")?, &mut fields, T::MOST_IMAGES)?;
        let images = images.into_iter().map(|image| permit.clone().over(image)).collect();
        Ok(Upload { images, fields: fields.read(&[IMAGE])? })
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
    let mut images = Vec::new();
    for part in multipart::parts(&head.headers, &permit.over(bytes))? {
        if part.name != IMAGE {
            fields.insert_bytes(part.name, &part.bytes)?;
        } else if images.len() == T::MOST_IMAGES {
            return Err(too_many(T::MOST_IMAGES));
        } else {
            images.push(part.bytes);
        }
    }
    Ok(Upload { images, fields: fields.read(&[IMAGE])? })
}
