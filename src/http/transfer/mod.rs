//! Collections out of the service and into it, as lines.

pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod requests;
