//! The composition root: configuration to concrete parts to service to router, and the shutdown.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eyrie_terminal::CliError;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::domain::{Catalogue, Clock, Scope, SystemClock};
use crate::http::{self, AppState, Entrance, HttpOptions};
pub use crate::originals::Diagnosis as OriginalsDiagnosis;
use crate::originals::{self, Keeping, OriginalsError};
pub use crate::search::doctor::{Diagnosis, SavedIndex};
use crate::search::{
    FlatIndex, IndexError, IndexMaker, MemoryOptions, MemorySearch, NoSearch, SearchBackend, SearchSlots, Shelf,
    VectorIndex, unsaved_index,
};
use crate::service::{Isolation, RetrievalService, ServiceError, ServiceOptions, ServiceParts};
use crate::store::{PostgresStore, SqliteStore, StorageOptions, Store, StoreError};
use crate::telemetry::{self, TelemetryError};
#[cfg(target_os = "linux")]
use crate::worker::{IsolatedExtractor, IsolationError};
use eyrie_vision::describe::Extractor;
use eyrie_vision::{Describer, DescriberError, DescriberOptions};

mod diagnosis;

pub use diagnosis::{Findings, diagnose};

/// How often the gauges of the process are refreshed and old histogram samples folded up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The ways out of [`StartError::Unguarded`].
const UNGUARDED_HINT: &str = "make a key with `eyrie keys add --label admin --scope admin`, or give one in EYRIE_ADMIN_KEY (or \
    EYRIE_ADMIN_KEY_FILE); or listen on this machine alone (--bind 127.0.0.1:8080); or, where something in front of it asks who they are, say \
    what is open: EYRIE_SERVER__ALLOW_ANONYMOUS=admin";

/// What a worker keeps beside the picture that it decodes: the arena of its passes and their
/// inputs.
const ARENA_BYTES: usize = 32 << 20;

/// Why the program cannot start. Each text is a sentence that names the part; [`StartError::hint`]
/// says what helps.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing can be described.
    #[error(transparent)]
    Describer(#[from] DescriberError),
    /// The SQLite database cannot be opened.
    #[error("cannot open the SQLite database in {data_dir}: {source}")]
    Sqlite {
        /// The folder as configured.
        data_dir: PathBuf,
        /// What the store says.
        source: StoreError,
    },
    /// The Postgres database cannot be opened.
    #[error("cannot open the Postgres database: {0}")]
    Postgres(StoreError),
    /// Originals cannot be kept as it is configured.
    #[error("originals cannot be kept: {0}")]
    Originals(#[from] OriginalsError),
    /// Parameters of the index.
    #[error("index: {0}")]
    Index(#[from] IndexError),
    /// The service does not start.
    #[error("the service cannot start: {0}")]
    Service(#[from] ServiceError),
    /// What the workers may need is more than the memory that there is for them.
    #[error(
        "server.memory_budget_mib is {budget} MiB: the workers may need {workers} MiB and reading one upload {upload} MiB, \
         {} MiB together", workers + upload
    )]
    Memory {
        /// As configured.
        budget: usize,
        /// Pictures of the largest size, one each worker.
        workers: usize,
        /// One body of the largest size.
        upload: usize,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Everybody could do everything.
    #[error(
        "{address} can be reached from other machines, and there is no key: everybody who reaches it could do everything"
    )]
    Unguarded {
        /// The address.
        address: SocketAddr,
    },
    /// Pictures cannot be described in processes of their own.
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    /// There is no sandbox for processes here.
    #[error("extractor.isolation is process: this system has no sandbox for it")]
    NoSandbox,
    /// Traces and metrics cannot be pushed as it is configured.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// No threads, or no recorder.
    #[error("{0}")]
    Process(String),
}

impl StartError {
    /// What the user can do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Describer(error) => error.hint(),
            Self::Sqlite { source, .. } => Some(
                setup_hint(source).unwrap_or("the folder must be writable for this user; --data-dir chooses another"),
            ),
            Self::Postgres(source) => {
                Some(setup_hint(source).unwrap_or("check that the server runs and that EYRIE_DATABASE_URL names it"))
            }
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("another program (perhaps another eyrie) listens there; --bind chooses another port")
            }
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 need a privilege; --bind chooses another port")
            }
            Self::Listen { .. } => {
                Some("--bind takes an address of this machine and a port, for example 127.0.0.1:8080")
            }
            Self::Telemetry(_) => Some("see telemetry.otlp_endpoint and the keys below it in `eyrie config show`"),
            Self::Originals(_) => Some("see storage.originals and the keys below it in `eyrie config show`"),
            Self::Unguarded { .. } => Some(UNGUARDED_HINT),
            Self::Memory { .. } => {
                Some("a lower extractor.max_pixels or fewer extractor.workers need less; 0 sets no bound")
            }
            #[cfg(target_os = "linux")]
            Self::Isolation(_) => Some("extractor.isolation = \"thread\" describes pictures inside the service"),
            Self::NoSandbox => Some("extractor.isolation = \"thread\" describes pictures inside the service"),
            Self::Index(_) | Self::Service(_) | Self::Process(_) => None,
        }
    }
}

