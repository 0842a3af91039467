//! What each operation needs. A route that is not here needs the scope `admin`, and a test says so.

use axum::http::Method;

use crate::domain::Scope;

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: health, the page, what the interface is.
    Open,
    /// What `server.metrics` says.
    Metrics,
    /// At least this scope.
    Needs(Scope),
}

use Access::{Metrics, Needs, Open};
use Scope::{Admin, Read, Search, Write};

/// Method, route and what it needs.
pub(crate) const OPERATIONS: &[(Method, &str, Access)] = &[
    (Method::GET, "/", Open),
    (Method::GET, "/assets/{file}", Open),
    (Method::GET, "/docs", Open),
    (Method::GET, "/docs/{part}", Open),
    (Method::GET, "/openapi.yaml", Open),
    (Method::GET, "/livez", Open),
    (Method::GET, "/readyz", Open),
    (Method::GET, "/metrics", Metrics),
    (Method::GET, "/v1/chip", Needs(Search)),
    (Method::POST, "/v1/compare", Needs(Search)),
    (Method::POST, "/v1/descriptors", Needs(Search)),
    (Method::GET, "/v1/collections", Needs(Search)),
    (Method::GET, "/v1/collections/{collection}", Needs(Search)),
    (Method::PUT, "/v1/collections/{collection}", Needs(Admin)),
    (Method::PATCH, "/v1/collections/{collection}", Needs(Admin)),
    (Method::DELETE, "/v1/collections/{collection}", Needs(Admin)),
    (Method::POST, "/v1/collections/{collection}/search", Needs(Search)),
    (Method::POST, "/v1/collections/{collection}/search:batch", Needs(Search)),
    (Method::GET, "/v1/collections/{collection}/images", Needs(Read)),
    (Method::POST, "/v1/collections/{collection}/images", Needs(Write)),
    (Method::GET, "/v1/collections/{collection}/images:count", Needs(Read)),
    (Method::POST, "/v1/collections/{collection}/images:batch", Needs(Write)),
    (Method::POST, "/v1/collections/{collection}/images:delete", Needs(Write)),
    (Method::GET, "/v1/collections/{collection}/images/{id}", Needs(Read)),
    (Method::PUT, "/v1/collections/{collection}/images/{id}", Needs(Write)),
    (Method::PATCH, "/v1/collections/{collection}/images/{id}", Needs(Write)),
    (Method::DELETE, "/v1/collections/{collection}/images/{id}", Needs(Write)),
    (Method::GET, "/v1/collections/{collection}/images/{id}/thumbnail", Needs(Search)),
    (Method::GET, "/v1/collections/{collection}/images/{id}/original", Needs(Read)),
    (Method::GET, "/v1/collections/{collection}/images/{id}/similar", Needs(Search)),
    (Method::GET, "/v1/collections/{collection}/export", Needs(Read)),
    (Method::POST, "/v1/collections/{collection}/export", Needs(Read)),
    (Method::POST, "/v1/collections/{collection}/import", Needs(Write)),
    (Method::POST, "/v1/collections/{collection}/duplicates", Needs(Write)),
    (Method::POST, "/v1/collections/{collection}/reindex", Needs(Write)),
    (Method::GET, "/v1/jobs", Needs(Read)),
    (Method::GET, "/v1/jobs/{id}", Needs(Read)),
    (Method::DELETE, "/v1/jobs/{id}", Needs(Write)),
    (Method::POST, "/v1/jobs/{id}/cancel", Needs(Write)),
    (Method::GET, "/v1/jobs/{id}/groups", Needs(Read)),
    (Method::GET, "/v1/jobs/{id}/result", Needs(Read)),
    (Method::GET, "/v1/keys", Needs(Admin)),
    (Method::POST, "/v1/keys", Needs(Admin)),
    (Method::GET, "/v1/keys/{id}", Needs(Admin)),
    (Method::DELETE, "/v1/keys/{id}", Needs(Admin)),
];

/// What an operation needs; `None` where it is not in the table.
pub(crate) fn listed(method: &Method, route: &str) -> Option<Access> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    OPERATIONS.iter().find(|(known, path, _)| known == method && *path == route).map(|(.., access)| *access)
}

/// What a request needs; `route` is `None` for a path that there is not. Where all that a route
/// answers is open, everybody may hear which methods these are.
pub(crate) fn needed(method: &Method, route: Option<&str>) -> Access {
    let is_open = |route: &&str| {
        let mut known = OPERATIONS.iter().filter(|(_, path, _)| path == route).peekable();
        known.peek().is_some() && known.all(|(.., access)| *access == Open)
    };
    route.filter(|route| !is_open(route)).map_or(Open, |route| listed(method, route).unwrap_or(Needs(Admin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_nobody_listed_needs_the_highest_scope() {
        assert_eq!(needed(&Method::GET, Some("/v1/forgotten")), Needs(Admin));
        assert_eq!(needed(&Method::DELETE, Some("/v1/compare")), Needs(Admin));
        assert_eq!(needed(&Method::HEAD, Some("/v1/jobs")), Needs(Read));
        assert_eq!(needed(&Method::POST, None), Open, "there is nothing to guard");
        assert_eq!(needed(&Method::TRACE, Some("/livez")), Open, "it is answered with 405");
        assert_eq!(needed(&Method::TRACE, Some("/v1/jobs")), Needs(Admin));
    }

    #[test]
    fn what_changes_something_needs_more_than_to_read() {
        for (method, path, access) in OPERATIONS {
            // An export is read, also where it is made in the background.
            let is_query = *method == Method::POST && (*access == Needs(Search) || path.ends_with("/export"));
            if *method != Method::GET && !is_query {
                assert!(matches!(access, Needs(Write | Admin)), "{method} {path}");
            }
        }
    }
}
