//! The one integration test program; a file for each subject.

mod http_bad_input;
mod http_collections;
mod http_edge;
mod http_images;
mod http_life;
mod http_openapi;
mod http_search;
mod layers;
mod store_contract;
mod support;
