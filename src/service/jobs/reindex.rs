//! Describing the images of a collection anew from their originals, as after a change of the model.
//!
//! A few images at a time, in the order of their keys, with a note of where the next ones begin: a
//! job that is killed goes on from there. Each image is replaced in one transaction, if nobody
//! changed it meanwhile, so to do it once more does no harm.

use std::time::Instant;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::work::{Stop, Work, held, to_json};
use crate::domain::{CollectionName, DescriptorVersion, ImageKey, ImageRecord, Job, Precondition, Profile, Seq};
use crate::service::ServiceError;
use crate::service::core::{Core, unknown_collection};
use crate::service::lanes::Lane;
use crate::service::pool::WhenFull;
use crate::service::upload::{stored_as, to_be_stored};
use crate::store::{NewImage, Outdated, WriteOutcome};

/// Records that are read at once.
const PAGE: u32 = 256;

/// Which images of a collection are described anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReindexRequest {
    /// Every one, and not only those that another model described.
    pub all: bool,
}

/// Where a job stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Checkpoint {
    version: String,
    /// What changed behind it was described by this model already.
    target: Seq,
    /// The last image that was looked at.
    after: Option<u64>,
    total: u64,
    so_far: Outcome,
}

/// What a job came to.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Outcome {
    /// Images that were looked at.
    looked_at: u64,
    /// Images that were described anew.
    described: u64,
    /// Images whose originals are not kept: they have to be given again.
    without_original: u64,
    /// Images whose originals cannot be described.
    unreadable: u64,
    /// Images that were changed or deleted meanwhile, and are as they were left.
    changed: u64,
}

/// What became of one image.
enum Described {
    /// What is to be stored of it.
    Anew(Box<(ImageRecord, NewImage)>),
    WithoutOriginal,
    Unreadable,
}

/// Does the job and returns its result.
///
/// # Errors
/// [`Stop`].
pub(super) async fn describe(core: &Core, job: &Job, mut work: Work<'_>) -> Result<Value, Stop> {
    let request: ReindexRequest = serde_json::from_value(job.params.clone())
        .map_err(|e| ServiceError::Internal(format!("the parameters of a job: {e}")))?;
    let collection = core.collection(&job.collection).await?;
    let version = core.catalogue.profile(collection.profile).version.clone();
    let checkpoint = work.checkpoint::<Checkpoint>().filter(|at| at.version == version.to_string());
    let mut at = match checkpoint {
        Some(at) => at,
        None => begin(core, &collection.name, &version, request).await?,
    };
    work.progress(at.so_far.looked_at, at.total);
    let outdated = outdated(request, at.target);
    loop {
        let after = at.after.map(ImageKey);
        let records = core.store.outdated(&collection.name, &version, outdated, after, PAGE).await?;
        if records.is_empty() {
            break;
        }
        for some in records.chunks(core.pool.share_of_one_call()) {
            let start = Instant::now();
            let described = join_all(some.iter().map(|record| describe_one(core, record, collection.profile))).await;
            for one in described {
                replace(core, &collection.name, one?, &mut at.so_far).await?;
            }
            at.so_far.looked_at += some.len() as u64;
            at.after = some.last().map(|record| record.key.0);
            let progress = work.progress(at.so_far.looked_at, at.total);
            held(core.store.note_progress(&work.claim, progress, Some(&to_json(&at)?)).await)?;
            if core.pool.is_busy() {
                // Half of the time is for whoever waits for an answer.
                tokio::time::sleep(start.elapsed()).await;
            }
        }
    }
    // Whoever reads the result finds the images.
    core.search.refresh().await.map_err(ServiceError::from)?;
    Ok(to_json(&at.so_far)?)
}

fn outdated(request: ReindexRequest, target: Seq) -> Outdated {
    if request.all { Outdated::OrUnchangedSince(target) } else { Outdated::Only }
}

async fn begin(
    core: &Core,
    collection: &CollectionName,
    version: &DescriptorVersion,
    request: ReindexRequest,
) -> Result<Checkpoint, Stop> {
    let target = core.store.last_seq().await?;
    let total = core.store.count_outdated(collection, version, outdated(request, target)).await?;
    Ok(Checkpoint { version: version.to_string(), target, after: None, total, so_far: Outcome::default() })
}

async fn describe_one(core: &Core, record: &ImageRecord, profile: Profile) -> Result<Described, ServiceError> {
    if record.original.is_none() {
        return Ok(Described::WithoutOriginal);
    }
    if !core.search.has_room() {
        return Err(ServiceError::IndexFull);
    }
    let bytes = match core.originals.whole(record).await {
        Ok(bytes) => bytes,
        Err(ServiceError::NoOriginal(_)) => return Ok(Described::WithoutOriginal),
        Err(error) => return Err(error),
    };
    match core.pool.describe(bytes, to_be_stored(profile), Lane::Ingest, WhenFull::Wait).await {
        Ok(described) => {
            let (id, metadata) = (record.id.clone(), record.metadata.clone());
            let image = stored_as(described, id, metadata, record.content_hash, record.byte_size)?;
            Ok(Described::Anew(Box::new((record.clone(), image))))
        }
        Err(ServiceError::Extract(error)) => {
            tracing::warn!(id = %record.id, %error, "an original cannot be described");
            Ok(Described::Unreadable)
        }
        Err(error) => Err(error),
    }
}

/// Stores what was described, if the image is still as it was.
async fn replace(
    core: &Core,
    collection: &CollectionName,
    described: Described,
    so_far: &mut Outcome,
) -> Result<(), ServiceError> {
    let (record, image) = match described {
        Described::Anew(anew) => *anew,
        Described::WithoutOriginal => {
            so_far.without_original += 1;
            return Ok(());
        }
        Described::Unreadable => {
            so_far.unreadable += 1;
            return Ok(());
        }
    };
    match core.store.put(collection, &image, Precondition::Revision(record.revision)).await? {
        WriteOutcome::Created(_) | WriteOutcome::Updated(_) => so_far.described += 1,
        WriteOutcome::PreconditionFailed | WriteOutcome::UnknownImage => so_far.changed += 1,
        // The same bytes add nothing.
        WriteOutcome::OverQuota(refusal) => return Err(ServiceError::QuotaExceeded(refusal)),
        WriteOutcome::UnknownCollection => return Err(unknown_collection(collection)),
    }
    Ok(())
}
