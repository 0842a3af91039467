//! Searches: how they are read, run and answered.

pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod query;
