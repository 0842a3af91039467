//! The import itself: files are read ahead while the workers of the service describe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures::StreamExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cli::signals::StopRequests;
use crate::domain::{CollectionName, ImageId, Profile};
use crate::service::{AddImage, AddOutcome, OnDuplicate, PictureError, RetrievalService, ServiceError};
use eyrie_terminal::CliError;
use eyrie_terminal::Progress;
use eyrie_terminal::files::Found;
use eyrie_terminal::output;

use super::IdFrom;
use super::report::{Outcome, Report};

/// What is imported where and how.
pub(super) struct Plan {
    pub collection: CollectionName,
    /// Profile of the collection where it has to be created; must agree with it where it is there.
    pub profile: Option<Profile>,
    pub id_from: IdFrom,
    /// Whether a line is printed for each stored image.
    pub print_ids: bool,
    /// Larger files fail.
    pub max_bytes: u64,
    /// Files that are held in memory at the same time.
    pub at_once: usize,
}

/// Imports the files.
///
/// # Errors
/// [`CliError::Failed`] when there is no collection to import into; [`CliError::Output`] when a line cannot be printed. A
/// file that fails is no error but part of the report.
pub(super) async fn import(service: &RetrievalService, plan: &Plan, files: Vec<Found>) -> Result<Report, CliError> {
    let started = Instant::now();
    let mut requests = StopRequests::receive()?;
    ready_collection(service, plan).await?;
    let mut report = Report::new(plan.collection.as_str(), files.len());
    let progress = Progress::start("importing", files.len());
    let stop = AtomicBool::new(false);

    let work = async {
        let mut outcomes = futures::stream::iter(&files)
            .take_while(|_| std::future::ready(!stop.load(Ordering::Relaxed)))
            .map(|file| async move { (file, import_file(service, plan, file).await) })
            .buffer_unordered(plan.at_once);
        let mut seen = 0;
        while let Some((file, outcome)) = outcomes.next().await {
            seen += 1;
            progress.step();
            if plan.print_ids
                && let Outcome::Stored(id) = &outcome
            {
                output::results(|out| writeln!(out, "{id}\t{}", file.path.display()))?;
            }
            report.count(&file.path.display().to_string(), outcome);
            if report.stopped {
                stop.store(true, Ordering::Relaxed);
            }
        }
        report.stopped |= seen < files.len();
        Ok::<(), CliError>(())
    };
    let asked_twice = async {
        requests.next().await;
        stop.store(true, Ordering::Relaxed);
        progress.note("stopping after the images under way; once more to stop at once");
        requests.next().await;
    };
    let aborted = tokio::select! {
        done = work => { done?; false }
        () = asked_twice => true,
    };
    progress.end();
    report.aborted = aborted;
    report.stopped |= aborted;
    report.failed.sort_by(|a, b| a.path.cmp(&b.path));
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Makes sure that the collection is there, with the profile that was asked for.
async fn ready_collection(service: &RetrievalService, plan: &Plan) -> Result<(), CliError> {
    let failed = |e: ServiceError| CliError::Failed(explain(&e));
    let existing = match service.collection(&plan.collection).await {
        Ok(summary) => Some(summary.collection),
        Err(ServiceError::UnknownCollection(_)) => None,
        Err(error) => return Err(failed(error)),
    };
    let collection = match existing {
        Some(collection) => collection,
        None => {
            let (collection, created) = service
                .create_collection(plan.collection.clone(), plan.profile, String::new())
                .await
                .map_err(failed)?;
            if created {
                output::note(&format!("created the collection {} (profile {})", collection.name, collection.profile));
            }
            collection
        }
    };
    match plan.profile {
        Some(wanted) if wanted != collection.profile => Err(CliError::Usage(format!(
            "the collection {} has profile {}, not {wanted}; a profile is fixed when a collection is created",
            collection.name, collection.profile
        ))),
        Some(_) | None => Ok(()),
    }
}

async fn import_file(service: &RetrievalService, plan: &Plan, file: &Found) -> Outcome {
    let bytes = match read(file, plan.max_bytes).await {
        Ok(bytes) => bytes,
        Err(outcome) => return outcome,
    };
    let id = match image_id(plan.id_from, file, &bytes) {
        Ok(id) => id,
        Err(reason) => return Outcome::Failed(reason),
    };
    let filename = file.relative.rsplit('/').next().unwrap_or(&file.relative);
    let metadata = json!({"filename": filename, "path": file.relative});
    let image = AddImage { id, bytes, metadata, on_duplicate: OnDuplicate::Return };
    match service.import_image(&plan.collection, image).await {
        Ok(AddOutcome::Created(record)) => Outcome::Stored(record.id.to_string()),
        Ok(AddOutcome::Existing(_)) => Outcome::AlreadyThere,
        Err(error) => failure(&error),
    }
}

fn failure(error: &ServiceError) -> Outcome {
    if matches!(error, ServiceError::Extract(PictureError::NotAnImage)) {
        Outcome::NotAnImage
    } else if matches!(error, ServiceError::Store(_) | ServiceError::ShuttingDown) {
        Outcome::Fatal(explain(error))
    } else {
        Outcome::Failed(explain(error))
    }
}

/// The database's own words are of use to the person who runs this command, unlike to a client of the server.
fn explain(error: &ServiceError) -> String {
    if let ServiceError::Store(inner) = error { inner.to_string() } else { error.to_string() }
}

async fn read(file: &Found, max_bytes: u64) -> Result<bytes::Bytes, Outcome> {
    if let Some(reason) = &file.unreadable {
        return Err(Outcome::Failed(reason.clone()));
    }
    let path = file.path.clone();
    let read = tokio::task::spawn_blocking(move || read_image(&path, max_bytes)).await;
    read.unwrap_or_else(|e| Err(Outcome::Failed(format!("cannot be read: {e}"))))
}

/// Reads a file whose first bytes look like an image. Anything else, however large, is not read any further.
fn read_image(path: &std::path::Path, max_bytes: u64) -> Result<bytes::Bytes, Outcome> {
    use std::io::Read as _;
    let unreadable = |e: std::io::Error| Outcome::Failed(format!("cannot be read: {e}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut reader = file.take(max_bytes + 1);
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(max_bytes)).unwrap_or(0));
    (&mut reader).take(HEAD).read_to_end(&mut bytes).map_err(unreadable)?;
    if matches!(eyrie_vision::picture::sniff(&bytes), Err(PictureError::NotAnImage | PictureError::Empty)) {
        return Err(Outcome::NotAnImage);
    }
    reader.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Outcome::Failed(format!("larger than server.max_upload_bytes ({max_bytes} bytes)")));
    }
    Ok(bytes.into())
}

