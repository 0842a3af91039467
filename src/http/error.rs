//! Which status and which stable code every failure has; the only place that knows.
//!
//! A failure travels as an [`ApiError`] in the extensions of an empty response and is written as a
//! problem document (RFC 9457) by `observe.rs`, which knows the request's id.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::{InvalidDescriptor, InvalidFilter, InvalidMetadata, QuotaExceeded};
use crate::service::{OriginalsError, PictureError, ServiceError, StoreError};

macro_rules! codes {
    ($($variant:ident, $code:literal, $status:ident, $title:literal;)*) => {
        /// Why a request failed, as clients see it. Codes are never renamed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as clients see it.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The status that goes with it.
            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// The kind of failure in a few words.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    // The request as such.
    RouteNotFound, "route_not_found", NOT_FOUND, "There is no such path";
    MethodNotAllowed, "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not know this method";
    InvalidPath, "invalid_path", BAD_REQUEST, "The path cannot be read";
    InvalidUtf8, "invalid_utf8", BAD_REQUEST, "The text is not valid UTF-8";
    InvalidJson, "invalid_json", BAD_REQUEST, "The text is not valid JSON";
    InvalidRequest, "invalid_request", BAD_REQUEST, "The request has the wrong shape";
    InvalidMultipart, "invalid_multipart", BAD_REQUEST, "The multipart body cannot be read";
    IncompleteBody, "incomplete_body", BAD_REQUEST, "The body ended early";
    UnknownField, "unknown_field", BAD_REQUEST, "There is no such field";
    DuplicateField, "duplicate_field", BAD_REQUEST, "A field was given twice";
    OutOfRange, "out_of_range", BAD_REQUEST, "A number is outside its range";
    InvalidPrecondition, "invalid_precondition", BAD_REQUEST, "The precondition cannot be used";
    InvalidIdempotencyKey, "invalid_idempotency_key", BAD_REQUEST, "The header Idempotency-Key cannot be used";
    IdempotencyKeyReused, "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Another request had this Idempotency-Key";
    IdempotencyKeyRunning, "idempotency_key_running", CONFLICT, "The request with this Idempotency-Key is under way";
    CrossOrigin, "cross_origin", FORBIDDEN, "Another web site's page sent the request";
    RangeNotSatisfiable, "range_not_satisfiable", RANGE_NOT_SATISFIABLE, "The range lies behind the end";
    MissingKey, "missing_key", UNAUTHORIZED, "A key is needed";
    InvalidKey, "invalid_key", UNAUTHORIZED, "The key is not taken";
    AmbiguousKey, "ambiguous_key", BAD_REQUEST, "There is more than one key in the request";
    InsufficientScope, "insufficient_scope", FORBIDDEN, "The key may not do this";
    OriginNotAllowed, "origin_not_allowed", FORBIDDEN, "The key is for pages of other origins";
    RateLimited, "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    TooManyAtOnce, "too_many_at_once", TOO_MANY_REQUESTS, "Too many requests at a time";
    UnsupportedMediaType, "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body has a type that is not accepted";
    UploadTooLarge, "upload_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    BodyTimeout, "body_timeout", REQUEST_TIMEOUT, "The body took too long to arrive";

    // Names.
    InvalidCollectionName, "invalid_collection_name", BAD_REQUEST, "The collection's name is not valid";
    InvalidImageId, "invalid_image_id", BAD_REQUEST, "The image's id is not valid";
    UnknownCollection, "unknown_collection", NOT_FOUND, "There is no such collection";
    UnknownImage, "unknown_image", NOT_FOUND, "There is no such image";
    CollectionExists, "collection_exists", CONFLICT, "There is such a collection with other settings";
    DefaultCollection, "default_collection", CONFLICT, "The default collection cannot be deleted";
    NoOriginal, "no_original", NOT_FOUND, "The original of the image is not kept";
    IdTaken, "id_taken", CONFLICT, "The id is taken";
    DuplicateImage, "duplicate_image", CONFLICT, "The same image is stored already";
    SimilarExists, "similar_exists", CONFLICT, "An image that shows the same thing is stored already";
    PreconditionFailed, "precondition_failed", PRECONDITION_FAILED, "The image was changed since";

    // Exports and imports.
    UnsupportedExport, "unsupported_export", UNPROCESSABLE_ENTITY, "This is no export that is read here";
    InvalidRecord, "invalid_record", BAD_REQUEST, "The line is not an image of an export";
    IncompleteImport, "incomplete_import", BAD_REQUEST, "The end of the import is missing";
    InvalidArchive, "invalid_archive", BAD_REQUEST, "The archive cannot be read";
    InvalidEntry, "invalid_entry", BAD_REQUEST, "The entry of the archive cannot be read";
    StorageFull, "storage_full", INSUFFICIENT_STORAGE, "The server has no space left";

    // Jobs.
    UnknownJob, "unknown_job", NOT_FOUND, "There is no such job";
    TooManyJobs, "too_many_jobs", SERVICE_UNAVAILABLE, "Too many jobs wait already";
    NoGroups, "no_groups", CONFLICT, "The job has no groups, or not yet";
    NoResult, "no_result", CONFLICT, "The job has no result to read, or not yet";
    InvalidRange, "invalid_range", RANGE_NOT_SATISFIABLE, "The range lies outside";
    ExportTooLarge, "export_too_large", UNPROCESSABLE_ENTITY, "The export is too large for a job";

    // Keys.
    UnknownKey, "unknown_key", NOT_FOUND, "There is no such key";
    TooManyKeys, "too_many_keys", CONFLICT, "There are too many keys";

    // The upload.
    MissingImage, "missing_image", BAD_REQUEST, "There is no image in the request";
    MultipleImages, "multiple_images", BAD_REQUEST, "There are too many images in the request";
    InvalidBase64, "invalid_base64", BAD_REQUEST, "The image is not valid base64";
    ImageEmpty, "image_empty", BAD_REQUEST, "The image has no bytes";
    NotAnImage, "not_an_image", BAD_REQUEST, "The data is not an image";
    ImageTruncated, "image_truncated", BAD_REQUEST, "The image is truncated";
    ImageCorrupt, "image_corrupt", BAD_REQUEST, "The image is damaged";
    UnsupportedImageFormat, "unsupported_image_format", UNSUPPORTED_MEDIA_TYPE, "The image has a format that is not read";
    ImageTooManyPixels, "image_too_many_pixels", UNPROCESSABLE_ENTITY, "The image has too many pixels";
    ImageZeroSized, "image_zero_sized", UNPROCESSABLE_ENTITY, "The image has no pixels";
    ImageAspectRatio, "image_aspect_ratio", UNPROCESSABLE_ENTITY, "The image is too elongated";
    InvalidMetadata, "invalid_metadata", BAD_REQUEST, "The metadata are not valid";
    MetadataTooLarge, "metadata_too_large", UNPROCESSABLE_ENTITY, "The metadata are too large";
    MetadataTooDeep, "metadata_too_deep", UNPROCESSABLE_ENTITY, "The metadata are nested too deep";

    // The query.
    MissingQuery, "missing_query", BAD_REQUEST, "There is nothing to search for";
    AmbiguousQuery, "ambiguous_query", BAD_REQUEST, "There is more than one thing to search for";
    InvalidFilter, "invalid_filter", BAD_REQUEST, "The filter is not valid";
    InvalidCursor, "invalid_cursor", BAD_REQUEST, "The cursor is not valid";
    InvalidDescriptor, "invalid_descriptor", BAD_REQUEST, "The descriptor is not a list of numbers";
    DescriptorLength, "descriptor_length", BAD_REQUEST, "The descriptor has the wrong length";
    DescriptorNotFinite, "descriptor_not_finite", BAD_REQUEST, "The descriptor has a value that is not finite";
    DescriptorZero, "descriptor_zero", BAD_REQUEST, "The descriptor is all zeros";
    InvalidRegion, "invalid_region", BAD_REQUEST, "The region is not a box in the picture";
    RegionTooSmall, "region_too_small", UNPROCESSABLE_ENTITY, "The region has too few pixels of the picture";
    InvalidVersion, "invalid_version", BAD_REQUEST, "The descriptor's version is not valid";
    NotVerifiable, "not_verifiable", BAD_REQUEST, "The results cannot be verified for this query";
    VersionMismatch, "version_mismatch", CONFLICT, "The descriptor was made by another model or profile";

    // The service.
    Overloaded, "overloaded", SERVICE_UNAVAILABLE, "Too many requests at the moment";
    NotReady, "not_ready", SERVICE_UNAVAILABLE, "The service is not ready";
    ShuttingDown, "shutting_down", SERVICE_UNAVAILABLE, "The service is shutting down";
    RequestTimeout, "request_timeout", SERVICE_UNAVAILABLE, "The answer took too long";
    DatabaseUnavailable, "database_unavailable", SERVICE_UNAVAILABLE, "The database is not available";
    DatabaseReadOnly, "database_read_only", SERVICE_UNAVAILABLE, "The database can only be read";
    DatabaseFull, "database_full", INSUFFICIENT_STORAGE, "The database has no space left";
    QuotaExceeded, "quota_exceeded", INSUFFICIENT_STORAGE, "A quota has no room for the picture";
    IndexFull, "index_full", INSUFFICIENT_STORAGE, "The search index has no room for more pictures";
    OriginalsUnavailable, "originals_unavailable", SERVICE_UNAVAILABLE, "Originals cannot be stored or read at the moment";
    OriginalsFull, "originals_full", INSUFFICIENT_STORAGE, "There is no space left for originals";
    InternalError, "internal_error", INTERNAL_SERVER_ERROR, "Something went wrong in the service";
}

/// A failure on its way to the client.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: Code,
    detail: String,
    /// What the log gets and the client does not.
    inside: Option<String>,
    retry_after_seconds: Option<u64>,
    extension: Map<String, Value>,
}

