//! The OpenAPI document: generated from the handlers, kept as a file in the repository, served from
//! the binary.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::schema::{FilterSchema, MetadataSchema, MetadataValueSchema};
use super::state::AppState;

/// The document as it is in the repository and as it is served.
pub const OPENAPI_YAML: &str = include_str!("../../openapi.yaml");

/// What holds for the document as a whole: tags, schemas that several calls share, and what is to say
/// of security schemes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Eyrie",
        description = "Image retrieval: add pictures to a collection, then search it by another picture. Every failure is an \
            `application/problem+json` document with a stable `code`; every answer has an `x-request-id`.",
    ),
    components(schemas(FilterSchema, MetadataSchema, MetadataValueSchema)),
    tags(
        (name = "search", description = "Find similar images"),
        (name = "images", description = "The images of a collection"),
        (name = "collections", description = "Sets of images that are searched together"),
        (name = "jobs", description = "Work in the background: what takes longer than a request may"),
        (name = "chip", description = "What describing images costs on the simulated chip"),
        (name = "operation", description = "Health, metrics and this document"),
        (name = "page", description = "The web page"),
    )
)]
struct Preamble;

/// The document without its paths.
pub(crate) fn preamble() -> utoipa::openapi::OpenApi {
    Preamble::openapi()
}

/// This document.
#[utoipa::path(get, path = "/openapi.yaml", tag = "operation", responses(
    (status = 200, description = "The OpenAPI document", content(("application/yaml"))),
))]
pub(crate) async fn document(State(state): State<AppState>) -> Response {
    let text = with_server(&state.options.public_path.to_string());
    ([(header::CONTENT_TYPE, "application/yaml")], text).into_response()
}

/// The document; where clients reach the server under a path, it says so.
fn with_server(public_path: &str) -> Cow<'static, str> {
    if public_path.is_empty() {
        return Cow::Borrowed(OPENAPI_YAML);
    }
    Cow::Owned(OPENAPI_YAML.replacen("\npaths:\n", &format!("\nservers:\n- url: {public_path}\npaths:\n"), 1))
}
