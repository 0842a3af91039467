//! One image: insert, put, metadata, delete, and reading it back.

use eyrie::domain::{DescriptorVersion, ImageKey, Precondition, Profile, Seq, Thumbnail};
use eyrie::store::{DeleteOutcome, InsertOutcome, SameContent, StoredDescriptor, WriteOutcome};
use futures::TryStreamExt;
use serde_json::json;

use super::{
    default_collection, delete, descriptor, features, features_of, hash, id, image, insert, metadata, name, put,
    version,
};
use crate::support::Place;

over_both_databases!(
    an_inserted_image_reads_back_with_all_that_belongs_to_it,
    the_same_bytes_are_refused_or_allowed_as_asked,
    a_taken_id_is_reported_and_nothing_changes,
    an_unknown_collection_stores_nothing,
    a_put_creates_then_replaces_and_keeps_the_time_of_creation,
    replaced_metadata_change_nothing_else,
    a_deleted_image_is_gone_with_all_that_belonged_to_it,
    lists_go_by_code_point_and_continue_after_an_id,
    a_scan_reads_every_record_page_by_page,
    many_records_and_ids_are_read_at_once,
    the_features_of_many_images_are_read_at_once,
    the_descriptors_of_many_images_are_read_at_once,
    features_go_with_their_collection,
    descriptors_of_one_version_are_read_in_pages,
    one_id_may_stand_in_two_collections,
);

async fn an_inserted_image_reads_back_with_all_that_belongs_to_it(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let mut new = image("A-z.0_9:x", 1);
    new.byte_size = u64::from(u32::MAX) + 1;
    new.width = u32::MAX;
    new.metadata = metadata(json!({
        "名前": "日本 😀 é e\u{301}", "quote\"": "it's \\ \"x\" \n \u{1}", "$[0]": [1, -2.5, null, true, {"a": {"b": []}}],
        "big": u64::MAX, "small": i64::MIN, "exact": 0.1 + 0.2, "tiny": 5e-324, "": "",
    }));
    let before = time::OffsetDateTime::now_utc() - time::Duration::milliseconds(1);
    let record = insert(&*store, &new).await;
    assert!(record.created_at >= before && record.created_at <= time::OffsetDateTime::now_utc());
    assert_eq!(record.created_at, record.updated_at);
    assert_eq!(record.metadata, new.metadata);
    assert_eq!(record.byte_size, new.byte_size);
    assert_eq!(store.get(&collection, &new.id).await.expect("readable"), Some(record.clone()));
    assert_eq!(store.find_by_hash(&collection, &hash(1)).await.expect("readable"), Some(record.clone()));
    let key = record.key;
    assert_eq!(store.list(&collection, None, 10, None).await.expect("readable"), [record]);
    assert_eq!(
        store.get_descriptor(&collection, &new.id).await.expect("readable"),
        Some((key, StoredDescriptor { version: version(Profile::Rnip), descriptor: descriptor(1) }))
    );
    assert_eq!(store.get_thumbnail(&collection, &new.id).await.expect("readable"), Some(new.thumbnail));
    assert_eq!(features_of(&*store, key).await, Some(features(1)));
}

async fn the_same_bytes_are_refused_or_allowed_as_asked(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let first = insert(&*store, &image("first", 1)).await;
    let refused = store.insert(&collection, &image("second", 1), SameContent::Refuse).await.expect("answers");
    assert_eq!(refused, InsertOutcome::SameContent(first.clone()));
    let same_id = store.insert(&collection, &image("first", 1), SameContent::Refuse).await.expect("answers");
    assert_eq!(same_id, InsertOutcome::SameContent(first.clone()));
    assert_eq!(store.get(&collection, &id("second")).await.expect("readable"), None);
    insert(&*store, &image("a-second", 1)).await;
    assert_eq!(store.find_by_hash(&collection, &hash(1)).await.expect("readable"), Some(first), "the oldest");
    assert_eq!(store.find_by_hash(&collection, &hash(2)).await.expect("readable"), None);
}

async fn a_taken_id_is_reported_and_nothing_changes(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let first = insert(&*store, &image("x", 1)).await;
    for same_content in [SameContent::Refuse, SameContent::Allow] {
        let taken = store.insert(&collection, &image("x", 2), same_content).await.expect("answers");
        assert_eq!(taken, InsertOutcome::IdTaken(first.clone()));
    }
    assert_eq!(store.get(&collection, &id("x")).await.expect("readable"), Some(first.clone()));
    let (key, stored) = store.get_descriptor(&collection, &id("x")).await.expect("readable").expect("there");
    assert_eq!((key, stored.descriptor), (first.key, descriptor(1)));
    assert_eq!(features_of(&*store, key).await, Some(features(1)));
    assert_eq!(store.last_seq().await.expect("readable"), first.revision);
}

