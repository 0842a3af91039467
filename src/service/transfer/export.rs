//! A collection as a stream of lines. No more than a page of it is in memory.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::format::{self, ExportHeader};
use crate::domain::{CollectionName, ImageId, ImageKey};
use crate::service::core::{Core, unknown_collection};
use crate::service::running::Running;
use crate::service::{RetrievalService, ServiceError};
use crate::store::WholeImage;

/// Images that are read at once, each with some 60 KB of lines.
const PAGE: u32 = 32;

/// Some lines of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportPart {
    /// The lines.
    pub lines: Bytes,
    /// How many images they have.
    pub images: u64,
}

/// Where an export stands.
struct Export {
    core: Arc<Core>,
    _running: Running,
    collection: CollectionName,
    after: Option<ImageId>,
    images: u64,
}

impl RetrievalService {
    /// A collection as lines that [`RetrievalService::import`] takes, in order of id, from behind
    /// `after` on. An image that changes meanwhile is as it was at some moment. How many images the
    /// collection has goes with it.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`]; these in the stream too.
    pub async fn export(
        &self,
        collection: &CollectionName,
        after: Option<ImageId>,
    ) -> Result<(u64, BoxStream<'static, Result<ExportPart, ServiceError>>), ServiceError> {
        let core = Arc::clone(&self.core);
        let running = core.gate.enter()?;
        let summary = core.store.collection_summary(collection, core.catalogue.model()).await?;
        let summary = summary.ok_or_else(|| unknown_collection(collection))?;
        let version = core.catalogue.profile(summary.collection.profile).version.clone();
        let header = ExportHeader::new(&summary.collection, version, summary.images, after.clone());
        let mut line = Vec::new();
        format::write(&header, &mut line)?;
        let header = ExportPart { lines: line.into(), images: 0 };
        let export = Export { core, _running: running, collection: collection.clone(), after, images: 0 };
        let images = stream::try_unfold(Some(export), |export| async move {
            let Some(mut export) = export else { return Ok(None) };
            let part = export.next().await?;
            let goes_on = part.images > 0;
            Ok::<_, ServiceError>(Some((part, goes_on.then_some(export))))
        });
        Ok((summary.images, stream::once(async { Ok(header) }).chain(images.into_stream()).boxed()))
    }
}

impl Export {
    /// The next images; the end where there are none.
    async fn next(&mut self) -> Result<ExportPart, ServiceError> {
        let store = &self.core.store;
        loop {
            let records = store.list(&self.collection, self.after.as_ref(), PAGE, None).await?;
            let Some(last) = records.last() else {
                let mut line = Vec::new();
                format::write_end(self.images, &mut line)?;
                return Ok(ExportPart { lines: line.into(), images: 0 });
            };
            self.after = Some(last.id.clone());
            let keys: Vec<ImageKey> = records.iter().map(|record| record.key).collect();
            // Whatever was deleted since is left out.
            let mut whole: HashMap<ImageKey, WholeImage> =
                store.whole(&keys).await?.into_iter().map(|image| (image.record.key, image)).collect();
            let images: Vec<WholeImage> = keys.iter().filter_map(|key| whole.remove(key)).collect();
            let count = images.len() as u64;
            if count > 0 {
                self.images += count;
                return Ok(ExportPart { lines: written(images).await?, images: count });
            }
        }
    }
}

/// Off the async threads: a page takes some milliseconds.
async fn written(images: Vec<WholeImage>) -> Result<Bytes, ServiceError> {
    let write = move || {
        let mut lines = Vec::new();
        images.into_iter().try_for_each(|image| format::write_image(image, &mut lines))?;
        Ok(Bytes::from(lines))
    };
    let written = tokio::task::spawn_blocking(write).await;
    written.unwrap_or_else(|e| Err(ServiceError::Internal(format!("an export could not be written: {e}"))))
}
