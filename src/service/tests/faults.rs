//! A database that fails at the worst moments.

use std::sync::atomic::{AtomicBool, Ordering};

use roaring::RoaringTreemap;

use super::*;
use crate::domain::{Descriptor, ImageKey, Seq};
use crate::search::{Found, IndexError, IndexMaker, Memory, SaveError, SearchParams, VectorIndex};
use crate::store::{ChangeLog as _, StoreError};

fn unavailable<T: std::fmt::Debug>(answer: Result<T, ServiceError>) {
    assert!(matches!(answer, Err(ServiceError::Store(StoreError::Unavailable(_)))), "{answer:?}");
}

#[tokio::test]
async fn while_the_database_is_away_requests_fail_and_afterwards_all_is_as_before() {
    let fixture = Fixture::new().await;
    let record = fixture.add(b"a").await;
    assert!(fixture.service.readiness().await.ready);

    fixture.store.fail("*");
    unavailable(fixture.service.add_image(&default(), image(b"b", json!({}))).await);
    unavailable(fixture.service.search(&default(), like(b"a", 1)).await);
    unavailable(fixture.service.image(&default(), &record.id).await);
    unavailable(fixture.service.delete_image(&default(), &record.id, Precondition::None).await);
    unavailable(fixture.service.refresh().await);
    fixture.service.store_check.forget().await;
    let readiness = fixture.service.readiness().await;
    assert_eq!((readiness.ready, readiness.store.as_str(), readiness.index.as_str()), (false, "unavailable", "ok"));

    fixture.store.heal();
    fixture.service.store_check.forget().await;
    assert!(fixture.service.readiness().await.ready);
    assert_eq!(found(&fixture.service, like(b"a", 1)).await, [record.id]);
    fixture.add(b"b").await;
}

#[tokio::test]
async fn a_database_that_is_away_at_the_start_delays_the_index_and_nothing_else() {
    let first = Fixture::new().await;
    let old = first.add(b"old").await;
    first.service.shutdown().await;

    let store = open(first.dir.path()).await;
    store.fail("last_seq");
    let service = start(&store, &first.control, MODEL);
    unavailable(service.refresh().await);
    let readiness = service.readiness().await;
    assert_eq!((readiness.ready, readiness.store.as_str()), (false, "ok"));
    assert_eq!(readiness.index, "waiting for the database, then it is built");
    assert!(matches!(service.search(&default(), like(b"old", 5)).await, Err(ServiceError::NotReady)));
    assert_eq!(service.image(&default(), &old.id).await.expect("records need no index"), old);
    let added = service.add_image(&default(), image(b"new", json!({}))).await;
    let Ok(Stored { outcome: AddOutcome::Created(new), .. }) = added else { panic!("{added:?}") };

    store.heal();
    service.refresh().await.expect("built");
    service.index_built().await.expect("built");
    assert!(service.readiness().await.ready);
    assert_eq!(found(&service, like(b"old", 1)).await, [old.id]);
    assert_eq!(found(&service, like(b"new", 1)).await, [new.id]);
}

#[tokio::test]
async fn a_write_is_acknowledged_when_only_the_index_cannot_follow() {
    let fixture = Fixture::new().await;
    fixture.add(b"first").await;
    fixture.store.fail("changes");
    let record = fixture.add(b"a").await;
    assert!(!found(&fixture.service, like(b"a", 5)).await.contains(&record.id));
    fixture.store.heal();
    fixture.service.refresh().await.expect("followed");
    assert_eq!(found(&fixture.service, like(b"a", 1)).await, [record.id]);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_and_can_be_repeated() {
    let fixture = Fixture::new().await;
    fixture.store.fail("insert after commit");
    unavailable(fixture.service.add_image(&default(), named("x", b"a")).await);
    fixture.store.heal();
    fixture.service.refresh().await.expect("followed");
    assert_eq!(found(&fixture.service, like(b"a", 1)).await, [id("x")]);
    let again = fixture.service.add_image(&default(), named("x", b"a")).await;
    assert!(matches!(again, Ok(Stored { outcome: AddOutcome::Existing(_), .. })), "{again:?}");
}

#[tokio::test]
async fn a_client_that_leaves_after_the_commit_does_not_leave_the_index_behind() {
    let fixture = Fixture::new().await;
    fixture.store.hold("changes", 1);
    let before = fixture.store.calls("changes");
    let service = Arc::clone(&fixture.service);
    let request = tokio::spawn(async move { service.add_image(&default(), named("x", b"a")).await });
    fixture.store.until_called("changes", before + 1).await;
    request.abort();
    assert!(request.await.expect_err("it was aborted").is_cancelled());
    fixture.store.release();
    // Returns when the write, which holds the lock, is done; nothing else follows here.
    let watermark = fixture.search.watermark().await;
    assert_eq!(watermark, Some(fixture.store.last_seq().await.expect("read")));
    assert_eq!(found(&fixture.service, like(b"a", 1)).await, [id("x")]);
}

#[tokio::test]
async fn an_index_that_panics_is_built_anew() {
    let fixture = Fixture::new().await;
    let control = Arc::new(Control::default());
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let fragile: Arc<dyn IndexMaker> = Arc::new(move |dimension| -> Arc<dyn VectorIndex> {
        Arc::new(Fragile { inner: FlatIndex::new(dimension), broken: Arc::clone(&switch) })
    });
    let search = search_over(&fixture.store, MODEL, fragile);
    let service = RetrievalService::start(parts(&fixture.store, &control, MODEL, search), options()).expect("started");
    service.index_built().await.expect("built");
    service.add_image(&default(), image(b"first", json!({}))).await.expect("added");
    broken.store(true, Ordering::Relaxed);
    service.add_image(&default(), image(b"second", json!({}))).await.expect("the write is durable all the same");
    broken.store(false, Ordering::Relaxed);
    service.refresh().await.expect("built anew");
    assert_eq!(found(&service, like(b"first", 5)).await.len(), 2);
}

/// An index that panics on demand.
struct Fragile {
    inner: FlatIndex,
    broken: Arc<AtomicBool>,
}

impl VectorIndex for Fragile {
    fn upsert(&self, points: Vec<(ImageKey, Descriptor)>) -> Result<(), IndexError> {
        assert!(!self.broken.load(Ordering::Relaxed), "told to break");
        self.inner.upsert(points)
    }

    fn remove(&self, key: ImageKey) -> bool {
        self.inner.remove(key)
    }

    fn descriptor(&self, key: ImageKey) -> Option<Descriptor> {
        self.inner.descriptor(key)
    }

    fn search(
        &self,
        query: &Descriptor,
        params: SearchParams,
        allowed: Option<&RoaringTreemap>,
    ) -> Result<Found, IndexError> {
        self.inner.search(query, params, allowed)
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn keys(&self) -> RoaringTreemap {
        self.inner.keys()
    }

    fn memory(&self) -> Memory {
        self.inner.memory()
    }

    fn save(&self, seq: Seq) -> Result<(), SaveError> {
        self.inner.save(seq)
    }
}