async fn an_unknown_collection_stores_nothing(place: Place) {
    let store = place.open().await;
    let nowhere = name("nowhere");
    let new = image("x", 1);
    assert_eq!(
        store.insert(&nowhere, &new, SameContent::Refuse).await.expect("answers"),
        InsertOutcome::UnknownCollection
    );
    assert_eq!(store.put(&nowhere, &new, Precondition::None).await.expect("answers"), WriteOutcome::UnknownCollection);
    assert_eq!(
        store.replace_metadata(&nowhere, &new.id, &new.metadata, Precondition::None).await.expect("answers"),
        WriteOutcome::UnknownCollection
    );
    assert_eq!(
        store.delete(&nowhere, &new.id, Precondition::None).await.expect("answers"),
        DeleteOutcome::UnknownCollection
    );
    assert_eq!(store.get(&nowhere, &new.id).await.expect("answers"), None);
    assert_eq!(store.list(&nowhere, None, 5, None).await.expect("answers"), []);
    assert_eq!(store.find_by_hash(&nowhere, &hash(1)).await.expect("answers"), None);
    assert_eq!(store.last_seq().await.expect("answers"), Seq::ZERO);
}

async fn a_put_creates_then_replaces_and_keeps_the_time_of_creation(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let created = match store.put(&collection, &image("x", 1), Precondition::None).await.expect("answers") {
        WriteOutcome::Created(record) => record,
        other @ (WriteOutcome::Updated(_)
        | WriteOutcome::PreconditionFailed
        | WriteOutcome::UnknownImage
        | WriteOutcome::OverQuota(_)
        | WriteOutcome::UnknownCollection) => panic!("{other:?}"),
    };
    let mut replacement = image("x", 2);
    replacement.version = version(Profile::Fast);
    replacement.thumbnail = Thumbnail { bytes: vec![1, 2, 3], media_type: "image/webp".to_owned() };
    let updated = match store.put(&collection, &replacement, Precondition::None).await.expect("answers") {
        WriteOutcome::Updated(record) => record,
        other @ (WriteOutcome::Created(_)
        | WriteOutcome::PreconditionFailed
        | WriteOutcome::UnknownImage
        | WriteOutcome::OverQuota(_)
        | WriteOutcome::UnknownCollection) => panic!("{other:?}"),
    };
    assert_eq!(updated.created_at, created.created_at);
    assert!(updated.updated_at >= created.updated_at);
    assert!(updated.revision > created.revision);
    assert_eq!(updated.content_hash, hash(2));
    let key = updated.key;
    assert_eq!(key, created.key, "an index that knows the key finds the new descriptor under it");
    assert_eq!(store.get(&collection, &id("x")).await.expect("readable"), Some(updated));
    assert_eq!(
        store.get_descriptor(&collection, &id("x")).await.expect("readable"),
        Some((key, StoredDescriptor { version: version(Profile::Fast), descriptor: descriptor(2) }))
    );
    assert_eq!(store.get_thumbnail(&collection, &id("x")).await.expect("readable"), Some(replacement.thumbnail));
    assert_eq!(features_of(&*store, key).await, Some(features(2)));
}

async fn replaced_metadata_change_nothing_else(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let first = insert(&*store, &image("x", 1)).await;
    let new = metadata(json!({"colour": "ultramarine"}));
    let precondition = Precondition::Revision(first.revision);
    let record = match store.replace_metadata(&collection, &id("x"), &new, precondition).await.expect("answers") {
        WriteOutcome::Updated(record) => record,
        other @ (WriteOutcome::Created(_)
        | WriteOutcome::PreconditionFailed
        | WriteOutcome::UnknownImage
        | WriteOutcome::OverQuota(_)
        | WriteOutcome::UnknownCollection) => panic!("{other:?}"),
    };
    let mut expected = first.clone();
    expected.metadata = new.clone();
    expected.revision = record.revision;
    expected.updated_at = record.updated_at;
    assert_eq!(record, expected);
    assert!(record.revision > first.revision && record.updated_at >= first.updated_at);
    assert_eq!(store.get(&collection, &id("x")).await.expect("readable"), Some(record));
    let (key, stored) = store.get_descriptor(&collection, &id("x")).await.expect("readable").expect("there");
    assert_eq!((key, stored.descriptor), (first.key, descriptor(1)));
    assert_eq!(features_of(&*store, key).await, Some(features(1)));
    assert_eq!(
        store.replace_metadata(&collection, &id("y"), &new, Precondition::None).await.expect("answers"),
        WriteOutcome::UnknownImage
    );
}

