//! Collections.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body::JsonBody;
use super::dto::{CollectionDto, CollectionListDto, CreateCollectionDto, PatchCollectionDto};
use super::error::{ApiError, Problem};
use super::params::InCollection;
use super::routes::App;

/// List the collections, with their counts.
#[utoipa::path(get, path = "/v1/collections", tag = "collections", responses(
    (status = 200, description = "Every collection by name", body = CollectionListDto),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list_collections(State(app): State<App>) -> Result<Json<CollectionListDto>, ApiError> {
    let collections = app.service.list_collections().await?;
    Ok(Json(CollectionListDto { collections: collections.into_iter().map(Into::into).collect() }))
}

/// Describe one collection, with its counts.
#[utoipa::path(get, path = "/v1/collections/{collection}", tag = "collections",
    params(("collection" = String, Path, description = "The collection's name", example = "default")),
    responses(
        (status = 200, description = "The collection", body = CollectionDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_collection(
    State(app): State<App>,
    InCollection(name): InCollection,
) -> Result<Json<CollectionDto>, ApiError> {
    Ok(Json(app.service.collection(&name).await?.into()))
}

/// Create a collection. The same call again changes nothing.
#[utoipa::path(put, path = "/v1/collections/{collection}", tag = "collections",
    params(("collection" = String, Path, description = "Its name: 1 to 64 of a-z 0-9 _ -", example = "covers")),
    request_body = CreateCollectionDto,
    responses(
        (status = 201, description = "Created", body = CollectionDto,
            headers(("Location" = String, description = "The collection's path"))),
        (status = 200, description = "The same collection was there", body = CollectionDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_collection(
    State(app): State<App>,
    InCollection(name): InCollection,
    JsonBody(wanted): JsonBody<CreateCollectionDto>,
) -> Result<Response, ApiError> {
    let location = format!("/v1/collections/{name}");
    let (collection, created) = app.service.create_collection(name, wanted.profile, wanted.description).await?;
    let body = Json(CollectionDto::from(collection));
    Ok(if created {
        (StatusCode::CREATED, [(header::LOCATION, location)], body).into_response()
    } else {
        body.into_response()
    })
}

/// Change a collection's description.
#[utoipa::path(patch, path = "/v1/collections/{collection}", tag = "collections",
    params(("collection" = String, Path, description = "The collection's name", example = "covers")),
    request_body(content((PatchCollectionDto = "application/json"), (PatchCollectionDto = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "The collection as it is now", body = CollectionDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn patch_collection(
    State(app): State<App>,
    InCollection(name): InCollection,
    JsonBody(change): JsonBody<PatchCollectionDto>,
) -> Result<Json<CollectionDto>, ApiError> {
    Ok(Json(app.service.describe_collection(&name, &change.description).await?.into()))
}

/// Delete a collection and all its images.
#[utoipa::path(delete, path = "/v1/collections/{collection}", tag = "collections",
    params(("collection" = String, Path, description = "The collection's name", example = "covers")),
    responses(
        (status = 204, description = "Deleted"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete_collection(
    State(app): State<App>,
    InCollection(name): InCollection,
) -> Result<StatusCode, ApiError> {
    app.service.delete_collection(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
