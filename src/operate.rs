//! What people who run the service ask before and after it runs: what a configuration would start,
//! what an update would change, and taking a backup back.

use std::fmt;
use std::path::{Path, PathBuf};

use eyrie_vision::{Describer, local};

use crate::app::{Backend, Purpose, StartError, catalogue, upload_memory};
use crate::config::Config;
use crate::search::{GraphParams, Indexed, Shelf};
use crate::store::{self, BackupError, BackupWatch, CollectionSummary, PostgresStore, Restored, SqliteStore};
use crate::telemetry::LogFormat;

/// What a server of a configuration would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<(&'static str, String)>);

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(part, text)| writeln!(f, "{part:<10} {text}"))
    }
}

/// Checks what can be checked without a port, a database or a file that is written: the model, the
/// chip, the instruction set, the parameters of the index, the database's URL.
///
/// # Errors
/// [`StartError`], as a start would give it.
pub fn plan(config: &Config) -> Result<Plan, StartError> {
    let Config { server, storage, extractor, index, log, telemetry, .. } = config;
    let describer = Describer::load(&extractor.describer)?;
    index.graph.check()?;
    upload_memory(config)?;
    telemetry.check()?;
    let folder = storage.data_dir.join("index");
    let database = if storage.is_postgres() {
        let host = PostgresStore::host(storage.database_url.reveal()).map_err(StartError::Postgres)?;
        format!("Postgres on host {host:?}, {} connections", storage.postgres.max_connections)
    } else {
        let path = storage.data_dir.join("eyrie.db");
        let there = if path.is_file() { "is there" } else { "would be made" };
        format!("SQLite, {} ({there})", path.display())
    };
    let model = match extractor.describer.model.as_os_str().is_empty() {
        true => "built in".to_owned(),
        false => extractor.describer.model.display().to_string(),
    };
    let threads = describer.team.threads();
    Ok(Plan(vec![
        ("address", server.bind.clone()),
        ("database", database),
        (
            "index",
            format!("{}, saved every {} s where it has changed", folder.display(), index.save_interval.as_secs_f64()),
        ),
        ("model", format!("{} ({model})", describer.model.fingerprint())),
        (
            "chip",
            format!("{}, threads: {threads}, workers: {}", describer.kernels.isa().name(), extractor.pool.workers),
        ),
        ("log", format!("{}, as {}", log.level, if log.format == LogFormat::Json { "JSON" } else { "text" })),
        (
            "telemetry",
            if telemetry.otlp_endpoint.is_empty() { "not pushed".to_owned() } else { telemetry.otlp_endpoint.clone() },
        ),
    ]))
}

/// What a start of this program would do with the saved index of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexAtStart {
    /// It is read.
    Read,
    /// There is none: it is built.
    Built,
    /// It cannot be used by this program: it is built anew.
    Rebuilt(String),
    /// A server uses the folder now.
    InUse,
}

/// A collection as this program would find it.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionAtStart {
    /// The collection with its counts.
    pub summary: CollectionSummary,
    /// Its index.
    pub index: IndexAtStart,
}

/// What this program would change or leave out of date.
#[derive(Debug, Clone, PartialEq)]
pub struct Upgrade {
    /// Whether there is a database.
    pub there: bool,
    /// Its schema; 0 where there is none.
    pub schema: i64,
    /// The migrations that the next start applies: `0006_jobs`.
    pub pending: Vec<String>,
    /// Its collections.
    pub collections: Vec<CollectionAtStart>,
    /// Images whose local features are of another version, or were never stored.
    pub outdated_features: u64,
}

impl Upgrade {
    /// Whether a start of this program finds everything as it needs it.
    #[must_use]
    pub fn is_up_to_date(&self) -> bool {
        let current =
            |one: &CollectionAtStart| one.summary.stale == 0 && !matches!(one.index, IndexAtStart::Rebuilt(_));
        self.pending.is_empty() && self.outdated_features == 0 && self.collections.iter().all(current)
    }
}

