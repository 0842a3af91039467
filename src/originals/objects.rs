//! What a place for objects does.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use time::OffsetDateTime;

use super::error::OriginalsError;
use crate::domain::OriginalName;

/// Bytes on their way from where they are kept.
pub type ByteStream = BoxStream<'static, Result<Bytes, OriginalsError>>;

/// An object as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its name.
    pub name: OriginalName,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub written_at: OffsetDateTime,
}

/// A place for objects.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Stores bytes under a new name. When it returns they survive a crash.
    async fn put(&self, name: &OriginalName, bytes: Bytes) -> Result<(), OriginalsError>;

    /// The size of an object, and the bytes of a range of it as they arrive. The range ends at the
    /// end of the object, or before.
    async fn read(&self, name: &OriginalName, range: Range<u64>) -> Result<(u64, ByteStream), OriginalsError>;

    /// Removes an object; none of that name is as well.
    async fn remove(&self, name: &OriginalName) -> Result<(), OriginalsError>;

    /// Every object below a folder, in any order.
    fn list(&self, folder: &str) -> BoxStream<'static, Result<Object, OriginalsError>>;
}

/// Where uploads are kept from now on. What is kept already is read from where it is.
#[derive(Clone)]
pub enum Keeping {
    /// Nowhere.
    Nothing,
    /// In the database.
    InDatabase,
    /// As objects.
    As(Arc<dyn Objects>),
}

impl Keeping {
    /// The place for objects, where there is one.
    #[must_use]
    pub fn objects(&self) -> Option<&Arc<dyn Objects>> {
        match self {
            Self::As(objects) => Some(objects),
            Self::Nothing | Self::InDatabase => None,
        }
    }
}
