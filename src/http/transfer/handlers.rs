//! Exports and imports.

use std::fs::File;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::dto::ImportResultDto;
use super::requests::{ExportLines, ExportQuery, ImportQuery, PictureArchive};
use crate::domain::CollectionName;
use crate::http::error::{ApiError, Code, Problem};
use crate::http::extract::json_body::{media_type, require_identity_encoding};
use crate::http::extract::path::InCollection;
use crate::http::extract::query::Query;
use crate::http::intake::{Chunks, Lines, too_large};
use crate::http::state::AppState;
use crate::service::{Archive, ImportReport, MAX_LINE_BYTES, RetrievalService};

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

/// Import the lines of an export, or an archive of pictures, into a collection that is there.
///
/// **Lines** are read and stored as they arrive. An image that is there just so is left as it is, so
/// the same export may be sent again. A line that is wrong is named in the answer and the others are
/// stored; an export without its end is a failure (`incomplete_import`), and what was there is stored.
///
/// **An archive** (zip, tar, or tar with gzip) is taken in as a whole and then worked off, a few pictures
/// at a time, until the answer comes; how long that takes is not bounded. Each file in it that is a picture, by
/// its bytes, is stored with the metadata `filename` and `path`. Others are skipped and counted: what is no picture, an archive
/// in the archive, a link, a device. A picture that cannot be stored, or an entry that is encrypted, is named in the answer and the others
/// are stored. An archive that is damaged behind its first entry is a failure (`incomplete_import`), and
/// what was before is stored. The same archive again stores nothing twice.
#[utoipa::path(post, path = "/v1/collections/{collection}/import", tag = "collections",
    params(InCollection, Query<ImportQuery>),
    request_body(content(
        (ExportLines = "application/x-ndjson"),
        (PictureArchive = "application/zip"),
        (PictureArchive = "application/x-tar"),
        (PictureArchive = "application/gzip"),
    )),
    responses(
        (status = 200, description = "What became of the lines or pictures", body = ImportResultDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn import_collection(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Json<ImportResultDto>, ApiError> {
    let (head, body) = request.into_parts();
    require_identity_encoding(&head.headers)?;
    let report = match media_type(&head.headers).as_deref() {
        Some("application/x-ndjson" | "application/ndjson") => {
            let mut lines = state.intake.lines(&head, body, MAX_LINE_BYTES).await?;
            match import(&state.service, &collection, query.replace, &mut lines).await {
                Ok(report) => report,
                Err(error) => {
                    lines.discard().await;
                    return Err(error);
                }
            }
        }
        Some(
            "application/zip" | "application/x-zip-compressed" | "application/x-tar" | "application/gzip"
            | "application/x-gzip",
        ) => {
            // The clock stands until the answer: an archive takes its time.
            let mut chunks = state.intake.chunks(&head, body).await?;
            let (file, _kept) = kept(&state, &collection, &mut chunks).await?;
            let max_bytes = state.options.max_upload_bytes as u64;
            state.service.import_archive(&collection, Archive::open(file, max_bytes)?, query.pictures).await?
        }
        Some(_) | None => {
            let detail = "the body must be application/x-ndjson, application/zip, application/x-tar or application/gzip";
            return Err(ApiError::new(Code::UnsupportedMediaType, detail));
        }
    };
    if report.complete { Ok(Json(report.into())) } else { Err(incomplete(report)) }
}

/// A body in a file, where there is a collection for it.
async fn kept(
    state: &AppState,
    collection: &CollectionName,
    chunks: &mut Chunks,
) -> Result<(File, OwnedSemaphorePermit), ApiError> {
    let kept = async {
        state.service.collection(collection).await?;
        let mut spool = state.service.spool().await?;
        while let Some(chunk) = chunks.next().await? {
            if !spool.write(&chunk).await? {
                return Err(too_large(spool.limit()));
            }
        }
        Ok(spool.finish().await?)
    };
    let kept = kept.await;
    if kept.is_err() {
        chunks.discard().await;
    }
    kept
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
    let detail = match &report.cut {
        Some(reason) => format!("the archive: {reason}; what was before is stored, and may be sent again"),
        None => "the end of the export, or a line before it, is missing; what was there is stored, and may be sent again"
            .to_owned(),
    };
    let error = ApiError::new(Code::IncompleteImport, detail);
    match serde_json::to_value(ImportResultDto::from(report)) {
        Ok(Value::Object(counts)) => error.extended(counts),
        Ok(_) | Err(_) => error,
    }
}
