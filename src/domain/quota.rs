//! How much a collection, or what a key stores, may come to.

use std::fmt;

use super::{CollectionName, KeyLabel};

/// The most that may be there; `None` where there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Images.
    pub max_images: Option<u64>,
    /// Bytes of the uploads. What Eyrie keeps beside them (descriptors, thumbnails, local features)
    /// is not counted, and neither is whether the uploads themselves are kept.
    pub max_bytes: Option<u64>,
}

/// How much is there, or how much a write adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Images.
    pub images: u64,
    /// Bytes of their uploads.
    pub bytes: u64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Images.
    Images,
    /// Bytes of their uploads.
    Bytes,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Images => "images",
            Self::Bytes => "bytes",
        })
    }
}

/// Whose quota it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaOf {
    /// A collection's.
    Collection(CollectionName),
    /// That of the key that stores.
    Key(KeyLabel),
}

impl QuotaOf {
    /// `collection` or `key`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Collection(_) => "collection",
            Self::Key(_) => "key",
        }
    }
}

impl fmt::Display for QuotaOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collection(name) => write!(f, "the collection {:?}", name.as_str()),
            Self::Key(label) => write!(f, "the key {:?}", label.as_str()),
        }
    }
}

/// Why a write stores nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{of} has {used} {measure} of at most {limit}, and this would add {added}; nothing was stored")]
pub struct QuotaExceeded {
    /// Whose quota it is.
    pub of: QuotaOf,
    /// What does not fit.
    pub measure: Measure,
    /// The quota.
    pub limit: u64,
    /// How much is there.
    pub used: u64,
    /// How much the write would add.
    pub added: u64,
}

impl Quota {
    /// The largest limit: up to it, every whole number is one of JSON's numbers everywhere.
    pub const MOST: u64 = (1 << 53) - 1;

    /// Whether there is no limit at all.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.max_images.is_none() && self.max_bytes.is_none()
    }

    /// Why so much more does not fit. Only what a write adds to is looked at, so that what is above a
    /// limit that came later can still be changed and made smaller.
    #[must_use]
    pub fn refusal(&self, of: QuotaOf, used: Usage, added: Usage) -> Option<QuotaExceeded> {
        let measures = [
            (Measure::Images, self.max_images, used.images, added.images),
            (Measure::Bytes, self.max_bytes, used.bytes, added.bytes),
        ];
        let exceeded = |(measure, limit, used, added): (Measure, Option<u64>, u64, u64)| {
            let limit = limit.filter(|limit| added > 0 && used.saturating_add(added) > *limit)?;
            Some((measure, limit, used, added))
        };
        let (measure, limit, used, added) = measures.into_iter().find_map(exceeded)?;
        Some(QuotaExceeded { of, measure, limit, used, added })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of() -> QuotaOf {
        QuotaOf::Collection(CollectionName::default_collection())
    }

    fn usage(images: u64, bytes: u64) -> Usage {
        Usage { images, bytes }
    }

    #[test]
    fn what_fits_exactly_fits_and_one_more_does_not() {
        let quota = Quota { max_images: Some(2), max_bytes: Some(100) };
        assert_eq!(quota.refusal(of(), usage(1, 90), usage(1, 10)), None);
        let images = quota.refusal(of(), usage(2, 10), usage(1, 1)).expect("too many");
        assert_eq!((images.measure, images.limit, images.used, images.added), (Measure::Images, 2, 2, 1));
        let bytes = quota.refusal(of(), usage(1, 90), usage(1, 11)).expect("too much");
        assert_eq!((bytes.measure, bytes.limit, bytes.used, bytes.added), (Measure::Bytes, 100, 90, 11));
        assert_eq!(
            bytes.to_string(),
            "the collection \"default\" has 90 bytes of at most 100, and this would add 11; nothing was stored"
        );
    }

    #[test]
    fn what_adds_nothing_fits_also_above_the_limit() {
        let quota = Quota { max_images: Some(0), max_bytes: Some(0) };
        assert_eq!(quota.refusal(of(), usage(5, 50), usage(0, 0)), None);
        assert!(quota.refusal(of(), usage(5, 50), usage(0, 1)).is_some());
        assert_eq!(Quota::default().refusal(of(), usage(u64::MAX, u64::MAX), usage(1, 1)), None);
    }
}
