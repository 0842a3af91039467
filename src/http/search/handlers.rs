//! Searches.

use axum::Json;
use axum::extract::State;
use bytes::Bytes;

use super::dto::SearchResultDto;
use super::query::{Include, Parts, SearchBody, SearchFields, SearchForm, SearchOptions, WithImage};
use crate::domain::CollectionName;
use crate::http::error::{ApiError, Code, Problem};
use crate::http::extract::path::{InCollection, OfImage};
use crate::http::extract::query;
use crate::http::extract::upload::Upload;
use crate::http::schema::RawImage;
use crate::http::state::AppState;
use crate::service::{SearchQuery, SearchRequest};

/// Search by an image, by the id of a stored image, or by a descriptor.
///
/// The query image comes as a form, as the body itself, or as base64 in JSON. The options may be in
/// the query string with each of them. A form and JSON may have up to four images of one and the
/// same thing, which find more of it together.
#[utoipa::path(post, path = "/v1/collections/{collection}/search", tag = "search",
    params(InCollection, query::Query<WithImage>),
    request_body(content(
        (SearchForm = "multipart/form-data"), (SearchBody = "application/json"), (RawImage = "image/*"), (RawImage = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "The most similar images, best first", body = SearchResultDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn search(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Upload { images, fields }: Upload<SearchFields>,
) -> Result<Json<SearchResultDto>, ApiError> {
    let (request, parts) = question(images, fields)?;
    run(&state, &collection, request, &parts).await
}

/// What is asked of the service, and the parts of the answer.
pub(crate) fn question(images: Vec<Bytes>, fields: SearchFields) -> Result<(SearchRequest, Parts), ApiError> {
    if fields.version.is_some() && fields.descriptor.is_none() {
        return Err(ApiError::new(Code::InvalidRequest, "version: goes with a descriptor only"));
    }
    if fields.region.is_some() && images.is_empty() && (fields.id.is_some() || fields.descriptor.is_some()) {
        let detail =
            "region: goes with an image only; of a stored image the pixels are not kept, and a descriptor has none";
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    if fields.region.is_some() && images.len() > 1 {
        return Err(ApiError::new(Code::InvalidRequest, "region: goes with one image, not with several"));
    }
    let query = match (&images[..], fields.id, fields.descriptor) {
        ([image], None, None) => SearchQuery::Image(image.clone(), fields.region),
        ([_, _, ..], None, None) => SearchQuery::Images(images),
        ([], Some(id), None) => SearchQuery::Id(id),
        ([], None, Some(values)) => SearchQuery::Descriptor(values, fields.version),
        ([], None, None) => {
            return Err(ApiError::new(Code::MissingQuery, "give one of image, id and descriptor"));
        }
        ([_, ..], _, _) | ([], Some(_), Some(_)) => {
            return Err(ApiError::new(Code::AmbiguousQuery, "give only one of image, id and descriptor"));
        }
    };
    Ok(with_options(query, fields.options))
}

/// Search by a stored image.
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{id}/similar", tag = "search",
    params(OfImage, query::Query<SearchOptions>),
    responses(
        (status = 200, description = "The most similar images, best first", body = SearchResultDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn similar_images(
    State(state): State<AppState>,
    OfImage(collection, id): OfImage,
    query::Query(options): query::Query<SearchOptions>,
) -> Result<Json<SearchResultDto>, ApiError> {
    let (request, parts) = with_options(SearchQuery::Id(id), options);
    run(&state, &collection, request, &parts).await
}

fn with_options(query: SearchQuery, options: SearchOptions) -> (SearchRequest, Parts) {
    let parts = options.parts;
    let request = SearchRequest {
        query,
        k: options.k as usize,
        offset: options.offset as usize,
        min_score: options.min_score,
        filter: options.filter,
        group_by: options.group_by,
        exact: options.exact,
        ef: options.ef.map(|ef| ef as usize),
        verify: options.verify,
        expand: options.expand,
        thumbnail: parts.include.contains(&Include::Thumbnail),
    };
    (request, parts)
}

async fn run(
    state: &AppState,
    collection: &CollectionName,
    request: SearchRequest,
    parts: &Parts,
) -> Result<Json<SearchResultDto>, ApiError> {
    let found = state.service.search(collection, request).await?;
    Ok(Json(SearchResultDto::new(found, parts, &state.options.public_path)))
}
