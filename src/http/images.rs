//! The images of a collection.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::Value;

use super::body::JsonBody;
use super::conditional::{self, IfMatch, etag, etag_header};
use super::dto::{
    AddImageDto, AddImageForm, ImageDto, ImageListDto, ListQuery, PatchImageDto, PutImageDto, PutImageForm,
    ThumbnailQuery, UploadInclude, image_path,
};
use super::error::{ApiError, Code, Problem};
use super::fields::Query;
use super::params::{InCollection, OfImage};
use super::routes::App;
use super::search::parse_filter;
use super::upload::Upload;
use crate::domain::{ExtractionCost, ImageId, ImageRecord, Precondition};
use crate::service::{AddImage, AddOutcome, PutOutcome, Stored};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 1000;

/// List images in order of id.
#[utoipa::path(get, path = "/v1/collections/{collection}/images", tag = "images",
    params(("collection" = String, Path, description = "The collection's name", example = "default"), ListQuery),
    responses(
        (status = 200, description = "A page of images", body = ImageListDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_images(
    State(app): State<App>,
    InCollection(collection): InCollection,
    Query(query): Query<ListQuery>,
) -> Result<Json<ImageListDto>, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(ApiError::new(Code::OutOfRange, format!("limit must be 1 to {MAX_PAGE}")));
    }
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let filter = parse_filter(query.filter)?;
    // One more than asked for, to know whether there is a next page.
    let mut records = app.service.list_images(&collection, after, limit + 1, filter).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| more).map(|record| URL_SAFE_NO_PAD.encode(record.id.as_str()));
    Ok(Json(ImageListDto { images: records.into_iter().map(Into::into).collect(), next_cursor }))
}

fn read_cursor(cursor: &str) -> Result<ImageId, ApiError> {
    let invalid = || ApiError::new(Code::InvalidCursor, "the cursor is not one that a page of this list gave");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
    let id = String::from_utf8(bytes).map_err(|_| invalid())?;
    ImageId::new(id).map_err(|_| invalid())
}

