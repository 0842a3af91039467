//! Descriptors of pictures that are not stored.

pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod requests;
