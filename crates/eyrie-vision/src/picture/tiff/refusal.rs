//! What the errors of the `tiff` crate mean.

use tiff::TiffError;

use super::super::error::PictureError;
use super::super::reading::{damaged, ends_early};

/// What an error of the crate means to the client.
pub(super) fn refusal(error: TiffError) -> PictureError {
    if ends_early(&error) {
        return PictureError::Truncated;
    }
    match error {
        TiffError::UnsupportedError(kind) => unsupported(&kind.to_string()),
        TiffError::FormatError(_)
        | TiffError::IoError(_)
        | TiffError::LimitsExceeded
        | TiffError::IntSizeError
        | TiffError::UsageError(_) => damaged(&error.to_string()),
    }
}

/// A kind of TIFF that is not decoded.
pub(super) fn unsupported(kind: &str) -> PictureError {
    PictureError::UnsupportedKind(format!("TIFF ({kind})"))
}
