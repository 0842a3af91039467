//! Why an original cannot be stored or read.

use std::error::Error;
use std::io;

use crate::store::StoreError;

/// Why an original cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum OriginalsError {
    /// There is no object of that name.
    #[error("there is no such object: {0}")]
    Missing(String),
    /// The disk or the quota is full.
    #[error("there is no space left for originals: {0}")]
    Full(String),
    /// The folder or the service cannot be used now. Trying later may help.
    #[error("originals cannot be stored or read at the moment: {0}")]
    Unavailable(String),
    /// It cannot be used as it is set up; found when it is opened.
    #[error("{0}")]
    Setup(String),
}

/// Why the originals cannot be looked after.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where they are kept.
    #[error(transparent)]
    Originals(#[from] OriginalsError),
}

impl From<object_store::Error> for OriginalsError {
    fn from(error: object_store::Error) -> Self {
        let text = in_full(&error);
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Self::Missing(text);
        }
        if is_full(&error) { Self::Full(text) } else { Self::Unavailable(text) }
    }
}

/// An error with what caused it: that of an HTTP client says nothing by itself.
fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// Whether a full disk, a quota or a limit on files is behind an error.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        let kind = inner.downcast_ref::<io::Error>().map(io::Error::kind);
        if let Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge) = kind {
            return true;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(source: io::Error) -> OriginalsError {
        object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(source) }.into()
    }

    #[test]
    fn a_full_disk_is_told_from_one_that_is_out_of_reach() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge] {
            assert!(matches!(from(kind.into()), OriginalsError::Full(_)), "{kind}");
        }
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut] {
            assert!(matches!(from(kind.into()), OriginalsError::Unavailable(_)), "{kind}");
        }
    }
}