impl ApiError {
    /// A failure with a sentence that says what is wrong with this very request.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: printable(detail.into()), inside: None, retry_after_seconds: None, extension: Map::new() }
    }

    /// A defect of the program: `inside` goes to the log, the client gets a public sentence.
    pub(crate) fn internal(inside: impl Into<String>) -> Self {
        Self::new(Code::InternalError, "This is a defect. The service's log has the details under this request id.")
            .logging(inside)
    }

    /// Too much at once; the client shall come back.
    pub(crate) fn overloaded(detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        Self::new(Code::Overloaded, detail).retry_after(retry_after_seconds)
    }

    /// The failure that a bare status stands for, for answers that were not made by this module.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::RouteNotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Code::UploadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::REQUEST_TIMEOUT => Code::BodyTimeout,
            other if other.is_client_error() => Code::InvalidRequest,
            other => return Self::internal(format!("a bare answer with status {other}")),
        };
        Self::new(code, code.title())
    }

    /// Adds what the log shall have.
    pub(crate) fn logging(mut self, inside: impl Into<String>) -> Self {
        self.inside = Some(inside.into());
        self
    }

    /// Adds `Retry-After`.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Adds members to the problem document.
    pub(crate) fn extended(mut self, extension: Map<String, Value>) -> Self {
        self.extension = extension;
        self
    }

    /// The same with the place that it is about in front of its sentence.
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.detail = printable(format!("{place}: {}", self.detail));
        self
    }

    /// Its code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// What is wrong, in a sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The problem document. What only the log shall have goes there.
    pub(crate) fn into_problem(self, request_id: &str) -> Problem {
        let code = self.code.as_str();
        if let Some(inside) = &self.inside {
            if self.code.status().is_server_error() {
                tracing::error!(code, inside, "request failed");
            } else {
                tracing::debug!(code, inside, "request refused");
            }
        }
        Problem {
            kind: format!("urn:eyrie:problem:{code}"),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail,
            code: code.to_owned(),
            request_id: request_id.to_owned(),
            extension: self.extension,
        }
    }

    /// Turns an answer that carries this failure into its problem document; headers that are there
    /// stay.
    pub(crate) fn write_into(self, response: &mut Response, request_id: &str) {
        let (status, retry_after) = (self.code.status(), self.retry_after_seconds);
        let body = serde_json::to_vec(&self.into_problem(request_id)).unwrap_or_default();
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.remove(header::CONTENT_LENGTH);
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        *response.body_mut() = Body::from(body);
    }
}

