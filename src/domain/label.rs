//! What people call a key.

use std::fmt;
use std::str::FromStr;

/// What a key is called: 1 to 100 characters, none of which controls a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLabel(String);

/// Why a text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a label must have 1 to 100 characters without control characters")]
pub struct InvalidLabel;

impl KeyLabel {
    /// The most characters that one may have.
    pub const MAX_LENGTH: usize = 100;

    /// Takes a text as a label.
    ///
    /// # Errors
    /// [`InvalidLabel`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidLabel> {
        let text = text.into();
        let fits = (1..=Self::MAX_LENGTH).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text)) } else { Err(InvalidLabel) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyLabel {
    type Err = InvalidLabel;
    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short_and_harmless_in_a_terminal() {
        let longest = "ü".repeat(100);
        for text in ["a", "Shop (front end)", "<b>", longest.as_str()] {
            assert!(KeyLabel::new(text).is_ok(), "{text}");
        }
        for text in ["", "\u{1b}[31mred", "two\nlines", "\u{7f}", "\u{9b}31m", &"x".repeat(101)] {
            assert_eq!(KeyLabel::new(text), Err(InvalidLabel), "{text:?}");
        }
    }
}
