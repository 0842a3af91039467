//! The reference at `/docs`: every call of the interface, for people, to be tried out.
//!
//! It is Swagger UI over the document that is served: the one of four that works under the page's
//! strict policy (RapiDoc, Redoc and Scalar write inline styles, which it blocks; Scalar also calls
//! its maker's servers), with a dark mode, a narrow layout and requests to try. The two files are in
//! the binary as they are sent, compressed to 0.5 MB; the crate `utoipa-swagger-ui` would download
//! and embed the whole distribution. `scripts/vendor-swagger-ui` fetches another version.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::error::{ApiError, Code, Problem};
use super::extract::path::{param, path_params};
use super::schema::{one_of, path_parameter};
use super::state::AppState;
use super::web::{SCRIPT, STYLE, file};

/// Our own files: name, media type and text.
const OURS: [(&str, &str, &str); 2] =
    [("docs.css", STYLE, include_str!("docs.css")), ("docs.js", SCRIPT, include_str!("docs.js"))];

/// Swagger UI: name, media type and bytes, compressed by gzip, which every browser takes.
const SWAGGER_UI: [(&str, &str, &[u8]); 2] = [
    ("swagger-ui.css", STYLE, include_bytes!("swagger-ui/swagger-ui.css.gz")),
    ("swagger-ui.js", SCRIPT, include_bytes!("swagger-ui/swagger-ui.js.gz")),
];

/// The reference of the interface.
#[utoipa::path(get, path = "/docs", tag = "page", responses(
    (status = 200, description = "The page", body = String, content_type = "text/html"),
))]
pub(crate) async fn reference() -> Response {
    file("text/html; charset=utf-8", include_str!("page.html"))
}

/// A file of the reference, that a path names as `{part}`.
pub(crate) struct Part(Response);

impl FromRequestParts<AppState> for Part {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        let name = param(&params, "part")?;
        if let Some(&(_, media_type, text)) = OURS.iter().find(|(known, ..)| *known == name) {
            return Ok(Self(file(media_type, text)));
        }
        let found = SWAGGER_UI.iter().find(|(known, ..)| *known == name);
        let &(_, media_type, bytes) =
            found.ok_or_else(|| ApiError::new(Code::RouteNotFound, "the reference has no such file"))?;
        Ok(Self(file(media_type, ([(header::CONTENT_ENCODING, "gzip")], bytes))))
    }
}

impl IntoParams for Part {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let names = OURS.iter().map(|(name, ..)| *name).chain(SWAGGER_UI.iter().map(|(name, ..)| *name));
        vec![path_parameter("part", "The file's name", one_of(names), "docs.js")]
    }
}

/// The scripts and styles of the reference. Those of Swagger UI are always sent compressed.
#[utoipa::path(get, path = "/docs/{part}", tag = "page", params(Part), responses(
    (status = 200, description = "The file", content((String = "text/javascript"), (String = "text/css"))),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn reference_part(Part(file): Part) -> Response {
    file.into_response()
}
