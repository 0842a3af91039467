//! Work in the background.

pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod range;
pub(crate) mod requests;
