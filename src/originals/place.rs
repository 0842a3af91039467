//! Objects in any place that `object_store` knows.

use std::io;
use std::ops::Range;
use std::path::{Path as Folder, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};
use time::OffsetDateTime;

use super::error::OriginalsError;
use super::objects::{ByteStream, Object, Objects};
use crate::domain::OriginalName;

/// What ends the name of a file that is being written: `object_store` renames it when it is whole,
/// does not list it, and counts on where two of them have one name, which no two originals have.
const UNFINISHED: &str = "#1";

/// A place that `object_store` knows.
pub(super) struct Place {
    store: Arc<dyn ObjectStore>,
    /// What the names in the place begin with.
    prefix: Path,
    /// Where it is, if it is a folder.
    folder: Option<PathBuf>,
}

/// Files in a folder, which is created where it is missing.
///
/// # Errors
/// [`OriginalsError::Setup`].
pub(super) fn in_directory(folder: &Folder) -> Result<Place, OriginalsError> {
    let refused =
        |reason: &dyn std::fmt::Display| OriginalsError::Setup(format!("the folder {}: {reason}", folder.display()));
    std::fs::create_dir_all(folder).map_err(|e| refused(&e))?;
    let files = LocalFileSystem::new_with_prefix(folder).map_err(|e| refused(&e))?;
    // What was acknowledged survives a power cut.
    Ok(Place { folder: Some(folder.to_owned()), ..Place::new(Arc::new(files.with_fsync(true)), "") })
}

