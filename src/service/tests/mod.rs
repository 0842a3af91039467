//! The service over the real SQLite store and the real indexes. The extractor is a stand-in whose
//! descriptor is the image's first bytes, so that a test decides what is similar to what, and when
//! a worker is busy.

mod batches;
mod faults;
mod following;
mod ingesting;
mod jobs;
mod keys;
mod originals;
mod pool;
mod preconditions;
mod quotas;
mod reindex;
mod searching;
mod similar;
mod stand_in;
mod verifying;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::domain::{Catalogue, Profile};
use crate::domain::{
    CollectionName, ImageId, ImageRecord, JobId, Levels, Order, Position, Precondition, Secret, SystemClock, Verify,
};
use crate::originals::Keeping;
use crate::search::{
    FlatIndex, GraphIndex, GraphParams, IndexMaker, MemoryOptions, MemorySearch, NoSearch, VectorIndex,
};
use crate::search::{SearchBackend, SearchSlots};
use crate::store::SqliteStore;
use crate::store::Store;
use eyrie_chip::Chip;
use eyrie_vision::cost::CostModel;
use stand_in::{Control, DIMENSION, StandIn};

pub(super) const MODEL: &str = "0123456789abcdef";
pub(super) const OTHER_MODEL: &str = "fedcba9876543210";

/// So long that only a refresh and the writes themselves move the index.
const NEVER: Duration = Duration::from_secs(3_600);

#[derive(Debug, Clone, Copy)]
enum Index {
    Flat,
    Graph,
}

fn maker(kind: Index) -> Arc<dyn IndexMaker> {
    let params = GraphParams { m: 8, ef_construction: 64, ef_search: 64, exact_below: 4 };
    match kind {
        Index::Flat => Arc::new(|dimension| -> Arc<dyn VectorIndex> { Arc::new(FlatIndex::new(dimension)) }),
        Index::Graph => Arc::new(move |dimension| -> Arc<dyn VectorIndex> {
            Arc::new(GraphIndex::temporary(dimension, params).expect("parameters in range"))
        }),
    }
}

fn options() -> ServiceOptions {
    ServiceOptions {
        limits: Limits {
            max_results: 100,
            max_batch: 10,
            metadata_max_bytes: 1024,
            metadata_max_depth: 4,
            max_transfer_bytes: 1 << 20,
        },
        jobs: JobOptions { keep_days: 7 },
        max_upload_bytes: 1 << 20,
        spool_dir: std::env::temp_dir(),
        search: VerificationOptions { verify: Verify::Auto, verify_candidates: 20, verify_reach: 20, expand: true },
        admin_key: Secret::default(),
    }
}

/// A service over a database in a folder of its own, with what is needed to disturb it.
struct Fixture {
    service: Arc<RetrievalService>,
    search: Arc<MemorySearch>,
    store: Arc<SqliteStore>,
    control: Arc<Control>,
    dir: TempDir,
}

impl Fixture {
    /// One worker, a queue of 64, a graph index; ready.
    async fn new() -> Self {
        Self::with(1, 64, Index::Graph).await
    }

    async fn with(workers: usize, queue_length: usize, index: Index) -> Self {
        Self::with_options(workers, queue_length, index, options()).await
    }

    /// Like [`Fixture::new`], with originals kept as this says of the folder.
    async fn keeping(originals: impl FnOnce(&Path) -> Keeping) -> Self {
        Self::with_all(1, 64, Index::Graph, options(), originals).await
    }

    async fn with_options(workers: usize, queue_length: usize, index: Index, options: ServiceOptions) -> Self {
        Self::with_all(workers, queue_length, index, options, |_| Keeping::Nothing).await
    }

    async fn with_all(
        workers: usize,
        queue_length: usize,
        index: Index,
        options: ServiceOptions,
        originals: impl FnOnce(&Path) -> Keeping,
    ) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let store = open(dir.path()).await;
        let control = Arc::new(Control::default());
        let search = search_over(&store, MODEL, maker(index));
        let extractors = (0..workers).map(|_| StandIn::boxed(MODEL, &control)).collect();
        let originals = originals(dir.path());
        let parts =
            ServiceParts { extractors, queue_length, originals, ..parts(&store, &control, MODEL, search.clone()) };
        let service = RetrievalService::start(parts, options).expect("started");
        service.index_built().await.expect("built");
        Self { service, search, store, control, dir }
    }

    async fn add(&self, bytes: &[u8]) -> ImageRecord {
        self.add_with(bytes, Value::Null).await
    }

    async fn add_with(&self, bytes: &[u8], metadata: Value) -> ImageRecord {
        match self.service.add_image(&default(), image(bytes, metadata)).await.expect("added").outcome {
            AddOutcome::Created(record) => record,
            AddOutcome::Existing(record) => panic!("{:?} was there", record.id),
        }
    }

    async fn add_named(&self, name: &str, bytes: &[u8], metadata: Value) -> ImageRecord {
        let new = AddImage { id: Some(id(name)), ..image(bytes, metadata) };
        match self.service.add_image(&default(), new).await.expect("added").outcome {
            AddOutcome::Created(record) => record,
            AddOutcome::Existing(record) => panic!("{:?} was there", record.id),
        }
    }
}

