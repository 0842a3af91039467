//! What an import answers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::service::{ImportReport, LineFailure};

/// A line that was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportFailure)]
pub(crate) struct FailureDto {
    /// Its number, from 1.
    line: u64,
    /// The kind of failure, as in problem documents.
    code: &'static str,
    /// What is wrong with it.
    detail: String,
}

impl From<LineFailure> for FailureDto {
    fn from(failure: LineFailure) -> Self {
        let error = ApiError::from(failure.error);
        Self { line: failure.line, code: error.code().as_str(), detail: error.detail().to_owned() }
    }
}

/// What an import came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportResult, example = json!({
    "stored": 1198, "replaced": 0, "unchanged": 1, "failed": 1,
    "failures": [{"line": 17, "code": "id_taken", "detail": "there is another image with the id \"alien-1979\""}]
}))]
pub(crate) struct ImportResultDto {
    /// Images that are new.
    stored: u64,
    /// Images in whose place others are.
    replaced: u64,
    /// Images that were there just so.
    unchanged: u64,
    /// Lines that were not taken.
    failed: u64,
    /// The first of these.
    #[schema(max_items = 20)]
    failures: Vec<FailureDto>,
}

impl From<ImportReport> for ImportResultDto {
    fn from(report: ImportReport) -> Self {
        let ImportReport { stored, replaced, unchanged, failed, failures, complete: _ } = report;
        Self { stored, replaced, unchanged, failed, failures: failures.into_iter().map(FailureDto::from).collect() }
    }
}
