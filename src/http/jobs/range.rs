//! A part of what is there, by `Range` (RFC 9110, section 14).

use axum::http::{HeaderMap, header};

/// What is asked for of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them.
    All,
    /// These, the last one included.
    Part(u64, u64),
    /// None that are there.
    Outside,
}

impl Wanted {
    /// Reads the headers of a request for something with this entity tag. More than one range, and
    /// what cannot be read, asks for all.
    pub(crate) fn of(headers: &HeaderMap, size: u64, tag: &str) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if text(header::IF_RANGE).is_some_and(|wanted| wanted.trim() != tag) {
            return Self::All;
        }
        let Some(range) = text(header::RANGE).and_then(|range| range.trim().strip_prefix("bytes=")) else {
            return Self::All;
        };
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        let Some((first, last)) = range.split_once('-') else { return Self::All };
        match (first.is_empty(), last.is_empty(), number(first), number(last)) {
            (true, false, _, Some(0)) => Self::Outside,
            (true, false, _, Some(_)) if size == 0 => Self::Outside,
            (true, false, _, Some(length)) => Self::Part(size.saturating_sub(length), size - 1),
            (false, true, Some(first), _) if first < size => Self::Part(first, size - 1),
            (false, false, Some(first), Some(last)) if first > last => Self::All,
            (false, false, Some(first), Some(last)) if first < size => Self::Part(first, last.min(size - 1)),
            (false, true, Some(_), _) | (false, false, Some(_), Some(_)) => Self::Outside,
            (true, true, ..) | (true, false, _, None) | (false, _, None, _) | (false, false, Some(_), None) => {
                Self::All
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let wanted = |range: &str, size| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().expect("a value"));
            Wanted::of(&headers, size, "\"a\"")
        };
        for (range, expected) in [
            ("bytes=0-9", Wanted::Part(0, 9)),
            ("bytes=90-", Wanted::Part(90, 99)),
            ("bytes=90-1000", Wanted::Part(90, 99)),
            ("bytes=-10", Wanted::Part(90, 99)),
            ("bytes=-1000", Wanted::Part(0, 99)),
            ("bytes=100-", Wanted::Outside),
            ("bytes=100-200", Wanted::Outside),
            ("bytes=-0", Wanted::Outside),
            ("bytes=9-0", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("lines=0-9", Wanted::All),
        ] {
            assert_eq!(wanted(range, 100), expected, "{range}");
        }
        assert_eq!(wanted("bytes=-10", 0), Wanted::Outside);
    }

    #[test]
    fn a_range_of_something_else_asks_for_all() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=5-".parse().expect("a value"));
        headers.insert(header::IF_RANGE, "\"a\"".parse().expect("a value"));
        assert_eq!(Wanted::of(&headers, 9, "\"a\""), Wanted::Part(5, 8));
        assert_eq!(Wanted::of(&headers, 9, "\"b\""), Wanted::All);
    }
}
