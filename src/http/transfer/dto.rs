//! What an import answers.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::http::error::ApiError;
use crate::http::schema::one_of;
use crate::service::{ImportReport, LineFailure, SkipReason, Skipped};

/// A line, or an entry of an archive, that was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportFailure)]
pub(crate) struct FailureDto {
    /// Its number, from 1.
    line: u64,
    /// The path of an entry of an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    path: Option<String>,
    /// The kind of failure, as in problem documents.
    code: &'static str,
    /// What is wrong with it.
    detail: String,
}

impl From<LineFailure> for FailureDto {
    fn from(failure: LineFailure) -> Self {
        let error = ApiError::from(failure.error);
        Self { line: failure.line, path: failure.path, code: error.code().as_str(), detail: error.detail().to_owned() }
    }
}

fn reason_schema() -> Object {
    one_of(SkipReason::ALL.map(SkipReason::as_str)).description(Some("What it is. New reasons may be added.")).build()
}

/// An entry of an archive that is no picture.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportSkip)]
pub(crate) struct SkippedDto {
    /// Its number, from 1.
    line: u64,
    /// Its path.
    path: String,
    /// What it is.
    #[schema(schema_with = reason_schema)]
    reason: &'static str,
}

impl From<Skipped> for SkippedDto {
    fn from(skipped: Skipped) -> Self {
        Self { line: skipped.line, path: skipped.path, reason: skipped.reason.as_str() }
    }
}

/// What an import came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportResult, example = json!({
    "stored": 2, "replaced": 0, "unchanged": 1, "skipped": 1, "failed": 1,
    "skips": [{"line": 4, "path": "covers/readme.txt", "reason": "not_an_image"}],
    "failures": [{"line": 5, "path": "covers/cut.jpg", "code": "image_truncated", "detail": "the image is truncated"}]
}))]
pub(crate) struct ImportResultDto {
    /// Images that are new.
    stored: u64,
    /// Images in whose place others are.
    replaced: u64,
    /// Images that were there just so; of an archive, pictures whose bytes were there.
    unchanged: u64,
    /// Entries of an archive that are no pictures.
    skipped: u64,
    /// Lines or entries that were not taken.
    failed: u64,
    /// The first of those that were skipped.
    #[schema(max_items = 20)]
    skips: Vec<SkippedDto>,
    /// The first of those that were not taken.
    #[schema(max_items = 20)]
    failures: Vec<FailureDto>,
}

impl From<ImportReport> for ImportResultDto {
    fn from(report: ImportReport) -> Self {
        let ImportReport { stored, replaced, unchanged, skipped, skips, failed, failures, .. } = report;
        Self {
            stored,
            replaced,
            unchanged,
            skipped,
            failed,
            skips: skips.into_iter().map(SkippedDto::from).collect(),
            failures: failures.into_iter().map(FailureDto::from).collect(),
        }
    }
}