/// What a crash in the middle of writing left, under the names that it was to have: `name` is a
/// folder, with the files one folder below it.
fn unfinished(folder: &Folder, name: &str) -> io::Result<Vec<Object>> {
    let mut found = Vec::new();
    for part in entries(&folder.join(name))? {
        for file in entries(&part.path())? {
            let (part, file_name) = (part.file_name(), file.file_name());
            let whole = file_name.to_str().and_then(|file| file.strip_suffix(UNFINISHED));
            let (Some(whole), Some(part)) = (whole, part.to_str()) else { continue };
            let Some(name) = OriginalName::from_stored(format!("{name}/{part}/{whole}")) else { continue };
            match file.metadata().and_then(|facts| Ok((facts.len(), facts.modified()?))) {
                Ok((size, written_at)) => found.push(Object { name, size, written_at: written_at.into() }),
                // It is whole by now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

/// What is in a folder; nothing where there is no such folder.
fn entries(folder: &Folder) -> io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl Place {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { store, prefix: Path::from(prefix), folder: None }
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.parts().chain(Path::from(name).parts()).collect()
    }
}

#[async_trait]
impl Objects for Place {
    async fn put(&self, name: &OriginalName, bytes: Bytes) -> Result<(), OriginalsError> {
        match self.store.put(&self.path(name.as_str()), PutPayload::from(bytes)).await.map_err(OriginalsError::from) {
            Ok(_) => Ok(()),
            // The bucket itself is not there.
            Err(OriginalsError::Missing(text)) => Err(OriginalsError::Unavailable(text)),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, name: &OriginalName, range: Range<u64>) -> Result<(u64, ByteStream), OriginalsError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&self.path(name.as_str()), options).await?;
        Ok((found.meta.size, found.into_stream().map_err(OriginalsError::from).boxed()))
    }

    async fn remove(&self, name: &OriginalName) -> Result<(), OriginalsError> {
        match self.store.delete(&self.path(name.as_str())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(folder) = &self.folder else { return Ok(()) };
        match tokio::fs::remove_file(folder.join(format!("{name}{UNFINISHED}"))).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn list(&self, folder: &str) -> BoxStream<'static, Result<Object, OriginalsError>> {
        let above = self.prefix.parts().count();
        let listed = self.store.list(Some(&self.path(folder)));
        let named = listed.map_err(OriginalsError::from).try_filter_map(move |found| async move {
            let parts: Vec<String> = found.location.parts().skip(above).map(|part| part.as_ref().to_owned()).collect();
            let written_at = OffsetDateTime::from_unix_timestamp(found.last_modified.timestamp())
                .unwrap_or(OffsetDateTime::UNIX_EPOCH);
            // What has another name was not put there by this program.
            Ok(OriginalName::from_stored(parts.join("/")).map(|name| Object { name, size: found.size, written_at }))
        });
        let Some(place) = self.folder.clone() else { return named.boxed() };
        let folder = folder.to_owned();
        let unfinished = async move {
            let found = tokio::task::spawn_blocking(move || unfinished(&place, &folder)).await;
            let found = found.map_err(io::Error::other).flatten().map_err(|error| unavailable(&error))?;
            Ok::<_, OriginalsError>(futures::stream::iter(found.into_iter().map(Ok::<_, OriginalsError>)))
        };
        named.chain(futures::stream::once(unfinished).try_flatten()).boxed()
    }
}

fn unavailable(error: &io::Error) -> OriginalsError {
    OriginalsError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn bytes_of(place: &Place, name: &OriginalName, range: Range<u64>) -> (u64, Vec<u8>) {
        let (size, stream) = place.read(name, range).await.expect("there");
        let parts: Vec<Bytes> = stream.try_collect().await.expect("readable");
        (size, parts.concat())
    }

    #[tokio::test]
    async fn files_are_stored_read_listed_and_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = in_directory(&dir.path().join("deep/er")).expect("made");
        let (name, other) = (OriginalName::of_object("f"), OriginalName::of_object("g"));
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        place.put(&name, bytes.clone().into()).await.expect("stored");
        place.put(&other, Bytes::from_static(b"x")).await.expect("stored");
        assert_eq!(bytes_of(&place, &name, 0..100_000).await, (100_000, bytes.clone()));
        assert_eq!(bytes_of(&place, &name, 70_000..70_005).await, (100_000, bytes[70_000..70_005].to_vec()));

        let listed: Vec<Object> = place.list("f").try_collect().await.expect("listed");
        assert_eq!(listed.iter().map(|one| (&one.name, one.size)).collect::<Vec<_>>(), [(&name, 100_000)]);
        assert!(OffsetDateTime::now_utc() - listed[0].written_at < time::Duration::minutes(5));
        for _ in 0..2 {
            place.remove(&name).await.expect("gone, or gone already");
        }
        let gone = place.read(&name, 0..1).await.err();
        assert!(matches!(gone, Some(OriginalsError::Missing(_))), "{gone:?}");
        let listed: Vec<Object> = place.list("f").try_collect().await.expect("listed");
        assert_eq!(listed, []);
    }

    #[tokio::test]
    async fn what_a_crash_left_half_written_is_listed_and_removed_under_its_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = in_directory(dir.path()).expect("made");
        let name = OriginalName::of_object("f");
        let file = dir.path().join(format!("{name}#1"));
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(&file, b"half").expect("written");
        std::fs::write(dir.path().join("f/mine#1"), b"not of this program").expect("written");
        let listed: Vec<Object> = place.list("f").try_collect().await.expect("listed");
        assert_eq!(listed.iter().map(|one| (&one.name, one.size)).collect::<Vec<_>>(), [(&name, 4)]);
        assert!(OffsetDateTime::now_utc() - listed[0].written_at < time::Duration::minutes(5));
        let unread = place.read(&name, 0..1).await.err();
        assert!(matches!(unread, Some(OriginalsError::Missing(_))), "{unread:?}");
        place.remove(&name).await.expect("removed");
        assert!(!file.exists() && dir.path().join("f/mine#1").exists());
        assert_eq!(place.list("f").try_collect::<Vec<Object>>().await.expect("listed"), []);
    }

    #[tokio::test]
    async fn a_folder_that_is_a_file_cannot_be_used() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = in_directory(file.path()).err().expect("refused");
        assert!(matches!(&error, OriginalsError::Setup(text) if text.contains("the folder ")), "{error}");
    }
}
