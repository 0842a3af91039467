//! Uploads that are kept: which objects there are after whatever happens in between.

use std::ops::Range;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::*;
use crate::domain::{OriginalName, Secret};
use crate::originals::{self, ByteStream, Keeping, Object, Objects, OriginalsError};
use crate::store::{KeepIn, OriginalsOptions, PostgresOptions, StorageOptions, StoreError};

/// Originals as files in this folder.
pub(super) fn in_directory(folder: &Path) -> Keeping {
    let options = StorageOptions {
        data_dir: PathBuf::new(),
        database_url: Secret::default(),
        postgres: PostgresOptions {
            max_connections: 1,
            prepared_statements: true,
            statement_timeout: Duration::from_secs(20),
        },
        originals: OriginalsOptions {
            keep_in: KeepIn::Directory,
            directory: folder.to_owned(),
            bucket: String::new(),
            prefix: String::new(),
            region: String::new(),
            endpoint: String::new(),
            path_style: true,
            access_key_id: Secret::default(),
            secret_access_key: Secret::default(),
        },
    };
    originals::open(&options).expect("opens")
}

fn folder(fixture: &Fixture) -> PathBuf {
    fixture.dir.path().join("originals")
}

async fn keeping_fixture() -> Fixture {
    Fixture::keeping(|dir| in_directory(&dir.join("originals"))).await
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn diagnosed(fixture: &Fixture) -> originals::Diagnosis {
    let keeping = in_directory(&folder(fixture));
    originals::diagnose(&*fixture.store, &keeping, time::Duration::ZERO).await.expect("looked at")
}

/// Objects as they are once they have been listed: none was there.
struct StoredSince(Arc<dyn Objects>);

#[async_trait::async_trait]
impl Objects for StoredSince {
    async fn put(&self, name: &OriginalName, bytes: bytes::Bytes) -> Result<(), OriginalsError> {
        self.0.put(name, bytes).await
    }

    async fn read(&self, name: &OriginalName, range: Range<u64>) -> Result<(u64, ByteStream), OriginalsError> {
        self.0.read(name, range).await
    }

    async fn remove(&self, name: &OriginalName) -> Result<(), OriginalsError> {
        self.0.remove(name).await
    }

    fn list(&self, _: &str) -> BoxStream<'static, Result<Object, OriginalsError>> {
        futures::stream::empty().boxed()
    }
}

#[tokio::test]
async fn an_original_that_came_while_others_were_listed_is_not_missing() {
    let fixture = keeping_fixture().await;
    fixture.add_named("x", b"x", json!({})).await;
    let objects = in_directory(&folder(&fixture)).objects().map(Arc::clone).expect("a folder");
    let keeping = Keeping::As(Arc::new(StoredSince(objects)));
    let found = originals::diagnose(&*fixture.store, &keeping, time::Duration::ZERO).await.expect("looked at");
    assert_eq!((found.kept, found.missing.len()), (1, 0), "{found:?}");
    originals::repair(&*fixture.store, &keeping, &found).await.expect("repaired");
    assert_eq!(bytes_of(&fixture.service, "x").await, b"x");
}

async fn bytes_of(service: &RetrievalService, name: &str) -> Vec<u8> {
    use futures::TryStreamExt as _;
    let record = service.original(&default(), &id(name)).await.expect("kept");
    let parts = service.original_bytes(&record, 0..record.byte_size).await.expect("readable");
    parts.try_collect::<Vec<_>>().await.expect("readable").concat()
}

