//! Whose pages are let in, and which proxies are believed.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::domain::{InvalidOrigin, Origin};

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
