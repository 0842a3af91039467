//! The one integration test program; a file for each subject.

mod browser;
mod cli_basics;
mod cli_chip;
mod cli_describe;
mod cli_eval;
mod cli_import;
mod cli_serve;
mod cli_whiten;
mod crash;
mod http_bad_input;
mod http_chip;
mod http_collections;
mod http_edge;
mod http_images;
mod http_life;
mod http_openapi;
mod http_region;
mod http_search;
mod http_verify;
mod layers;
mod program;
mod read_only;
mod readme;
mod same_descriptor;
mod store_contract;
mod support;
