//! What calls about many things answer.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::{ApiError, Problem};
use crate::http::images::dto::{ImageDto, image_example};
use crate::http::search::dto::{SearchResultDto, search_example};
use crate::service::Deletion;

/// What became of one image of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchedImage)]
pub(crate) struct BatchedImageDto {
    /// The HTTP status that an upload of this image alone would have had: 201 where it was stored,
    /// 200 where the same bytes were there, otherwise that of the problem.
    status: u16,
    /// The record of a stored image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    image: Option<ImageDto>,
    /// Why it is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<Problem>,
}

impl BatchedImageDto {
    /// An image that is stored.
    pub(crate) fn stored(status: u16, image: ImageDto) -> Self {
        Self { status, image: Some(image), problem: None }
    }

    /// An image that is not.
    pub(crate) fn failed(error: ApiError, request_id: &str) -> Self {
        Self { status: error.code().status().as_u16(), image: None, problem: Some(error.into_problem(request_id)) }
    }
}

/// What became of the images of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "results": [
        {"status": 201, "image": image_example()},
        {"status": 400, "problem": {
            "type": "urn:eyrie:problem:not_an_image", "title": "The data is not an image", "status": 400,
            "detail": "the data is not an image", "code": "not_an_image", "request_id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10"
        }}
    ],
    "created": 1, "existing": 0, "failed": 1
}))]
#[schema(as = ImageBatch)]
pub(crate) struct ImageBatchDto {
    /// One for each image, in the order in which they came.
    results: Vec<BatchedImageDto>,
    /// How many were stored now.
    created: usize,
    /// How many were there already.
    existing: usize,
    /// How many are not stored.
    failed: usize,
}

impl ImageBatchDto {
    /// The results with their counts.
    pub(crate) fn new(results: Vec<BatchedImageDto>) -> Self {
        let of = |status: u16| results.iter().filter(|result| result.status == status).count();
        let (created, existing) = (of(201), of(200));
        Self { failed: results.len() - created - existing, created, existing, results }
    }
}

/// What became of one search of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchedSearch)]
pub(crate) struct BatchedSearchDto {
    /// The HTTP status that this search alone would have had.
    status: u16,
    /// Its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    result: Option<SearchResultDto>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<Problem>,
}

impl BatchedSearchDto {
    /// What became of it.
    pub(crate) fn new(result: Result<SearchResultDto, ApiError>, request_id: &str) -> Self {
        match result {
            Ok(result) => Self { status: 200, result: Some(result), problem: None },
            Err(error) => {
                let status = error.code().status().as_u16();
                Self { status, result: None, problem: Some(error.into_problem(request_id)) }
            }
        }
    }
}

/// What became of the searches of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchBatchResult, example = json!({"results": [{"status": 200, "result": search_example()}]}))]
pub(crate) struct SearchBatchDto {
    /// One for each search, in the order in which they came.
    pub(crate) results: Vec<BatchedSearchDto>,
}

/// What became of a deletion of many.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"matched": 3, "deleted": 3, "missing": 1, "remaining": 0, "dry_run": false}))]
#[schema(as = Deletion)]
pub(crate) struct DeletionDto {
    /// Images that were selected and there.
    matched: usize,
    /// Images that were deleted: none of a dry run. Less than `matched` where some changed or went
    /// away meanwhile, or where time ran out.
    deleted: usize,
    /// Ids under which nothing was stored.
    missing: usize,
    /// Images for which there was no time: send the request again.
    remaining: usize,
    /// Whether it only counted.
    dry_run: bool,
}

impl DeletionDto {
    /// The counts.
    pub(crate) fn new(done: Deletion, dry_run: bool) -> Self {
        let Deletion { matched, deleted, missing, remaining } = done;
        Self { matched, deleted, missing, remaining, dry_run }
    }
}
