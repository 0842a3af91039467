//! The HTTP edge: routes, bodies, errors, the page.
//!
//! Handlers are thin: they extract, make one call of the service and convert. `extract/` reads
//! requests, one folder a resource has its handlers and what they answer, `error.rs` alone knows
//! statuses and codes, and every answer leaves through `observe.rs`, which gives it its request id,
//! its line in the log and, where it is a failure, its problem document. `routes.rs` puts all of it
//! together: it imports the handlers and nothing imports it. `access/` stands before them and says who
//! may do what.

mod access;
mod batch;
mod chip;
mod collections;
mod compare;
mod deadline;
mod descriptors;
mod docs;
mod error;
mod extract;
mod health;
mod images;
mod intake;
mod jobs;
mod keys;
mod links;
mod observe;
mod once;
mod openapi;
mod options;
mod origin;
mod originals;
mod pages;
mod routes;
mod schema;
mod search;
mod serve;
mod slow_bodies;
mod state;
mod transfer;
mod unread;
mod web;

pub use access::rates::RateOptions;
pub use intake::WHILE_READ;
pub use links::{InvalidPublicPath, PublicPath};
pub use openapi::OPENAPI_YAML;
pub use options::{HttpOptions, MetricsAccess};
pub use origin::{CorsOrigin, InvalidPeers, Peers};
pub use routes::{generated_openapi, router};
pub use serve::serve;
pub use state::{AppState, Entrance};
