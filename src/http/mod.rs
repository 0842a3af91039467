//! The HTTP edge: routes, bodies, errors, the page.
//!
//! Handlers are thin: they extract, make one call of the service and convert. What a body may look like is decided in
//! `upload.rs` and `body.rs`, which status and code a failure has in `error.rs`, and every answer leaves through
//! `observe.rs`, which gives it its request id, its line in the log and, where it is a failure, its problem document.

mod body;
mod chip;
mod chip_dto;
mod collections;
mod conditional;
mod dto;
mod error;
mod fields;
mod health;
mod images;
mod observe;
mod openapi;
mod params;
mod routes;
mod search;
mod search_dto;
mod serve;
mod upload;
mod web;

pub use openapi::{OPENAPI_YAML, generated_openapi};
pub use routes::{HttpLimits, HttpState, router};
pub use serve::serve;
