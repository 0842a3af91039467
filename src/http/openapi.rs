//! The OpenAPI document: generated from the handlers, kept as a file in the repository, served from the binary.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::routes::described_routes;

/// The document as it is in the repository and as it is served.
pub const OPENAPI_YAML: &str = include_str!("../../openapi.yaml");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Eyrie",
        description = "Image retrieval: add pictures to a collection, then search it by another picture. Every failure is an \
            `application/problem+json` document with a stable `code`; every answer has an `x-request-id`.",
    ),
    tags(
        (name = "search", description = "Find similar images"),
        (name = "images", description = "The images of a collection"),
        (name = "collections", description = "Sets of images that are searched together"),
        (name = "chip", description = "What describing images costs on the simulated chip"),
        (name = "operation", description = "Health, metrics and this document"),
        (name = "page", description = "The web page"),
    )
)]
struct Preamble;

/// The document without its paths.
pub(super) fn preamble() -> utoipa::openapi::OpenApi {
    Preamble::openapi()
}

/// The document as the handlers describe it, as YAML. It must equal [`OPENAPI_YAML`]; a test compares them.
///
/// # Errors
/// When the document cannot be written as YAML.
pub fn generated_openapi() -> Result<String, Box<dyn std::error::Error>> {
    Ok(described_routes().into_openapi().to_yaml()?)
}

/// This document.
#[utoipa::path(get, path = "/openapi.yaml", tag = "operation", responses(
    (status = 200, description = "The OpenAPI document", body = String, content_type = "application/yaml"),
))]
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/yaml")], OPENAPI_YAML).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_in_the_repository_is_the_generated_one() {
        let generated = generated_openapi().expect("YAML");
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml"), &generated).expect("written");
            return;
        }
        assert!(
            generated == OPENAPI_YAML,
            "openapi.yaml is out of date: UPDATE_OPENAPI=1 cargo test openapi rewrites it"
        );
    }
}
