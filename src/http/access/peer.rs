//! From where a request came.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

use crate::http::origin::Peers;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client: that of the connection, or what trusted proxies say it is. Each proxy
/// adds who asked it at the end of `X-Forwarded-For`, so the last one that is no trusted proxy is
/// the client; what stands before it the client may have made up.
pub(super) fn client(extensions: &Extensions, headers: &HeaderMap, trusted: &[Peers]) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let mut client = peer.ip().to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|peers| peers.contain(address));
    let lists: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    for text in lists.iter().rev().flat_map(|list| list.rsplit(',')) {
        if !is_trusted(client) {
            break;
        }
        let Some(address) = address(text.trim()) else { break };
        client = address.to_canonical();
    }
    Some(client)
}

/// An address with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What one client has of the addresses: of IPv6 it is a whole network of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// That of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(peer: &str, forwarded: &[&'static str]) -> String {
        let mut extensions = Extensions::new();
        let peer: IpAddr = peer.parse().expect("an address");
        extensions.insert(ConnectInfo(SocketAddr::new(peer, 9)));
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(list));
        }
        let trusted = ["127.0.0.0/8", "10.0.0.0/8"].map(|text| Peers::try_from(text.to_owned()).expect("a network"));
        client(&extensions, &headers, &trusted).expect("a peer").to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
        assert_eq!(of("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(of("127.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.1"]), "1.2.3.4", "the first one is made up");
        assert_eq!(of("127.0.0.1", &["6.6.6.6, 1.2.3.4", "10.0.0.1"]), "1.2.3.4", "in two headers");
        assert_eq!(of("::ffff:127.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(of("127.0.0.1", &["1.2.3.4:5678"]), "1.2.3.4");
        assert_eq!(of("127.0.0.1", &["1.2.3.4, unknown"]), "127.0.0.1", "what is no address ends the search");
        assert_eq!(of("5.5.5.5", &["1.2.3.4"]), "5.5.5.5", "nobody asked this peer to speak for others");
    }

    #[test]
    fn an_ipv6_client_is_its_network_of_64_bits_and_an_ipv4_one_its_address() {
        let network = |text: &str| Network::of(text.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::"), network("2001:db8:1:3::"));
        assert_eq!(network("::ffff:1.2.3.4"), network("1.2.3.4"));
        assert_ne!(network("1.2.3.4"), network("1.2.3.5"));
    }
}
