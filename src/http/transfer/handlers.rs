//! Exports and imports.

use std::fs::File;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::dto::ImportResultDto;
use super::requests::{
    ExportArchive, ExportLater, ExportLaterBody, ExportLines, ExportPart, ExportQuery, ImportQuery, PictureArchive,
};
use crate::domain::{CollectionName, KeyId};
use crate::http::access::caller::Caller;
use crate::http::error::{ApiError, Code, Problem};
use crate::http::extract::json_body::{JsonBody, media_type, require_identity_encoding};
use crate::http::extract::path::{InCollection, OfJob};
use crate::http::extract::query::Query;
use crate::http::intake::{Chunks, Kind, Lines, too_large};
use crate::http::jobs::dto::JobDto;
use crate::http::jobs::range::Wanted;
use crate::http::state::AppState;
use crate::service::{
    Archive, ExportFormat, ImportReport, ImportRequest, JobResult, MAX_LINE_BYTES, RetrievalService, ServiceError,
    Started,
};

/// Export a collection: everything that is stored of its images, without the pictures themselves.
///
/// `POST .../import` takes it, in this service or another one with the same model, where
/// searches then find the same. Where the answer is cut, `after` with the id of the last whole line gives the rest: an export of
/// its own. A large collection is better exported by `POST .../export`, in the background.
#[utoipa::path(get, path = "/v1/collections/{collection}/export", tag = "collections",
    params(InCollection, Query<ExportQuery>),
    responses(
        (status = 200, description = "The export, as it is read",
            content((ExportLines = "application/x-ndjson"), (ExportArchive = "application/x-tar"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn export_collection(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    Query(ExportQuery { after, format }): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let (_, parts) = state.service.export(&collection, format, after).await?;
    let lines = parts.map(|part| {
        // The answer is under way: that it is cut off, without its end, is all that is left to say.
        part.map(|part| part.lines).inspect_err(|error| tracing::warn!(%error, "an export was cut off"))
    });
    let name = attachment(&collection, format);
    let headers = [
        (header::CONTENT_TYPE, format_type(format)),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_DISPOSITION, name.as_str()),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// Export a collection in the background.
///
/// The job writes the same as `GET .../export` and keeps it: `GET /v1/jobs/{id}/result` has it once the job is done, until the
/// job is deleted or `jobs.keep_days` are over. It goes on after a restart.
#[utoipa::path(post, path = "/v1/collections/{collection}/export", tag = "collections",
    params(InCollection),
    request_body = Option<ExportLaterBody>,
    responses(
        (status = 202, description = "A new job", body = JobDto, headers(("Location" = String, description = "The job's path"))),
        (status = 200, description = "The same export waits or is under way: its job", body = JobDto,
            headers(("Location" = String, description = "The job's path"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn export_later(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    JsonBody(ExportLater(format)): JsonBody<ExportLater>,
) -> Result<Response, ApiError> {
    let started = state.service.export_later(&collection, format).await?;
    Ok(answer(&state, started))
}

/// Read what an export in the background gave.
///
/// The answer to a `Range` has that part alone (206), so that a download goes on where it was cut.
#[utoipa::path(get, path = "/v1/jobs/{id}/result", tag = "jobs",
    params(OfJob),
    responses(
        (status = 200, description = "The export", headers(("ETag" = String, description = "Names it for If-Range")),
            content((ExportLines = "application/x-ndjson"), (ExportArchive = "application/x-tar"))),
        (status = 206, description = "A part of it", headers(("Content-Range" = String, description = "Which one")),
            content((ExportPart = "application/x-ndjson"), (ExportArchive = "application/x-tar"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn job_result(
    State(state): State<AppState>,
    OfJob(id): OfJob,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let JobResult { collection, format, bytes } = state.service.job_result(&id).await?;
    let tag = format!("\"{id}\"");
    let (status, first, end) = match Wanted::of(&headers, bytes, &tag) {
        Wanted::All => (StatusCode::OK, 0, bytes),
        Wanted::Part(first, last) => (StatusCode::PARTIAL_CONTENT, first, last + 1),
        Wanted::Outside => {
            return Err(ApiError::new(Code::InvalidRange, format!("the result has {bytes} bytes")));
        }
    };
    let service = Arc::clone(&state.service);
    let parts = stream::try_unfold(first, move |at| {
        let (service, id) = (Arc::clone(&service), id.clone());
        async move {
            if at >= end {
                return Ok::<_, ServiceError>(None);
            }
            let mut part = service.result_part(&id, at).await?;
            if part.is_empty() {
                return Err(ServiceError::Internal("the result of a job lacks a part".to_owned()));
            }
            part.truncate(usize::try_from(end - at).unwrap_or(usize::MAX));
            let next = at + part.len() as u64;
            Ok(Some((part, next)))
        }
    });
    let parts = parts.inspect_err(|error| tracing::warn!(%error, "the result of a job was cut off"));
    let mut response = (status, Body::from_stream(parts)).into_response();
    let head = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            head.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, format_type(format));
    set(header::CONTENT_LENGTH, &(end - first).to_string());
    set(header::CACHE_CONTROL, "no-store");
    set(header::CONTENT_DISPOSITION, &attachment(&collection, format));
    set(header::ACCEPT_RANGES, "bytes");
    set(header::ETAG, &tag);
    if status == StatusCode::PARTIAL_CONTENT {
        set(header::CONTENT_RANGE, &format!("bytes {first}-{}/{bytes}", end - 1));
    }
    Ok(response)
}

fn format_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Ndjson => "application/x-ndjson",
        ExportFormat::Tar => "application/x-tar",
    }
}

fn attachment(collection: &CollectionName, format: ExportFormat) -> String {
    format!("attachment; filename=\"{collection}.{}\"", format.as_str())
}

/// The answer with a job that was asked for.
fn answer(state: &AppState, started: Started) -> Response {
    let (status, job) = match started {
        Started::New(job) => (StatusCode::ACCEPTED, job),
        Started::There(job) => (StatusCode::OK, job),
    };
    let location = state.options.public_path.job(&job.id);
    (status, [(header::LOCATION, location)], Json(JobDto::from(job))).into_response()
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
/// what was before is stored. The same archive again stores nothing twice. A tar that is an export is taken as its lines are.
///
/// **With `job`** the body is taken in, and a job imports it in the background: it goes on after a restart, and stores nothing twice.
/// The same body again while the job waits or runs is answered with that job.
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
        (status = 202, description = "With `job`: the job", body = JobDto,
            headers(("Location" = String, description = "The job's path"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn import_collection(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    require_identity_encoding(&head.headers)?;
    let is_archive = match media_type(&head.headers).as_deref() {
        Some("application/x-ndjson" | "application/ndjson") => false,
        Some(
            "application/zip"
            | "application/x-zip-compressed"
            | "application/x-tar"
            | "application/gzip"
            | "application/x-gzip",
        ) => true,
        Some(_) | None => {
            let detail =
                "the body must be application/x-ndjson, application/zip, application/x-tar or application/gzip";
            return Err(ApiError::new(Code::UnsupportedMediaType, detail));
        }
    };
    if !is_archive && !query.job {
        let mut lines = state.intake.lines(&head, body, MAX_LINE_BYTES).await?;
        return match import(&state.service, &collection, (query.pictures.replace, caller.key_id()), &mut lines).await {
            Ok(report) => finished(report),
            Err(error) => {
                lines.discard().await;
                Err(error)
            }
        };
    }
    // The clock stands until the answer: an archive takes its time.
    let mut chunks = state.intake.chunks(&head, body, state.options.max_upload_bytes, Kind::Kept).await?;
    let (file, _kept) = kept(&state, &collection, &mut chunks).await?;
    if query.job {
        let request = match is_archive {
            true => ImportRequest::Archive(query.pictures),
            false => ImportRequest::Lines { replace: query.pictures.replace },
        };
        let started = state.service.import_later(&collection, file, request, caller.key_id()).await?;
        let (Started::New(job) | Started::There(job)) = started;
        return Ok(answer(&state, Started::New(job)));
    }
    let archive = Archive::open(file, state.options.max_upload_bytes as u64)?;
    finished(state.service.import_archive(&collection, archive, query.pictures, caller.key_id()).await?)
}

fn finished(report: ImportReport) -> Result<Response, ApiError> {
    if report.complete { Ok(Json(ImportResultDto::from(report)).into_response()) } else { Err(incomplete(report)) }
}

/// A body in a file, where there is a collection for it.
async fn kept(
    state: &AppState,
    collection: &CollectionName,
    chunks: &mut Chunks,
) -> Result<(File, OwnedSemaphorePermit), ApiError> {
    let kept = async {
        state.service.collection(collection).await?;
        let mut spool = match state.service.spool().await {
            Err(ServiceError::Overloaded { .. }) if state.intake.displace_kept().await => state.service.spool().await?,
            begun => begun?,
        };
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
    (replace, stored_by): (bool, Option<KeyId>),
    lines: &mut Lines,
) -> Result<ImportReport, ApiError> {
    let header = lines.next().await?.unwrap_or_default();
    let mut import = service.import(collection, &header, replace, stored_by).await?;
    while let Some(line) = lines.next().await? {
        import.line(line).await?;
    }
    Ok(import.finish().await?)
}

fn incomplete(report: ImportReport) -> ApiError {
    let detail = match &report.cut {
        Some(reason) => format!("the archive: {reason}; what was before is stored, and may be sent again"),
        None => {
            "the end of the export, or a line before it, is missing; what was there is stored, and may be sent again"
                .to_owned()
        }
    };
    let error = ApiError::new(Code::IncompleteImport, detail);
    match serde_json::to_value(ImportResultDto::from(report)) {
        Ok(Value::Object(counts)) => error.extended(counts),
        Ok(_) | Err(_) => error,
    }
}
