//! The simulated chip and its unit tests, compiled without the rest of Eyrie.

#[path = "../../../src/asic/mod.rs"]
pub mod asic;
