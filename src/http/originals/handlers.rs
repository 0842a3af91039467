//! The uploads themselves.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;

use super::requests::{OriginalQuery, RangeOfClient, Wanted};
use crate::domain::{ImageFormat, ImageRecord};
use crate::http::error::{ApiError, Code, Problem};
use crate::http::extract::conditional::TagsOfClient;
use crate::http::extract::path::OfImage;
use crate::http::extract::query::Query;
use crate::http::state::AppState;

/// The original of an image: the very bytes that were uploaded, where they are kept
/// (`storage.originals`).
///
/// Records and results say so by an `original_url`. The media type is that of the format that was
/// found, whatever the upload said. One range of bytes may be asked for.
#[utoipa::path(get, path = "/v1/collections/{collection}/images/{id}/original", tag = "images",
    params(OfImage, Query<OriginalQuery>, RangeOfClient, TagsOfClient),
    responses(
        (status = 200, description = "The original",
            headers(
                ("ETag" = String, description = "Its SHA-256"), ("Accept-Ranges" = String, description = "`bytes`"),
                ("Content-Disposition" = String, description = "`attachment`, with a name made of the id and the format")
            ),
            content(
                ("image/jpeg"), ("image/png"), ("image/webp"), ("image/gif"), ("image/bmp"), ("image/tiff"), ("image/avif"), ("image/jxl"), ("image/qoi"),
                ("image/x-portable-anymap"), ("image/vnd.microsoft.icon")
            )),
        (status = 206, description = "The part that was asked for",
            headers(
                ("ETag" = String, description = "Its SHA-256"),
                ("Content-Range" = String, description = "Which bytes of how many these are")
            ),
            content(
                ("image/jpeg"), ("image/png"), ("image/webp"), ("image/gif"), ("image/bmp"), ("image/tiff"), ("image/avif"), ("image/jxl"), ("image/qoi"),
                ("image/x-portable-anymap"), ("image/vnd.microsoft.icon")
            )),
        (status = 304, description = "The client's entity tag is current"),
        (status = "default", description = "Any failure; 416 (`range_not_satisfiable`) has the size in `Content-Range`", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_original(
    State(state): State<AppState>,
    OfImage(collection, id): OfImage,
    Query(query): Query<OriginalQuery>,
    method: Method,
    client_tags: TagsOfClient,
    range: RangeOfClient,
) -> Result<Response, ApiError> {
    let record = state.service.original(&collection, &id).await?;
    let hash = record.content_hash.to_string();
    let tag = format!("\"{hash}\"");
    let lasting = query.hash.is_some_and(|of| of.len() >= 16 && hash.starts_with(&of));
    let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, value(&tag)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if client_tags.have_tag(&hash) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let size = record.byte_size;
    // Ranges are for GET alone.
    let wanted = if method == Method::GET { range.of(size, &tag) } else { Wanted::Whole };
    let (status, part) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(part) => {
            headers.insert(header::CONTENT_RANGE, value(&format!("bytes {}-{}/{size}", part.start, part.end - 1))?);
            (StatusCode::PARTIAL_CONTENT, part)
        }
        Wanted::Nothing => {
            let error = ApiError::new(Code::RangeNotSatisfiable, format!("the original has {size} bytes"));
            return Ok(([(header::CONTENT_RANGE, value(&format!("bytes */{size}"))?)], error).into_response());
        }
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(record.format.media_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    headers.insert(header::CONTENT_DISPOSITION, value(&format!("attachment; filename=\"{}\"", file_name(&record)))?);
    if method == Method::HEAD {
        return Ok((status, headers).into_response());
    }
    let bytes = state.service.original_bytes(&record, part).await?;
    // The answer is under way: that it is cut off is all that is left to say.
    let bytes = bytes.inspect_err(|error| tracing::warn!(%error, "an original was cut off"));
    Ok((status, headers, Body::from_stream(bytes)).into_response())
}

fn value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|e| ApiError::internal(format!("a header of an original: {e}")))
}

/// A name for a file that every system takes and none hides: the id, and what its format is usually
/// called.
fn file_name(record: &ImageRecord) -> String {
    let id = record.id.as_str();
    let stem = id.trim_start_matches('.').replace(':', "_");
    let ending = match record.format {
        ImageFormat::Jpeg => "jpg",
        ImageFormat::Tiff => "tif",
        other @ (ImageFormat::Png
        | ImageFormat::Webp
        | ImageFormat::Gif
        | ImageFormat::Bmp
        | ImageFormat::Avif
        | ImageFormat::Jxl
        | ImageFormat::Qoi
        | ImageFormat::Pnm
        | ImageFormat::Ico) => other.as_str(),
    };
    let has_ending = stem.rsplit_once('.').is_some_and(|(_, last)| {
        last.eq_ignore_ascii_case(ending) || last.eq_ignore_ascii_case(record.format.as_str())
    });
    if has_ending { stem } else { format!("{stem}.{ending}") }
}
