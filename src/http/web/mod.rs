//! The page: three files inside the binary.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Only the page's own files, its own server, and pictures that were chosen but not sent yet
/// (`blob:`), and its icon (`data:`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

/// The page.
#[utoipa::path(get, path = "/", tag = "page", responses(
    (status = 200, description = "The page", body = String, content_type = "text/html"),
))]
pub(crate) async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("index.html"))
}

/// The page's script.
#[utoipa::path(get, path = "/app.js", tag = "page", responses(
    (status = 200, description = "The script", body = String, content_type = "text/javascript"),
))]
pub(crate) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("app.js"))
}

/// The page's style.
#[utoipa::path(get, path = "/style.css", tag = "page", responses(
    (status = 200, description = "The style sheet", body = String, content_type = "text/css"),
))]
pub(crate) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("style.css"))
}
