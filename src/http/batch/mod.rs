//! Many things in one call: images to add and to delete, searches.

pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod requests;
