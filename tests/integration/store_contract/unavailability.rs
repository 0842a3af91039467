//! Databases that are not there, go away, are full or are something else.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eyrie::domain::SystemClock;
use eyrie::store::{Images, PostgresStore, SameContent, SqliteStore, Store, StoreError};
use sqlx::{Connection, SqliteConnection};

use super::{default_collection, id, image, insert};
use crate::support::Place;
use crate::support::place::OPTIONS;
use crate::support::postgres::PrivateCluster;

const SECRET: &str = "hunter2secret";

async fn connect(url: &str) -> Result<PostgresStore, StoreError> {
    PostgresStore::connect(url, OPTIONS, Arc::new(SystemClock)).await
}

async fn open(data_dir: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(data_dir, Arc::new(SystemClock)).await
}

fn text(error: &StoreError) -> String {
    format!("{error} {error:?}")
}

#[tokio::test]
async fn a_stopped_postgres_is_unavailable_at_once_and_heals_by_itself() {
    let cluster = PrivateCluster::started();
    let store = connect(&cluster.url()).await.expect("connects");
    let record = insert(&store, &image("x", 1)).await;

    cluster.stop();
    let begun = Instant::now();
    for error in [
        store.ping().await.expect_err("gone"),
        store.get(&default_collection(), &id("x")).await.expect_err("gone"),
        store.insert(&default_collection(), &image("y", 2), SameContent::Refuse).await.expect_err("gone"),
    ] {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());

    cluster.start();
    store.ping().await.expect("answers again");
    assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), Some(record));
    insert(&store, &image("y", 2)).await;
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let url = format!("postgres://someone:{SECRET}@127.0.0.1:{port}/db?sslmode=disable");
    let error = connect(&url).await.err().expect("silent");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(!text(&error).contains(SECRET), "{error}");
}

#[tokio::test]
async fn an_unknown_database_is_refused_without_naming_the_password() {
    let place = Place::postgres().await;
    let Place::Postgres(database) = &place else { panic!("not Postgres") };
    let (server, query) = database.url.split_once('?').expect("a query");
    let (server, _) = server.rsplit_once('/').expect("a database");
    let url = format!("{}/absent?{query}", server.replacen("eyrie@", &format!("eyrie:{SECRET}@"), 1));
    assert!(url.contains(SECRET));
    let error = connect(&url).await.err().expect("absent");
    assert!(error.to_string().contains("absent"), "{error}");
    assert!(!text(&error).contains(SECRET), "{error}");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let error = open(&file.join("data")).await.err().expect("a file is in the way");
    assert!(error.to_string().contains("cannot create the data directory"), "{error}");
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("eyrie.db"), "certainly not a database ".repeat(100)).expect("written");
    let error = open(dir.path()).await.err().expect("no database");
    assert!(matches!(error, StoreError::Internal(_)), "{error}");
    assert!(error.to_string().contains("eyrie.db"), "{error}");
}

#[tokio::test]
async fn a_write_waits_for_that_of_another_process() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path()).await.expect("opens");
    let url = format!("sqlite://{}", dir.path().join("eyrie.db").display());
    let mut other = SqliteConnection::connect(&url).await.expect("opens");
    let tx = other.begin_with("BEGIN IMMEDIATE").await.expect("begins");
    let mut write = tokio::spawn({
        let store = store.clone();
        async move { insert(&store, &image("x", 1)).await }
    });
    // Reading goes on meanwhile.
    assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), None);
    assert!(futures::poll!(&mut write).is_pending());
    tx.commit().await.expect("commits");
    write.await.expect("stored");
    assert!(super::assert_whole(&store, &default_collection(), &id("x")).await);
}
