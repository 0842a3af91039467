//! What only the inside can bring about.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::super::{ChangeLog, Changes, Images, InsertOutcome, NewImage, SameContent, Store, StoreError};
use super::SqliteStore;
use crate::domain::{
    CollectionName, ContentHash, Descriptor, DescriptorVersion, ImageFormat, ImageId, Metadata, Profile, Seq,
    SystemClock, Thumbnail,
};

fn image(seed: u8, thumbnail_bytes: usize) -> NewImage {
    NewImage {
        id: ImageId::new(format!("i{seed}")).expect("valid"),
        content_hash: ContentHash([seed; 32]),
        format: ImageFormat::Png,
        width: 1,
        height: 1,
        byte_size: 1,
        metadata: Metadata::from_stored(json!({}).as_object().expect("an object").clone()),
        version: DescriptorVersion::new("ab", Profile::Fast),
        descriptor: Descriptor::new(vec![1.0, f32::from(seed)], 2).expect("valid"),
        thumbnail: Thumbnail { bytes: vec![0; thumbnail_bytes], media_type: "image/png".to_owned() },
        local_features: vec![seed],
        original: None,
        stored_by: None,
    }
}

async fn open(data_dir: &Path) -> SqliteStore {
    SqliteStore::open(data_dir, Arc::new(SystemClock)).await.expect("opens")
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path()).await;
    let collection = CollectionName::default_collection();
    // A bound on the pages of the file has the effect of a full disk.
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.writer).await.expect("runs");
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 20)))
        .execute(&store.writer)
        .await
        .expect("runs");
    let error = store.insert(&collection, &image(1, 1 << 20), SameContent::Refuse).await.expect_err("no space");
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert_eq!(store.last_seq().await.expect("readable"), Seq::ZERO);
    assert_eq!(store.list(&collection, None, 10, None).await.expect("readable"), []);
    let small = store.insert(&collection, &image(1, 10), SameContent::Refuse).await.expect("fits");
    assert!(matches!(small, InsertOutcome::Inserted(_)), "{small:?}");
}

#[tokio::test]
async fn commits_reach_the_disk_before_they_are_acknowledged() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path().join("deep/er").as_path()).await;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.writer).await.expect("runs");
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.writer).await.expect("runs");
    assert_eq!((journal.as_str(), synchronous), ("wal", 2), "2 is FULL");
    let readers: i64 = sqlx::query_scalar("PRAGMA query_only").fetch_one(&store.readers).await.expect("runs");
    assert_eq!(readers, 1);
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_files_already() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path()).await;
    store.insert(&CollectionName::default_collection(), &image(1, 10), SameContent::Refuse).await.expect("stored");
    // The files as a kill leaves them: copied while the store is open.
    let copy = tempfile::tempdir().expect("a folder");
    for file in ["eyrie.db", "eyrie.db-wal"] {
        std::fs::copy(dir.path().join(file), copy.path().join(file)).expect("copied");
    }
    let survivor = open(copy.path()).await;
    assert_eq!(survivor.last_seq().await.expect("readable"), Seq(1));
    let id = ImageId::new("i1").expect("valid");
    let record = survivor.get(&CollectionName::default_collection(), &id).await.expect("readable");
    assert_eq!(record.map(|record| record.id), Some(id));
}

#[tokio::test]
async fn a_file_that_takes_no_writes_is_read_only_and_one_that_another_writes_to_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path()).await;
    store.ping().await.expect("takes writes");

    // A write under way, which the probe does not wait for.
    let mut writer = store.writer.acquire().await.expect("free");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *writer).await.expect("begins");
    store.ping().await.expect("whoever writes can write");
    sqlx::raw_sql("ROLLBACK").execute(&mut *writer).await.expect("ends");
    drop(writer);

    // The effect of a file without write permission, for root as well.
    for pool in [&store.writer, &store.probe] {
        sqlx::raw_sql("PRAGMA query_only = ON").execute(pool).await.expect("runs");
    }
    let collection = CollectionName::default_collection();
    for error in [
        store.ping().await.expect_err("no writes"),
        store.insert(&collection, &image(1, 10), SameContent::Refuse).await.expect_err("no writes"),
    ] {
        assert!(matches!(error, StoreError::ReadOnly(_)), "{error}");
    }
    assert_eq!(store.list(&collection, None, 10, None).await.expect("readable"), []);
}

#[tokio::test]
async fn an_operation_fails_or_waits_when_told_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path()).await;
    let collection = CollectionName::default_collection();
    let insert = |seed| {
        let (store, collection) = (store.clone(), collection.clone());
        async move { store.insert(&collection, &image(seed, 10), SameContent::Refuse).await }
    };
    store.fail("insert");
    assert!(matches!(insert(1).await, Err(StoreError::Unavailable(_))));
    assert_eq!((store.calls("insert"), store.last_seq().await.expect("readable")), (0, Seq::ZERO));
    store.heal();
    store.fail("insert after commit");
    assert!(matches!(insert(1).await, Err(StoreError::Unavailable(_))));
    assert_eq!(store.last_seq().await.expect("readable"), Seq(1), "it was committed");
    store.fail("*");
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    store.heal();

    store.hold("changes", 1);
    let held = store.clone();
    let call = tokio::spawn(async move { held.changes(Seq::ZERO, 10).await });
    store.until_called("changes", 1).await;
    assert!(!call.is_finished());
    store.release();
    let changes = call.await.expect("no panic").expect("readable");
    assert!(matches!(&changes, Changes::Since(changes) if changes.len() == 1), "{changes:?}");
    assert_eq!(store.calls("changes"), 1);
}
