//! Searches.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::dto::{CostDto, thousandths};
use super::error::{ApiError, Code, Problem};
use super::fields;
use super::params::{InCollection, OfImage};
use super::routes::App;
use super::search_dto::{DEFAULT_K, HitDto, Include, SearchDto, SearchForm, SearchOptions, SearchResultDto, TookDto};
use super::upload::Upload;
use crate::domain::{CollectionName, DescriptorVersion, Filter, FilterLimits};
use crate::service::{SearchQuery, SearchRequest};

/// Search by an image, by the id of a stored image, or by a descriptor.
///
/// The query image comes as a form, as the body itself (the other fields in the query string), or as base64 in JSON.
#[utoipa::path(post, path = "/v1/collections/{collection}/search", tag = "search",
    params(("collection" = String, Path, description = "The collection's name", example = "default"), SearchOptions,
        ("region" = Option<String>, Query, description = "Search for this box of the image only: x,y,width,height in fractions of its \
            width and height, from the upper left corner of the upright image.", example = "0.5,0,0.5,1")),
    request_body(content(
        (SearchForm = "multipart/form-data"), (SearchDto = "application/json"), ("image/*"), ("application/octet-stream"),
    )),
    responses(
        (status = 200, description = "The most similar images, best first", body = SearchResultDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn search(
    State(app): State<App>,
    InCollection(collection): InCollection,
    upload: Upload<SearchDto>,
) -> Result<Json<SearchResultDto>, ApiError> {
    let mut fields = upload.fields;
    let options = fields.take_options();
    let version = fields.version.as_deref().map(parse_version).transpose()?;
    if version.is_some() && fields.descriptor.is_none() {
        return Err(ApiError::new(Code::InvalidRequest, "version: goes with a descriptor only"));
    }
    if fields.region.is_some() && upload.image.is_none() && (fields.id.is_some() || fields.descriptor.is_some()) {
        let detail =
            "region: goes with an image only; of a stored image the pixels are not kept, and a descriptor has none";
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    let query = match (upload.image, fields.id, fields.descriptor) {
        (Some(image), None, None) => SearchQuery::Image(image, fields.region),
        (None, Some(id), None) => SearchQuery::Id(id),
        (None, None, Some(values)) => SearchQuery::Descriptor(values, version),
        (None, None, None) => {
            return Err(ApiError::new(Code::MissingQuery, "give one of image, id and descriptor"));
        }
        (Some(_), _, _) | (None, Some(_), Some(_)) => {
            return Err(ApiError::new(Code::AmbiguousQuery, "give only one of image, id and descriptor"));
        }
    };
    run(&app, &collection, query, options).await
}

/// Search by a stored image.
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{id}/similar", tag = "search",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "default"),
        ("id" = String, Path, description = "The image's id; it is not among the results", example = "alien-1979"),
        SearchOptions,
    ),
    responses(
        (status = 200, description = "The most similar images, best first", body = SearchResultDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn similar_images(
    State(app): State<App>,
    OfImage(collection, id): OfImage,
    fields::Query(options): fields::Query<SearchOptions>,
) -> Result<Json<SearchResultDto>, ApiError> {
    run(&app, &collection, SearchQuery::Id(id), options).await
}

async fn run(
    app: &App,
    collection: &CollectionName,
    query: SearchQuery,
    options: SearchOptions,
) -> Result<Json<SearchResultDto>, ApiError> {
    let start = Instant::now();
    let include = options.include.unwrap_or_else(|| Include::DEFAULT.to_vec());
    let request = SearchRequest {
        query,
        k: options.k.unwrap_or(DEFAULT_K) as usize,
        offset: options.offset.unwrap_or(0) as usize,
        min_score: options.min_score,
        filter: parse_filter(options.filter)?,
        exact: options.exact.unwrap_or(false),
        ef: options.ef.map(|ef| ef as usize),
        verify: options.verify,
    };
    let found = app.service.search(collection, request).await?;
    Ok(Json(SearchResultDto {
        results: found.hits.into_iter().map(|hit| HitDto::new(hit, &include)).collect(),
        version: found.version.to_string(),
        took_ms: TookDto {
            total: thousandths(start.elapsed().as_secs_f64() * 1e3),
            index: thousandths(found.index_milliseconds),
            describe: found.cost.as_ref().map(|cost| thousandths(cost.host_milliseconds)),
            verify: found.verification.map(|effort| thousandths(effort.milliseconds)),
        },
        compared: found.verification.map(|effort| effort.compared),
        cost: found.cost.filter(|_| include.contains(&Include::Cost)).map(CostDto::from),
    }))
}

/// Reads a filter; `None` and null are no filter.
pub(super) fn parse_filter(value: Option<Value>) -> Result<Option<Filter>, ApiError> {
    let value = value.filter(|value| !value.is_null());
    Ok(value.map(|value| Filter::parse(&value, FilterLimits::default())).transpose()?)
}

fn parse_version(text: &str) -> Result<DescriptorVersion, ApiError> {
    text.parse().map_err(|error: crate::domain::InvalidVersion| ApiError::new(Code::InvalidVersion, error.to_string()))
}
