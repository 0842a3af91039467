//! What tests run on: stores in places of their own, and throw-away Postgres servers.

pub(crate) mod place;
pub(crate) mod postgres;

pub(crate) use place::Place;
