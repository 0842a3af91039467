//! The one integration test program; a file for each subject.

mod cli_basics;
mod cli_describe;
mod cli_import;
mod cli_serve;
mod layers;
mod program;
mod store_contract;
mod support;