/// What the store itself says that helps.
fn setup_hint(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Setup { hint, .. } => Some(hint),
        StoreError::Unavailable(_) | StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Internal(_) => None,
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        Self::Start { hint: error.hint(), message: error.to_string() }
    }
}

/// The runtime that commands run in.
///
/// # Errors
/// [`StartError::Process`] when the system refuses threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| StartError::Process(format!("cannot start threads: {e}")))
}

/// What a process needs the service for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To answer many searches: the index is a graph.
    Serve,
    /// To answer one search: the index is scanned, since to build a graph costs more than one scan.
    OneSearch,
    /// To add images only: there is no index.
    Import,
}

/// The service with its store, without HTTP.
pub struct Backend {
    /// The service.
    pub service: Arc<RetrievalService>,
    /// Where the images live.
    pub store: Arc<dyn Store>,
    /// What describes them.
    pub describer: Describer,
    /// Where the uploads themselves are kept.
    pub originals: Keeping,
}

impl Backend {
    /// Loads the model, opens the database (and brings its schema up to date) and starts the
    /// service.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(config: &Config, purpose: Purpose) -> Result<Self, StartError> {
        Self::compose(config, purpose, Parts::default()).await
    }

    /// [`Backend::open`] with some parts in place of the usual ones.
    async fn compose(config: &Config, purpose: Purpose, parts: Parts) -> Result<Self, StartError> {
        let describer = Describer::load(&config.extractor.describer)?;
        config.index.graph.check()?;
        let originals = originals::open(&config.storage)?;
        let extractors = extractors(config, purpose, &describer, &parts)?;
        let clock = parts.clock;
        let store = match parts.store {
            Some(store) => store,
            None => open_store(&config.storage, Arc::clone(&clock)).await?,
        };
        let catalogue = Arc::new(catalogue(&describer));
        let slots = Arc::new(SearchSlots::new());
        let search: Arc<dyn SearchBackend> = match purpose {
            Purpose::Serve | Purpose::OneSearch => Arc::new(MemorySearch::start(
                Arc::clone(&store),
                Arc::clone(&catalogue),
                index_maker(config, purpose).await,
                Arc::clone(&slots),
                MemoryOptions {
                    follow_interval: config.index.follow_interval,
                    save_interval: config.index.save_interval,
                    max_memory: config.index.max_memory_mib << 20,
                    serve_while_building: config.index.serve_while_building,
                },
            )),
            Purpose::Import => Arc::new(NoSearch),
        };
        let parts = ServiceParts {
            store: Arc::clone(&store),
            search,
            slots,
            catalogue,
            extractors,
            queue_length: config.extractor.pool.queue_length,
            costs: Arc::clone(&describer.costs),
            clock,
            originals: originals.clone(),
        };
        let options = ServiceOptions {
            limits: config.limits.clone(),
            search: config.search.clone(),
            admin_key: config.server.admin_key.clone(),
            jobs: config.jobs.clone(),
            max_upload_bytes: config.server.http.max_upload_bytes as u64,
            spool_dir: config.storage.data_dir.clone(),
        };
        let service = RetrievalService::start(parts, options)?;
        Ok(Self { service, store, describer, originals })
    }

    /// Ends the work under way and closes the database.
    pub async fn close(&self) {
        self.service.shutdown().await;
        self.store.close().await;
    }
}

/// What can be put in the place of the usual parts.
struct Parts {
    /// The database, in place of the configured one.
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    /// The program whose command `worker` describes pictures.
    program: PathBuf,
    /// Whether such processes are started before there is a picture for them.
    workers_at_once: bool,
}

impl Default for Parts {
    fn default() -> Self {
        // This program, also where its file was replaced meanwhile.
        Self {
            store: None,
            clock: Arc::new(SystemClock),
            program: PathBuf::from("/proc/self/exe"),
            workers_at_once: false,
        }
    }
}

/// Whether workers are processes.
fn is_isolated(config: &Config, purpose: Purpose) -> bool {
    match config.extractor.pool.isolation {
        Isolation::Process => true,
        // One search is over sooner than a process has loaded the model.
        Isolation::Auto => cfg!(target_os = "linux") && purpose != Purpose::OneSearch,
        Isolation::Thread => false,
    }
}

