//! What tests run on.

pub mod app;
pub mod pictures;