async fn a_deleted_image_is_gone_with_all_that_belonged_to_it(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let record = insert(&*store, &image("x", 1)).await;
    insert(&*store, &image("y", 2)).await;
    let seq = delete(&*store, "x").await;
    assert!(seq > record.revision);
    assert!(!super::assert_whole(&*store, &collection, &id("x")).await);
    assert_eq!(features_of(&*store, record.key).await, None);
    assert!(super::assert_whole(&*store, &collection, &id("y")).await);
    let again = store.delete(&collection, &id("x"), Precondition::None).await.expect("answers");
    assert_eq!(again, DeleteOutcome::UnknownImage);
    assert_eq!(store.last_seq().await.expect("readable"), seq, "a deletion of nothing is no change");
    let again = put(&*store, &image("x", 3)).await;
    assert!(again.revision > seq);
    assert_eq!(store.find_by_hash(&collection, &hash(1)).await.expect("readable"), None);
}

async fn lists_go_by_code_point_and_continue_after_an_id(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let mut sorted = ["b", "a", "B", "_", "a-b", "ab", "a.b", "A", "10", "9", "a:"];
    for (seed, text) in (0..).zip(sorted) {
        insert(&*store, &image(text, seed)).await;
    }
    sorted.sort_unstable();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(&collection, after.as_ref(), 3, None).await.expect("readable");
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|record| record.id.to_string()));
    }
    assert_eq!(seen, sorted);
    assert_eq!(store.list(&collection, None, 0, None).await.expect("readable"), []);
    let after_absent = store.list(&collection, Some(&id("a0")), 1, None).await.expect("readable");
    assert_eq!(after_absent[0].id, id("a:"), "the id to continue after need not be there");
}

async fn a_scan_reads_every_record_page_by_page(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    // More than two of the pages that a scan reads.
    for seed in 0..1100 {
        insert(&*store, &image(&format!("i{seed:04}"), seed)).await;
    }
    let ids = |records: Vec<eyrie::domain::ImageRecord>| -> Vec<_> {
        records.into_iter().map(|record| record.id.to_string()).collect()
    };
    let all: Vec<_> = store.scan(&collection, None).try_collect().await.expect("readable");
    assert_eq!(ids(all), (0..1100).map(|i| format!("i{i:04}")).collect::<Vec<_>>());
    let filter = eyrie::domain::Filter::Field {
        path: vec!["seed".to_owned()],
        condition: eyrie::domain::Condition::In(vec![json!(3), json!(600), json!(1099)]),
    };
    let some: Vec<_> = store.scan(&collection, Some(&filter)).try_collect().await.expect("readable");
    assert_eq!(ids(some), ["i0003", "i0600", "i1099"]);
    let none: Vec<_> = store.scan(&name("nowhere"), None).try_collect().await.expect("readable");
    assert_eq!(none, []);
    store.close().await;
    assert!(store.scan(&collection, None).try_next().await.is_err(), "a closed store answers no more");
}

/// Keys of images, and many that no image has.
fn with_absent(there: impl IntoIterator<Item = ImageKey>) -> Vec<ImageKey> {
    there
        .into_iter()
        .chain((0..1000).map(|n| ImageKey(1_000_000 + n)))
        .chain([ImageKey(0), ImageKey(u64::MAX)])
        .collect()
}

async fn many_records_and_ids_are_read_at_once(place: Place) {
    let store = place.open().await;
    let other = super::collections::create(&*store, "other", Profile::Fast).await;
    let mut expected = Vec::new();
    for seed in 0..50 {
        let record = insert(&*store, &image(&format!("i{seed}"), seed)).await;
        if seed >= 25 {
            expected.push(record);
        }
    }
    // Keys know no collections.
    let outcome = store.insert(&other, &image("i1", 1), SameContent::Allow).await.expect("answers");
    let InsertOutcome::Inserted(record) = outcome else { panic!("{outcome:?}") };
    expected.push(record);
    let keys = with_absent(expected.iter().map(|record| record.key));
    let mut records = store.records(&keys).await.expect("readable");
    records.sort_by_key(|record| record.key);
    assert_eq!(records, expected);
    let mut ids = store.ids(&keys).await.expect("readable");
    ids.sort();
    assert_eq!(ids, expected.into_iter().map(|record| (record.key, record.id)).collect::<Vec<_>>());
    assert_eq!(store.records(&[]).await.expect("readable"), []);
    assert_eq!(store.ids(&[]).await.expect("readable"), []);
}

