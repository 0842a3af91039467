//! The uploads themselves: kept with their images, read, and removed behind them.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;

use super::ServiceError;
use super::hash::hash_of;
use super::outcome::Outcome;
use crate::domain::{ImageRecord, OriginalName};
use crate::originals::{Keeping, Objects, OriginalsError, sweep};
use crate::store::{NewImage, NewOriginal, PART_BYTES, Store, StoreError};

/// The pause before objects that could not be removed are tried again.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);

/// The longest time in which a whole original is read.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// Bytes on their way.
pub(super) type ByteStream = BoxStream<'static, Result<Bytes, ServiceError>>;

/// What becomes of the uploads themselves.
pub(super) struct Originals {
    store: Arc<dyn Store>,
    keeping: Keeping,
    /// Of this database's objects.
    folder: OnceCell<String>,
    sweeping: Mutex<Sweeping>,
    closed: watch::Sender<bool>,
}

/// Whether somebody removes what images no longer have.
#[derive(Default)]
struct Sweeping {
    /// There may be something that the one who does has not seen.
    asked: bool,
    runs: bool,
    task: Option<JoinHandle<()>>,
}

impl Originals {
    pub(super) fn new(store: Arc<dyn Store>, keeping: Keeping) -> Arc<Self> {
        let (folder, sweeping, closed) = (OnceCell::new(), Mutex::default(), watch::Sender::new(false));
        Arc::new(Self { store, keeping, folder, sweeping, closed })
    }

    /// Whether uploads are kept.
    pub(super) fn keeps(&self) -> bool {
        match self.keeping {
            Keeping::Nothing => false,
            Keeping::InDatabase | Keeping::As(_) => true,
        }
    }

    /// Has the upload itself stored with its image. Where that is as an object, it is there when
    /// this returns, and its name is returned.
    ///
    /// # Errors
    /// [`ServiceError::Originals`], [`ServiceError::Store`].
    pub(super) async fn keep(&self, image: &mut NewImage, bytes: Bytes) -> Result<Option<OriginalName>, ServiceError> {
        match &self.keeping {
            Keeping::Nothing => Ok(None),
            Keeping::InDatabase => {
                image.original = Some(NewOriginal::Bytes(bytes));
                Ok(None)
            }
            Keeping::As(objects) => {
                let folder = self.folder.get_or_try_init(|| self.store.originals_folder()).await?;
                let name = OriginalName::of_object(folder);
                objects.put(&name, bytes).await?;
                image.original = Some(NewOriginal::Object(name.clone()));
                Ok(Some(name))
            }
        }
    }

    /// Removes an object where it is certain that no image got it.
    pub(super) async fn settle<T: Outcome>(&self, object: Option<OriginalName>, outcome: &Result<T, StoreError>) {
        let (Some(objects), Some(name)) = (self.keeping.objects(), object) else { return };
        let is_needless = match outcome {
            Ok(outcome) => outcome.change().is_none(),
            Err(StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Setup { .. }) => true,
            // It may have been committed: `eyrie doctor` finds out.
            Err(StoreError::Unavailable(_) | StoreError::Internal(_)) => false,
        };
        if is_needless && let Err(error) = objects.remove(&name).await {
            tracing::warn!(%error, %name, "an object that is not needed cannot be removed; `eyrie doctor` finds it");
        }
    }

