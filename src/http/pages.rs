//! What web pages may do with the server.
//!
//! Browsers send forms anywhere, so without a rule a page of another web site that someone has open
//! could change the collections of a service on their own machine or network. And they give a page
//! the answers of another origin only where these say so (CORS). A request is
//!
//! * the server's own, which may do anything,
//!   1. where `Sec-Fetch-Site` says `same-origin` or `none`: this is the browser's own word about
//!      the address that it shows, no page can set it, and no proxy in between changes what it
//!      means;
//!   2. else where there is no `Origin`: it is not from a page (browsers send `Origin` with every
//!      change of a page);
//!   3. else where `Origin` names the host and port of `Host`;
//!   4. else where `Origin` names those of `X-Forwarded-Host`, and the scheme of
//!      `X-Forwarded-Proto` if there is one, as a trusted proxy sent them;
//! * a listed page's, where `Origin` is one of `server.cors_origins`: it may read, search and
//!   change;
//! * a foreign page's otherwise: where `server.cors_origins` has `*`, it may read and search;
//!   elsewhere browsers show it no answer, and no other method than GET and HEAD is taken.
//!
//! Rules 3 and 4 do not hold where `Sec-Fetch-Site` says that the page is of another site. A page
//! cannot add `X-Forwarded-Host` to a request to another origin without asking first (a CORS
//! preflight, whose answer does not name that header), so trusting a proxy does not open the door
//! to pages; that only named peers are trusted keeps the header from meaning anything elsewhere.
//! Cookies and other credentials of browsers are never asked for: no answer has
//! `Access-Control-Allow-Credentials`. API keys are headers, which a page sends on purpose and only
//! after a preflight: a request that has a good one was not sent behind somebody's back, wherever its
//! page is from. Preflights carry no key, so they are answered for every origin that some key
//! names; which key a page then has, and whether that is one of its origins, `access/` decides.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access::gate::Identity;
use super::access::refusal::{Reason, audit};
use super::error::{ApiError, Code};
use super::origin::{CorsOrigin, Peers};
use crate::domain::Origin;

/// The routes whose POST changes nothing.
pub(crate) const QUERIES: [&str; 4] = [
    "/v1/collections/{collection}/search",
    "/v1/collections/{collection}/search:batch",
    "/v1/compare",
    "/v1/descriptors",
];

/// What listed pages may send.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// Headers that pages may send beside those that need no question.
const SENT: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match, if-range, range, x-api-key, x-request-id";
/// Headers of answers that pages may read beside those that need no word.
const EXPOSED: &str = "accept-ranges, content-disposition, content-range, deprecation, etag, idempotent-replayed, location, \
     ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
/// For how long a browser may remember what a page may do, in seconds.
const REMEMBERED: &str = "7200";

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// A page of the server itself, or no page.
    Own,
    /// A page of a listed origin.
    Listed,
    /// Any other page.
    Foreign,
}

/// What is configured of the rule.
#[derive(Debug, Clone)]
pub(crate) struct PageRule(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// Whether foreign pages may read and search.
    any: bool,
    listed: Vec<Origin>,
    /// The proxies that are believed.
    trusted: Vec<Peers>,
}

impl PageRule {
    /// Takes pages of these origins, and believes these proxies.
    pub(crate) fn new(origins: &[CorsOrigin], trusted: Vec<Peers>) -> Self {
        let listed = origins.iter().filter_map(|origin| match origin {
            CorsOrigin::Listed(origin) => Some(origin.clone()),
            CorsOrigin::Any => None,
        });
        Self(Arc::new(Parts { any: origins.contains(&CorsOrigin::Any), listed: listed.collect(), trusted }))
    }

