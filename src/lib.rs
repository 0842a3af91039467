//! Eyrie, a self-hosted image-retrieval service.
//!
//! A picture is described by a VGG-16 with 2-bit weights that runs on a simulated, bit-exact integer chip;
//! the descriptors live in a database and are searched through an in-memory graph index.
//!
//! The modules are layers; imports point downwards only (`docs/ARCHITECTURE.md` has the table, a test keeps it):
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`domain`], [`config`], [`telemetry`] |
//! | 1 | [`asic`], [`quantize`] |
//! | 2 | [`extract`], [`chip`], [`verify`], [`index`], [`store`] |
//! | 3 | [`service`], [`eval`] |
//! | 4 | [`http`] |
//! | 5 | [`app`] |
//! | 6 | [`cli`] |

pub mod app;
pub mod asic;
pub mod chip;
pub mod cli;
pub mod config;
pub mod domain;
pub mod eval;
pub mod extract;
pub mod http;
pub mod index;
pub mod quantize;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod verify;
