//! The index and the store agree: across processes, restarts, models and races.

use std::collections::HashSet;

use super::*;
use crate::domain::{Filter, FilterLimits, Profile, Quota};
use crate::store::Images as _;

/// A second process over the same database.
async fn second(fixture: &Fixture, model: &'static str) -> Arc<RetrievalService> {
    let store = open(fixture.dir.path()).await;
    let service = start(&store, &fixture.control, model);
    service.index_built().await.expect("built");
    service
}

#[tokio::test]
async fn what_another_process_writes_appears() {
    let fixture = Fixture::new().await;
    let other = second(&fixture, MODEL).await;
    let kept = fixture.add(b"kept").await.id;
    let gone = fixture.add(b"gone").await.id;
    assert!(found(&other, like(b"kept", 5)).await.is_empty(), "the other process has not looked yet");
    other.refresh().await.expect("followed");
    assert_eq!(found(&other, like(b"kept", 5)).await.len(), 2);

    fixture.service.delete_image(&default(), &gone, Precondition::None).await.expect("deleted");
    let covers = CollectionName::new("covers").expect("valid");
    fixture
        .service
        .create_collection(covers.clone(), Some(Profile::Fast), String::new(), Quota::default())
        .await
        .expect("created");
    fixture.service.add_image(&covers, image(b"cover", json!({}))).await.expect("added");
    other.refresh().await.expect("followed");
    assert_eq!(found(&other, like(b"kept", 5)).await, [kept]);
    assert_eq!(other.search(&covers, like(b"cover", 5)).await.expect("an answer").hits.len(), 1);

    // Deleted and made anew with another profile between two looks.
    fixture.service.delete_collection(&covers).await.expect("deleted");
    fixture
        .service
        .create_collection(covers.clone(), Some(Profile::Nip), String::new(), Quota::default())
        .await
        .expect("created");
    assert!(other.search(&covers, like(b"cover", 5)).await.expect("an answer").hits.is_empty());
    let anew = fixture.service.add_image(&covers, image(b"anew", json!({}))).await;
    let Ok(Stored { outcome: AddOutcome::Created(anew), .. }) = anew else { panic!("{anew:?}") };
    other.refresh().await.expect("followed");
    let hits = other.search(&covers, like(b"cover", 5)).await.expect("an answer").hits;
    assert_eq!(hits.iter().map(|hit| &hit.record.id).collect::<Vec<_>>(), [&anew.id]);
}

#[tokio::test]
async fn a_restart_builds_the_index_from_the_store() {
    let fixture = Fixture::new().await;
    for n in 0_u8..20 {
        fixture.add(&[200, n, n]).await;
    }
    let before = found(&fixture.service, like(&[200, 7, 7], 20)).await;
    fixture.service.shutdown().await;
    let after = second(&fixture, MODEL).await;
    assert_eq!(found(&after, like(&[200, 7, 7], 20)).await, before);
    assert_eq!(before.len(), 20);
    assert!(after.readiness().await.ready);
}

#[tokio::test]
async fn searches_see_a_part_of_the_images_while_the_index_is_built_where_they_may() {
    let fixture = Fixture::new().await;
    let covers = CollectionName::new("covers").expect("valid");
    fixture
        .service
        .create_collection(covers.clone(), Some(Profile::Fast), String::new(), Quota::default())
        .await
        .expect("created");
    fixture.service.add_image(&covers, image(b"cover", json!({}))).await.expect("added");
    fixture.add_named("before", b"before", json!({"n": 1})).await;
    fixture.service.shutdown().await;

    let store = open(fixture.dir.path()).await;
    // `covers` is read, `default` is not.
    store.hold("descriptors", 2);
    let options = MemoryOptions { serve_while_building: true, ..memory_options() };
    let search = search_with(&store, MODEL, maker(Index::Graph), options);
    let parts = parts(&store, &fixture.control, MODEL, search);
    let service = RetrievalService::start(parts, super::options()).expect("started");
    store.until_called("descriptors", 2).await;
    let readiness = service.readiness().await;
    assert_eq!((readiness.ready, readiness.index.as_str()), (true, "building, 1 of 2, answers are partial"));
    let covers_found = service.search(&covers, like(b"cover", 5)).await.expect("an answer");
    assert_eq!((covers_found.hits.len(), covers_found.partial), (1, true));
    let filter = Filter::parse(&json!({"field": "n", "eq": 1}), FilterLimits::default()).expect("valid");
    let filtered = || SearchRequest { filter: Some(filter.clone()), ..like(b"before", 5) };
    let nothing = service.search(&default(), filtered()).await.expect("an answer");
    assert_eq!((nothing.hits.len(), nothing.partial), (0, true));
    service.add_image(&default(), named("meanwhile", b"meanwhile")).await.expect("added");

    store.release();
    service.index_built().await.expect("built");
    let whole = service.search(&default(), like(b"before", 5)).await.expect("an answer");
    assert_eq!((whole.hits.len(), whole.partial), (2, false));
    assert_eq!(found(&service, filtered()).await, [id("before")]);
}