    fn sender(&self, uri: &Uri, headers: &HeaderMap, peer: Option<IpAddr>) -> Sender {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let site = text("sec-fetch-site");
        if matches!(site, Some("same-origin" | "none")) {
            return Sender::Own;
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            return if site.is_none() { Sender::Own } else { Sender::Foreign };
        };
        // "null", of a page in a sandbox, is no origin.
        let Some(origin) = origin.to_str().ok().and_then(Origin::parse) else { return Sender::Foreign };
        if self.0.listed.contains(&origin) {
            return Sender::Listed;
        }
        let host = text("host").or_else(|| uri.authority().map(Authority::as_str));
        // Where there are several proxies, the outermost comes first.
        let first = |name: &str| text(name).and_then(|list| list.split(',').next()).map(str::trim);
        let is_own = host.is_some_and(|host| origin.is_of(host))
            || peer.is_some_and(|peer| self.0.trusted.iter().any(|peers| peers.contain(peer)))
                && first("x-forwarded-host").is_some_and(|host| origin.is_of(host))
                && first("x-forwarded-proto").is_none_or(|scheme| scheme.eq_ignore_ascii_case(origin.scheme()));
        if is_own && site.is_none() { Sender::Own } else { Sender::Foreign }
    }
}

/// Whether a call changes nothing; `is_query` says whether its route is one of [`QUERIES`].
fn only_reads(method: &Method, is_query: bool) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => true,
        Method::POST => is_query,
        _ => false,
    }
}

/// The method that a browser asks for on behalf of a page before it sends the request itself.
fn preflight(request: &Request) -> Option<Method> {
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let is_question = *request.method() == Method::OPTIONS && request.headers().contains_key(header::ORIGIN);
    is_question.then(|| Method::from_bytes(asked.as_bytes()).ok()).flatten()
}

