//! The uploads themselves: bytes in the database, names of objects elsewhere.

use bytes::Bytes;
use eyrie::domain::{ImageRecord, OriginalName, Precondition, Quota};
use eyrie::store::{KeptOriginal, NewImage, NewOriginal, PART_BYTES, RestoreOutcome, RestoredImage, Store};
use time::macros::datetime;

use super::{default_collection, delete, hash, id, image, insert, metadata, name, put};
use crate::support::Place;

over_both_databases!(
    bytes_are_kept_in_parts_and_go_with_their_image,
    another_image_in_the_place_of_one_takes_its_original_along,
    the_same_bytes_without_an_original_keep_it,
    objects_that_no_image_has_are_noted_until_they_are_gone,
    a_deleted_collection_leaves_only_the_names_of_its_objects,
    an_original_that_is_not_there_is_forgotten,
    each_database_has_a_folder_of_its_own,
);

/// Bytes that differ in every part.
fn upload(length: usize) -> Bytes {
    (0..length).map(|at| (at / 1000 + at % 7) as u8).collect::<Vec<u8>>().into()
}

fn with_bytes(text: &str, seed: u32, bytes: &Bytes) -> NewImage {
    let byte_size = bytes.len() as u64;
    NewImage { byte_size, original: Some(NewOriginal::Bytes(bytes.clone())), ..image(text, seed) }
}

fn with_object(text: &str, seed: u32, object: &OriginalName) -> NewImage {
    NewImage { original: Some(NewOriginal::Object(object.clone())), ..image(text, seed) }
}

fn name_of(record: &ImageRecord) -> OriginalName {
    record.original.clone().expect("it is kept")
}

/// All parts behind each other.
async fn stored(store: &dyn Store, name: &OriginalName) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in 0.. {
        match store.original_part(name, part).await.expect("readable") {
            Some(part) => bytes.extend(part),
            None => break,
        }
    }
    bytes
}

async fn discarded(store: &dyn Store) -> Vec<OriginalName> {
    store.discarded(None, 100).await.expect("readable")
}

async fn kept(store: &dyn Store) -> Vec<KeptOriginal> {
    store.kept_originals(None, 100).await.expect("readable")
}

/// How many originals the default collection has, and their bytes.
async fn counted(store: &dyn Store) -> (u64, u64) {
    let summary = store.collection_summary(&default_collection(), "m").await.expect("readable").expect("there");
    (summary.originals, summary.original_bytes)
}

async fn bytes_are_kept_in_parts_and_go_with_their_image(place: Place) {
    let store = place.open().await;
    let sizes = [1, PART_BYTES, PART_BYTES * 5 / 2];
    for (seed, size) in (0..).zip(sizes) {
        let bytes = upload(size);
        let record = insert(&*store, &with_bytes(&format!("i{seed}"), seed, &bytes)).await;
        assert!(name_of(&record).is_in_database());
        assert!(stored(&*store, &name_of(&record)).await == bytes, "{size} bytes");
        let read = store.get(&default_collection(), &record.id).await.expect("readable");
        assert_eq!(read.as_ref(), Some(&record));
        let part = store.original_part(&name_of(&record), 0).await.expect("readable").expect("the first");
        assert_eq!(part.len(), size.min(PART_BYTES));
    }
    assert_eq!(insert(&*store, &image("without", 9)).await.original, None);
    assert_eq!(counted(&*store).await, (3, sizes.iter().sum::<usize>() as u64));
    let all = kept(&*store).await;
    assert_eq!(all.iter().map(|one| one.stored).collect::<Vec<_>>(), sizes.map(|size| Some(size as u64)));
    assert!(all.iter().all(|one| one.stored == Some(one.byte_size)));
    assert_eq!(store.kept_originals(Some(all[0].key), 1).await.expect("readable"), all[1..2]);

    delete(&*store, "i2").await;
    assert!(stored(&*store, &all[2].name).await.is_empty());
    assert_eq!(counted(&*store).await, (2, sizes[..2].iter().sum::<usize>() as u64));
    assert_eq!(discarded(&*store).await, []);
}

async fn another_image_in_the_place_of_one_takes_its_original_along(place: Place) {
    let store = place.open().await;
    let first = put(&*store, &with_bytes("x", 1, &upload(10))).await;
    let second = put(&*store, &with_bytes("x", 2, &upload(20))).await;
    assert_eq!(first.key, second.key);
    assert!(stored(&*store, &name_of(&first)).await.is_empty());
    assert_eq!(stored(&*store, &name_of(&second)).await.len(), 20);
    // Kept under the same id again, after a deletion: never the bytes of before.
    delete(&*store, "x").await;
    let third = put(&*store, &with_bytes("x", 1, &upload(30))).await;
    assert!(![name_of(&first), name_of(&second)].contains(&name_of(&third)));
    // Another image, of which nothing is kept.
    assert_eq!(put(&*store, &image("x", 5)).await.original, None);
    assert_eq!((stored(&*store, &name_of(&third)).await, counted(&*store).await), (Vec::new(), (0, 0)));
    let refused = store.put(&default_collection(), &with_bytes("x", 6, &upload(5)), Precondition::Absent).await;
    refused.expect("answers");
    assert_eq!(kept(&*store).await, []);
}