/// A sentence whose words of the client's neither control a terminal nor turn the rest around. JSON
/// escapes only some of these characters, and nothing does once it is read.
fn printable(text: String) -> String {
    let harms = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(harms) {
        return text;
    }
    let spelt = |c: char| if harms(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(spelt).collect()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A failure (RFC 9457). `code` is stable and meant for programs, `detail` is a sentence for
/// people.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "type": "urn:eyrie:problem:unknown_image", "title": "There is no such image", "status": 404,
    "detail": "there is no image \"cat-1\" in this collection", "code": "unknown_image",
    "request_id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10"
}))]
pub(crate) struct Problem {
    /// Names the kind of failure.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of failure in a few words.
    title: String,
    /// The HTTP status.
    #[schema(value_type = u16)]
    status: u16,
    /// What is wrong with this request.
    detail: String,
    /// The kind of failure for programs.
    #[schema(schema_with = code_schema)]
    code: String,
    /// The id under which the log has this request.
    request_id: String,
    /// Members of some codes only.
    #[serde(flatten)]
    #[schema(ignore)]
    extension: Map<String, Value>,
}

fn code_schema() -> utoipa::openapi::schema::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(Code::ALL.iter().map(|code| code.as_str())))
        .description(Some("The kind of failure for programs. New codes may be added, none is renamed."))
        .build()
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        match error {
            ServiceError::UnknownCollection(_) => Self::new(Code::UnknownCollection, detail),
            ServiceError::UnknownImage(_) => Self::new(Code::UnknownImage, detail),
            ServiceError::NoOriginal(_) => Self::new(Code::NoOriginal, detail),
            ServiceError::IdTaken(_) => Self::new(Code::IdTaken, detail),
            ServiceError::DuplicateContent(_) => Self::new(Code::DuplicateImage, detail),
            ServiceError::SimilarExists { id, verdict, score } => {
                // The shortest decimal, as all scores are written.
                let score = score.to_string().parse().unwrap_or(f64::from(score));
                let similar = json!([{"id": id, "score": score, "verdict": verdict}]);
                Self::new(Code::SimilarExists, detail).extended(Map::from_iter([("similar".to_owned(), similar)]))
            }
            ServiceError::UnsupportedExport(_) => Self::new(Code::UnsupportedExport, detail),
            ServiceError::InvalidRecord(_) => Self::new(Code::InvalidRecord, detail),
            ServiceError::UnknownKey(_) => Self::new(Code::UnknownKey, detail),
            ServiceError::InvalidKey(_) => Self::new(Code::InvalidRequest, detail),
            ServiceError::TooManyKeys(_) => Self::new(Code::TooManyKeys, detail),
            ServiceError::InvalidArchive(_) => Self::new(Code::InvalidArchive, detail),
            ServiceError::InvalidEntry(_) => Self::new(Code::InvalidEntry, detail),
            ServiceError::NoResult(_) => Self::new(Code::NoResult, detail),
            ServiceError::ExportTooLarge(_) => Self::new(Code::ExportTooLarge, detail),
            ServiceError::SpoolFull => Self::new(Code::StorageFull, detail),
            ServiceError::UnknownJob(_) => Self::new(Code::UnknownJob, detail),
            ServiceError::TooManyJobs => Self::new(Code::TooManyJobs, detail).retry_after(60),
            ServiceError::NoGroups(_) => Self::new(Code::NoGroups, detail),
            ServiceError::CollectionExists(..) => Self::new(Code::CollectionExists, detail),
            ServiceError::DefaultCollection => Self::new(Code::DefaultCollection, detail),
            ServiceError::PreconditionFailed => Self::new(Code::PreconditionFailed, detail),
            ServiceError::Extract(error) => error.into(),
            ServiceError::QueryImage { number, error } => Self::from(error).within(&format!("image {number}")),
            ServiceError::Metadata(error) => error.into(),
            ServiceError::Descriptor(error) => error.into(),
            ServiceError::VersionMismatch { .. } => Self::new(Code::VersionMismatch, detail),
            ServiceError::NotComparable { .. } => Self::new(Code::VersionMismatch, detail),
            ServiceError::NotVerifiable(_) => Self::new(Code::NotVerifiable, detail),
            ServiceError::OutOfRange { .. } => Self::new(Code::OutOfRange, detail),
            ServiceError::Overloaded { retry_after_seconds } => Self::overloaded(detail, retry_after_seconds),
            ServiceError::KeyRunning => Self::new(Code::IdempotencyKeyRunning, detail).retry_after(1),
            ServiceError::KeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            ServiceError::TooLate => Self::new(Code::RequestTimeout, detail).retry_after(1),
            ServiceError::NotReady => Self::new(Code::NotReady, detail).retry_after(2),
            ServiceError::IndexFull => Self::new(Code::IndexFull, detail),
            ServiceError::QuotaExceeded(refusal) => {
                let QuotaExceeded { of, measure, limit, used, added } = refusal;
                let measure = measure.to_string();
                let quota = json!({"of": of.kind(), "measure": measure, "limit": limit, "used": used, "added": added});
                Self::new(Code::QuotaExceeded, detail).extended(Map::from_iter([("quota".to_owned(), quota)]))
            }
            ServiceError::ShuttingDown => Self::new(Code::ShuttingDown, detail).retry_after(5),
            ServiceError::Store(error) => error.into(),
            ServiceError::Originals(error) => error.into(),
            ServiceError::Internal(inside) => Self::internal(inside),
        }
    }
}

