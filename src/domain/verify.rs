//! Whether a search compares its first results spot by spot.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a search verifies its first results by local features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Verify {
    /// Where the query has local features.
    Auto,
    /// A query that has none is refused.
    Always,
    /// The order is that of the descriptors alone.
    Never,
}

impl Verify {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Always, Self::Never];

    /// The name used in configuration and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl fmt::Display for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown choice {0:?}; known are auto, always and never")]
pub struct UnknownVerify(pub String);

impl FromStr for Verify {
    type Err = UnknownVerify;
    fn from_str(text: &str) -> Result<Self, UnknownVerify> {
        Self::ALL.into_iter().find(|v| v.as_str() == text).ok_or_else(|| UnknownVerify(text.to_owned()))
    }
}

/// Serde reads the name as a text first: a number or a switch in its place is then told as such.
impl TryFrom<String> for Verify {
    type Error = UnknownVerify;
    fn try_from(text: String) -> Result<Self, UnknownVerify> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_has_its_name_and_no_other_text_has_one() {
        for choice in Verify::ALL {
            assert_eq!(choice.as_str().parse(), Ok(choice));
            let json = serde_json::to_string(&choice).expect("serialises");
            assert_eq!(json, format!("\"{choice}\""));
            assert_eq!(serde_json::from_str::<Verify>(&json).expect("reads back"), choice);
        }
        for wrong in ["", "Auto", "yes", "auto "] {
            assert_eq!(wrong.parse::<Verify>(), Err(UnknownVerify(wrong.to_owned())));
        }
        let error = serde_json::from_str::<Verify>("true").expect_err("no text");
        assert!(error.is_data(), "{error}");
    }
}
