//! API keys: how they are made, listed and taken back.

pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod requests;
