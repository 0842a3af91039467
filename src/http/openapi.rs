//! The OpenAPI document: generated from the handlers, kept as a file in the repository, served from
//! the binary.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::Method;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use super::access::operations::{Access, listed};
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
        (name = "keys", description = "Who may use the service, and for what"),
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

/// The operations of a path.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, head, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
        (Method::HEAD, head),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The document with what each operation needs, from the table that decides it.
pub(crate) fn secured(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An API key: `Authorization: Bearer eyrie_...`. A service that listens on its own machine only and has no keys asks for none.",
    ));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let header = ApiKeyValue::with_description("X-Api-Key", "The same key in a header of its own.");
    components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(header)));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let (scope, text) = match listed(&method, path) {
                Some(Access::Needs(scope)) => (scope.as_str(), format!("Scope: `{scope}`.")),
                Some(Access::Metrics) => {
                    ("read", "Scope: `read`, or none where `server.metrics` is `open`.".to_owned())
                }
                Some(Access::Open) => {
                    operation.security = Some(Vec::new());
                    continue;
                }
                None => continue,
            };
            let requirements = ["bearer", "apiKey"].map(|scheme| SecurityRequirement::new(scheme, [scope]));
            operation.security = Some(requirements.to_vec());
            let before = operation.description.take().map(|text| format!("{text} ")).unwrap_or_default();
            operation.description = Some(format!("{before}{text}"));
        }
    }
    document
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
