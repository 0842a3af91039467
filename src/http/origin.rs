//! Which web pages may change something.
//!
//! Browsers send forms anywhere, so without a rule a page of another web site that someone has open
//! could change the collections of a service on their own machine or network. A change (any method
//! but GET, HEAD and OPTIONS) is accepted
//!
//! 1. where `Sec-Fetch-Site` says `same-origin` or `none`: this is the browser's own word about the
//!    address that it shows, no page can set it, and no proxy in between changes what it means;
//! 2. else where there is no `Origin`: the request is not from a page (browsers send `Origin` with
//!    every change of a page);
//! 3. else where `Origin` names the host and port of `Host`;
//! 4. else where `Origin` names those of `X-Forwarded-Host`, and the scheme of `X-Forwarded-Proto`
//!    if there is one, as a trusted proxy sent them;
//! 5. else where `Origin` is one of the configured origins.
//!
//! Rules 3 and 4 do not hold where `Sec-Fetch-Site` says that the page is of another site. A page
//! cannot add `X-Forwarded-Host` to a request to another origin without asking first (a CORS
//! preflight, which is not answered), so trusting a proxy does not open the door to pages; that
//! only named peers are trusted keeps the header from meaning anything elsewhere.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Code};

/// The origin of web pages: scheme, host and port, such as `https://pictures.example`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// Why a text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin; it must be like https://pictures.example or http://192.168.1.5:8080")]
pub struct InvalidOrigin(pub String);

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = host_and_port(authority)?;
        let port = port.or(default_port(&scheme))?;
        default_port(&scheme).map(|_| Self { scheme, host, port })
    }

    /// Whether a page of this origin calls an address with this host and port its own; without a
    /// port it is that of the scheme.
    fn is_of(&self, authority: &str) -> bool {
        host_and_port(authority)
            .is_some_and(|(host, port)| host == self.host && port.or(default_port(&self.scheme)) == Some(self.port))
    }
}

/// Host in lower case, and the port where one is written.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let parsed: Authority = authority.trim().parse().ok()?;
    if parsed.as_str().contains('@') || parsed.host().is_empty() {
        return None;
    }
    Some((parsed.host().to_ascii_lowercase(), parsed.port_u16()))
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;
    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        Self::parse(&text).ok_or(InvalidOrigin(text))
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if Some(self.port) == default_port(&self.scheme) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Addresses of proxies: one address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peers(IpNet);

/// Why a text names no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address like 10.0.0.5 nor a network like 10.0.0.0/8")]
pub struct InvalidPeers(pub String);

impl Peers {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for Peers {
    type Error = InvalidPeers;
    fn try_from(text: String) -> Result<Self, InvalidPeers> {
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self).map_err(|_| InvalidPeers(text))
    }
}

impl From<Peers> for String {
    fn from(peers: Peers) -> Self {
        peers.0.to_string()
    }
}

/// What is configured of the rule.
#[derive(Debug, Clone)]
pub(crate) struct OriginRule(Arc<(Vec<Origin>, Vec<Peers>)>);

impl OriginRule {
    /// Accepts pages of these origins, and believes these proxies.
    pub(crate) fn new(allowed: Vec<Origin>, trusted: Vec<Peers>) -> Self {
        Self(Arc::new((allowed, trusted)))
    }

    fn accepts(&self, uri: &Uri, headers: &HeaderMap, peer: Option<IpAddr>) -> bool {
        let (allowed, trusted) = &*self.0;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let site = text("sec-fetch-site");
        if matches!(site, Some("same-origin" | "none")) {
            return true;
        }
        let Some(origin) = headers.get(header::ORIGIN) else { return site.is_none() };
        // "null", of a page in a sandbox, is no origin.
        let Some(origin) = origin.to_str().ok().and_then(Origin::parse) else { return false };
        if allowed.contains(&origin) {
            return true;
        }
        if site.is_some() {
            return false;
        }
        let host = text("host").or_else(|| uri.authority().map(Authority::as_str));
        if host.is_some_and(|host| origin.is_of(host)) {
            return true;
        }
        // Where there are several proxies, the outermost comes first.
        let first = |name: &str| text(name).and_then(|list| list.split(',').next()).map(str::trim);
        peer.is_some_and(|peer| trusted.iter().any(|peers| peers.contain(peer)))
            && first("x-forwarded-host").is_some_and(|host| origin.is_of(host))
            && first("x-forwarded-proto").is_none_or(|scheme| scheme.eq_ignore_ascii_case(&origin.scheme))
    }
}

/// Refuses changes that a page of another web site sends.
pub(crate) async fn refuse_foreign_pages(State(rule): State<OriginRule>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    if safe || rule.accepts(request.uri(), request.headers(), peer) {
        return next.run(request).await;
    }
    ApiError::new(
        Code::CrossOrigin,
        "changes are not taken from pages of other web sites; behind a proxy, see server.trusted_proxies and \
         server.allowed_origins",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn rule() -> OriginRule {
        let origin = |text: &str| Origin::try_from(text.to_owned()).expect("an origin");
        let peers = |text: &str| Peers::try_from(text.to_owned()).expect("addresses");
        OriginRule::new(vec![origin("https://allowed.example")], vec![peers("127.0.0.0/8"), peers("10.0.0.5")])
    }

    fn accepts(peer: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        rule().accepts(&Uri::from_static("/"), &headers, Some(peer.parse().expect("an address")))
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
            &[("host", "b"), ("origin", "https://allowed.example")],
            &[("host", "b"), ("origin", "https://allowed.example"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(accepts("127.0.0.1", headers), "{headers:?}");
        }
        let forwarded = [("host", "b"), ("origin", "https://a.example"), ("x-forwarded-host", "a.example")];
        assert!(accepts("10.0.0.5", &forwarded));
        assert!(accepts("::ffff:10.0.0.5", &forwarded), "an IPv4 address on an IPv6 socket");
    }

    #[test]
    fn a_page_of_another_site_is_refused_whatever_it_and_untrusted_peers_say() {
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
            assert!(!accepts("127.0.0.1", headers), "{headers:?}");
        }
        let forwarded = [("host", "b"), ("origin", "https://a.example"), ("x-forwarded-host", "a.example")];
        assert!(!accepts("10.0.0.6", &forwarded));
    }

    #[test]
    fn origins_and_addresses_are_read_or_refused() {
        for (text, shown) in [
            ("https://A.example", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://192.168.1.5:8080", "http://192.168.1.5:8080"),
        ] {
            assert_eq!(Origin::try_from(text.to_owned()).map(String::from), Ok(shown.to_owned()));
        }
        for text in ["", "*", "a.example", "ftp://a.example", "https://", "https://a.example/", "https://u@a.example"] {
            assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0"] {
            assert!(Peers::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
