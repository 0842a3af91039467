//! What tells the bytes of one upload from those of all others.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::ServiceError;
use crate::domain::ContentHash;

/// Uploads larger than this are hashed off the async threads (SHA-256 takes about a millisecond for
/// it at worst).
const HASH_INLINE_BYTES: usize = 256 * 1024;

/// The hash of an upload.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) async fn hash_of(bytes: &Bytes) -> Result<ContentHash, ServiceError> {
    if bytes.len() <= HASH_INLINE_BYTES {
        return Ok(sha256(bytes));
    }
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || sha256(&bytes))
        .await
        .map_err(|e| ServiceError::Internal(format!("the upload could not be hashed: {e}")))
}

fn sha256(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}
