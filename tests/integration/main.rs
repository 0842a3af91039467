//! The one integration test program; a file for each subject.

mod layers;
mod store_contract;
mod support;
