//! The key of a request: `Authorization: Bearer KEY` or `X-Api-Key: KEY`.

use axum::http::{HeaderMap, HeaderName, header};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The longest text that is taken for a key.
const LONGEST: usize = 512;

/// The request has several keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeveralKeys;

/// The key that a request has, where it has one; the same one twice is one. Other schemes than
/// `Bearer` are for somebody else, a proxy for one.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<&[u8]>, SeveralKeys> {
    let bearers = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| bearer(value.as_bytes()));
    let keys = headers.get_all(API_KEY).iter().map(|value| value.as_bytes().trim_ascii());
    let mut all = bearers.chain(keys);
    let Some(first) = all.next() else { return Ok(None) };
    if all.any(|other| other != first) {
        return Err(SeveralKeys);
    }
    // What is as long as this is no key, and need not be hashed.
    Ok(Some(if first.len() > LONGEST { b"" } else { first }))
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked("bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && key.first().is_none_or(|byte| *byte == b' ');
    is_bearer.then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(headers: &[(&'static str, &[u8])]) -> Result<Option<Vec<u8>>, SeveralKeys> {
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).expect("a value");
        let mut map = HeaderMap::new();
        for (name, bytes) in headers {
            map.append(HeaderName::from_static(name), value(bytes));
        }
        key_of(&map).map(|key| key.map(<[u8]>::to_vec))
    }

    #[test]
    fn a_key_is_read_from_either_header_and_its_scheme_has_no_case() {
        for headers in [
            &[("authorization", &b"Bearer k"[..])][..],
            &[("authorization", b"bearer  k ")],
            &[("authorization", b"BEARER k")],
            &[("x-api-key", b"k")],
            &[("x-api-key", b"k"), ("authorization", b"Bearer k")],
            &[("authorization", b"Basic dTpw"), ("x-api-key", b"k")],
        ] {
            assert_eq!(read(headers), Ok(Some(b"k".to_vec())), "{headers:?}");
        }
    }

    #[test]
    fn other_schemes_are_no_key_and_what_cannot_be_one_is_an_empty_one() {
        for value in [&b"Basic dTpw"[..], b"Bear", b"Bearerk", b"Digest k", b""] {
            assert_eq!(read(&[("authorization", value)]), Ok(None), "{value:?}");
        }
        assert_eq!(read(&[("authorization", b"Bearer")]), Ok(Some(Vec::new())));
        assert_eq!(read(&[("x-api-key", b"")]), Ok(Some(Vec::new())));
        assert_eq!(read(&[("x-api-key", &[b'a'; 10_000])]), Ok(Some(Vec::new())));
        assert_eq!(read(&[("x-api-key", &[0xff, 0xfe])]), Ok(Some(vec![0xff, 0xfe])));
    }

    #[test]
    fn two_keys_in_one_request_are_not_chosen_from() {
        for headers in [
            &[("authorization", &b"Bearer a"[..]), ("authorization", b"Bearer b")][..],
            &[("x-api-key", b"a"), ("x-api-key", b"b")],
            &[("x-api-key", b"a"), ("authorization", b"Bearer b")],
            &[("x-api-key", b""), ("authorization", b"Bearer b")],
        ] {
            assert_eq!(read(headers), Err(SeveralKeys), "{headers:?}");
        }
    }
}
