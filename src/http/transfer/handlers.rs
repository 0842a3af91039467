//! Exports and imports.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::Value;

use super::dto::ImportResultDto;
use super::requests::{ExportLines, ExportQuery, ImportQuery};
use crate::domain::CollectionName;
use crate::http::error::{ApiError, Code, Problem};
use crate::http::extract::json_body::{media_type, require_identity_encoding};
use crate::http::extract::path::InCollection;
use crate::http::extract::query::Query;
use crate::http::intake::Lines;
use crate::http::state::AppState;
use crate::service::{ImportReport, MAX_LINE_BYTES, RetrievalService};

/// Export a collection: everything that is stored of its images, without the pictures themselves.
///
/// `POST .../import` takes the lines, in this service or another one with the same model, where
/// searches then find the same.
#[utoipa::path(get, path = "/v1/collections/{collection}/export", tag = "collections",
    params(InCollection, Query<ExportQuery>),
    responses(
        (status = 200, description = "The lines, as they are read", body = ExportLines, content_type = "application/x-ndjson"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn export_collection(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Query(ExportQuery { after }): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let (_, parts) = state.service.export(&collection, after).await?;
    let lines = parts.map(|part| {
        // The answer is under way: that it is cut off, without its last line, is all that is left to say.
        part.map(|part| part.lines).inspect_err(|error| tracing::warn!(%error, "an export was cut off"))
    });
    let name = format!("attachment; filename=\"{collection}.ndjson\"");
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_DISPOSITION, name.as_str()),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// Import the lines of an export into a collection that is there.
///
/// The lines are read and stored as they arrive. An image that is there just so is left as it is, so
/// the same export may be sent again. A line that is wrong is named in the answer and the others are
/// stored; an export without its end is a failure (`incomplete_import`), and what was there is stored.
#[utoipa::path(post, path = "/v1/collections/{collection}/import", tag = "collections",
    params(InCollection, Query<ImportQuery>),
    request_body(content = ExportLines, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "What became of the lines", body = ImportResultDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn import_collection(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Query(ImportQuery { replace }): Query<ImportQuery>,
    request: Request,
) -> Result<Json<ImportResultDto>, ApiError> {
    let (head, body) = request.into_parts();
    require_identity_encoding(&head.headers)?;
    if !matches!(media_type(&head.headers).as_deref(), Some("application/x-ndjson" | "application/ndjson")) {
        return Err(ApiError::new(Code::UnsupportedMediaType, "the body must be application/x-ndjson"));
    }
    let mut lines = state.intake.lines(&head, body, MAX_LINE_BYTES).await?;
    match import(&state.service, &collection, replace, &mut lines).await {
        Ok(report) if report.complete => Ok(Json(report.into())),
        Ok(report) => Err(incomplete(report)),
        Err(error) => {
            lines.discard().await;
            Err(error)
        }
    }
}

async fn import(
    service: &RetrievalService,
    collection: &CollectionName,
    replace: bool,
    lines: &mut Lines,
) -> Result<ImportReport, ApiError> {
    let header = lines.next().await?.unwrap_or_default();
    let mut import = service.import(collection, &header, replace).await?;
    while let Some(line) = lines.next().await? {
        import.line(line).await?;
    }
    Ok(import.finish().await?)
}

fn incomplete(report: ImportReport) -> ApiError {
    let detail =
        "the end of the export, or a line before it, is missing; what was there is stored, and may be sent again";
    let error = ApiError::new(Code::IncompleteImport, detail);
    match serde_json::to_value(ImportResultDto::from(report)) {
        Ok(Value::Object(counts)) => error.extended(counts),
        Ok(_) | Err(_) => error,
    }
}
