//! Why there is no configuration.

use std::path::PathBuf;

/// Why there is no configuration. Each text names the key, the value and where it was set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {reason}")]
    File {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The file of a secret cannot be used.
    #[error("cannot read the file {path} that {variable} names: {reason}")]
    SecretFile {
        /// The environment variable.
        variable: String,
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system says, or that it is empty.
        reason: String,
    },
    /// The text of a layer is no TOML.
    #[error("{source_name} is not valid TOML: line {line}: {reason}")]
    Toml {
        /// Which layer.
        source_name: String,
        /// The number of the line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A key that does not exist.
    #[error("unknown key {key:?} ({source_name}){}", nearest.as_ref().map(|n| format!("; did you mean {n:?}?")).unwrap_or_default())]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// Where it was found.
        source_name: String,
        /// The existing key that looks most like it.
        nearest: Option<String>,
    },
    /// A value that is not allowed.
    #[error("{key} is {value} ({source_name}); it must be {allowed}")]
    Value {
        /// The key, with its section.
        key: String,
        /// The value as TOML, or words in place of a secret.
        value: String,
        /// The values allowed, in words.
        allowed: String,
        /// Where it was set.
        source_name: String,
    },
    /// A part of the program does not take a value that is allowed.
    #[error("{key}: {reason}")]
    Shape {
        /// The key, or its section.
        key: String,
        /// What the part says.
        reason: String,
    },
    /// Two environment variables say different things about one key.
    #[error("{first} and {second} set {key} to different values; keep one of them")]
    Ambiguous {
        /// The key, with its section.
        key: String,
        /// One variable.
        first: String,
        /// The other.
        second: String,
    },
}
