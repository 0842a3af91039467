//! The one door: the service as its callers hold it.

use std::sync::Arc;

use metrics::gauge;

use super::core::{Core, MOST_SPOOLS};
use super::error::ServiceError;
use super::jobs::Board;
use super::keys::KeyRing;
use super::options::ServiceOptions;
use super::originals::Originals;
use super::owed::Owed;
use super::pool::InferencePool;
use super::quotas;
use super::readiness::StoreCheck;
use super::requests::Readiness;
use super::running::Gate;
use crate::domain::{Catalogue, ChipReport, Clock, DescriptorVersion, JobState, Profile};
use crate::originals::Keeping;
use crate::search::{SearchBackend, SearchSlots};
use crate::store::Store;
use crate::telemetry::metric;
use eyrie_vision::cost::CostModel;
use eyrie_vision::describe::Extractor;

/// What the service is made of.
pub struct ServiceParts {
    /// Where images live.
    pub store: Arc<dyn Store>,
    /// Who finds the nearest ones; it follows the same store.
    pub search: Arc<dyn SearchBackend>,
    /// What computing for searches shares with others, the search backend among them.
    pub slots: Arc<SearchSlots>,
    /// What the model yields.
    pub catalogue: Arc<Catalogue>,
    /// One for each worker thread; at least one, all of the catalogue's model.
    pub extractors: Vec<Box<dyn Extractor>>,
    /// How many images may wait for a worker, beside those that are being described.
    pub queue_length: usize,
    /// The chip whose cost is reported, with the model of the extractors on it.
    pub costs: Arc<CostModel>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where the uploads themselves are kept.
    pub originals: Keeping,
}

/// The use cases. One lives in a process, behind an `Arc`.
pub struct RetrievalService {
    pub(super) core: Arc<Core>,
    pub(super) store_check: StoreCheck,
    costs: Arc<CostModel>,
}

impl RetrievalService {
    /// Starts the workers. [`RetrievalService::readiness`] says when searches can be answered.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] when there is no extractor, or when the system refuses a thread.
    pub fn start(parts: ServiceParts, options: ServiceOptions) -> Result<Arc<Self>, ServiceError> {
        quotas::begin_counting();
        let keys = KeyRing::new(&options.admin_key, parts.clock.now())?;
        let pool = Arc::new(InferencePool::start(parts.extractors, parts.queue_length)?);
        let originals = Originals::new(Arc::clone(&parts.store), parts.originals);
        let core = Arc::new(Core {
            store: parts.store,
            search: parts.search,
            slots: parts.slots,
            catalogue: parts.catalogue,
            pool,
            clock: parts.clock,
            gate: Gate::new(),
            options,
            turn: tokio::sync::Mutex::new(()),
            similar_turn: tokio::sync::Mutex::new(()),
            spools: Arc::new(tokio::sync::Semaphore::new(MOST_SPOOLS)),
            jobs: Board::new(),
            originals,
            keys,
            owed: Owed::default(),
        });
        Ok(Arc::new(Self { core, store_check: StoreCheck::default(), costs: parts.costs }))
    }

    /// Waits until searches can be answered. A database that cannot be reached lets it wait on: the
    /// index is built again until that succeeds.
    ///
    /// # Errors
    /// [`ServiceError::ShuttingDown`]; [`ServiceError::NotReady`] where nothing is searched.
    pub async fn index_built(&self) -> Result<(), ServiceError> {
        let mut closing = self.core.gate.closing();
        tokio::select! {
            biased;
            // The sender cannot go away before `self` does.
            _ = closing.wait_for(|closed| *closed) => Err(ServiceError::ShuttingDown),
            ready = self.core.search.ready() => Ok(ready?),
        }
    }

    /// Brings what is searched to the state of the store now instead of at the next interval;
    /// builds it where that has not happened yet.
    ///
    /// # Errors
    /// [`ServiceError::Store`], [`ServiceError::NotReady`] where nothing is searched.
    pub async fn refresh(&self) -> Result<(), ServiceError> {
        Ok(self.core.search.refresh().await?)
    }

    /// Whether the service can answer now. Takes two seconds at most.
    pub async fn readiness(&self) -> Readiness {
        let Core { store, search, gate, .. } = &*self.core;
        self.store_check.readiness(&**store, search.state(), gate.is_closed()).await
    }

    /// Says in the metrics whether the service can answer and how many jobs there are, and tells
    /// the database what it missed while it was away; to be called every few seconds.
    #[allow(clippy::cast_precision_loss)]
    pub async fn measure(&self) {
        gauge!(metric::READY).set(f64::from(u8::from(self.readiness().await.ready)));
        // What was found here must not make a probe believe in a database that goes away right after.
        self.store_check.forget().await;
        self.core.settle_all().await;
        // While the database is away, what was last known stays.
        let Ok(counts) = self.core.store.count_jobs().await else { return };
        for state in JobState::ALL {
            let count = counts.iter().find(|(other, _)| *other == state).map_or(0, |(_, count)| *count);
            gauge!(metric::JOBS_BY_STATE, "state" => state.as_str()).set(count as f64);
        }
    }

    /// Refuses new work from now on and returns when the work under way has ended (a job at where
    /// it can go on) and the workers and the search have stopped. The store stays open.
    pub async fn shutdown(&self) {
        self.core.gate.close();
        self.core.jobs.idle().await;
        self.core.gate.drained().await;
        self.core.originals.idle().await;
        self.core.search.shutdown().await;
        let pool = Arc::clone(&self.core.pool);
        if let Err(error) = tokio::task::spawn_blocking(move || pool.join()).await {
            tracing::error!(%error, "the workers could not be joined");
        }
    }

    /// The version of the descriptors that `profile` yields with the running model.
    #[must_use]
    pub fn version(&self, profile: Profile) -> DescriptorVersion {
        self.core.catalogue.profile(profile).version.clone()
    }

    /// The number of values of the descriptors that `profile` yields.
    #[must_use]
    pub fn dimension(&self, profile: Profile) -> usize {
        self.core.catalogue.profile(profile).dimension
    }

    /// The chip whose cost is reported, and what an image of `width` x `height` pixels (at least
    /// one each) costs on it.
    #[must_use]
    pub fn chip(&self, width: u32, height: u32) -> ChipReport {
        self.costs.report(width, height)
    }
}
