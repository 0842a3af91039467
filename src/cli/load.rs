//! `eyrie load`: descriptors without pictures, for measuring a database of any size.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::settings::Settings;
use crate::app::{self, Backend, Purpose};
use crate::domain::{
    Clock as _, CollectionName, ContentHash, Descriptor, DescriptorVersion, ImageFormat, ImageId, Metadata,
    SystemClock, Thumbnail,
};
use crate::store::{NewImage, RestoreOutcome, RestoredImage};
use eyrie_terminal::output::{self, grouped};
use eyrie_terminal::{CliError, Progress};
use eyrie_vision::local::LocalFeatures;
use eyrie_vision::picture::sample_jpeg;

const HELP: &str = "\
Examples:
  eyrie bench index --count 1000000 --work million --draw-only
  eyrie load --descriptors million/base.f32 --data-dir big
  eyrie serve --data-dir big

Stores a record for each descriptor of the file, as if it were that of a picture: with a small thumbnail, without local features (so \
that it cannot be verified), and with `row` (its place in the file) and `percent` (that place modulo 100) as metadata. What is there \
already is left as it is, so a load that was interrupted can be repeated.";

/// Records stored in one transaction.
const AT_ONCE: usize = 500;

/// Sides of the picture that all records share.
const SIDE: u32 = 16;

/// Fill a collection with descriptors from a file, for measuring
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Load {
    /// The file: rows of little-endian 32-bit floats, each as long as the descriptors of the model
    #[arg(long, value_name = "FILE")]
    descriptors: PathBuf,
    /// The collection, which is there
    #[arg(long, value_name = "NAME", default_value = "default")]
    collection: CollectionName,
    /// What ids begin with; the row's number follows
    #[arg(long, value_name = "TEXT", default_value = "row-")]
    prefix: String,
    #[command(flatten)]
    settings: Settings,
}

impl Load {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let (stored, there) = app::runtime()?.block_on(async {
            let backend = Backend::open(&loaded.config, Purpose::Import).await?;
            let result = self.load(&backend).await;
            backend.close().await;
            result
        })?;
        output::results(|out| {
            writeln!(out, "{} stored, {} there already", grouped(stored as u64), grouped(there as u64))
        })
    }

    /// How many were stored, and how many were there.
    async fn load(&self, backend: &Backend) -> Result<(usize, usize), CliError> {
        let failed =
            |error: &dyn std::fmt::Display| CliError::Failed(format!("{}: {error}", self.descriptors.display()));
        let collection = backend.service.collection(&self.collection).await.map_err(|e| failed(&e))?;
        let profile = collection.collection.profile;
        let rows = Rows {
            version: backend.service.version(profile),
            dimension: backend.service.dimension(profile),
            prefix: &self.prefix,
            now: SystemClock.now(),
            thumbnail: sample_jpeg(SIDE, SIDE).map_err(|e| failed(&e))?,
            local_features: LocalFeatures::extract(&[128], 1, 1, 1).map_err(|e| failed(&e))?.encode(),
        };
        let (mut file, count) = rows.open(&self.descriptors)?;
        let progress = Progress::start("storing", count);
        let (mut stored, mut there) = (0, 0);
        for first in (0..count).step_by(AT_ONCE) {
            let images = rows.read(&mut file, first, AT_ONCE.min(count - first)).map_err(|e| failed(&e))?;
            let outcomes = backend.store.restore(&self.collection, &images, false).await.map_err(|e| failed(&e))?;
            for outcome in outcomes.ok_or_else(|| failed(&"the collection was deleted meanwhile"))? {
                match outcome {
                    RestoreOutcome::Created(_) | RestoreOutcome::Replaced(_) => stored += 1,
                    RestoreOutcome::Unchanged | RestoreOutcome::IdTaken => there += 1,
                    RestoreOutcome::OverQuota(refusal) => return Err(failed(&refusal)),
                }
            }
            progress.set(first + images.len());
        }
        progress.end();
        Ok((stored, there))
    }
}

/// How rows of the file become records.
struct Rows<'a> {
    version: DescriptorVersion,
    dimension: usize,
    prefix: &'a str,
    now: OffsetDateTime,
    thumbnail: Vec<u8>,
    /// None, as of a picture on which there is nothing to see.
    local_features: Vec<u8>,
}

impl Rows<'_> {
    /// The file and the number of its rows.
    fn open(&self, path: &Path) -> Result<(File, usize), CliError> {
        let cannot = |error: std::io::Error| CliError::Failed(format!("cannot read {}: {error}", path.display()));
        let file = File::open(path).map_err(cannot)?;
        let bytes = file.metadata().map_err(cannot)?.len();
        let row = 4 * self.dimension as u64;
        if bytes == 0 || !bytes.is_multiple_of(row) {
            let dimension = self.dimension;
            return Err(CliError::Usage(format!(
                "{} has {bytes} bytes: not rows of {dimension} 32-bit floats, which the descriptors of this collection have",
                path.display()
            )));
        }
        let count = usize::try_from(bytes / row).map_err(|_| CliError::Usage("the file is too large".to_owned()))?;
        Ok((file, count))
    }

    /// The next rows of the file, the first of which has this number.
    fn read(&self, file: &mut File, first: usize, count: usize) -> Result<Vec<RestoredImage>, String> {
        let mut bytes = vec![0; 4 * self.dimension * count];
        file.read_exact(&mut bytes).map_err(|e| e.to_string())?;
        (first..).zip(bytes.chunks_exact(4 * self.dimension)).map(|(row, bytes)| self.image(row, bytes)).collect()
    }

    fn image(&self, row: usize, bytes: &[u8]) -> Result<RestoredImage, String> {
        let values = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let about = |error: &dyn std::fmt::Display| format!("row {row}: {error}");
        let serde_json::Value::Object(metadata) = json!({"row": row, "percent": row % 100}) else {
            return Err(about(&"its metadata are no object"));
        };
        let image = NewImage {
            id: ImageId::new(format!("{}{row:08}", self.prefix)).map_err(|e| about(&e))?,
            content_hash: ContentHash(Sha256::digest(bytes).into()),
            format: ImageFormat::Jpeg,
            width: SIDE,
            height: SIDE,
            byte_size: bytes.len() as u64,
            metadata: Metadata::from_stored(metadata),
            version: self.version.clone(),
            descriptor: Descriptor::new(values, self.dimension).map_err(|e| about(&e))?,
            thumbnail: Thumbnail { bytes: self.thumbnail.clone(), media_type: "image/jpeg".to_owned() },
            local_features: self.local_features.clone(),
            original: None,
            stored_by: None,
        };
        Ok(RestoredImage { image, created_at: self.now, updated_at: self.now })
    }
}
