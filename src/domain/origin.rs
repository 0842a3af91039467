//! Origins of web pages.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The origin of web pages: scheme, host and port, such as `https://pictures.example`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = host_and_port(authority)?;
        let port = port.or(default_port(&scheme))?;
        default_port(&scheme).map(|_| Self { scheme, host, port })
    }

    /// Whether a page of this origin calls an address with this host and port its own; without a
    /// port it is that of the scheme.
    #[must_use]
    pub fn is_of(&self, authority: &str) -> bool {
        host_and_port(authority)
            .is_some_and(|(host, port)| host == self.host && port.or(default_port(&self.scheme)) == Some(self.port))
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }
}

/// Host in lower case, and the port where one is written.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let authority = authority.trim();
    let host_ends = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(host_ends);
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
        None if port.is_empty() => None,
        None => return None,
    };
    is_host.then(|| (host.to_ascii_lowercase(), port))
}

impl FromStr for Origin {
    type Err = InvalidOrigin;
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        Self::parse(text).ok_or_else(|| InvalidOrigin(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if Some(self.port) == default_port(&self.scheme) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_browsers_write_it_or_refused() {
        for (text, shown) in [
            ("https://A.example", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://192.168.1.5:8080", "http://192.168.1.5:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(text.parse::<Origin>().map(|origin| origin.to_string()), Ok(shown.to_owned()));
        }
        for text in [
            "",
            "*",
            "null",
            "https://*.example",
            "a.example",
            "ftp://a.example",
            "https://",
            "https://:443",
            "https://a.example/",
            "https://a.example:",
            "https://a.example:+80",
            "https://a.example:70000",
            "https://[::1",
            "https://[::1]8080",
            "https://u@a.example",
        ] {
            assert!(Origin::parse(text).is_none(), "{text}");
        }
    }
}
