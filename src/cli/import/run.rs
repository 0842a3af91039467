//! The import itself: files are read ahead while the workers of the service describe.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::json;

use crate::cli::signals::StopRequests;
use crate::domain::{CollectionName, Profile, Verdict};
use crate::service::{
    AddImage, AddOutcome, Archive, Entry, EntryContent, IdFrom, OnDuplicate, OnSimilar, PictureError, RetrievalService,
    SearchHit, ServiceError, Stored,
};
use eyrie_terminal::CliError;
use eyrie_terminal::Progress;
use eyrie_terminal::files::Found;
use eyrie_terminal::output;

use super::archives;
use super::summary::{FileOutcome, Summary};

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
    service: &RetrievalService,
    options: &ImportOptions,
    sources: Sources,
) -> Result<Summary, CliError> {
    let started = Instant::now();
    let mut requests = StopRequests::receive()?;
    ready_collection(service, options).await?;
    let files = sources.count(options.max_bytes).await;
    let mut summary = Summary::new(options.collection.as_str(), files);
    let progress = Progress::start("importing", files);
    let stop = AtomicBool::new(false);

    let work = async {
        let mut all_seen = true;
        let items = sources.items(options.max_bytes).map(|item| {
            // Another one is there that will not be looked at.
            let stopped = stop.load(Ordering::Relaxed);
            all_seen &= !stopped;
            (!stopped).then_some(item)
        });
        let mut outcomes = items
            .take_while(|item| std::future::ready(item.is_some()))
            .filter_map(std::future::ready)
            .map(|item| async move { (item.name(), import_item(service, options, item).await) })
            .buffer_unordered(options.at_once);
        let mut seen = 0;
        while let Some((name, outcome)) = outcomes.next().await {
            seen += 1;
            progress.step();
            if options.print_ids
                && let FileOutcome::Stored { id, .. } = &outcome
            {
                output::results(|out| writeln!(out, "{id}\t{name}"))?;
            }
            summary.count(&name, outcome);
            if summary.stopped {
                stop.store(true, Ordering::Relaxed);
            }
        }
        drop(outcomes);
        if all_seen {
            // The list of an archive may have said something else.
            summary.files = seen;
        }
        summary.stopped |= !all_seen;
        Ok::<(), CliError>(())
    };
    let second_request = async {
        requests.next().await;
        stop.store(true, Ordering::Relaxed);
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
async fn ready_collection(service: &RetrievalService, options: &ImportOptions) -> Result<(), CliError> {
    let failed = |e: ServiceError| CliError::Failed(explain(&e));
    let existing = match service.collection(&options.collection).await {
        Ok(summary) => Some(summary.collection),
        Err(ServiceError::UnknownCollection(_)) => None,
        Err(error) => return Err(failed(error)),
    };
    let collection = match existing {
        Some(collection) => collection,
        None => {
            let (collection, created) = service
                .create_collection(options.collection.clone(), options.profile, String::new())
                .await
                .map_err(failed)?;
            if created {
                output::note(&format!("created the collection {} (profile {})", collection.name, collection.profile));
            }
            collection
        }
    };
    match options.profile {
        Some(profile) if profile != collection.profile => Err(CliError::Usage(format!(
            "the collection {} has profile {}, not {profile}; a profile is fixed when a collection is created",
            collection.name, collection.profile
        ))),
        Some(_) | None => Ok(()),
    }
}

async fn import_item(service: &RetrievalService, options: &ImportOptions, item: Item<'_>) -> FileOutcome {
    let (path, bytes) = match item {
        Item::File(file) => match read(file, options.max_bytes).await {
            Ok(bytes) => (file.relative.clone(), bytes),
            Err(outcome) => return outcome,
        },
        Item::Entry(_, Entry { path, content, .. }) => match content {
            EntryContent::Picture(bytes) => (path, bytes),
            EntryContent::Skipped(_) => return FileOutcome::NotAnImage,
            EntryContent::Records(_) => {
                return FileOutcome::Failed("the archive is an export: eyrie import --records takes it".to_owned());
            }
            EntryContent::Failed(error) => return FileOutcome::Failed(error.to_string()),
        },
        Item::Broken(_, reason) => return FileOutcome::Failed(reason),
    };
    import_picture(service, options, &path, bytes).await
}

async fn import_picture(service: &RetrievalService, options: &ImportOptions, path: &str, bytes: Bytes) -> FileOutcome {
    let id = match options.id_from.id_of(path, &bytes) {
        Ok(id) => id,
        Err(reason) => return FileOutcome::Failed(reason),
    };
    let filename = path.rsplit('/').next().unwrap_or(path);
    let metadata = json!({"filename": filename, "path": path});
    let on_similar = options.on_similar;
    let image = AddImage { id, bytes, metadata, on_duplicate: OnDuplicate::Return, on_similar };
    match service.import_image(&options.collection, image).await {
        Ok(Stored { outcome: AddOutcome::Created(record), similar, .. }) => {
            let nearest = similar.iter().flatten().find(|hit| hit.verdict <= Verdict::NearDuplicate);
            FileOutcome::Stored { id: record.id.to_string(), similar: nearest.map(shows) }
        }
        Ok(Stored { outcome: AddOutcome::Existing(_), .. }) => FileOutcome::AlreadyThere,
        Err(error) => failure(&error),
    }
}

/// Which image shows the same thing.
fn shows(hit: &SearchHit) -> String {
    format!("{} of {} (score {:.4})", hit.verdict, hit.record.id, hit.score)
}

fn failure(error: &ServiceError) -> FileOutcome {
    if matches!(error, ServiceError::Extract(PictureError::NotAnImage)) {
        FileOutcome::NotAnImage
    } else if let ServiceError::SimilarExists { id, verdict, score } = error {
        FileOutcome::LeftOut(format!("{verdict} of {id} (score {score:.4})"))
    } else if matches!(error, ServiceError::Store(_) | ServiceError::ShuttingDown) {
        FileOutcome::Fatal(explain(error))
    } else {
        FileOutcome::Failed(explain(error))
    }
}

/// The database's own words are of use to the person who runs this command, unlike to a client of
/// the server.
fn explain(error: &ServiceError) -> String {
    if let ServiceError::Store(inner) = error { inner.to_string() } else { error.to_string() }
}

async fn read(file: &Found, max_bytes: u64) -> Result<Bytes, FileOutcome> {
    if let Some(reason) = &file.unreadable {
        return Err(FileOutcome::Failed(reason.clone()));
    }
    let path = file.path.clone();
    let read = tokio::task::spawn_blocking(move || read_image(&path, max_bytes)).await;
    read.unwrap_or_else(|e| Err(FileOutcome::Failed(format!("cannot be read: {e}"))))
}

/// Reads a file whose first bytes look like an image. Anything else, however large, is not read any
/// further.
fn read_image(path: &std::path::Path, max_bytes: u64) -> Result<Bytes, FileOutcome> {
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
        return Err(FileOutcome::Failed(format!("larger than server.max_upload_bytes ({max_bytes} bytes)")));
    }
    Ok(bytes.into())
}

/// Bytes at the start of a file that tell whether it is an image.
const HEAD: u64 = 4096;
