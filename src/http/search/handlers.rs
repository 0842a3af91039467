//! Searches.

use std::time::Instant;

use axum::Json;
use axum::extract::State;

use super::dto::{HitDto, SearchResultDto, TookDto};
use super::query::{Include, SearchBody, SearchFields, SearchForm, SearchOptions, WithImage};
use crate::domain::CollectionName;
use crate::http::chip::dto::{CostDto, thousandths};
use crate::http::error::{ApiError, Code, Problem};
use crate::http::extract::path::{InCollection, OfImage};
use crate::http::extract::query;
use crate::http::extract::upload::Upload;
use crate::http::links::data_url;
use crate::http::schema::RawImage;
use crate::http::state::AppState;
use crate::service::{SearchQuery, SearchRequest};

/// Search by an image, by the id of a stored image, or by a descriptor.
///
/// The query image comes as a form, as the body itself, or as base64 in JSON. The options may be in
/// the query string with each of them.
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
    Upload { image, fields }: Upload<SearchFields>,
) -> Result<Json<SearchResultDto>, ApiError> {
    if fields.version.is_some() && fields.descriptor.is_none() {
        return Err(ApiError::new(Code::InvalidRequest, "version: goes with a descriptor only"));
    }
    if fields.region.is_some() && image.is_none() && (fields.id.is_some() || fields.descriptor.is_some()) {
        let detail =
            "region: goes with an image only; of a stored image the pixels are not kept, and a descriptor has none";
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    let query = match (image, fields.id, fields.descriptor) {
        (Some(image), None, None) => SearchQuery::Image(image, fields.region),
        (None, Some(id), None) => SearchQuery::Id(id),
        (None, None, Some(values)) => SearchQuery::Descriptor(values, fields.version),
        (None, None, None) => {
            return Err(ApiError::new(Code::MissingQuery, "give one of image, id and descriptor"));
        }
        (Some(_), _, _) | (None, Some(_), Some(_)) => {
            return Err(ApiError::new(Code::AmbiguousQuery, "give only one of image, id and descriptor"));
        }
    };
    run(&state, &collection, query, fields.options).await
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
    run(&state, &collection, SearchQuery::Id(id), options).await
}

async fn run(
    state: &AppState,
    collection: &CollectionName,
    query: SearchQuery,
    options: SearchOptions,
) -> Result<Json<SearchResultDto>, ApiError> {
    let start = Instant::now();
    let include = options.include;
    let request = SearchRequest {
        query,
        k: options.k as usize,
        offset: options.offset as usize,
        min_score: options.min_score,
        filter: options.filter,
        exact: options.exact,
        ef: options.ef.map(|ef| ef as usize),
        verify: options.verify,
        thumbnail: include.contains(&Include::Thumbnail),
    };
    let found = state.service.search(collection, request).await?;
    let links = &state.options.public_path;
    Ok(Json(SearchResultDto {
        results: found.hits.into_iter().map(|hit| HitDto::new(hit, &include, links)).collect(),
        version: found.version.to_string(),
        took_ms: TookDto {
            total: thousandths(start.elapsed().as_secs_f64() * 1e3),
            index: thousandths(found.index_milliseconds),
            describe: found.cost.as_ref().map(|cost| thousandths(cost.host_milliseconds)),
            verify: found.verification.map(|effort| thousandths(effort.milliseconds)),
        },
        compared: found.verification.map(|effort| effort.compared),
        cost: found.cost.filter(|_| include.contains(&Include::Cost)).map(CostDto::from),
        query_thumbnail: found.thumbnail.as_ref().map(data_url),
    }))
}