/// Add an image.
///
/// The image comes as a form (`image` and the other fields), as the body itself (the other fields in the query string),
/// or as base64 in JSON.
#[utoipa::path(post, path = "/v1/collections/{collection}/images", tag = "images",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "default"),
        ("id" = Option<String>, Query, description = "With a raw image: the id it shall have"),
        ("metadata" = Option<String>, Query, description = "With a raw image: a JSON object as text"),
        ("on_duplicate" = Option<String>, Query, description = "With a raw image: return, reject or allow"),
        ("include" = Option<String>, Query, description = "With a raw image: `cost`", example = "cost"),
    ),
    request_body(content(
        (AddImageForm = "multipart/form-data"), (AddImageDto = "application/json"), ("image/*"), ("application/octet-stream"),
    )),
    responses(
        (status = 201, description = "Stored and searchable", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision"))),
        (status = 200, description = "The same bytes were there; this is their record", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add_image(
    State(app): State<App>,
    InCollection(collection): InCollection,
    upload: Upload<AddImageDto>,
) -> Result<Response, ApiError> {
    let image = AddImage {
        bytes: required(upload.image)?,
        id: upload.fields.id,
        metadata: upload.fields.metadata.unwrap_or(Value::Null),
        on_duplicate: upload.fields.on_duplicate,
    };
    let Stored { outcome, cost } = app.service.add_image(&collection, image).await?;
    let cost = asked(cost, &upload.fields.include);
    Ok(match outcome {
        AddOutcome::Created(record) => located(StatusCode::CREATED, record, cost),
        AddOutcome::Existing(record) => located(StatusCode::OK, record, cost),
    })
}

/// The cost, where the upload asks for it.
fn asked(cost: Option<ExtractionCost>, include: &[UploadInclude]) -> Option<ExtractionCost> {
    cost.filter(|_| include.contains(&UploadInclude::Cost))
}

fn required(image: Option<Bytes>) -> Result<Bytes, ApiError> {
    image.ok_or_else(|| ApiError::new(Code::MissingImage, "the field \"image\" is missing"))
}

fn located(status: StatusCode, record: ImageRecord, cost: Option<ExtractionCost>) -> Response {
    let location = image_path(record.collection.as_str(), record.id.as_str());
    (status, [(header::LOCATION, location)], described(record, cost)).into_response()
}

fn described(record: ImageRecord, cost: Option<ExtractionCost>) -> Response {
    let headers = [etag_header(record.revision), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (headers, Json(ImageDto::with_cost(record, cost))).into_response()
}

/// Read an image's record.
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "default"),
        ("id" = String, Path, description = "The image's id", example = "alien-1979"),
        ("If-None-Match" = Option<String>, Header, description = "The entity tag that the client has"),
    ),
    responses(
        (status = 200, description = "The record", body = ImageDto, headers(("ETag" = String, description = "Its revision"))),
        (status = 304, description = "The client's entity tag is current"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_image(
    State(app): State<App>,
    OfImage(collection, id): OfImage,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let record = app.service.image(&collection, &id).await?;
    if conditional::is_current(&headers, &etag(record.revision)) {
        return Ok((StatusCode::NOT_MODIFIED, [etag_header(record.revision)]).into_response());
    }
    Ok(described(record, None))
}

/// Store an image under an id, over an older one where there is one.
///
/// Metadata that are left out are emptied. `If-Match` makes it replace one revision only, `If-None-Match: *` makes it
/// create only.
#[utoipa::path(put, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "default"),
        ("id" = String, Path, description = "1 to 128 of A-Z a-z 0-9 . _ - :", example = "alien-1979"),
        ("metadata" = Option<String>, Query, description = "With a raw image: a JSON object as text"),
        ("include" = Option<String>, Query, description = "With a raw image: `cost`", example = "cost"),
        ("If-Match" = Option<String>, Header, description = "Replace this revision only"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is no such image"),
    ),
    request_body(content(
        (PutImageForm = "multipart/form-data"), (PutImageDto = "application/json"), ("image/*"), ("application/octet-stream"),
    )),
    responses(
        (status = 201, description = "Stored as a new image", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision"))),
        (status = 200, description = "Stored over an older one", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_image(
    State(app): State<App>,
    OfImage(collection, id): OfImage,
    headers: HeaderMap,
    upload: Upload<PutImageDto>,
) -> Result<Response, ApiError> {
    let bytes = required(upload.image)?;
    let metadata = upload.fields.metadata.unwrap_or(Value::Null);
    let precondition = match conditional::if_match(&headers)? {
        _ if conditional::if_absent(&headers)? => Precondition::Absent,
        None => Precondition::None,
        Some(IfMatch::Any) => Precondition::Present,
        Some(IfMatch::Revision(revision)) => Precondition::Revision(revision),
    };
    let Stored { outcome, cost } = app.service.put_image(&collection, id, bytes, metadata, precondition).await?;
    let cost = asked(cost, &upload.fields.include);
    Ok(match outcome {
        PutOutcome::Created(record) => located(StatusCode::CREATED, record, cost),
        PutOutcome::Updated(record) => located(StatusCode::OK, record, cost),
    })
}

/// Change an image's metadata by a merge patch (RFC 7396).
#[utoipa::path(patch, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "default"),
        ("id" = String, Path, description = "The image's id", example = "alien-1979"),
        ("If-Match" = Option<String>, Header, description = "Change this revision only"),
    ),
    request_body(content((PatchImageDto = "application/json"), (PatchImageDto = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "The record as it is now", body = ImageDto, headers(("ETag" = String, description = "Its revision"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn patch_image(
    State(app): State<App>,
    OfImage(collection, id): OfImage,
    headers: HeaderMap,
    JsonBody(change): JsonBody<PatchImageDto>,
) -> Result<Response, ApiError> {
    let precondition = match conditional::if_match(&headers)? {
        None => Precondition::None,
        Some(IfMatch::Any) => Precondition::Present,
        Some(IfMatch::Revision(revision)) => Precondition::Revision(revision),
    };
    let record = app.service.patch_metadata(&collection, &id, change.metadata, precondition).await?;
    Ok(described(record, None))
}

/// Delete an image.
#[utoipa::path(delete, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "default"),
        ("id" = String, Path, description = "The image's id", example = "alien-1979"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete_image(
    State(app): State<App>,
    OfImage(collection, id): OfImage,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    conditional::refuse_preconditions(&headers)?;
    app.service.delete_image(&collection, &id, Precondition::None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An image's small picture, at most 256x256 pixels.
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{id}/thumbnail", tag = "images",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "default"),
        ("id" = String, Path, description = "The image's id", example = "alien-1979"),
        ThumbnailQuery,
        ("If-None-Match" = Option<String>, Header, description = "The entity tag that the client has"),
    ),
    responses(
        (status = 200, description = "The picture", headers(("ETag" = String, description = "The image's revision")),
            content(("image/jpeg"), ("image/webp"), ("image/png"))),
        (status = 304, description = "The client's entity tag is current"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_thumbnail(
    State(app): State<App>,
    OfImage(collection, id): OfImage,
    Query(query): Query<ThumbnailQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (thumbnail, revision) = app.service.thumbnail(&collection, &id).await?;
    let lasting = query.v.is_some_and(|v| v == revision.to_string());
    let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tags = [etag_header(revision), (header::CACHE_CONTROL, HeaderValue::from_static(caching))];
    if conditional::is_current(&headers, &etag(revision)) {
        return Ok((StatusCode::NOT_MODIFIED, tags).into_response());
    }
    Ok((tags, [(header::CONTENT_TYPE, thumbnail.media_type)], thumbnail.bytes).into_response())
}
