//! Eyrie, a self-hosted image-retrieval service.
//!
//! A picture is described by a VGG-16 with 2-bit weights that runs on a simulated, bit-exact
//! integer chip; the descriptors live in a database and are searched through an in-memory graph
//! index.
//!
//! The modules are layers; imports point downwards only (`docs/ARCHITECTURE.md` has the table, a
//! test keeps it). Below them are the crates `eyrie_chip` (the chip) and `eyrie_vision` (pictures,
//! descriptors, local features).

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod operate;
pub mod originals;
pub mod search;
pub mod service;
pub mod store;
pub mod telemetry;
#[cfg(target_os = "linux")]
pub mod worker;
