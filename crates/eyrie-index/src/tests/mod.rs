//! The index against an exact scan.

pub(crate) mod data;
mod oracle;
