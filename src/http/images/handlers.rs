//! The images of a collection.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::cursor;
use super::dto::{ImageCountDto, ImageDto, ImageListDto};
use super::requests::{
    AddFields, AddImageBody, AddImageForm, CountQuery, ListQuery, PatchImage, PatchImageBody, PutFields, PutImageBody,
    PutImageForm, ThumbnailQuery,
};
use crate::domain::{CollectionName, ImageId, ImageRecord, Precondition, Seq};
use crate::http::access::caller::Caller;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::conditional::{ChangeIf, ReplaceIf, Required, TagsOfClient, etag};
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::path::{InCollection, OfImage};
use crate::http::extract::query::Query;
use crate::http::extract::upload::{Upload, required};
use crate::http::once::{self, Named};
use crate::http::schema::RawImage;
use crate::http::state::AppState;
use crate::service::{AddImage, AddOutcome, Fingerprint, PutImage, PutOutcome, ServiceError, Stored};

/// List images, in order of id unless `sort` says otherwise.
///
/// A cursor is a place in the order and stays one whatever is stored and deleted meanwhile. In a
/// list by the time of the last change, an image that changes between two pages comes once more, or
/// not at all.
#[utoipa::path(get, path = "/v1/collections/{collection}/images", tag = "images",
    params(InCollection, Query<ListQuery>),
    responses(
        (status = 200, description = "A page of images", body = ImageListDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_images(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Query(ListQuery { order, after, limit, filter, stale }): Query<ListQuery>,
) -> Result<Json<ImageListDto>, ApiError> {
    let service = &state.service;
    // One more than the page has, to know whether there is a next page.
    let mut records = if stale {
        service.list_stale(&collection, order, after, limit + 1, filter).await?
    } else {
        service.list_images(&collection, order, after, limit + 1, filter).await?
    };
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| more).map(|record| cursor::of(order, record));
    let links = &state.options.public_path;
    Ok(Json(ImageListDto { images: records.into_iter().map(|r| ImageDto::new(r, links)).collect(), next_cursor }))
}

/// Count images.
///
/// A filter is decided for each image that may match, so a count takes as long as a whole list.
#[utoipa::path(get, path = "/v1/collections/{collection}/images:count", tag = "images",
    params(InCollection, Query<CountQuery>),
    responses(
        (status = 200, description = "How many there are", body = ImageCountDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn count_images(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Query(CountQuery { filter }): Query<CountQuery>,
) -> Result<Json<ImageCountDto>, ApiError> {
    let count = state.service.count_images(&collection, filter.as_ref()).await?;
    Ok(Json(ImageCountDto { count }))
}

/// Add an image.
///
/// The image comes as a form (`image` and the other fields), as the body itself, or as base64 in
/// JSON. The other fields may be in the query string with each of them.
#[utoipa::path(post, path = "/v1/collections/{collection}/images", tag = "images",
    params(InCollection, Query<AddFields>, Named),
    request_body(content(
        (AddImageForm = "multipart/form-data"), (AddImageBody = "application/json"), (RawImage = "image/*"), (RawImage = "application/octet-stream"),
    )),
    responses(
        (status = 201, description = "Stored and searchable", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision")),
            links(
                ("get_image" = (operation_id = "get_image", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
                ("similar_images" = (operation_id = "similar_images", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
                ("patch_image" = (operation_id = "patch_image", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
                ("delete_image" = (operation_id = "delete_image", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
            )),
        (status = 200, description = "The same bytes were there; this is their record", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add_image(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    caller: Caller,
    named: Named,
    Upload { images, fields }: Upload<AddFields>,
) -> Result<Response, ApiError> {
    let image = AddImage {
        bytes: required(images)?,
        id: fields.id,
        metadata: fields.metadata.unwrap_or(Value::Null),
        on_duplicate: fields.on_duplicate,
        on_similar: fields.on_similar,
        stored_by: caller.key_id(),
        named: named.key().map(|key| (key, 0)),
    };
    let (asked, with_cost) = (image.clone(), fields.with_cost);
    let read = move |print: &mut Fingerprint| {
        once::fingerprint(print, &asked);
        print.add(&[u8::from(with_cost)]);
    };
    let (own, name) = (state.clone(), collection.clone());
    let work = async move {
        let stored = own.service.add_image(&name, image).await?;
        let (status, record) = match &stored.outcome {
            AddOutcome::Created(record) => (StatusCode::CREATED, record.clone()),
            AddOutcome::Existing(record) => (StatusCode::OK, record.clone()),
        };
        Ok(located(&own, status, record, stored, with_cost))
    };
    named.once(&state, &collection, read, work).await
}

/// The answer to an upload.
fn located<T>(
    state: &AppState,
    status: StatusCode,
    record: ImageRecord,
    stored: Stored<T>,
    with_cost: bool,
) -> Response {
    let links = &state.options.public_path;
    let location = links.image(&record);
    let revision = record.revision;
    let image = ImageDto::new(record, links)
        .with_cost(stored.cost.filter(|_| with_cost))
        .with_similar(stored.similar.as_deref(), links);
    (status, [(header::LOCATION, location)], described(revision, image)).into_response()
}

fn described(revision: Seq, image: ImageDto) -> Response {
    let headers = [etag(revision), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (headers, Json(image)).into_response()
}

/// Read an image's record.
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(OfImage, TagsOfClient),
    responses(
        (status = 200, description = "The record", body = ImageDto, headers(("ETag" = String, description = "Its revision"))),
        (status = 304, description = "The client's entity tag is current"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_image(
    State(state): State<AppState>,
    OfImage(collection, id): OfImage,
    tags: TagsOfClient,
) -> Result<Response, ApiError> {
    let record = state.service.image(&collection, &id).await?;
    let revision = record.revision;
    if tags.have(revision) {
        return Ok((StatusCode::NOT_MODIFIED, [etag(revision)]).into_response());
    }
    Ok(described(revision, ImageDto::new(record, &state.options.public_path)))
}

/// Store an image under an id, over an older one where there is one.
///
/// Metadata that are left out are emptied. `If-Match` makes it replace the revisions that it names
/// only, `If-None-Match: *` makes it create only.
#[utoipa::path(put, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(OfImage, Query<PutFields>, ReplaceIf),
    request_body(content(
        (PutImageForm = "multipart/form-data"), (PutImageBody = "application/json"), (RawImage = "image/*"), (RawImage = "application/octet-stream"),
    )),
    responses(
        (status = 201, description = "Stored as a new image", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision")),
            links(
                ("get_image" = (operation_id = "get_image", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
                ("similar_images" = (operation_id = "similar_images", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
                ("patch_image" = (operation_id = "patch_image", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
                ("delete_image" = (operation_id = "delete_image", parameters(("collection" = "$response.body#/collection"), ("id" = "$response.body#/id")))),
            )),
        (status = 200, description = "Stored over an older one", body = ImageDto,
            headers(("Location" = String, description = "The image's path"), ("ETag" = String, description = "Its revision"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_image(
    State(state): State<AppState>,
    OfImage(collection, id): OfImage,
    caller: Caller,
    ReplaceIf(required_state): ReplaceIf,
    Upload { images, fields }: Upload<PutFields>,
) -> Result<Response, ApiError> {
    let bytes = required(images)?;
    let metadata = fields.metadata.unwrap_or(Value::Null);
    let precondition = decided(&state, &collection, &id, required_state).await?;
    let image = PutImage { id, bytes, metadata, on_similar: fields.on_similar, stored_by: caller.key_id() };
    let stored = state.service.put_image(&collection, image, precondition).await?;
    let (status, record) = match &stored.outcome {
        PutOutcome::Created(record) => (StatusCode::CREATED, record.clone()),
        PutOutcome::Updated(record) => (StatusCode::OK, record.clone()),
    };
    Ok(located(&state, status, record, stored, fields.with_cost))
}

/// Which one of several revisions must be there. Revisions grow, and the client has seen all that
/// it names: where the image has one of them now, no other can come back.
async fn decided(
    state: &AppState,
    collection: &CollectionName,
    id: &ImageId,
    required: Required,
) -> Result<Precondition, ApiError> {
    let revisions = match required {
        Required::One(precondition) => return Ok(precondition),
        Required::AnyOf(revisions) => revisions,
    };
    match state.service.image(collection, id).await {
        Ok(record) if revisions.contains(&record.revision) => Ok(Precondition::Revision(record.revision)),
        Ok(_) | Err(ServiceError::UnknownImage(_)) => Err(ServiceError::PreconditionFailed.into()),
        Err(error) => Err(error.into()),
    }
}

/// Change an image's metadata by a merge patch (RFC 7396).
#[utoipa::path(patch, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(OfImage, ChangeIf),
    request_body(content((PatchImageBody = "application/json"), (PatchImageBody = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "The record as it is now", body = ImageDto, headers(("ETag" = String, description = "Its revision"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn patch_image(
    State(state): State<AppState>,
    OfImage(collection, id): OfImage,
    ChangeIf(required): ChangeIf,
    JsonBody(change): JsonBody<PatchImage>,
) -> Result<Response, ApiError> {
    let precondition = decided(&state, &collection, &id, required).await?;
    let record = state.service.patch_metadata(&collection, &id, change.metadata, precondition).await?;
    Ok(described(record.revision, ImageDto::new(record, &state.options.public_path)))
}

/// Delete an image.
#[utoipa::path(delete, path = "/v1/collections/{collection}/images/{id}", tag = "images",
    params(OfImage, ChangeIf),
    responses(
        (status = 204, description = "Deleted"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_image(
    State(state): State<AppState>,
    OfImage(collection, id): OfImage,
    ChangeIf(required): ChangeIf,
) -> Result<StatusCode, ApiError> {
    let precondition = decided(&state, &collection, &id, required).await?;
    state.service.delete_image(&collection, &id, precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An image's small picture, at most 256x256 pixels.
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{id}/thumbnail", tag = "images",
    params(OfImage, Query<ThumbnailQuery>, TagsOfClient),
    responses(
        (status = 200, description = "The picture", headers(("ETag" = String, description = "The image's revision")),
            content(("image/jpeg"), ("image/webp"), ("image/png"))),
        (status = 304, description = "The client's entity tag is current"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_thumbnail(
    State(state): State<AppState>,
    OfImage(collection, id): OfImage,
    Query(query): Query<ThumbnailQuery>,
    client_tags: TagsOfClient,
) -> Result<Response, ApiError> {
    let (thumbnail, revision) = state.service.thumbnail(&collection, &id).await?;
    let lasting = query.revision.is_some_and(|of| of == revision.to_string());
    let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tags = [etag(revision), (header::CACHE_CONTROL, HeaderValue::from_static(caching))];
    if client_tags.have(revision) {
        return Ok((StatusCode::NOT_MODIFIED, tags).into_response());
    }
    Ok((tags, [(header::CONTENT_TYPE, thumbnail.media_type)], thumbnail.bytes).into_response())
}