#[tokio::test]
async fn images_of_another_model_are_not_compared_until_they_are_described_anew() {
    let fixture = Fixture::new().await;
    let old = fixture.add_with(b"a", json!({"n": 1})).await;
    let put = fixture.service.put_image(&default(), to_put("p", b"b", json!({})), Precondition::None).await;
    put.expect("stored");
    let service = second(&fixture, OTHER_MODEL).await;

    assert!(found(&service, like(b"a", 5)).await.is_empty());
    let summary = service.collection(&default()).await.expect("there");
    assert_eq!((summary.images, summary.stale), (2, 2));
    let by_id = service.search(&default(), search_for(SearchQuery::Id(old.id.clone()), 5)).await;
    assert!(matches!(by_id, Err(ServiceError::VersionMismatch { .. })), "{by_id:?}");

    let again = service.add_image(&default(), image(b"a", json!({"n": 2}))).await.expect("answered").outcome;
    let AddOutcome::Existing(renewed) = again else { panic!("{again:?}") };
    assert_eq!((&renewed.id, &renewed.metadata), (&old.id, &old.metadata));
    assert_eq!(renewed.version, service.version(Profile::Rnip));
    assert_eq!(found(&service, like(b"a", 5)).await, std::slice::from_ref(&old.id));
    let put = service.put_image(&default(), to_put("p", b"b", json!({})), Precondition::None).await;
    assert!(matches!(put, Ok(Stored { outcome: PutOutcome::Updated(_), .. })), "{put:?}");
    assert_eq!(found(&service, like(b"a", 5)).await.len(), 2);

    // The process with the old model no longer finds them.
    fixture.service.refresh().await.expect("followed");
    assert!(found(&fixture.service, like(b"a", 5)).await.is_empty());
}

/// A linear congruential generator (Knuth's MMIX constants): the same numbers at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

async fn writer(service: Arc<RetrievalService>, seed: u64) {
    let mut numbers = Numbers(seed);
    for _ in 0..60 {
        let id = id(&format!("i{}", numbers.below(12)));
        let bytes: Vec<u8> = (0..8).map(|_| numbers.below(256) as u8).collect();
        match numbers.below(4) {
            0 => match service.delete_image(&default(), &id, Precondition::None).await {
                Ok(()) | Err(ServiceError::UnknownImage(_)) => {}
                Err(error) => panic!("{error:?}"),
            },
            1 => {
                let response = service.search(&default(), like(&bytes, 12)).await.expect("an answer");
                assert!(response.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
            }
            _ => {
                let put = to_put(id.as_str(), &bytes, json!({}));
                service.put_image(&default(), put, Precondition::None).await.expect("stored");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_race_of_writers_in_two_processes_each_index_equals_the_store() {
    for index in [Index::Flat, Index::Graph] {
        let fixture = Fixture::with(2, 64, index).await;
        let other = second(&fixture, MODEL).await;
        let writers = (1..=6).map(|n| {
            let service = if n % 2 == 0 { &other } else { &fixture.service };
            tokio::spawn(writer(Arc::clone(service), n))
        });
        for outcome in futures::future::join_all(writers.collect::<Vec<_>>()).await {
            outcome.expect("no writer failed");
        }
        let version = fixture.service.version(Profile::Rnip);
        let stored = fixture.store.descriptors(&default(), &version, None, 1000).await.expect("read");
        for service in [&fixture.service, &other] {
            service.refresh().await.expect("followed");
            let request = SearchRequest { exact: true, ..like(b"a", 50) };
            let hits = service.search(&default(), request).await.expect("an answer").hits;
            let keys: HashSet<_> = hits.iter().map(|hit| hit.record.key).collect();
            assert_eq!(keys, stored.iter().map(|(key, _)| *key).collect(), "{index:?}");
            for (key, descriptor) in &stored {
                let itself = search_for(SearchQuery::Descriptor(descriptor.values().to_vec(), None), 1);
                let hits = service.search(&default(), itself).await.expect("an answer").hits;
                assert_eq!(hits[0].record.key, *key, "{index:?}");
                assert!((hits[0].score - 1.0).abs() < 1e-6, "{index:?}: an older descriptor of {key} is in the index");
            }
        }
    }
}

#[tokio::test]
async fn without_a_search_images_are_added_and_searches_are_refused() {
    let fixture = Fixture::new().await;
    let parts = parts(&fixture.store, &fixture.control, MODEL, Arc::new(NoSearch));
    let importer = RetrievalService::start(parts, options()).expect("started");
    let added = importer.import_image(&default(), image(b"a", json!({}))).await;
    let Ok(Stored { outcome: AddOutcome::Created(added), .. }) = added else { panic!("{added:?}") };
    let looking = AddImage { on_similar: OnSimilar::Report, ..image(b"b", json!({})) };
    assert!(matches!(importer.import_image(&default(), looking).await, Err(ServiceError::NotReady)));
    assert!(matches!(importer.search(&default(), like(b"a", 1)).await, Err(ServiceError::NotReady)));
    assert!(matches!(importer.refresh().await, Err(ServiceError::NotReady)));
    assert!(matches!(importer.index_built().await, Err(ServiceError::NotReady)));
    let readiness = importer.readiness().await;
    assert_eq!((readiness.ready, readiness.index.as_str()), (true, "not kept in this process"));
    fixture.service.refresh().await.expect("followed");
    assert_eq!(found(&fixture.service, like(b"a", 1)).await, [added.id]);
}
