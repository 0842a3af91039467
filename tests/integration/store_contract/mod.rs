//! What every store does, told once and run over SQLite and Postgres.

/// Makes each story a test over both databases.
macro_rules! over_both_databases {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(crate::support::Place::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(crate::support::Place::postgres().await).await;
            })+
        }
    };
}

mod answers;
mod api_keys;
mod changes;
mod collections;
mod concurrency;
mod durability;
mod filters;
mod images;
mod jobs;
mod keys;
pub(crate) mod migration;
mod originals;
mod preconditions;
mod quotas;
mod setup;
mod transfer;
mod unavailability;

use eyrie::domain::{
    CollectionName, ContentHash, Descriptor, DescriptorVersion, ImageFormat, ImageId, ImageKey, ImageRecord, Metadata,
    Precondition, Profile, Seq, Thumbnail,
};
use eyrie::store::{Change, Changes, DeleteOutcome, InsertOutcome, NewImage, SameContent, Store, WriteOutcome};
use serde_json::Value;

const MODEL: &str = "0123456789abcdef";

fn default_collection() -> CollectionName {
    CollectionName::default_collection()
}

fn id(text: &str) -> ImageId {
    ImageId::new(text).expect("a valid id")
}

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).expect("a valid name")
}

fn metadata(value: Value) -> Metadata {
    let Value::Object(map) = value else { panic!("metadata is an object") };
    Metadata::from_stored(map)
}

fn version(profile: Profile) -> DescriptorVersion {
    DescriptorVersion::new(MODEL, profile)
}

/// A descriptor that differs for each seed.
fn descriptor(seed: u32) -> Descriptor {
    Descriptor::new((0..8).map(|i| ((seed * 8 + i) as f32 * 0.7).sin()).collect(), 8).expect("valid")
}

fn hash(seed: u32) -> ContentHash {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    ContentHash(bytes)
}

/// As long as real ones, and the store does not look inside.
fn features(seed: u32) -> Vec<u8> {
    (0..19_016).map(|i: u32| ((i * (seed + 1)) >> 4) as u8).collect()
}

/// An image whose content, descriptor, thumbnail and features come from the seed.
fn image(text: &str, seed: u32) -> NewImage {
    NewImage {
        id: id(text),
        content_hash: hash(seed),
        format: ImageFormat::Jpeg,
        width: 640,
        height: 480,
        byte_size: 12_345,
        metadata: metadata(serde_json::json!({"seed": seed})),
        version: version(Profile::Rnip),
        descriptor: descriptor(seed),
        thumbnail: Thumbnail {
            bytes: vec![0xff, 0xd8, 0, u8::try_from(seed % 256).expect("a byte")],
            media_type: "image/jpeg".to_owned(),
        },
        local_features: features(seed),
        original: None,
        stored_by: None,
    }
}

/// Inserts into the default collection, allowing the same content.
async fn insert(store: &dyn Store, image: &NewImage) -> ImageRecord {
    match store.insert(&default_collection(), image, SameContent::Allow).await.expect("the store answers") {
        InsertOutcome::Inserted(record) => record,
        other @ (InsertOutcome::SameContent(_)
        | InsertOutcome::IdTaken(_)
        | InsertOutcome::OverQuota(_)
        | InsertOutcome::UnknownCollection) => {
            panic!("{other:?}")
        }
    }
}

/// Puts into the default collection without a precondition.
async fn put(store: &dyn Store, image: &NewImage) -> ImageRecord {
    match store.put(&default_collection(), image, Precondition::None).await.expect("the store answers") {
        WriteOutcome::Created(record) | WriteOutcome::Updated(record) => record,
        other @ (WriteOutcome::PreconditionFailed
        | WriteOutcome::UnknownImage
        | WriteOutcome::OverQuota(_)
        | WriteOutcome::UnknownCollection) => {
            panic!("{other:?}")
        }
    }
}

/// Deletes from the default collection an image that is there.
async fn delete(store: &dyn Store, text: &str) -> Seq {
    match store.delete(&default_collection(), &id(text), Precondition::None).await.expect("the store answers") {
        DeleteOutcome::Deleted(seq) => seq,
        other
        @ (DeleteOutcome::PreconditionFailed | DeleteOutcome::UnknownImage | DeleteOutcome::UnknownCollection) => {
            panic!("{other:?}")
        }
    }
}

/// Changes of a log from which none of these was removed.
async fn read_changes(store: &dyn Store, after: Seq, limit: u32) -> Vec<Change> {
    match store.changes(after, limit).await.expect("readable") {
        Changes::Since(changes) => changes,
        Changes::Pruned => panic!("pruned"),
    }
}

/// The stored features of one image.
async fn features_of(store: &dyn Store, key: ImageKey) -> Option<Vec<u8>> {
    let mut rows = store.local_features(&[key]).await.expect("readable");
    assert!(rows.len() <= 1 && rows.iter().all(|(found, _)| *found == key));
    rows.pop().map(|(_, bytes)| bytes)
}

/// Everything that is stored of an image: all of it or nothing.
async fn assert_whole(store: &dyn Store, collection: &CollectionName, id: &ImageId) -> bool {
    let record = store.get(collection, id).await.expect("readable");
    let descriptor = store.get_descriptor(collection, id).await.expect("readable");
    let thumbnail = store.get_thumbnail(collection, id).await.expect("readable");
    let features = match &record {
        Some(record) => features_of(store, record.key).await,
        None => None,
    };
    assert_eq!(record.is_some(), descriptor.is_some(), "{id}: record and descriptor");
    assert_eq!(record.is_some(), thumbnail.is_some(), "{id}: record and thumbnail");
    assert_eq!(record.is_some(), features.is_some(), "{id}: record and features");
    record.is_some()
}
