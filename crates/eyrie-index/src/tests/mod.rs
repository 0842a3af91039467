//! The index against an exact scan.

mod concurrency;
pub(crate) mod data;
mod deletes;
mod oracle;
mod snapshots;
mod steps;
