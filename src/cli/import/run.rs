//! The import itself: files are read ahead while the workers of the service, or a server, describe.

use std::time::Instant;

use futures::StreamExt as _;
use serde_json::json;
use tokio::sync::watch;

use crate::cli::signals::StopRequests;
use crate::domain::{CollectionName, Profile};
use crate::service::{OnSimilar, PictureError};
use eyrie_terminal::CliError;
use eyrie_terminal::Progress;
use eyrie_terminal::files::Found;
use eyrie_terminal::output;

use super::ids::IdFrom;
use super::summary::{FileOutcome, Summary};
use super::target::{Picture, Target, Waiting};

/// What is imported where and how.
pub(super) struct ImportOptions {
    pub collection: CollectionName,
    /// Profile of the collection where it has to be created; must agree with it where it is there.
    pub profile: Option<Profile>,
    pub id_from: IdFrom,
    /// What to do with a file that shows what is there.
    pub on_similar: OnSimilar,
    /// Whether a line is printed for each stored image.
    pub print_ids: bool,
    /// Larger files fail.
    pub max_bytes: u64,
    /// What says so.
    pub limit: &'static str,
    /// Files that are held in memory at the same time.
    pub at_once: usize,
}

/// Imports the files.
///
/// # Errors
/// [`CliError::Failed`] when there is no collection to import into; [`CliError::Output`] when a
/// line cannot be printed. A file that fails is no error but part of the summary.
pub(super) async fn import(
    target: &Target<'_>,
    options: &ImportOptions,
    files: Vec<Found>,
) -> Result<Summary, CliError> {
    let started = Instant::now();
    let mut requests = StopRequests::receive()?;
    ready_collection(target, options).await?;
    let mut summary = Summary::new(options.collection.as_str(), files.len());
    let progress = Progress::start("importing", files.len());
    let (stop, stopped) = watch::channel(false);
    let waiting = &Waiting { progress: &progress, stopped: stopped.clone() };

    let work = async {
        let mut outcomes = futures::stream::iter(&files)
            .take_while(|_| std::future::ready(!*stopped.borrow()))
            .map(|file| async move { (file, import_file(target, options, file, waiting).await) })
            .buffer_unordered(options.at_once);
        let mut seen = 0;
        while let Some((file, outcome)) = outcomes.next().await {
            let Some(outcome) = outcome else { continue };
            seen += 1;
            progress.step();
            if options.print_ids
                && let FileOutcome::Stored { id, .. } = &outcome
            {
                output::results(|out| writeln!(out, "{id}\t{}", file.path.display()))?;
            }
            summary.count(&file.path.display().to_string(), outcome);
            if summary.stopped {
                stop.send_replace(true);
            }
        }
        summary.stopped |= seen < files.len();
        Ok::<(), CliError>(())
    };
    let second_request = async {
        requests.next().await;
        stop.send_replace(true);
        progress.note("stopping after the images under way; once more to stop at once");
        requests.next().await;
    };
    let aborted = tokio::select! {
        done = work => { done?; false }
        () = second_request => true,
    };
    progress.end();
    summary.aborted = aborted;
    summary.stopped |= aborted;
    summary.failed.sort_by(|a, b| a.path.cmp(&b.path));
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// Makes sure that the collection is there, with the profile of the options.
async fn ready_collection(target: &Target<'_>, options: &ImportOptions) -> Result<(), CliError> {
    let name = &options.collection;
    let there = target.collection(name, options.profile, "").await?;
    match options.profile {
        Some(profile) if profile != there => Err(CliError::Usage(format!(
            "the collection {name} has profile {there}, not {profile}; a profile is fixed when a collection is created"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// What becomes of a file; `None` where it was to wait and nothing more is to be begun.
async fn import_file(
    target: &Target<'_>,
    options: &ImportOptions,
    file: &Found,
    waiting: &Waiting<'_>,
) -> Option<FileOutcome> {
    let bytes = match read(file, options).await {
        Ok(bytes) => bytes,
        Err(outcome) => return Some(outcome),
    };
    let id = match options.id_from.id_of(file, &bytes) {
        Ok(id) => id,
        Err(reason) => return Some(FileOutcome::Failed(reason)),
    };
    let filename = file.relative.rsplit('/').next().unwrap_or(&file.relative);
    let metadata = json!({"filename": filename, "path": file.relative});
    let picture = Picture { id, bytes, metadata, on_similar: options.on_similar };
    target.add(&options.collection, picture, waiting).await
}

async fn read(file: &Found, options: &ImportOptions) -> Result<bytes::Bytes, FileOutcome> {
    if let Some(reason) = &file.unreadable {
        return Err(FileOutcome::Failed(reason.clone()));
    }
    let (path, max_bytes, limit) = (file.path.clone(), options.max_bytes, options.limit);
    let read = tokio::task::spawn_blocking(move || read_image(&path, max_bytes, limit)).await;
    read.unwrap_or_else(|e| Err(FileOutcome::Failed(format!("cannot be read: {e}"))))
}

/// Reads a file whose first bytes look like an image. Anything else, however large, is not read any
/// further.
fn read_image(path: &std::path::Path, max_bytes: u64, limit: &str) -> Result<bytes::Bytes, FileOutcome> {
    use std::io::Read as _;
    let unreadable = |e: std::io::Error| FileOutcome::Failed(format!("cannot be read: {e}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut reader = file.take(max_bytes + 1);
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(max_bytes)).unwrap_or(0));
    (&mut reader).take(HEAD).read_to_end(&mut bytes).map_err(unreadable)?;
    if matches!(eyrie_vision::picture::sniff(&bytes), Err(PictureError::NotAnImage | PictureError::Empty)) {
        return Err(FileOutcome::NotAnImage);
    }
    reader.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(FileOutcome::Failed(format!("larger than {limit} ({max_bytes} bytes)")));
    }
    Ok(bytes.into())
}

/// Bytes at the start of a file that tell whether it is an image.
const HEAD: u64 = 4096;
