//! Exports in the background: the same bytes as an export that is streamed, kept for a while. Each
//! part of them is one transaction with the note of where the next one begins.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::work::{Stop, Work, held, to_json};
use crate::domain::Job;
use crate::service::ServiceError;
use crate::service::core::Core;
use crate::service::transfer::{Export, ExportFormat, ExportPart, ExportPlace};
use crate::store::DataPart;

/// The parameters of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Params {
    pub(super) format: ExportFormat,
}

/// Where a job stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Checkpoint {
    place: ExportPlace,
    total: u64,
    /// Bytes that are kept.
    bytes: u64,
    /// Whether the end is among them.
    ended: bool,
}

/// The parameters of a job as they are in the database.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) fn read_params(job: &Job) -> Result<Params, ServiceError> {
    serde_json::from_value(job.params.clone())
        .map_err(|e| ServiceError::Internal(format!("the parameters of a job: {e}")))
}

/// Does the job and returns its result.
///
/// # Errors
/// [`Stop`].
pub(super) async fn export(core: &Arc<Core>, job: &Job, mut work: Work<'_>) -> Result<Value, Stop> {
    let Params { format } = read_params(job)?;
    let mut at = match work.checkpoint::<Checkpoint>() {
        Some(at) => at,
        None => {
            let (total, first, export) = Export::begin(core, &job.collection, format, None).await?;
            let at = Checkpoint { place: export.place(), total, bytes: 0, ended: false };
            keep(core, &mut work, at, first).await?
        }
    };
    work.progress(at.place.images, at.total);
    let mut export = Export::go_on(core, &job.collection, format, at.place.clone())?;
    while !at.ended {
        let part = export.next().await?;
        let ended = part.images == 0;
        at = keep(core, &mut work, Checkpoint { place: export.place(), ended, ..at }, part).await?;
    }
    Ok(json!({"images": at.place.images, "bytes": at.bytes, "format": format}))
}

/// Keeps a part and notes that it is there.
async fn keep(core: &Core, work: &mut Work<'_>, at: Checkpoint, part: ExportPart) -> Result<Checkpoint, Stop> {
    let part = DataPart { start: at.bytes, bytes: part.lines.into() };
    let bytes = at.bytes + part.bytes.len() as u64;
    let most = core.options.limits.max_transfer_bytes;
    if bytes > most {
        return Err(ServiceError::ExportTooLarge(most).into());
    }
    let at = Checkpoint { bytes, ..at };
    let progress = work.progress(at.place.images, at.total);
    held(core.store.note_data(&work.claim, &part, progress, &to_json(&at)?).await)?;
    Ok(at)
}
