//! Names of web pages and of proxies: origins and addresses.

use std::fmt;
use std::net::IpAddr;

use axum::http::uri::Authority;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Whose pages may use the server beside its own; `pages.rs` says what each of them may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CorsOrigin {
    /// Those of every origin: they may read and search.
    Any,
    /// Those of this one: they may read, search and change.
    Listed(Origin),
}

impl TryFrom<String> for CorsOrigin {
    type Error = InvalidOrigin;
    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        Origin::parse(&text).map(Self::Listed).ok_or(InvalidOrigin(text))
    }
}

impl From<CorsOrigin> for String {
    fn from(origin: CorsOrigin) -> Self {
        match origin {
            CorsOrigin::Any => "*".to_owned(),
            CorsOrigin::Listed(origin) => origin.to_string(),
        }
    }
}

/// The origin of web pages: scheme, host and port, such as `https://pictures.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// Why a text names no origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin; it must be like https://pictures.example or http://192.168.1.5:8080, without a path, or *"
)]
pub struct InvalidOrigin(pub String);

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl Origin {
    /// Reads an origin as browsers write it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = host_and_port(authority)?;
        let port = port.or(default_port(&scheme))?;
        default_port(&scheme).map(|_| Self { scheme, host, port })
    }

    /// Whether a page of this origin calls an address with this host and port its own; without a
    /// port it is that of the scheme.
    pub(crate) fn is_of(&self, authority: &str) -> bool {
        host_and_port(authority)
            .is_some_and(|(host, port)| host == self.host && port.or(default_port(&self.scheme)) == Some(self.port))
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }
}

/// Host in lower case, and the port where one is written.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let parsed: Authority = authority.trim().parse().ok()?;
    if parsed.as_str().contains(['@', '*']) || parsed.host().is_empty() {
        return None;
    }
    Some((parsed.host().to_ascii_lowercase(), parsed.port_u16()))
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
    /// Whether the address is one of them.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_and_addresses_are_read_or_refused() {
        for (text, shown) in [
            ("https://A.example", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://192.168.1.5:8080", "http://192.168.1.5:8080"),
            ("*", "*"),
        ] {
            assert_eq!(CorsOrigin::try_from(text.to_owned()).map(String::from), Ok(shown.to_owned()));
        }
        for text in [
            "",
            "**",
            "null",
            "https://*.example",
            "a.example",
            "ftp://a.example",
            "https://",
            "https://a.example/",
            "https://u@a.example",
        ] {
            assert!(CorsOrigin::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0"] {
            assert!(Peers::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
