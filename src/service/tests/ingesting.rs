//! Adding, putting, patching and deleting; duplicates and preconditions.

use futures::future::join_all;
use serde_json::Map;

use super::*;
use crate::domain::{CollectionChange, Profile, Quota, Seq};
use eyrie_vision::picture::PictureError;

async fn add(fixture: &Fixture, new: AddImage) -> Result<AddOutcome, ServiceError> {
    fixture.service.add_image(&default(), new).await.map(|added| added.outcome)
}

async fn put(
    fixture: &Fixture,
    bytes: &[u8],
    metadata: Value,
    precondition: Precondition,
) -> Result<PutOutcome, ServiceError> {
    fixture.service.put_image(&default(), to_put("p", bytes, metadata), precondition).await.map(|put| put.outcome)
}

fn updated(outcome: Result<PutOutcome, ServiceError>) -> ImageRecord {
    match outcome.expect("stored") {
        PutOutcome::Updated(record) => record,
        PutOutcome::Created(record) => panic!("{:?} was not there", record.id),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_answered_finds_the_image() {
    let fixture = Fixture::with(2, 64, Index::Graph).await;
    join_all((0_u8..40).map(|n| {
        let fixture = &fixture;
        async move {
            let bytes = [n.wrapping_mul(37), n, 255 - n, 9, n ^ 85, 3];
            let record = fixture.add(&bytes).await;
            assert_eq!(found(&fixture.service, like(&bytes, 1)).await, std::slice::from_ref(&record.id));
            fixture.service.delete_image(&default(), &record.id, Precondition::None).await.expect("deleted");
            assert!(!found(&fixture.service, like(&bytes, 100)).await.contains(&record.id));
        }
    }))
    .await;
    assert!(found(&fixture.service, like(b"a", 10)).await.is_empty());
}

#[tokio::test]
async fn the_record_says_what_was_stored() {
    let fixture = Fixture::new().await;
    let record = fixture.add_with(b"abc", json!({"brand": "acme"})).await;
    // The test vector of FIPS 180-2, B.1.
    assert_eq!(record.content_hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((record.width, record.height, record.byte_size), (4, 2, 3));
    assert_eq!(record.version, fixture.service.version(Profile::Rnip));
    assert_eq!(fixture.service.image(&default(), &record.id).await.expect("there"), record);
    let (thumbnail, revision) = fixture.service.thumbnail(&default(), &record.id).await.expect("there");
    assert_eq!((thumbnail.bytes.as_slice(), revision), (b"abc".as_slice(), record.revision));
}

#[tokio::test]
async fn a_large_upload_has_the_same_hash_as_a_small_one_would() {
    let fixture = Fixture::new().await;
    let million = vec![b'a'; 1_000_000];
    // FIPS 180-2, B.3.
    assert_eq!(
        fixture.add(&million).await.content_hash.to_string(),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    );
}

#[tokio::test]
async fn the_same_bytes_again_are_returned_rejected_or_allowed_as_asked() {
    let fixture = Fixture::new().await;
    let first = fixture.add_with(b"a", json!({"n": 1})).await;
    let again = add(&fixture, image(b"a", json!({"n": 2}))).await.expect("answered");
    assert_eq!(again, AddOutcome::Existing(first.clone()));
    assert_eq!(fixture.control.begun(), 1, "a duplicate is not described");

    let reject = AddImage { on_duplicate: OnDuplicate::Reject, ..image(b"a", json!({})) };
    let rejected = add(&fixture, reject).await;
    assert!(matches!(&rejected, Err(ServiceError::DuplicateContent(id)) if *id == first.id.to_string()));

    let allow = AddImage { on_duplicate: OnDuplicate::Allow, ..image(b"a", json!({})) };
    assert!(matches!(add(&fixture, allow).await, Ok(AddOutcome::Created(second)) if second.id != first.id));
}

#[tokio::test]
async fn a_taken_id_is_refused_before_the_image_is_described() {
    let fixture = Fixture::new().await;
    assert!(matches!(add(&fixture, named("x", b"a")).await, Ok(AddOutcome::Created(_))));
    let taken = add(&fixture, named("x", b"b")).await;
    assert!(matches!(&taken, Err(ServiceError::IdTaken(id)) if id == "x"), "{taken:?}");
    assert_eq!(fixture.control.begun(), 1);
    let same = add(&fixture, named("x", b"a")).await;
    assert!(matches!(&same, Ok(AddOutcome::Existing(record)) if record.id == id("x")), "{same:?}");
    let allow = AddImage { on_duplicate: OnDuplicate::Allow, ..named("x", b"a") };
    assert!(matches!(add(&fixture, allow).await, Err(ServiceError::IdTaken(_))));
}

#[tokio::test]
async fn what_is_described_says_what_it_cost_and_what_was_there_does_not() {
    let fixture = Fixture::new().await;
    let added = fixture.service.add_image(&default(), image(b"a", json!({}))).await.expect("added");
    assert_eq!(added.cost.map(|cost| (cost.passes, cost.cycles)), Some((1, 2)));
    let again = fixture.service.add_image(&default(), image(b"a", json!({}))).await.expect("answered");
    assert_eq!(again.cost, None);
    let mut costs = Vec::new();
    for (bytes, metadata) in [(b"b", json!({})), (b"b", json!({"n": 1})), (b"c", json!({}))] {
        let put = fixture.service.put_image(&default(), to_put("p", bytes, metadata), Precondition::None).await;
        costs.push(put.expect("stored").cost.is_some());
    }
    assert_eq!(costs, [true, false, true], "new metadata alone describe nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_sent_at_once_are_stored_once() {
    let fixture = Fixture::with(4, 64, Index::Flat).await;
    fixture.control.hold();
    let uploads = (0..16).map(|_| {
        let service = Arc::clone(&fixture.service);
        tokio::spawn(async move { service.add_image(&default(), image(b"same", json!({}))).await })
    });
    let uploads: Vec<_> = uploads.collect();
    // Four of them, at least, have found no duplicate and are being described.
    fixture.control.until_begun(4).await;
    fixture.control.release();
    let mut created = Vec::new();
    let mut existing = Vec::new();
    for outcome in join_all(uploads).await {
        match outcome.expect("not cancelled").expect("answered").outcome {
            AddOutcome::Created(record) => created.push(record),
            AddOutcome::Existing(record) => existing.push(record),
        }
    }
    assert_eq!((created.len(), existing.len()), (1, 15));
    assert!(existing.iter().all(|record| *record == created[0]));
    assert_eq!(found(&fixture.service, like(b"same", 10)).await, [created[0].id.clone()]);
}

#[tokio::test]
async fn an_upload_that_is_refused_stores_nothing() {
    let fixture = Fixture::new().await;
    let refused = add(&fixture, image(b"not an image", json!({}))).await;
    assert!(matches!(refused, Err(ServiceError::Extract(PictureError::NotAnImage))), "{refused:?}");
    let panicked = add(&fixture, image(b"panic", json!({}))).await;
    assert!(matches!(panicked, Err(ServiceError::Extract(PictureError::Internal(_)))), "{panicked:?}");
    let nowhere =
        fixture.service.add_image(&CollectionName::new("nowhere").expect("valid"), image(b"a", json!({}))).await;
    assert!(matches!(&nowhere, Err(ServiceError::UnknownCollection(name)) if name == "nowhere"), "{nowhere:?}");
    let begun = fixture.control.begun();
    let too_large = add(&fixture, image(b"a", json!({"text": "x".repeat(2000)}))).await;
    assert!(matches!(too_large, Err(ServiceError::Metadata(_))), "{too_large:?}");
    assert!(matches!(add(&fixture, image(b"a", json!([1]))).await, Err(ServiceError::Metadata(_))));
    assert_eq!(fixture.control.begun(), begun, "metadata are checked before the image is described");
    assert!(
        fixture.service.list_images(&default(), Order::default(), None, 10, None).await.expect("listed").is_empty()
    );
}

#[tokio::test]
async fn a_put_is_idempotent_and_describes_only_new_bytes() {
    let fixture = Fixture::new().await;
    let created = put(&fixture, b"a", json!({"n": 1}), Precondition::None).await.expect("stored");
    let PutOutcome::Created(first) = created else { panic!("{created:?}") };
    assert_eq!(updated(put(&fixture, b"a", json!({"n": 1}), Precondition::None).await), first);
    let renamed = updated(put(&fixture, b"a", json!({"n": 2}), Precondition::None).await);
    assert!(renamed.revision > first.revision);
    assert_eq!(fixture.control.begun(), 1, "new metadata need no new description");
    let replaced = updated(put(&fixture, b"zzzzzzzz", json!({"n": 2}), Precondition::Revision(renamed.revision)).await);
    assert_eq!((fixture.control.begun(), replaced.created_at), (2, first.created_at));
    let hits = fixture.service.search(&default(), like(b"zzzzzzzz", 5)).await.expect("an answer").hits;
    assert_eq!(hits.len(), 1);
    assert!((hits[0].score - 1.0).abs() < 1e-6, "the old descriptor is gone: {}", hits[0].score);
}

#[tokio::test]
async fn a_put_over_another_revision_is_refused_before_anything_is_described() {
    let fixture = Fixture::new().await;
    assert!(matches!(
        put(&fixture, b"a", json!({}), Precondition::Revision(Seq(1))).await,
        Err(ServiceError::PreconditionFailed)
    ));
    let PutOutcome::Created(first) = put(&fixture, b"a", json!({}), Precondition::None).await.expect("stored") else {
        panic!("nothing was there")
    };
    for bytes in [b"a", b"b"] {
        let stale = put(&fixture, bytes, json!({}), Precondition::Revision(Seq(first.revision.0 + 1))).await;
        assert!(matches!(stale, Err(ServiceError::PreconditionFailed)), "{stale:?}");
    }
    assert_eq!(fixture.control.begun(), 1);
    assert_eq!(updated(put(&fixture, b"a", json!({}), Precondition::Revision(first.revision)).await), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_sent_at_once_are_all_applied() {
    let fixture = Fixture::new().await;
    let record = fixture.add(b"a").await;
    let patches = (0..24).map(|n| {
        let (service, id) = (Arc::clone(&fixture.service), record.id.clone());
        tokio::spawn(async move {
            let patch = Map::from_iter([(format!("key{n}"), json!(n))]);
            service.patch_metadata(&default(), &id, patch, Precondition::None).await
        })
    });
    for outcome in join_all(patches.collect::<Vec<_>>()).await {
        outcome.expect("not cancelled").expect("applied");
    }
    let after = fixture.service.image(&default(), &record.id).await.expect("there");
    assert_eq!(after.metadata.as_map().len(), 24);
}

#[tokio::test]
async fn a_patch_honours_its_precondition_and_the_limits() {
    let fixture = Fixture::new().await;
    let record = fixture.add_with(b"a", json!({"keep": 1, "drop": 2})).await;
    let patch = |value: Value| value.as_object().expect("object").clone();
    let service = &fixture.service;
    let changed = service
        .patch_metadata(&default(), &record.id, patch(json!({"drop": null})), Precondition::Revision(record.revision))
        .await;
    let changed = changed.expect("applied");
    assert_eq!(Value::Object(changed.metadata.as_map().clone()), json!({"keep": 1}));
    let stale = service
        .patch_metadata(&default(), &record.id, patch(json!({"a": 1})), Precondition::Revision(record.revision))
        .await;
    assert!(matches!(stale, Err(ServiceError::PreconditionFailed)), "{stale:?}");
    let nothing = service.patch_metadata(&default(), &record.id, patch(json!({"keep": 1})), Precondition::None).await;
    assert_eq!(nothing.expect("applied"), changed, "a patch that changes nothing writes nothing");
    let large =
        service.patch_metadata(&default(), &record.id, patch(json!({"x": "y".repeat(2000)})), Precondition::None).await;
    assert!(matches!(large, Err(ServiceError::Metadata(_))), "{large:?}");
    assert_eq!(found(service, like(b"a", 5)).await, std::slice::from_ref(&record.id), "the image is found as before");
    let unknown = service.patch_metadata(&default(), &id("no"), patch(json!({})), Precondition::None).await;
    assert!(matches!(unknown, Err(ServiceError::UnknownImage(_))), "{unknown:?}");
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_from_a_collection_that_is_not() {
    let fixture = Fixture::new().await;
    let nowhere = CollectionName::new("nowhere").expect("valid");
    let service = &fixture.service;
    assert!(matches!(service.image(&default(), &id("x")).await, Err(ServiceError::UnknownImage(_))));
    assert!(matches!(
        service.delete_image(&default(), &id("x"), Precondition::None).await,
        Err(ServiceError::UnknownImage(_))
    ));
    assert!(matches!(service.thumbnail(&default(), &id("x")).await, Err(ServiceError::UnknownImage(_))));
    assert!(matches!(service.image(&nowhere, &id("x")).await, Err(ServiceError::UnknownCollection(_))));
    assert!(matches!(
        service.delete_image(&nowhere, &id("x"), Precondition::None).await,
        Err(ServiceError::UnknownCollection(_))
    ));
    assert!(matches!(
        service.list_images(&nowhere, Order::default(), None, 5, None).await,
        Err(ServiceError::UnknownCollection(_))
    ));
}

#[tokio::test]
async fn collections_are_created_once_and_the_default_one_stays() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    let name = CollectionName::new("covers").expect("valid");
    let (created, new) = service
        .create_collection(name.clone(), Some(Profile::Fast), "a".to_owned(), Quota::default())
        .await
        .expect("ok");
    assert!(new);
    let again = service
        .create_collection(name.clone(), Some(Profile::Fast), "b".to_owned(), Quota::default())
        .await
        .expect("ok");
    assert_eq!(again, (created.clone(), false));
    assert_eq!(
        service.create_collection(name.clone(), None, String::new(), Quota::default()).await.expect("ok"),
        (created, false)
    );
    let other = service.create_collection(name.clone(), Some(Profile::Nip), String::new(), Quota::default()).await;
    assert!(matches!(other, Err(ServiceError::CollectionExists(_, Profile::Fast))), "{other:?}");
    let change = CollectionChange { description: Some("c".to_owned()), ..CollectionChange::default() };
    assert_eq!(service.change_collection(&name, &change).await.expect("there").description, "c");

    service.add_image(&name, image(b"a", json!({}))).await.expect("added");
    let summary = service.collection(&name).await.expect("there");
    assert_eq!((summary.images, summary.stale), (1, 0));
    assert_eq!(service.list_collections().await.expect("listed").len(), 2);

    service.delete_collection(&name).await.expect("deleted");
    assert!(matches!(service.collection(&name).await, Err(ServiceError::UnknownCollection(_))));
    assert!(matches!(service.delete_collection(&name).await, Err(ServiceError::UnknownCollection(_))));
    assert!(matches!(service.delete_collection(&default()).await, Err(ServiceError::DefaultCollection)));

    // Made anew with another profile, it knows nothing of the old images.
    let anew = service.create_collection(name.clone(), Some(Profile::Nip), String::new(), Quota::default()).await;
    assert!(anew.expect("created").1);
    assert!(service.search(&name, like(b"a", 5)).await.expect("an answer").hits.is_empty());
    service.add_image(&name, image(b"b", json!({}))).await.expect("added");
    assert_eq!(service.search(&name, like(b"a", 5)).await.expect("an answer").hits.len(), 1);
}
