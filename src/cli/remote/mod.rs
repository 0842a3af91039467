//! Eyrie's commands against a server: its address and key, requests that wait where the server asks
//! for that, and what helps when something is wrong on the way.

mod calls;
mod client;
mod error;
mod flags;
mod transfer;

pub(super) use calls::{
    cancel_job, collection, compare, create_collection, delete_image, delete_job, find_duplicates, groups, job, jobs,
    search, wait_for_job,
};
pub(super) use client::{Client, picture, waiting};
pub(super) use error::ServerError;
pub(super) use flags::ServerFlags;
pub(super) use transfer::{export, import};
