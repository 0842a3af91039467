//! The uploads themselves, where they are kept outside the database: as files in a folder, or as
//! objects of a service that speaks S3. The crate `object_store` makes both the same.
//!
//! What is kept is written before the transaction that names it and removed after the one that
//! forgets it, so whatever happens in between leaves an object that nothing names, and never a name
//! without its object. [`diagnose`] finds both.

#[cfg(feature = "s3")]
mod client;
mod doctor;
mod error;
mod objects;
mod open;
mod place;
#[cfg(feature = "s3")]
mod s3;
mod sweep;

pub use doctor::{Diagnosis, MissingOriginal, diagnose, repair};
pub use error::{OriginalsError, UpkeepError};
pub use objects::{ByteStream, Keeping, Object, Objects};
pub use open::open;
pub use sweep::sweep;
