//! Comparisons of two pictures: how they are read, run and answered.

pub(crate) mod dto;
pub(crate) mod handlers;
pub(crate) mod requests;
