//! Collections: what is answered about them and how they are created, changed and deleted.

pub(crate) mod dto;
pub(crate) mod handlers;
