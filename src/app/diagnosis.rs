//! Comparing what is kept beside the database with it, the saved indexes and the originals, and the
//! counts in the database with what they count.

use std::sync::Arc;
use std::time::Duration;

use super::{Backend, Purpose, StartError, catalogue};
use crate::config::Config;
use crate::originals::{self, UpkeepError};
use crate::search::Shelf;
use crate::search::doctor::{self, Diagnosis};
use crate::store::{Miscount, StoreError};

/// What was found.
#[derive(Debug)]
pub struct Findings {
    /// Of each collection's saved index.
    pub indexes: Vec<Diagnosis>,
    /// Of the originals that are kept.
    pub originals: originals::Diagnosis,
    /// The counts, which quotas go by, that are wrong.
    pub miscounts: Vec<Miscount>,
}

/// Compares the saved indexes, the originals that are kept and the counts with the database; with
/// `repair`, removes what is wrong and counts anew. An object that no image names is an orphan once
/// it is older than `grace`.
///
/// # Errors
/// [`StartError`]; [`StartError::Process`] while a server uses the folder of the indexes.
pub async fn diagnose(config: &Config, repair: bool, grace: Duration) -> Result<Findings, StartError> {
    let backend = Backend::open(config, Purpose::Import).await?;
    let found = async {
        let indexes = diagnose_indexes(&backend, config, repair).await?;
        let originals = diagnose_originals(&backend, repair, grace).await?;
        let miscounts = diagnose_counts(&backend, repair).await?;
        Ok(Findings { indexes, originals, miscounts })
    };
    let found = found.await;
    backend.close().await;
    found
}

async fn diagnose_counts(backend: &Backend, repair: bool) -> Result<Vec<Miscount>, StartError> {
    let failed = |error: StoreError| StartError::Process(format!("cannot compare the counts: {error}"));
    let found = backend.store.miscounts().await.map_err(failed)?;
    if repair && !found.is_empty() {
        backend.store.recount().await.map_err(failed)?;
    }
    Ok(found)
}

async fn diagnose_originals(
    backend: &Backend,
    repair: bool,
    grace: Duration,
) -> Result<originals::Diagnosis, StartError> {
    let failed = |error: UpkeepError| StartError::Process(format!("cannot look at the originals: {error}"));
    let grace = grace.try_into().unwrap_or(time::Duration::MAX);
    let found = originals::diagnose(&*backend.store, &backend.originals, grace).await.map_err(failed)?;
    if repair {
        originals::repair(&*backend.store, &backend.originals, &found).await.map_err(failed)?;
    }
    Ok(found)
}

async fn diagnose_indexes(backend: &Backend, config: &Config, repair: bool) -> Result<Vec<Diagnosis>, StartError> {
    let (folder, params) = (config.storage.data_dir.join("index"), config.index.graph);
    let shelf = match Shelf::open(folder.clone(), params) {
        Ok(Some(shelf)) => Arc::new(shelf),
        Ok(None) => return Err(StartError::Process(format!("{} is in use: stop the server first", folder.display()))),
        Err(error) => return Err(StartError::Process(format!("{} cannot be opened: {error}", folder.display()))),
    };
    let catalogue = catalogue(&backend.describer);
    let failed = |error: StoreError| StartError::Process(format!("cannot compare with the database: {error}"));
    let found = doctor::diagnose(&*backend.store, &catalogue, &shelf).await.map_err(failed)?;
    if repair {
        doctor::repair(&*backend.store, &catalogue, &shelf, &found).await.map_err(failed)?;
    }
    Ok(found)
}