async fn the_features_of_many_images_are_read_at_once(place: Place) {
    let store = place.open().await;
    let mut expected = Vec::new();
    for seed in 0..30 {
        let record = insert(&*store, &image(&format!("i{seed}"), seed)).await;
        expected.push((record.key, features(seed)));
    }
    let keys = with_absent(expected.iter().skip(20).map(|(key, _)| *key));
    delete(&*store, "i21").await;
    let mut found = store.local_features(&keys).await.expect("readable");
    found.sort();
    let expected: Vec<_> = expected.drain(20..).enumerate().filter(|(n, _)| *n != 1).map(|(_, row)| row).collect();
    assert!(found == expected, "{:?}", found.iter().map(|(key, bytes)| (key, bytes.len())).collect::<Vec<_>>());
    assert_eq!(store.local_features(&[]).await.expect("readable"), []);
}

async fn the_descriptors_of_many_images_are_read_at_once(place: Place) {
    let store = place.open().await;
    let mut expected = Vec::new();
    for seed in 0..12 {
        let image = image(&format!("i{seed}"), seed);
        let record = insert(&*store, &image).await;
        expected.push((record.key, image.descriptor.clone(), image.version.clone()));
    }
    let version = expected[0].2.clone();
    let keys = with_absent(expected.iter().skip(5).map(|(key, ..)| *key));
    delete(&*store, "i6").await;
    let mut found = store.descriptors_of(&keys, &version).await.expect("readable");
    found.sort_by_key(|(key, _)| *key);
    let expected: Vec<_> =
        expected.drain(5..).enumerate().filter(|(n, _)| *n != 1).map(|(_, (key, d, _))| (key, d)).collect();
    assert_eq!(found, expected);
    assert_eq!(store.descriptors_of(&[], &version).await.expect("readable"), []);
    let other = DescriptorVersion::new("another", version.profile());
    assert_eq!(store.descriptors_of(&keys, &other).await.expect("readable"), []);
}

async fn features_go_with_their_collection(place: Place) {
    let store = place.open().await;
    let other = super::collections::create(&*store, "other", Profile::Fast).await;
    let outcome = store.insert(&other, &image("x", 1), SameContent::Refuse).await.expect("answers");
    let InsertOutcome::Inserted(record) = outcome else { panic!("{outcome:?}") };
    assert_eq!(features_of(&*store, record.key).await, Some(features(1)));
    store.delete_collection(&other).await.expect("answers").expect("was there");
    assert_eq!(features_of(&*store, record.key).await, None);
}

async fn descriptors_of_one_version_are_read_in_pages(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let mut keys = Vec::new();
    // In another order than that of the ids: pages go by key.
    for seed in (0..10).rev() {
        let mut new = image(&format!("i{seed}"), seed);
        if seed % 2 == 1 {
            new.version = version(Profile::Nip);
        }
        keys.push(insert(&*store, &new).await.key);
    }
    let expected = |seeds: &[u32]| seeds.iter().map(|s| (keys[9 - *s as usize], descriptor(*s))).collect::<Vec<_>>();
    let current = version(Profile::Rnip);
    let first = store.descriptors(&collection, &current, None, 3).await.expect("readable");
    assert_eq!(first, expected(&[8, 6, 4]));
    let rest = store.descriptors(&collection, &current, Some(first[2].0), 10).await.expect("readable");
    assert_eq!(rest, expected(&[2, 0]));
    let other = eyrie::domain::DescriptorVersion::new("ffff", Profile::Rnip);
    assert_eq!(store.descriptors(&collection, &other, None, 10).await.expect("readable"), []);
}

async fn one_id_may_stand_in_two_collections(place: Place) {
    let store = place.open().await;
    let other = super::collections::create(&*store, "other", Profile::Fast).await;
    insert(&*store, &image("x", 1)).await;
    let outcome = store.insert(&other, &image("x", 1), SameContent::Refuse).await.expect("answers");
    assert!(matches!(&outcome, InsertOutcome::Inserted(record) if record.collection == other), "{outcome:?}");
    delete(&*store, "x").await;
    assert!(super::assert_whole(&*store, &other, &id("x")).await);
}
