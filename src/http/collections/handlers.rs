//! Collections.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::dto::{
    CollectionDto, CollectionListDto, CreateCollection, CreateCollectionBody, PatchCollection, PatchCollectionBody,
};
use crate::http::access::caller::Caller;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::path::InCollection;
use crate::http::state::AppState;

/// List the collections, with their counts.
#[utoipa::path(get, path = "/v1/collections", tag = "collections", responses(
    (status = 200, description = "Every collection that the key is for, by name", body = CollectionListDto),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_collections(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<CollectionListDto>, ApiError> {
    let mut collections = state.service.list_collections().await?;
    collections.retain(|summary| caller.sees(&summary.collection.name));
    Ok(Json(CollectionListDto { collections: collections.into_iter().map(Into::into).collect() }))
}

/// Describe one collection, with its counts.
#[utoipa::path(get, path = "/v1/collections/{collection}", tag = "collections",
    params(InCollection),
    responses(
        (status = 200, description = "The collection", body = CollectionDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_collection(
    State(state): State<AppState>,
    InCollection(name): InCollection,
) -> Result<Json<CollectionDto>, ApiError> {
    Ok(Json(state.service.collection(&name).await?.into()))
}

/// Create a collection. The same call again changes nothing: one that is there keeps its description and limits.
#[utoipa::path(put, path = "/v1/collections/{collection}", tag = "collections",
    params(InCollection),
    request_body = Option<CreateCollectionBody>,
    responses(
        (status = 201, description = "Created", body = CollectionDto,
            headers(("Location" = String, description = "The collection's path")),
            links(
                ("get_collection" = (operation_id = "get_collection", parameters(("collection" = "$response.body#/name")))),
                ("list_images" = (operation_id = "list_images", parameters(("collection" = "$response.body#/name")))),
                ("delete_collection" = (operation_id = "delete_collection", parameters(("collection" = "$response.body#/name")))),
            )),
        (status = 200, description = "The same collection was there", body = CollectionDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_collection(
    State(state): State<AppState>,
    InCollection(name): InCollection,
    JsonBody(new): JsonBody<CreateCollection>,
) -> Result<Response, ApiError> {
    let location = state.options.public_path.collection(&name);
    let CreateCollection { profile, description, quota } = new;
    let (collection, created) = state.service.create_collection(name, profile, description, quota).await?;
    let body = Json(CollectionDto::from(collection));
    Ok(if created {
        (StatusCode::CREATED, [(header::LOCATION, location)], body).into_response()
    } else {
        body.into_response()
    })
}

/// Change a collection's description or limits.
///
/// What is left out stays. A limit below what is there deletes nothing: nothing more is stored until there is room.
#[utoipa::path(patch, path = "/v1/collections/{collection}", tag = "collections",
    params(InCollection),
    request_body(content((PatchCollectionBody = "application/json"), (PatchCollectionBody = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "The collection as it is now", body = CollectionDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn patch_collection(
    State(state): State<AppState>,
    InCollection(name): InCollection,
    JsonBody(PatchCollection(change)): JsonBody<PatchCollection>,
) -> Result<Json<CollectionDto>, ApiError> {
    Ok(Json(state.service.change_collection(&name, &change).await?.into()))
}

/// Delete a collection and all its images.
#[utoipa::path(delete, path = "/v1/collections/{collection}", tag = "collections",
    params(InCollection),
    responses(
        (status = 204, description = "Deleted"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_collection(
    State(state): State<AppState>,
    InCollection(name): InCollection,
) -> Result<StatusCode, ApiError> {
    state.service.delete_collection(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