/// Looks at the configured database and the saved indexes; changes nothing.
///
/// # Errors
/// [`StartError`]: also where the database is newer than this program.
pub async fn examine(config: &Config) -> Result<Upgrade, StartError> {
    let describer = Describer::load(&config.extractor.describer)?;
    config.index.graph.check()?;
    let (storage, model) = (&config.storage, describer.model.fingerprint());
    let found = if storage.is_postgres() {
        let url = storage.database_url.reveal();
        let found = PostgresStore::examine(url, storage.postgres, model, local::VERSION).await;
        Some(found.map_err(StartError::Postgres)?)
    } else {
        let data_dir = storage.data_dir.clone();
        let found = SqliteStore::examine(&data_dir, model, local::VERSION).await;
        found.map_err(|source| StartError::Sqlite { data_dir, source })?
    };
    let Some(found) = found else {
        return Ok(Upgrade {
            there: false,
            schema: 0,
            pending: Vec::new(),
            collections: Vec::new(),
            outdated_features: 0,
        });
    };
    let catalogue = catalogue(&describer);
    let folder = storage.data_dir.join("index");
    let params = config.index.graph;
    let indexed = |one: &CollectionSummary| {
        let facts = catalogue.profile(one.collection.profile);
        Indexed::new(&one.collection, facts.version.clone(), facts.dimension)
    };
    let all: Vec<Indexed> = found.collections.iter().map(indexed).collect();
    let indexes = tokio::task::spawn_blocking(move || look_at_indexes(folder, params, &all));
    let indexes = indexes.await.map_err(|e| StartError::Process(e.to_string()))??;
    let collections = found.collections.into_iter().zip(indexes);
    Ok(Upgrade {
        there: true,
        schema: found.schema,
        pending: found.pending,
        collections: collections.map(|(summary, index)| CollectionAtStart { summary, index }).collect(),
        outdated_features: found.outdated_features,
    })
}

fn look_at_indexes(folder: PathBuf, params: GraphParams, all: &[Indexed]) -> Result<Vec<IndexAtStart>, StartError> {
    // To open a shelf makes its folder.
    if !folder.is_dir() {
        return Ok(vec![IndexAtStart::Built; all.len()]);
    }
    let shelf = match Shelf::open(folder.clone(), params) {
        Ok(Some(shelf)) => shelf,
        Ok(None) => return Ok(vec![IndexAtStart::InUse; all.len()]),
        Err(error) => return Err(StartError::Process(format!("{} cannot be opened: {error}", folder.display()))),
    };
    let at_start = |of: &Indexed| match shelf.would_read(of) {
        Ok(true) => IndexAtStart::Read,
        Ok(false) => IndexAtStart::Built,
        Err(reason) => IndexAtStart::Rebuilt(reason),
    };
    Ok(all.iter().map(at_start).collect())
}

/// Brings the schema of the configured database up to date, as a start does.
///
/// # Errors
/// [`StartError`].
pub async fn upgrade(config: &Config) -> Result<(), StartError> {
    let backend = Backend::open(config, Purpose::Import).await?;
    backend.close().await;
    Ok(())
}

/// Puts the database of a backup into a data directory, and removes the indexes that were saved of
/// the one before: the next start builds them.
///
/// # Errors
/// [`BackupError`]; then the database is as it was.
pub async fn restore(
    config: &Config,
    backup: &Path,
    replace: bool,
    watch: BackupWatch,
) -> Result<Restored, BackupError> {
    let data_dir = &config.storage.data_dir;
    // Before anything is made: a file that is no backup leaves no folder behind.
    store::manifest(backup)?;
    let folder = data_dir.join("index");
    let failed = |source| BackupError::File { path: folder.clone(), source };
    // No server keeps its index here meanwhile, and so none begins to.
    let Some(shelf) = Shelf::open(folder.clone(), config.index.graph).map_err(failed)? else {
        return Err(BackupError::InUse(data_dir.clone()));
    };
    store::restore(data_dir, backup, replace, || shelf.clear(), watch).await
}
