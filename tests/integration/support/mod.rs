//! What tests run on.

pub(crate) mod app;
pub(crate) mod pictures;
