//! Requests that are done once, however often they are sent.

use serde::{Deserialize, Serialize};

/// The client's name for a request: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a text names no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 255 visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Takes a text.
    ///
    /// # Errors
    /// [`InvalidIdempotencyKey`].
    pub fn new(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let is_valid = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidIdempotencyKey) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An answer that is given again to the same request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values of headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// What became of a request that named itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is the first of this name; it is to end in a kept answer or be forgotten.
    First,
    /// The same request is under way.
    Running,
    /// Another request has this name.
    Other,
    /// It was answered.
    Answered(KeptAnswer),
}
