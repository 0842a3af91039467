//! The images of a collection.

pub(crate) mod cursor;
pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod requests;