/// Bytes at the start of a file that tell whether it is an image.
const HEAD: u64 = 4096;

fn image_id(from: IdFrom, file: &Found, bytes: &[u8]) -> Result<Option<ImageId>, String> {
    let text = match from {
        IdFrom::Random => return Ok(None),
        IdFrom::Stem => file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        IdFrom::Path => file
            .relative
            .chars()
            .map(|c| match c {
                '/' => ':',
                c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c,
                _ => '_',
            })
            .collect(),
        IdFrom::Hash => Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    ImageId::new(text.clone()).map(Some).map_err(|e| format!("its name gives no id ({text:?}): {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(from: IdFrom, relative: &str) -> Result<Option<String>, String> {
        let file = Found { path: relative.into(), relative: relative.to_owned(), unreadable: None };
        image_id(from, &file, b"abc").map(|id| id.map(|id| id.to_string()))
    }

    #[test]
    fn ids_come_from_where_they_should() {
        assert_eq!(id(IdFrom::Random, "a/b.jpg"), Ok(None));
        assert_eq!(id(IdFrom::Stem, "a/b.c.jpg"), Ok(Some("b.c".to_owned())));
        assert_eq!(id(IdFrom::Path, "a b/ü.jpg"), Ok(Some("a_b:_.jpg".to_owned())));
        assert_eq!(
            id(IdFrom::Hash, "a").map(|i| i.map(|i| i[..16].to_owned())),
            Ok(Some("ba7816bf8f01cfea".to_owned()))
        );
    }

    #[test]
    fn a_stem_that_is_no_id_fails_and_says_why() {
        let reason = id(IdFrom::Stem, "holiday photo.jpg").expect_err("a space");
        assert!(reason.contains("\"holiday photo\"") && reason.contains("' '"), "{reason}");
    }
}