/// One extractor for each worker, where the configuration says that they are.
fn extractors(
    config: &Config,
    purpose: Purpose,
    describer: &Describer,
    parts: &Parts,
) -> Result<Vec<Box<dyn Extractor>>, StartError> {
    let workers = config.extractor.pool.workers;
    if is_isolated(config, purpose) {
        return isolated_extractors(config, describer.team.threads().div_ceil(workers), parts);
    }
    let extractor = || Box::new(describer.extractor()) as Box<dyn Extractor>;
    Ok(std::iter::repeat_with(extractor).take(workers).collect())
}

#[cfg(target_os = "linux")]
fn isolated_extractors(config: &Config, threads: usize, parts: &Parts) -> Result<Vec<Box<dyn Extractor>>, StartError> {
    let options = DescriberOptions { threads, ..config.extractor.describer.clone() };
    let make = |_| -> Result<Box<dyn Extractor>, StartError> {
        let extractor = IsolatedExtractor::new(&parts.program, &options, config.extractor.pool.picture_timeout);
        Ok(Box::new(if parts.workers_at_once { extractor.started()? } else { extractor }))
    };
    (0..config.extractor.pool.workers).map(make).collect()
}

#[cfg(not(target_os = "linux"))]
fn isolated_extractors(_: &Config, _: usize, _: &Parts) -> Result<Vec<Box<dyn Extractor>>, StartError> {
    Err(StartError::NoSandbox)
}

/// The bytes that uploads may share: what the budget leaves beside the workers' share. `None`
/// where there is no budget.
pub(crate) fn upload_memory(config: &Config) -> Result<Option<usize>, StartError> {
    let http = &config.server.http;
    if http.memory_budget_mib == 0 {
        return Ok(None);
    }
    let picture = usize::try_from(config.extractor.describer.limits().max_bytes()).unwrap_or(usize::MAX);
    let workers = picture.saturating_add(ARENA_BYTES).saturating_mul(config.extractor.pool.workers);
    let upload = http.max_upload_bytes.saturating_mul(crate::http::WHILE_READ);
    let left = (http.memory_budget_mib << 20).saturating_sub(workers);
    if left < upload {
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        return Err(StartError::Memory { budget: http.memory_budget_mib, workers: mib(workers), upload: mib(upload) });
    }
    Ok(Some(left))
}

/// What the running model yields for each profile.
pub(crate) fn catalogue(describer: &Describer) -> Catalogue {
    let model = &describer.model;
    Catalogue::new(model.fingerprint(), model.dimension(), |p| *model.levels(p))
}

async fn open_store(storage: &StorageOptions, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, StartError> {
    if storage.is_postgres() {
        let url = storage.database_url.reveal();
        let store = PostgresStore::connect(url, storage.postgres, clock).await.map_err(StartError::Postgres)?;
        return Ok(Arc::new(store));
    }
    let data_dir = storage.data_dir.clone();
    let store = SqliteStore::open(&data_dir, clock).await.map_err(|source| StartError::Sqlite { data_dir, source })?;
    Ok(Arc::new(store))
}

/// What makes the indexes: a server keeps graphs on disk, where no other server does.
async fn index_maker(config: &Config, purpose: Purpose) -> Arc<dyn IndexMaker> {
    if purpose != Purpose::Serve {
        return Arc::new(|dimension| -> Arc<dyn VectorIndex> { Arc::new(FlatIndex::new(dimension)) });
    }
    let (folder, params) = (config.storage.data_dir.join("index"), config.index.graph);
    let path = folder.clone();
    let shelf = tokio::task::spawn_blocking(move || Shelf::open(folder, params)).await;
    match shelf.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
        Ok(Some(shelf)) => return Arc::new(shelf),
        Ok(None) => tracing::warn!(folder = %path.display(),
            "another process keeps its index there: this one builds its own in memory and does not save it"),
        Err(error) => tracing::warn!(folder = %path.display(), %error,
            "the index cannot be kept on disk, and is built at each start"),
    }
    Arc::new(move |dimension| unsaved_index(dimension, params))
}

/// The server: listening, not yet answering.
pub struct App {
    backend: Backend,
    listener: TcpListener,
    address: SocketAddr,
    router: axum::Router,
    http: HttpOptions,
    metrics: PrometheusHandle,
    started: Instant,
}

/// What an [`App`] is made of.
pub struct AppBuilder {
    config: Config,
    parts: Parts,
}