impl From<PictureError> for ApiError {
    fn from(error: PictureError) -> Self {
        let code = match &error {
            PictureError::Empty => Code::ImageEmpty,
            PictureError::NotAnImage => Code::NotAnImage,
            PictureError::UnsupportedFormat(_) | PictureError::UnsupportedKind(_) => Code::UnsupportedImageFormat,
            PictureError::Truncated => Code::ImageTruncated,
            PictureError::Corrupt(_) => Code::ImageCorrupt,
            PictureError::TooManyPixels { .. } | PictureError::TooMuchMemory { .. } => Code::ImageTooManyPixels,
            PictureError::ZeroSized { .. } => Code::ImageZeroSized,
            PictureError::AspectRatio { .. } => Code::ImageAspectRatio,
            PictureError::RegionTooSmall { .. } => Code::RegionTooSmall,
            PictureError::Internal(inside) => return Self::internal(inside.clone()),
        };
        Self::new(code, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => {
                Self::new(Code::DatabaseUnavailable, "the database cannot be reached at the moment").retry_after(5)
            }
            StoreError::Full(_) => Self::new(Code::DatabaseFull, "the database has no space left for this"),
            StoreError::ReadOnly(_) => Self::new(Code::DatabaseReadOnly, "the database takes no changes at the moment"),
            StoreError::Setup { .. } | StoreError::Internal(_) => return Self::internal(error.to_string()),
        }
        .logging(error.to_string())
    }
}

