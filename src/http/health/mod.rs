//! What operators and schedulers ask.

pub(crate) mod dto;
pub(crate) mod handlers;