/// Answers what browsers ask for pages, refuses what a page may not do, and lets pages read the
/// answers that they may have.
pub(crate) async fn pages(State(rule): State<PageRule>, request: Request, next: Next) -> Response {
    // Proxies and we might believe different ones (RFC 9112, section 3.2).
    if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
        return ApiError::new(Code::InvalidRequest, "there is more than one Host in the request").into_response();
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let sender = rule.sender(request.uri(), request.headers(), peer);
    let asked = preflight(&request);
    let route = request.extensions().get::<MatchedPath>();
    let is_query = route.is_some_and(|route| QUERIES.contains(&route.as_str()));
    let reads = only_reads(asked.as_ref().unwrap_or(request.method()), is_query);
    let identity = request.extensions().get::<Identity>().cloned().unwrap_or_default();
    let origin = request.headers().get(header::ORIGIN).and_then(|value| Origin::parse(value.to_str().ok()?));
    let has_keys = origin.is_some_and(|origin| identity.let_in(&origin));
    let may_use_key = has_keys && (reads || asked.is_some() || identity.has_key());
    let may_read = sender == Sender::Listed || (sender == Sender::Foreign && (may_use_key || rule.0.any && reads));
    let origin = request.headers().get(header::ORIGIN).cloned().filter(|_| may_read);
    // A simple read cannot be told from a link that somebody follows; browsers show pages nothing
    // of it.
    let is_plain_read = asked.is_none() && only_reads(request.method(), false);
    let varies = rule.0.any || !rule.0.listed.is_empty() || identity.lets_pages_in();
    let mut response = if sender == Sender::Foreign && !may_read && !is_plain_read && !identity.has_key() {
        audit(Reason::Page, request.method(), request.extensions());
        refusal(rule.0.any)
    } else if asked.is_some() && may_read {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if varies {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    let Some(origin) = origin else { return response };
    let (reader, methods) = match sender {
        Sender::Own | Sender::Listed => (origin, METHODS),
        Sender::Foreign if may_use_key => (origin, METHODS),
        Sender::Foreign => (HeaderValue::from_static("*"), if is_query { "POST" } else { "GET, HEAD" }),
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, reader);
    if asked.is_some() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(SENT));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    } else {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    response
}

fn refusal(any_may_search: bool) -> Response {
    let detail = if any_may_search {
        "pages of other web sites may read and search; server.cors_origins lists those that may change something, too"
    } else {
        "this is not taken from pages of other web sites; server.cors_origins lists those that may, and behind a proxy \
         see server.trusted_proxies"
    };
    ApiError::new(Code::CrossOrigin, detail).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn rule() -> PageRule {
        let listed = CorsOrigin::try_from("https://listed.example".to_owned()).expect("an origin");
        let peers = |text: &str| Peers::try_from(text.to_owned()).expect("addresses");
        PageRule::new(&[CorsOrigin::Any, listed], vec![peers("127.0.0.0/8"), peers("10.0.0.5")])
    }

    fn sender(peer: &str, headers: &[(&'static str, &'static str)]) -> Sender {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        rule().sender(&Uri::from_static("/"), &headers, Some(peer.parse().expect("an address")))
    }

    #[test]
    fn a_page_is_taken_for_the_servers_own_where_browser_host_or_a_trusted_proxy_say_so() {
        for headers in [
            &[][..],
            &[("host", "a:8080"), ("origin", "http://a:8080")],
            &[("host", "A.example"), ("origin", "https://a.example")],
            &[("host", "a.example:443"), ("origin", "https://a.example")],
            &[("host", "[::1]:8080"), ("origin", "http://[::1]:8080")],
            // nginx's default proxy_pass, or another outer port: Host is not what the browser
            // shows.
            &[("host", "127.0.0.1:8080"), ("origin", "https://a.example"), ("sec-fetch-site", "same-origin")],
            &[("host", "127.0.0.1:8080"), ("origin", "https://a.example"), ("x-forwarded-host", "a.example")],
            &[
                ("host", "127.0.0.1:8080"),
                ("origin", "https://a.example:8443"),
                ("x-forwarded-host", "a.example:8443, inner"),
                ("x-forwarded-proto", "https"),
            ],
            &[("host", "a"), ("origin", "https://listed.example"), ("sec-fetch-site", "same-origin")],
        ] {
            assert_eq!(sender("127.0.0.1", headers), Sender::Own, "{headers:?}");
        }
        let forwarded = [("host", "b"), ("origin", "https://a.example"), ("x-forwarded-host", "a.example")];
        assert_eq!(sender("10.0.0.5", &forwarded), Sender::Own);
        assert_eq!(sender("::ffff:10.0.0.5", &forwarded), Sender::Own, "an IPv4 address on an IPv6 socket");
    }

    #[test]
    fn a_page_is_a_listed_one_by_its_whole_origin() {
        for headers in [
            &[("host", "b"), ("origin", "https://listed.example")][..],
            &[("host", "b"), ("origin", "https://LISTED.example:443"), ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(sender("127.0.0.1", headers), Sender::Listed, "{headers:?}");
        }
        for other in ["http://listed.example", "https://listed.example:8443", "https://a.listed.example"] {
            assert_eq!(sender("127.0.0.1", &[("host", "b"), ("origin", other)]), Sender::Foreign, "{other}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_foreign_whatever_it_and_untrusted_peers_say() {
        for headers in [
            &[("host", "a:8080"), ("origin", "https://evil.example")][..],
            &[("host", "a:8080"), ("origin", "http://a:8081")],
            &[("host", "a"), ("origin", "null")],
            &[("host", "a"), ("origin", "a")],
            &[("host", "a"), ("sec-fetch-site", "cross-site")],
            &[("host", "a"), ("origin", "http://a"), ("sec-fetch-site", "same-site")],
            &[("host", "a"), ("origin", "http://a@evil.example")],
            &[("host", "a"), ("origin", "http://b"), ("x-forwarded-host", "b"), ("x-forwarded-proto", "https")],
            &[("host", "a"), ("origin", "http://b"), ("x-forwarded-host", "b"), ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(sender("127.0.0.1", headers), Sender::Foreign, "{headers:?}");
        }
        let forwarded = [("host", "b"), ("origin", "https://a.example"), ("x-forwarded-host", "a.example")];
        assert_eq!(sender("10.0.0.6", &forwarded), Sender::Foreign);
    }

    #[test]
    fn queries_are_the_only_posts_that_change_nothing() {
        for is_query in [true, false] {
            assert_eq!(only_reads(&Method::POST, is_query), is_query);
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert!(only_reads(&method, is_query), "{method}");
            }
            for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE] {
                assert!(!only_reads(&method, is_query), "{method}");
            }
        }
    }
}
