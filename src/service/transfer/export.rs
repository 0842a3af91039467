//! A collection as a stream of lines. No more than a page of it is in memory.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::format::{self, ExportHeader, RECORDS, RECORDS_END};
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

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Lines of JSON.
    #[default]
    Ndjson,
    /// A tar with the same lines in several files, and the thumbnails as pictures.
    Tar,
}

impl ExportFormat {
    /// Every format with its name, which is the extension of its files too.
    pub const ALL: [(&str, Self); 2] = [("ndjson", Self::Ndjson), ("tar", Self::Tar)];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Tar => "tar",
        }
    }
}

/// Where an export stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::service) struct ExportPlace {
    after: Option<ImageId>,
    /// Images that are written.
    pub(in crate::service) images: u64,
    /// Parts that are written.
    parts: u64,
}

/// An export under way.
pub(in crate::service) struct Export {
    core: Arc<Core>,
    _running: Running,
    collection: CollectionName,
    format: ExportFormat,
    place: ExportPlace,
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
        format: ExportFormat,
        after: Option<ImageId>,
    ) -> Result<(u64, BoxStream<'static, Result<ExportPart, ServiceError>>), ServiceError> {
        let (images, first, export) = Export::begin(&self.core, collection, format, after).await?;
        Ok((images, stream::once(async { Ok(first) }).chain(export.parts()).boxed()))
    }

    /// The rest of an export of lines that was cut: what comes behind `after`, the last image of
    /// the `images` that are written. How many images the collection has goes with it.
    ///
    /// # Errors
    /// As [`RetrievalService::export`].
    pub async fn export_on(
        &self,
        collection: &CollectionName,
        after: ImageId,
        images: u64,
    ) -> Result<(u64, BoxStream<'static, Result<ExportPart, ServiceError>>), ServiceError> {
        let total = self.collection(collection).await?.images;
        let place = ExportPlace { after: Some(after), images, parts: 1 };
        let export = Export::go_on(&self.core, collection, ExportFormat::Ndjson, place)?;
        Ok((total, export.parts()))
    }
}

impl Export {
    /// Begins behind `after`; the number of images, and the first part.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::Store`].
    pub(in crate::service) async fn begin(
        core: &Arc<Core>,
        collection: &CollectionName,
        format: ExportFormat,
        after: Option<ImageId>,
    ) -> Result<(u64, ExportPart, Self), ServiceError> {
        let summary = core.store.collection_summary(collection, core.catalogue.model()).await?;
        let summary = summary.ok_or_else(|| unknown_collection(collection))?;
        let version = core.catalogue.profile(summary.collection.profile).version.clone();
        let header = ExportHeader::new(&summary.collection, version, summary.images, after.clone());
        let mut line = Vec::new();
        format::write(&header, &mut line)?;
        let lines = match format {
            ExportFormat::Ndjson => line.into(),
            ExportFormat::Tar => packed(&[records_file(0, line)])?,
        };
        let place = ExportPlace { after, images: 0, parts: 1 };
        Ok((summary.images, ExportPart { lines, images: 0 }, Self::go_on(core, collection, format, place)?))
    }

    /// Goes on from a place.
    ///
    /// # Errors
    /// [`ServiceError::ShuttingDown`].
    pub(in crate::service) fn go_on(
        core: &Arc<Core>,
        collection: &CollectionName,
        format: ExportFormat,
        place: ExportPlace,
    ) -> Result<Self, ServiceError> {
        let running = core.gate.enter()?;
        Ok(Self { core: Arc::clone(core), _running: running, collection: collection.clone(), format, place })
    }

    /// Where it stands.
    pub(in crate::service) fn place(&self) -> ExportPlace {
        self.place.clone()
    }

    /// The parts that are left.
    fn parts(self) -> BoxStream<'static, Result<ExportPart, ServiceError>> {
        let parts = stream::try_unfold(Some(self), |export| async move {
            let Some(mut export) = export else { return Ok(None) };
            let part = export.next().await?;
            let goes_on = part.images > 0;
            Ok::<_, ServiceError>(Some((part, goes_on.then_some(export))))
        });
        parts.into_stream().boxed()
    }

    /// The next images; the end, without any, where there are none.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(in crate::service) async fn next(&mut self) -> Result<ExportPart, ServiceError> {
        let store = &self.core.store;
        let (format, number) = (self.format, self.place.parts);
        self.place.parts += 1;
        loop {
            let records = store.list(&self.collection, self.place.after.as_ref(), PAGE, None).await?;
            let Some(last) = records.last() else {
                let mut line = Vec::new();
                format::write_end(self.place.images, &mut line)?;
                let lines = match format {
                    ExportFormat::Ndjson => line,
                    ExportFormat::Tar => {
                        let mut bytes = Vec::from(packed(&[records_file(number, line)])?);
                        // Two blocks of zeros are the end of a tar.
                        bytes.resize(bytes.len() + 1024, 0);
                        bytes
                    }
                };
                return Ok(ExportPart { lines: lines.into(), images: 0 });
            };
            self.place.after = Some(last.id.clone());
            let keys: Vec<ImageKey> = records.iter().map(|record| record.key).collect();
            // Whatever was deleted since is left out.
            let mut whole: HashMap<ImageKey, WholeImage> =
                store.whole(&keys).await?.into_iter().map(|image| (image.record.key, image)).collect();
            let images: Vec<WholeImage> = keys.iter().filter_map(|key| whole.remove(key)).collect();
            let count = images.len() as u64;
            if count > 0 {
                self.place.images += count;
                return Ok(ExportPart { lines: written(images, format, number).await?, images: count });
            }
        }
    }
}

/// A file of a tar: its path, its time in seconds since 1970, its bytes.
type TarFile = (String, u64, Vec<u8>);

/// The file of the lines of a part.
fn records_file(number: u64, lines: Vec<u8>) -> TarFile {
    (format!("{RECORDS}{number:08}{RECORDS_END}"), 0, lines)
}

/// Files as they stand in a tar.
fn packed(files: &[TarFile]) -> Result<Bytes, ServiceError> {
    let failed = |e: io::Error| ServiceError::Internal(format!("an export could not be packed: {e}"));
    let mut archive = tar::Builder::new(Vec::new());
    for (path, time, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(*time);
        archive.append_data(&mut header, path, &bytes[..]).map_err(failed)?;
    }
    // The end comes once, behind the last part.
    Ok(std::mem::take(archive.get_mut()).into())
}

/// Off the async threads: a page takes some milliseconds.
async fn written(images: Vec<WholeImage>, format: ExportFormat, number: u64) -> Result<Bytes, ServiceError> {
    let write = move || {
        let (mut lines, mut files) = (Vec::new(), Vec::new());
        for image in images {
            if format == ExportFormat::Tar {
                let thumbnail = &image.thumbnail;
                let extension = thumbnail.media_type.rsplit('/').next().unwrap_or_default();
                let path = format!("thumbnails/{}.{extension}", image.record.id);
                let time = u64::try_from(image.record.updated_at.unix_timestamp()).unwrap_or(0);
                files.push((path, time, thumbnail.bytes.clone()));
            }
            format::write_image(image, &mut lines)?;
        }
        match format {
            ExportFormat::Ndjson => Ok(Bytes::from(lines)),
            ExportFormat::Tar => {
                files.insert(0, records_file(number, lines));
                packed(&files)
            }
        }
    };
    let written = tokio::task::spawn_blocking(write).await;
    written.unwrap_or_else(|e| Err(ServiceError::Internal(format!("an export could not be written: {e}"))))
}
