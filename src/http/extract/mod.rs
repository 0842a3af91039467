//! How requests are read: names in the path, preconditions, fields in their three forms, images.

pub(crate) mod base64;
pub(crate) mod conditional;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod json_body;
pub(crate) mod multipart;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod upload;