impl From<OriginalsError> for ApiError {
    fn from(error: OriginalsError) -> Self {
        match &error {
            OriginalsError::Unavailable(_) => {
                let detail = "the place where originals are kept cannot be reached at the moment; nothing was stored";
                Self::new(Code::OriginalsUnavailable, detail).retry_after(5)
            }
            OriginalsError::Full(_) => Self::new(
                Code::OriginalsFull,
                "there is no space left for the original of this image; nothing was stored",
            ),
            OriginalsError::Missing(_) | OriginalsError::Setup(_) => return Self::internal(error.to_string()),
        }
        .logging(error.to_string())
    }
}

impl From<InvalidMetadata> for ApiError {
    fn from(error: InvalidMetadata) -> Self {
        let code = match error {
            InvalidMetadata::NotAnObject | InvalidMetadata::NulCharacter => Code::InvalidMetadata,
            InvalidMetadata::TooLarge { .. } => Code::MetadataTooLarge,
            InvalidMetadata::TooDeep { .. } => Code::MetadataTooDeep,
        };
        Self::new(code, error.to_string())
    }
}

impl From<InvalidDescriptor> for ApiError {
    fn from(error: InvalidDescriptor) -> Self {
        let code = match error {
            InvalidDescriptor::Dimension { .. } => Code::DescriptorLength,
            InvalidDescriptor::NotFinite { .. } => Code::DescriptorNotFinite,
            InvalidDescriptor::Zero => Code::DescriptorZero,
        };
        Self::new(code, error.to_string())
    }
}

impl From<InvalidFilter> for ApiError {
    fn from(error: InvalidFilter) -> Self {
        Self::new(Code::InvalidFilter, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_snake_case_and_never_a_success() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code:?} is there twice");
            assert!(code.as_str().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
        }
    }

    #[test]
    fn what_a_client_sent_controls_no_terminal_that_shows_a_detail() {
        let error = ApiError::new(Code::UnknownField, "`\u{1b}[2J\u{9b}2J\u{202e}\n\u{e9}`").within("a\0");
        assert_eq!(error.detail(), "a\\u{0}: `\\u{1b}[2J\\u{9b}2J\\u{202e}\\u{a}\u{e9}`");
    }

    #[test]
    fn the_inside_of_an_internal_error_stays_inside() {
        let error = ApiError::from(ServiceError::Internal("secret path /var/lib".to_owned()));
        assert_eq!(error.inside.as_deref(), Some("secret path /var/lib"));
        let mut response = Response::new(Body::empty());
        let detail = error.detail.clone();
        error.write_into(&mut response, "r1");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!detail.contains("secret"));
    }
}
