//! Many things in one call.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use tokio::time::Instant;

use super::dto::{BatchedImageDto, BatchedSearchDto, DeletionDto, ImageBatchDto, SearchBatchDto};
use super::requests::{
    BatchOptions, DeleteImages, DeleteImagesBody, ImageBatch, ImagesForm, ImagesLines, SearchBatch, SearchBatchBody,
};
use crate::domain::CollectionName;
use crate::http::access::caller::Caller;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::path::InCollection;
use crate::http::extract::query::Query;
use crate::http::images::dto::ImageDto;
use crate::http::observe::RequestId;
use crate::http::once::{self, Named, Unfinished};
use crate::http::search::dto::SearchResultDto;
use crate::http::search::handlers::question;
use crate::http::state::AppState;
use crate::service::{AddImage, AddOutcome, Fingerprint, ServiceError, Stored};

/// When a call with many parts stops, so that what is done by then can still be answered.
fn time_for_answer(state: &AppState) -> Instant {
    Instant::now() + state.options.request_timeout * 9 / 10
}

/// The parts that could be read, and for each part why it could not.
fn apart<T>(parts: Vec<Result<T, ApiError>>) -> (Vec<T>, Vec<Option<ApiError>>) {
    let mut readable = Vec::with_capacity(parts.len());
    let unreadable = parts.into_iter().map(|part| part.map(|part| readable.push(part)).err()).collect();
    (readable, unreadable)
}

/// The results of the parts that could be read, in the places that they have among all.
fn together<T>(results: Vec<Result<T, ServiceError>>, unreadable: Vec<Option<ApiError>>) -> Vec<Result<T, ApiError>> {
    let mut results = results.into_iter();
    let result = |error: Option<ApiError>| match error {
        Some(error) => Err(error),
        None => match results.next() {
            Some(result) => result.map_err(ApiError::from),
            None => Err(ApiError::internal("a batch has fewer results than parts")),
        },
    };
    unreadable.into_iter().map(result).collect()
}

/// Add several images.
///
/// The images come as a form with several parts `image` (and `items`, a JSON list of what goes with
/// each), or as lines of JSON. Each has a result of its own, in order, and is stored or not
/// whatever becomes of the others: the status of the whole is 200 as soon as the body could be
/// read. They are described side by side, a few at a time; those for which the time of one request
/// is too short have the problem `request_timeout` and can be sent again.
#[utoipa::path(post, path = "/v1/collections/{collection}/images:batch", tag = "images",
    params(InCollection, Query<BatchOptions>, Named),
    request_body(content((ImagesForm = "multipart/form-data"), (ImagesLines = "application/x-ndjson"))),
    responses(
        (status = 200, description = "What became of each image", body = ImageBatchDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add_images(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Extension(RequestId(request_id)): Extension<RequestId>,
    caller: Caller,
    named: Named,
    ImageBatch { mut images, with_cost }: ImageBatch,
) -> Result<Response, ApiError> {
    for (at, image) in images.iter_mut().enumerate() {
        if let Ok(image) = image {
            image.stored_by = caller.key_id();
            image.named = named.key().map(|key| (key, at));
        }
    }
    let asked: Vec<_> = images.iter().map(|image| image.as_ref().map_err(ApiError::code).cloned()).collect();
    let read = move |print: &mut Fingerprint| {
        for image in &asked {
            match image {
                Ok(image) => once::fingerprint(print, image),
                Err(code) => print.add(code.as_str().as_bytes()),
            }
        }
        print.add(&[u8::from(with_cost)]);
    };
    let work = add_each(state.clone(), collection.clone(), request_id, images, with_cost);
    named.once(&state, &collection, read, work).await
}

async fn add_each(
    state: AppState,
    collection: CollectionName,
    request_id: String,
    images: Vec<Result<AddImage, ApiError>>,
    with_cost: bool,
) -> Result<Response, ApiError> {
    let until = time_for_answer(&state);
    let (images, unreadable) = apart(images);
    let added = together(state.service.add_images(&collection, images, until).await?, unreadable);
    let is_unfinished =
        added.iter().any(|added| added.as_ref().is_err_and(|error| error.code().status().is_server_error()));
    let links = &state.options.public_path;
    let result = |added: Result<Stored<AddOutcome>, ApiError>| match added {
        Ok(stored) => {
            let (status, record) = match stored.outcome {
                AddOutcome::Created(record) => (201, record),
                AddOutcome::Existing(record) => (200, record),
            };
            let cost = stored.cost.filter(|_| with_cost);
            let image = ImageDto::new(record, links).with_cost(cost);
            BatchedImageDto::stored(status, image.with_similar(stored.similar.as_deref(), links))
        }
        Err(error) => BatchedImageDto::failed(error, &request_id),
    };
    let mut response = Json(ImageBatchDto::new(added.into_iter().map(result).collect())).into_response();
    if is_unfinished {
        // Sent again under the same name, it is to do the rest.
        response.extensions_mut().insert(Unfinished);
    }
    Ok(response)
}

/// Delete several images.
///
/// By their ids, or all that match a filter. Each is deleted on its own. Ids under which nothing is
/// stored are counted and are no failure.
#[utoipa::path(post, path = "/v1/collections/{collection}/images:delete", tag = "images",
    params(InCollection),
    request_body(content((DeleteImagesBody = "application/json"))),
    responses(
        (status = 200, description = "How many were deleted", body = DeletionDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_images(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    JsonBody(request): JsonBody<DeleteImages>,
) -> Result<Json<DeletionDto>, ApiError> {
    request.bounded(&state)?;
    let until = time_for_answer(&state);
    let done = state.service.delete_images(&collection, request.selection, request.dry_run, until).await?;
    Ok(Json(DeletionDto::new(done, request.dry_run)))
}

/// Search a collection for several things.
///
/// Each search has a result of its own, in order. They run side by side, a few at a time; those for
/// which the time of one request is too short have the problem `request_timeout`.
#[utoipa::path(post, path = "/v1/collections/{collection}/search:batch", tag = "search",
    params(InCollection),
    request_body(content((SearchBatchBody = "application/json"))),
    responses(
        (status = 200, description = "What each search found", body = SearchBatchDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn search_batch(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Extension(RequestId(request_id)): Extension<RequestId>,
    SearchBatch(searches): SearchBatch,
) -> Result<Json<SearchBatchDto>, ApiError> {
    let until = time_for_answer(&state);
    let questions: Vec<_> =
        searches.into_iter().map(|search| search.and_then(|(images, fields)| question(images, fields))).collect();
    let parts: Vec<_> = questions
        .iter()
        .map(|question| question.as_ref().map(|(_, parts)| parts.clone()).unwrap_or_default())
        .collect();
    let (questions, unreadable) = apart(questions);
    let requests = questions.into_iter().map(|(request, _)| request).collect();
    let found = together(state.service.search_each(&collection, requests, until).await?, unreadable);
    let links = &state.options.public_path;
    let results = found.into_iter().zip(parts).map(|(found, parts)| {
        BatchedSearchDto::new(found.map(|found| SearchResultDto::new(found, &parts, links)), &request_id)
    });
    Ok(Json(SearchBatchDto { results: results.collect() }))
}
