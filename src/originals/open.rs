//! Which place is used.

use std::sync::Arc;

use super::error::OriginalsError;
use super::objects::Keeping;
use super::place;
#[cfg(feature = "s3")]
use super::s3;
use crate::store::{KeepIn, StorageOptions};

/// The place that is configured.
///
/// # Errors
/// [`OriginalsError::Setup`]: a folder that cannot be made, an endpoint that is none, a program
/// without S3.
pub fn open(storage: &StorageOptions) -> Result<Keeping, OriginalsError> {
    Ok(match storage.originals.keep_in {
        KeepIn::None => Keeping::Nothing,
        KeepIn::Database => Keeping::InDatabase,
        KeepIn::Directory => Keeping::As(Arc::new(place::in_directory(&storage.originals_directory())?)),
        #[cfg(feature = "s3")]
        KeepIn::S3 => Keeping::As(Arc::new(s3::in_bucket(&storage.originals)?)),
        #[cfg(not(feature = "s3"))]
        KeepIn::S3 => {
            let reason = "storage.originals is s3, and this program was built without the cargo feature s3";
            return Err(OriginalsError::Setup(reason.to_owned()));
        }
    })
}
