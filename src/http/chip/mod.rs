//! The simulated chip and what describing images costs on it.

pub(crate) mod dto;
pub(crate) mod handlers;
