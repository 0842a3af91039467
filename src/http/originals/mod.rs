//! The uploads themselves.

pub(crate) mod handlers;
pub(crate) mod requests;
