//! What tests run on: whole servers, stores in places of their own, throw-away Postgres servers and
//! poolers, and pictures.

pub(crate) mod app;
pub(crate) mod clock;
pub(crate) mod pictures;
pub(crate) mod place;
pub(crate) mod pooler;
pub(crate) mod postgres;

pub(crate) use place::Place;
