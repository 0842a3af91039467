//! A body that has to be there as a whole before it can be worked off: a zip has its list at its
//! end, and what is done later must not depend on a connection.
//!
//! It goes into a file without a name in the data directory. So nothing is left of it after its
//! use, whatever becomes of the process.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;

use crate::service::{RetrievalService, ServiceError};

/// A body on its way into a file.
pub struct Spool {
    file: tokio::fs::File,
    left: u64,
    limit: u64,
    permit: OwnedSemaphorePermit,
}

impl RetrievalService {
    /// Begins to keep a body of at most `limits.max_transfer_bytes`.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] where too many are kept, [`ServiceError::SpoolFull`],
    /// [`ServiceError::Internal`] where there can be no file.
    pub async fn spool(&self) -> Result<Spool, ServiceError> {
        let permit = Arc::clone(&self.core.spools).try_acquire_owned();
        let permit = permit.map_err(|_| ServiceError::Overloaded { retry_after_seconds: 10 })?;
        let file = temporary_file(&self.core.options.spool_dir).await?;
        let limit = self.core.options.limits.max_transfer_bytes;
        Ok(Spool { file: tokio::fs::File::from_std(file), left: limit, limit, permit })
    }
}

impl Spool {
    /// The most bytes that it takes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Adds the next part; `false` where that would be more than it takes.
    ///
    /// # Errors
    /// [`ServiceError::SpoolFull`], [`ServiceError::Internal`].
    pub async fn write(&mut self, part: &[u8]) -> Result<bool, ServiceError> {
        let Some(left) = self.left.checked_sub(part.len() as u64) else { return Ok(false) };
        self.left = left;
        self.file.write_all(part).await.map_err(not_kept)?;
        Ok(true)
    }

    /// The whole of it. Another body may be kept once the second value is dropped.
    ///
    /// # Errors
    /// As [`Spool::write`].
    pub async fn finish(mut self) -> Result<(File, OwnedSemaphorePermit), ServiceError> {
        self.file.flush().await.map_err(not_kept)?;
        Ok((self.file.into_std().await, self.permit))
    }
}

/// A file without a name in this folder, which is made where it is missing.
///
/// # Errors
/// [`ServiceError::SpoolFull`], [`ServiceError::Internal`].
pub(in crate::service) async fn temporary_file(folder: &Path) -> Result<File, ServiceError> {
    let folder = folder.to_owned();
    let create = move || std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder));
    tokio::task::spawn_blocking(create).await.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(not_kept)
}

/// Why a body cannot be kept.
pub(in crate::service) fn not_kept(error: io::Error) -> ServiceError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        return ServiceError::SpoolFull;
    }
    ServiceError::Internal(format!("a body cannot be kept in the data directory: {error}"))
}