async fn the_same_bytes_without_an_original_keep_it(place: Place) {
    let store = place.open().await;
    let object = OriginalName::of_object("f");
    let in_database = put(&*store, &with_bytes("a", 1, &upload(10))).await;
    let elsewhere = put(&*store, &with_object("b", 2, &object)).await;
    // Described anew, as after a change of the model.
    for (text, before) in [("a", &in_database), ("b", &elsewhere)] {
        let seed = if text == "a" { 1 } else { 2 };
        let anew = NewImage { byte_size: before.byte_size, descriptor: super::descriptor(7), ..image(text, seed) };
        assert_eq!(put(&*store, &anew).await.original, before.original);
        // And restored with other metadata from an export, which has no originals.
        let image = NewImage { metadata: metadata(serde_json::json!({"n": 1})), ..anew };
        let times = datetime!(2020-02-03 04:05:06 UTC);
        let restored = RestoredImage { image, created_at: times, updated_at: times };
        let outcomes = store.restore(&default_collection(), &[restored], true).await.expect("answers");
        assert!(matches!(outcomes.as_deref(), Some([RestoreOutcome::Replaced(_)])), "{outcomes:?}");
        let record = store.get(&default_collection(), &id(text)).await.expect("readable").expect("there");
        assert_eq!((record.content_hash, record.original), (hash(seed), before.original.clone()));
        let data = metadata(serde_json::json!({"n": 2}));
        store.replace_metadata(&default_collection(), &id(text), &data, Precondition::None).await.expect("answers");
        let record = store.get(&default_collection(), &id(text)).await.expect("readable").expect("there");
        assert_eq!(record.original, before.original);
    }
    assert_eq!(stored(&*store, &name_of(&in_database)).await.len(), 10);
    assert_eq!(discarded(&*store).await, []);
}

async fn objects_that_no_image_has_are_noted_until_they_are_gone(place: Place) {
    let store = place.open().await;
    let mut names: Vec<OriginalName> = (0..3).map(|_| OriginalName::of_object("f")).collect();
    put(&*store, &with_object("x", 1, &names[0])).await;
    assert_eq!(put(&*store, &with_object("x", 1, &names[1])).await.original, Some(names[1].clone()));
    assert_eq!(discarded(&*store).await, names[..1]);
    put(&*store, &with_object("y", 2, &names[2])).await;
    let row = kept(&*store).await.pop().expect("the last");
    assert_eq!((row.name, row.stored), (names[2].clone(), None));
    delete(&*store, "x").await;
    delete(&*store, "y").await;
    names.sort_unstable();
    assert_eq!(discarded(&*store).await, names);
    assert_eq!(store.discarded(Some(&names[0]), 1).await.expect("readable"), names[1..2]);
    store.forget_discarded(&names[..2]).await.expect("forgotten");
    assert_eq!(discarded(&*store).await, names[2..]);
}

async fn a_deleted_collection_leaves_only_the_names_of_its_objects(place: Place) {
    let store = place.open().await;
    let collection = eyrie::domain::Collection {
        name: name("gone"),
        profile: eyrie::domain::Profile::Fast,
        description: String::new(),
        created_at: datetime!(2020-02-03 04:05:06 UTC),
        quota: Quota::default(),
    };
    assert!(store.create_collection(&collection).await.expect("created"));
    let mut objects: Vec<OriginalName> = (0..3).map(|_| OriginalName::of_object("f")).collect();
    for (seed, object) in (0..).zip(&objects) {
        let image = with_object(&format!("i{seed}"), seed, object);
        store.put(&collection.name, &image, Precondition::None).await.expect("stored");
    }
    let image = with_bytes("b", 9, &upload(10));
    store.put(&collection.name, &image, Precondition::None).await.expect("stored");
    let record = store.get(&collection.name, &image.id).await.expect("readable").expect("there");
    store.delete_collection(&collection.name).await.expect("deleted");
    assert!(stored(&*store, &name_of(&record)).await.is_empty());
    objects.sort_unstable();
    assert_eq!(discarded(&*store).await, objects);
}

async fn an_original_that_is_not_there_is_forgotten(place: Place) {
    let store = place.open().await;
    let [object, other] = [OriginalName::of_object("f"), OriginalName::of_object("f")];
    let record = put(&*store, &with_object("x", 1, &object)).await;
    store.clear_original(record.key, &other).await.expect("answers");
    assert_eq!(kept(&*store).await.len(), 1, "it has another one");
    store.clear_original(record.key, &object).await.expect("answers");
    assert_eq!(kept(&*store).await, []);
    assert_eq!(discarded(&*store).await, [object]);
}

async fn each_database_has_a_folder_of_its_own(place: Place) {
    let (store, again) = (place.open().await, place.open().await);
    let folder = store.originals_folder().await.expect("readable");
    assert!(folder.len() == 32 && folder.bytes().all(|b| b.is_ascii_hexdigit()), "{folder}");
    assert_eq!(again.originals_folder().await.expect("readable"), folder);
    let other = Place::sqlite();
    assert_ne!(other.open().await.originals_folder().await.expect("readable"), folder);
    assert!(OriginalName::from_stored(OriginalName::of_object(&folder).to_string()).is_some());
}
