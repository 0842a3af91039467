//! The import itself: files are read ahead while the workers of the service, or a server, describe.

use std::path::PathBuf;
use std::time::Instant;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::json;
use tokio::sync::watch;

use crate::cli::signals::StopRequests;
use crate::domain::{CollectionName, Profile};
use crate::service::{Archive, Entry, EntryContent, IdFrom, OnSimilar, PictureError, ServiceError};
use eyrie_terminal::CliError;
use eyrie_terminal::Progress;
use eyrie_terminal::files::Found;
use eyrie_terminal::output;

use super::archives;
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

/// What is imported.
pub(super) struct Sources {
    pub files: Vec<Found>,
    /// Archives, whose entries count as files.
    pub archives: Vec<PathBuf>,
    /// At most so many files.
    pub limit: Option<usize>,
}

/// A file, or what is like one.
enum Item<'a> {
    File(&'a Found),
    /// An entry of an archive, with a name that says where it is.
    Entry(String, Entry),
    /// An archive that cannot be read, or not to its end.
    Broken(String, String),
}

impl Item<'_> {
    fn name(&self) -> String {
        match self {
            Self::File(file) => file.path.display().to_string(),
            Self::Entry(name, _) | Self::Broken(name, _) => name.clone(),
        }
    }
}

impl Sources {
    /// How many files there are. To count those of a compressed tar takes a while.
    async fn count(&self, max_bytes: u64) -> usize {
        let archives = self.archives.clone();
        let count = move || -> u64 {
            let entries = |path: &PathBuf| archives::open(path, max_bytes).ok()?.count().ok();
            archives.iter().filter_map(entries).sum()
        };
        let entries = tokio::task::spawn_blocking(count).await.unwrap_or_default();
        (self.files.len() + entries as usize).min(self.limit.unwrap_or(usize::MAX))
    }

    /// All of it in order, read as it is asked for.
    fn items(&self, max_bytes: u64) -> BoxStream<'_, Item<'_>> {
        let files = stream::iter(self.files.iter().map(Item::File));
        let archives = stream::iter(&self.archives).flat_map(move |path| match archives::open(path, max_bytes) {
            Ok(archive) => entries(path.display().to_string(), archive),
            Err(reason) => stream::iter([Item::Broken(path.display().to_string(), reason)]).boxed(),
        });
        files.chain(archives).take(self.limit.unwrap_or(usize::MAX)).boxed()
    }
}

fn entries<'a>(name: String, archive: Archive) -> BoxStream<'a, Item<'a>> {
    let item = move |entry: Result<Entry, ServiceError>| match entry {
        Ok(entry) => Item::Entry(format!("{name}/{}", entry.path), entry),
        Err(error) => Item::Broken(name.clone(), error.to_string()),
    };
    archive.entries(0).map(item).boxed()
}

/// Imports the files.
///
/// # Errors
/// [`CliError::Failed`] when there is no collection to import into; [`CliError::Output`] when a
/// line cannot be printed. A file that fails is no error but part of the summary.
pub(super) async fn import(
    target: &Target<'_>,
    options: &ImportOptions,
    sources: Sources,
) -> Result<Summary, CliError> {
    let started = Instant::now();
    let mut requests = StopRequests::receive()?;
    ready_collection(target, options).await?;
    let files = sources.count(options.max_bytes).await;
    let mut summary = Summary::new(options.collection.as_str(), files);
    let progress = Progress::start("importing", files);
    let (stop, stopped) = watch::channel(false);
    let waiting = &Waiting { progress: &progress, stopped: stopped.clone() };

    let work = async {
        let mut all_seen = true;
        let items = sources.items(options.max_bytes).map(|item| {
            // Another one is there that will not be looked at.
            let goes_on = !*stopped.borrow();
            all_seen &= goes_on;
            goes_on.then_some(item)
        });
        let mut outcomes = items
            .take_while(|item| std::future::ready(item.is_some()))
            .filter_map(std::future::ready)
            .map(|item| async move { (item.name(), import_item(target, options, item, waiting).await) })
            .buffer_unordered(options.at_once);
        let (mut seen, mut left) = (0, false);
        while let Some((name, outcome)) = outcomes.next().await {
            let Some(outcome) = outcome else {
                left = true;
                continue;
            };
            seen += 1;
            progress.step();
            if options.print_ids
                && let FileOutcome::Stored { id, .. } = &outcome
            {
                output::results(|out| writeln!(out, "{id}\t{name}"))?;
            }
            summary.count(&name, outcome);
            if summary.stopped {
                stop.send_replace(true);
            }
        }
        drop(outcomes);
        if all_seen && !left {
            // The list of an archive may have said something else.
            summary.files = seen;
        }
        summary.stopped |= !all_seen || left;
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
async fn import_item(
    target: &Target<'_>,
    options: &ImportOptions,
    item: Item<'_>,
    waiting: &Waiting<'_>,
) -> Option<FileOutcome> {
    let (path, bytes) = match item {
        Item::File(file) => match read(file, options).await {
            Ok(bytes) => (file.relative.clone(), bytes),
            Err(outcome) => return Some(outcome),
        },
        Item::Entry(_, Entry { path, content, .. }) => match content {
            EntryContent::Picture(bytes) => (path, bytes),
            EntryContent::Skipped(_) => return Some(FileOutcome::NotAnImage),
            EntryContent::Records(_) => {
                let reason = "the archive is an export: eyrie import --records takes it";
                return Some(FileOutcome::Failed(reason.to_owned()));
            }
            EntryContent::Failed(error) => return Some(FileOutcome::Failed(error.to_string())),
        },
        Item::Broken(_, reason) => return Some(FileOutcome::Failed(reason)),
    };
    let id = match options.id_from.id_of(&path, &bytes) {
        Ok(id) => id,
        Err(reason) => return Some(FileOutcome::Failed(reason)),
    };
    let filename = path.rsplit('/').next().unwrap_or(&path);
    let metadata = json!({"filename": filename, "path": path});
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
