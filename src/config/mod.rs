//! The configuration: defaults, file, environment, flags, in rising order of precedence.
//!
//! `config/default.toml` is part of the program and documents every key; [`load()`] puts the other
//! layers over it and checks the result, so a [`Config`] in hand is one that every range allows.
//! Each section is made of the options of the layers that it sets, so that nothing is copied from
//! one struct to another on the way there.

mod error;
mod layers;
mod load;
mod rules;
mod sections;
#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use layers::Source;
pub use load::{DEFAULTS, Loaded, Override, load};
pub use rules::{ALGORITHMS, ISAS};
pub use sections::{Config, Extractor, Server};