async fn open(dir: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(dir, Arc::new(SystemClock)).await.expect("database"))
}

fn catalogue(model: &str) -> Arc<Catalogue> {
    Arc::new(Catalogue::new(model, DIMENSION, |_| Levels { near_duplicate: 0.8, similar: 0.5 }))
}

fn search_over(store: &Arc<SqliteStore>, model: &str, maker: Arc<dyn IndexMaker>) -> Arc<MemorySearch> {
    search_with(store, model, maker, memory_options())
}

fn search_with(
    store: &Arc<SqliteStore>,
    model: &str,
    maker: Arc<dyn IndexMaker>,
    options: MemoryOptions,
) -> Arc<MemorySearch> {
    let slots = Arc::new(SearchSlots::new());
    Arc::new(MemorySearch::start(Arc::clone(store) as Arc<dyn Store>, catalogue(model), maker, slots, options))
}

fn memory_options() -> MemoryOptions {
    MemoryOptions { follow_interval: NEVER, save_interval: NEVER, max_memory: 0, serve_while_building: false }
}

/// With one worker and a queue of eight.
fn parts(
    store: &Arc<SqliteStore>,
    control: &Arc<Control>,
    model: &'static str,
    search: Arc<dyn SearchBackend>,
) -> ServiceParts {
    ServiceParts {
        store: Arc::clone(store) as Arc<dyn Store>,
        search,
        slots: Arc::new(SearchSlots::new()),
        catalogue: catalogue(model),
        extractors: vec![StandIn::boxed(model, control)],
        queue_length: 8,
        costs: costs(),
        clock: Arc::new(SystemClock),
        originals: Keeping::Nothing,
    }
}

/// A service with one worker and a graph index, which may not be built yet.
fn start(store: &Arc<SqliteStore>, control: &Arc<Control>, model: &'static str) -> Arc<RetrievalService> {
    let search = search_over(store, model, maker(Index::Graph));
    RetrievalService::start(parts(store, control, model, search), options()).expect("started")
}

/// Of a network without layers: the stand-in has none.
fn costs() -> Arc<CostModel> {
    let chip = Chip::load("default").expect("built in");
    Arc::new(CostModel::of(chip, Vec::new(), MODEL, "{}").expect("it fits"))
}

fn default() -> CollectionName {
    CollectionName::default_collection()
}

fn id(text: &str) -> ImageId {
    ImageId::new(text).expect("valid id")
}

fn image(bytes: &[u8], metadata: Value) -> AddImage {
    AddImage {
        id: None,
        bytes: bytes.to_vec().into(),
        metadata,
        on_duplicate: OnDuplicate::Return,
        on_similar: OnSimilar::Ignore,
        stored_by: None,
        named: None,
    }
}

fn to_put(name: &str, bytes: &[u8], metadata: Value) -> PutImage {
    PutImage { id: id(name), bytes: bytes.to_vec().into(), metadata, on_similar: OnSimilar::Ignore, stored_by: None }
}

fn named(name: &str, bytes: &[u8]) -> AddImage {
    AddImage { id: Some(id(name)), ..image(bytes, json!({})) }
}

/// A search for the `k` nearest of a query.
fn search_for(query: SearchQuery, k: usize) -> SearchRequest {
    SearchRequest {
        query,
        k,
        offset: 0,
        min_score: None,
        filter: None,
        group_by: None,
        exact: false,
        ef: None,
        verify: None,
        expand: None,
        thumbnail: false,
    }
}

/// A search by the descriptor that the stand-in makes of these bytes.
fn like(bytes: &[u8], k: usize) -> SearchRequest {
    search_for(SearchQuery::Descriptor(stand_in::values(bytes), None), k)
}

async fn found(service: &RetrievalService, request: SearchRequest) -> Vec<ImageId> {
    let response = service.search(&default(), request).await.expect("an answer");
    response.hits.into_iter().map(|hit| hit.record.id).collect()
}
