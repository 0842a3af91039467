//! How a picture becomes passes of the network.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How images become network passes: `fast` is one pass over the whole image, `nip` four turns of
/// it, `rnip` overlapping sub-images of a larger version plus `nip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// One pass over the whole image.
    Fast,
    /// Nested invariance pooling: the whole image in four turns.
    Nip,
    /// Region nested invariance pooling: overlapping sub-images of a larger version, plus NIP. The
    /// default.
    Rnip,
}

impl Profile {
    /// Every profile, cheapest first.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Nip, Self::Rnip];

    /// The name used in configuration, the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Nip => "nip",
            Self::Rnip => "rnip",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no profile's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile {0:?}; known are fast, nip and rnip")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;
    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|p| p.as_str() == text).ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}
