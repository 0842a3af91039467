//! The page: its files inside the binary. `index.html` is at `/`, the others below `/assets/`.

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

/// Only the page's own files, its own server, and pictures that were chosen but not sent yet
/// (`blob:`), and its icon (`data:`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The media type of scripts.
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The media type of styles.
pub(crate) const STYLE: &str = "text/css; charset=utf-8";

/// Name, media type and text of every file beside the page itself.
const ASSETS: [(&str, &str, &str); 15] = [
    ("add.js", SCRIPT, include_str!("add.js")),
    ("api.js", SCRIPT, include_str!("api.js")),
    ("app.js", SCRIPT, include_str!("app.js")),
    ("browse.js", SCRIPT, include_str!("browse.js")),
    ("cards.js", SCRIPT, include_str!("cards.js")),
    ("compare.js", SCRIPT, include_str!("compare.js")),
    ("dom.js", SCRIPT, include_str!("dom.js")),
    ("duplicates.js", SCRIPT, include_str!("duplicates.js")),
    ("files.js", SCRIPT, include_str!("files.js")),
    ("filter.js", SCRIPT, include_str!("filter.js")),
    ("key.js", SCRIPT, include_str!("key.js")),
    ("page.js", SCRIPT, include_str!("page.js")),
    ("region.js", SCRIPT, include_str!("region.js")),
    ("search.js", SCRIPT, include_str!("search.js")),
    ("style.css", STYLE, include_str!("style.css")),
];

/// A file of a page, under the strict policy.
pub(crate) fn file(media_type: &'static str, content: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}

/// The page.
#[utoipa::path(get, path = "/", tag = "page", responses(
    (status = 200, description = "The page", body = String, content_type = "text/html"),
))]
pub(crate) async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("index.html"))
}

/// A file of [`ASSETS`], that a path names as `{file}`.
pub(crate) struct Asset {
    media_type: &'static str,
    text: &'static str,
}

impl FromRequestParts<AppState> for Asset {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        let name = param(&params, "file")?;
        let found = ASSETS.iter().find(|(known, ..)| *known == name);
        let &(_, media_type, text) =
            found.ok_or_else(|| ApiError::new(Code::RouteNotFound, "the page has no such file"))?;
        Ok(Self { media_type, text })
    }
}

impl IntoParams for Asset {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![path_parameter("file", "The file's name", one_of(ASSETS.map(|(name, ..)| name)), "app.js")]
    }
}

/// The page's scripts and its style.
#[utoipa::path(get, path = "/assets/{file}", tag = "page", params(Asset), responses(
    (status = 200, description = "The file", content((String = "text/javascript"), (String = "text/css"))),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn asset(asset: Asset) -> Response {
    file(asset.media_type, asset.text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_in_the_binary() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/web");
        let there: BTreeSet<String> = fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .filter(|name| name != "mod.rs" && name != "index.html")
            .collect();
        let named: BTreeSet<String> = ASSETS.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(there, named);
    }
}