    /// The bytes of a range of an original.
    ///
    /// # Errors
    /// [`ServiceError::NoOriginal`], [`ServiceError::Store`], [`ServiceError::Originals`].
    pub(super) async fn read(&self, record: &ImageRecord, range: Range<u64>) -> Result<ByteStream, ServiceError> {
        let none = || ServiceError::NoOriginal(record.id.to_string());
        let name = record.original.as_ref().ok_or_else(none)?;
        if name.is_in_database() {
            return self.read_parts(record, name.clone(), range).await;
        }
        let Some(objects) = self.keeping.objects() else {
            tracing::warn!(id = %record.id, "an original is an object, and no place for objects is configured");
            return Err(none());
        };
        match objects.read(name, range).await {
            Ok((size, bytes)) if size == record.byte_size => Ok(bytes.map_err(ServiceError::from).boxed()),
            Ok((size, _)) => {
                tracing::error!(id = %record.id, %name, size, expected = record.byte_size, "an original is damaged");
                Err(none())
            }
            Err(OriginalsError::Missing(reason)) => {
                tracing::error!(id = %record.id, reason, "an original is not where it was stored");
                Err(none())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The same of one in the database, part by part.
    async fn read_parts(
        &self,
        record: &ImageRecord,
        name: OriginalName,
        range: Range<u64>,
    ) -> Result<ByteStream, ServiceError> {
        const PART: u64 = PART_BYTES as u64;
        let id = record.id.to_string();
        let first = self.store.original_part(&name, range.start / PART).await?;
        let first = first.ok_or_else(|| ServiceError::NoOriginal(id.clone()))?;
        let parts = Arc::new((Arc::clone(&self.store), name, id));
        let bytes = stream::try_unfold((range.start, Some(first)), move |(at, read)| {
            let parts = Arc::clone(&parts);
            async move {
                let (store, name, id) = &*parts;
                if at >= range.end {
                    return Ok(None);
                }
                let part = match read {
                    Some(part) => Some(part),
                    None => store.original_part(name, at / PART).await?,
                };
                let part = Bytes::from(part.unwrap_or_default());
                let from = (at % PART) as usize;
                let to = part.len().min(from + (range.end - at) as usize);
                if from >= to {
                    // Deleted meanwhile.
                    return Err(ServiceError::NoOriginal(id.clone()));
                }
                let bytes = part.slice(from..to);
                let next = at + bytes.len() as u64;
                Ok(Some((bytes, (next, None))))
            }
        });
        Ok(bytes.boxed())
    }

    /// A whole original, which is what was uploaded.
    ///
    /// # Errors
    /// [`ServiceError::NoOriginal`] where it is not there, or is something else;
    /// [`ServiceError::Store`], [`ServiceError::Originals`].
    pub(super) async fn whole(&self, record: &ImageRecord) -> Result<Bytes, ServiceError> {
        let read = async {
            let mut bytes = Vec::with_capacity(record.byte_size as usize);
            let mut parts = self.read(record, 0..record.byte_size).await?;
            while let Some(part) = parts.try_next().await? {
                bytes.extend_from_slice(&part);
            }
            Ok::<_, ServiceError>(Bytes::from(bytes))
        };
        let bytes = tokio::time::timeout(READ_TIMEOUT, read)
            .await
            .map_err(|_| OriginalsError::Unavailable(format!("not read within {} s", READ_TIMEOUT.as_secs())))??;
        if hash_of(&bytes).await? != record.content_hash {
            tracing::error!(id = %record.id, "an original is not what was uploaded");
            return Err(ServiceError::NoOriginal(record.id.to_string()));
        }
        Ok(bytes)
    }

    /// Has the objects removed that images no longer have, in the background.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn wake(self: &Arc<Self>) {
        let Some(objects) = self.keeping.objects() else { return };
        let mut sweeping = self.sweeping();
        sweeping.asked = true;
        if !sweeping.runs {
            sweeping.runs = true;
            let (this, objects) = (Arc::clone(self), Arc::clone(objects));
            sweeping.task = Some(tokio::spawn(async move { this.sweep(&*objects).await }));
        }
    }

    async fn sweep(&self, objects: &dyn Objects) {
        let mut closing = self.closed.subscribe();
        while self.is_asked() {
            loop {
                match sweep(&*self.store, objects).await {
                    Ok(more) if more && !*closing.borrow() => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(%error, "originals of images that are gone cannot be removed; it is tried again");
                        tokio::select! {
                            // The sender lives in `self`. The next start goes on.
                            _ = closing.wait_for(|closed| *closed) => break,
                            () = tokio::time::sleep(SWEEP_PAUSE) => {}
                        }
                    }
                }
            }
        }
    }

    /// Whether there is something to look for; if not, nobody does from now on.
    fn is_asked(&self) -> bool {
        let mut sweeping = self.sweeping();
        sweeping.runs = std::mem::take(&mut sweeping.asked);
        sweeping.runs
    }

    fn sweeping(&self) -> MutexGuard<'_, Sweeping> {
        self.sweeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when nobody removes objects any more.
    pub(super) async fn idle(&self) {
        self.closed.send_replace(true);
        let task = self.sweeping().task.take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task that removes originals ended early");
        }
    }
}