#[tokio::test]
async fn a_lost_answer_of_the_database_costs_no_original_and_a_lost_write_leaves_an_orphan() {
    let fixture = keeping_fixture().await;
    fixture.store.fail("insert after commit");
    let lost = fixture.service.add_image(&default(), named("x", b"committed")).await;
    assert!(matches!(lost, Err(ServiceError::Store(StoreError::Unavailable(_)))), "{lost:?}");
    fixture.store.heal();
    assert_eq!(bytes_of(&fixture.service, "x").await, b"committed");
    assert!(!diagnosed(&fixture).await.is_ill());

    fixture.store.fail("insert");
    fixture.service.add_image(&default(), named("y", b"not committed")).await.expect_err("no database");
    fixture.store.heal();
    let found = diagnosed(&fixture).await;
    assert_eq!((found.kept, found.orphans.len(), found.missing.len()), (1, 1, 0), "{found:?}");
    let later = originals::diagnose(&*fixture.store, &in_directory(&folder(&fixture)), time::Duration::hours(1)).await;
    assert_eq!(later.expect("looked at").young, 1, "it may belong to an upload under way");
    originals::repair(&*fixture.store, &in_directory(&folder(&fixture)), &found).await.expect("repaired");
    assert!(!diagnosed(&fixture).await.is_ill());
    assert_eq!(bytes_of(&fixture.service, "x").await, b"committed");
}

#[tokio::test]
async fn what_no_image_got_is_removed_at_once() {
    let fixture = keeping_fixture().await;
    // Both are described before either is stored: the second one finds the first.
    fixture.control.hold();
    let (one, other) = (Arc::clone(&fixture.service), Arc::clone(&fixture.service));
    let adds = [
        tokio::spawn(async move { one.add_image(&default(), image(b"same", json!({}))).await }),
        tokio::spawn(async move { other.add_image(&default(), image(b"same", json!({}))).await }),
    ];
    fixture.control.until_begun(1).await;
    while fixture.service.core.pool.waiting(crate::service::lanes::Lane::Ingest) < 1 {
        tokio::task::yield_now().await;
    }
    fixture.control.release();
    for add in adds {
        add.await.expect("no panic").expect("answered");
    }
    assert_eq!(files(&folder(&fixture)).len(), 1);
    let put = PutImage { id: id("p"), ..to_put("p", b"other", json!({})) };
    let refused = fixture.service.put_image(&default(), put, Precondition::Present).await;
    assert!(matches!(refused, Err(ServiceError::PreconditionFailed)), "{refused:?}");
    assert_eq!(files(&folder(&fixture)).len(), 1);
}

#[tokio::test]
async fn what_a_process_left_to_be_removed_the_next_one_removes() {
    let fixture = keeping_fixture().await;
    fixture.add_named("x", b"x", json!({})).await;
    // A process that keeps nothing cannot remove the file.
    let service = start(&fixture.store, &fixture.control, MODEL);
    service.index_built().await.expect("built");
    service.delete_image(&default(), &id("x"), Precondition::None).await.expect("deleted");
    service.shutdown().await;
    assert_eq!((files(&folder(&fixture)).len(), diagnosed(&fixture).await.discarded), (1, 1));
    fixture.service.run_jobs();
    fixture.service.shutdown().await;
    assert_eq!((files(&folder(&fixture)).len(), diagnosed(&fixture).await.discarded), (0, 0));
}

#[tokio::test]
async fn an_image_without_its_original_gets_it_when_it_comes_again() {
    let fixture = keeping_fixture().await;
    let before = fixture.add_named("x", b"x", json!({"n": 1})).await;
    for file in files(&folder(&fixture)) {
        std::fs::remove_file(file).expect("removed");
    }
    let found = diagnosed(&fixture).await;
    assert_eq!(found.missing.iter().map(|one| one.image.as_str()).collect::<Vec<_>>(), ["default/x"]);
    originals::repair(&*fixture.store, &in_directory(&folder(&fixture)), &found).await.expect("repaired");
    let none = fixture.service.original(&default(), &id("x")).await;
    assert!(matches!(none, Err(ServiceError::NoOriginal(_))), "{none:?}");
    let again = fixture.service.add_image(&default(), image(b"x", json!({}))).await.expect("answered");
    let AddOutcome::Existing(record) = again.outcome else { panic!("{again:?}") };
    assert_eq!((record.key, &record.metadata), (before.key, &before.metadata));
    assert_eq!(bytes_of(&fixture.service, "x").await, b"x");
    assert_eq!(fixture.control.begun(), 2, "once more, and then no more");
    fixture.service.add_image(&default(), image(b"x", json!({}))).await.expect("answered");
    assert_eq!(fixture.control.begun(), 2);
}