impl AppBuilder {
    /// Over this database in place of the configured one.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.parts.store = Some(store);
        self
    }

    /// With this program's command `worker` in place of this process's own program.
    #[must_use]
    pub fn worker_program(mut self, program: PathBuf) -> Self {
        self.parts.program = program;
        self
    }

    /// By this clock in place of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.parts.clock = clock;
        self
    }

    /// Opens everything that the configuration names, listens, and logs one line that says so.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(self) -> Result<App, StartError> {
        let Self { config, parts } = self;
        let started = Instant::now();
        // First, so that a port in use is told before a model is loaded or a database touched.
        let bind = &config.server.bind;
        let listen_error = |source| StartError::Listen { address: bind.clone(), source };
        let listener = TcpListener::bind(bind).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;

        let upload_memory = upload_memory(&config)?;
        let metrics = telemetry::install_metrics().map_err(StartError::Process)?;
        let backend = Backend::compose(&config, Purpose::Serve, parts).await?;
        if let Err(error) = check_guard(&backend, &config.server.http, address).await {
            backend.close().await;
            return Err(error);
        }
        let isa = backend.describer.kernels.isa().name();
        let model = backend.describer.model.fingerprint().to_owned();
        telemetry::record_build_info(&model, isa);
        backend.service.run_jobs();
        let collections = backend.service.list_collections().await?;
        let images: u64 = collections.iter().map(|c| c.images).sum();
        let stale: u64 = collections.iter().map(|c| c.stale).sum();

        let http = config.server.http.clone();
        let entrance = Entrance { only_here: address.ip().is_loopback(), rates: config.rate };
        let state = AppState::new(Arc::clone(&backend.service), metrics.clone(), http.clone(), upload_memory, entrance);
        let router = http::router(state);
        if stale > 0 {
            tracing::warn!(
                stale,
                "some images were described by another model and are not found; `eyrie reindex` describes those anew whose \
                 originals are kept, the others have to be imported again"
            );
        }
        // The last line of the start: who reads it may send requests, and knows of every warning.
        tracing::info!(
            %address,
            database = backend.store.kind(),
            isa,
            threads = backend.describer.team.threads(),
            workers = config.extractor.pool.workers,
            isolated = is_isolated(&config, Purpose::Serve),
            %model,
            collections = collections.len(),
            images,
            "listening"
        );
        Ok(App { backend, listener, address, router, http, metrics, started })
    }
}

/// Refuses to let everybody in where other machines reach the server and nobody said so.
async fn check_guard(backend: &Backend, http: &HttpOptions, address: SocketAddr) -> Result<(), StartError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let has_keys = !backend.service.known_keys().await?.is_empty();
    let open = http.allow_anonymous.iter().filter(|scope| !has_keys || **scope != Scope::Admin).max();
    match open {
        None if !has_keys => return Err(StartError::Unguarded { address }),
        Some(scope) if scope.includes(Scope::Write) => tracing::warn!(
            %address,
            %scope,
            "everybody who reaches this address can change what is stored (server.allow_anonymous): let a proxy ask who they are"
        ),
        Some(_) | None => {}
    }
    Ok(())
}

impl App {
    /// An app of this configuration.
    #[must_use]
    pub fn builder(config: Config) -> AppBuilder {
        AppBuilder { config, parts: Parts { workers_at_once: true, ..Parts::default() } }
    }

    /// The service and its store.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The address that is listened on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` completes; then takes no new ones, gives those under way the
    /// configured time, and closes the database.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { backend, listener, address: _, router, http, metrics, started } = self;
        let upkeep = tokio::spawn(async move {
            let mut every = tokio::time::interval(UPKEEP_INTERVAL);
            loop {
                every.tick().await;
                telemetry::record_process(started);
                metrics.run_upkeep();
            }
        });
        let service = Arc::clone(&backend.service);
        let measuring = tokio::spawn(async move {
            let mut every = tokio::time::interval(UPKEEP_INTERVAL);
            loop {
                every.tick().await;
                service.measure().await;
            }
        });
        let stopping = async {
            stop.await;
            tracing::info!(
                grace_ms = http.shutdown_grace.as_millis() as u64,
                "stopping: requests under way may finish"
            );
        };
        http::serve(listener, router, &http, stopping).await;
        upkeep.abort();
        measuring.abort();
        backend.close().await;
        tracing::info!("stopped");
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{ALGORITHMS, ISAS};
    use eyrie_chip::{Algorithm, Isa};

    #[test]
    fn the_configuration_takes_auto_and_every_instruction_set() {
        let names = std::iter::once("auto").chain(Isa::ALL.map(Isa::name));
        assert!(names.eq(ISAS), "{ISAS:?}");
    }

    #[test]
    fn the_configuration_takes_every_algorithm() {
        assert_eq!(Algorithm::ALL.map(Algorithm::name), ALGORITHMS);
    }
}
