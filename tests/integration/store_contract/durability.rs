//! What survives: a new start, a cancelled request, a foreign schema.

use std::pin::pin;
use std::sync::Arc;

use eyrie::store::{ChangeKind, DescriptorStore, SameContent, StoreError};
use futures::poll;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr, SqliteConnection};

use super::{assert_whole, default_collection, features, features_of, id, image, insert, put};
use crate::support::{self, Place};

over_both_databases!(
    a_new_start_finds_everything,
    a_cancelled_write_leaves_nothing_half_written,
    a_cancelled_write_does_not_hinder_the_next,
    a_schema_of_a_newer_program_is_refused,
    an_image_of_the_first_schema_stays_and_has_no_features,
);

async fn a_new_start_finds_everything(place: Place) {
    let store = place.open().await;
    let record = insert(&*store, &image("x", 1)).await;
    insert(&*store, &image("y", 2)).await;
    store.delete(&default_collection(), &id("y")).await.expect("answers");
    let changes = store.changes(0, 10).await.expect("readable");
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "a closed store answers no more");

    let store = place.open().await;
    assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), Some(record.clone()));
    assert!(assert_whole(&*store, &default_collection(), &id("x")).await);
    assert_eq!(store.changes(0, 10).await.expect("readable"), changes);
    assert!(put(&*store, &image("x", 3)).await.revision > changes.last().expect("changes").seq);
}

/// Drives a call for a while, then drops it as a cancelled request would.
async fn cancel_after(store: &Arc<dyn DescriptorStore>, text: &str, seed: u32, polls: u32) -> bool {
    let (collection, new) = (default_collection(), image(text, seed));
    let mut call = pin!(store.insert(&collection, &new, SameContent::Refuse));
    for _ in 0..polls {
        if poll!(&mut call).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

async fn a_cancelled_write_leaves_nothing_half_written(place: Place) {
    const ROUNDS: u32 = 150;
    let store = place.open().await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        if cancel_after(&store, &format!("i{round}"), round, round * 4).await {
            acknowledged.push(round);
        }
    }
    assert!(acknowledged.len() < ROUNDS as usize, "some were cancelled");
    // Wait for what is under way in the database, then look.
    store.close().await;
    let store = place.open().await;
    let changes = store.changes(0, 1000).await.expect("readable");
    let logged = |round: u32| {
        let wanted = id(&format!("i{round}"));
        changes.iter().filter(|change| matches!(&change.kind, ChangeKind::ImageWritten(id, _) if *id == wanted)).count()
    };
    for round in 0..ROUNDS {
        let there = assert_whole(&*store, &default_collection(), &id(&format!("i{round}"))).await;
        assert_eq!(logged(round), usize::from(there), "round {round}");
        assert!(there || !acknowledged.contains(&round), "round {round} was acknowledged and is lost");
    }
}

async fn a_cancelled_write_does_not_hinder_the_next(place: Place) {
    let store = place.open().await;
    for round in 0..60 {
        cancel_after(&store, "x", 1, round % 20).await;
    }
    // The same id and the same bytes: whatever locks the cancelled ones held are free.
    put(&*store, &image("x", 1)).await;
    assert!(assert_whole(&*store, &default_collection(), &id("x")).await);
}

async fn a_schema_of_a_newer_program_is_refused(place: Place) {
    place.open().await.close().await;
    let statement = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'future', TRUE, '', 0)";
    match &place {
        Place::Sqlite(dir) => {
            let url = format!("sqlite://{}", dir.path().join("eyrie.db").display());
            let mut conn = SqliteConnection::connect(&url).await.expect("opens");
            sqlx::query(statement).execute(&mut conn).await.expect("runs");
            conn.close().await.expect("closes");
        }
        Place::Postgres(database) => support::postgres::execute(&database.url, statement.to_owned()).await,
    }
    let error = place.try_open().await.err().expect("refused");
    assert!(matches!(&error, StoreError::Internal(text) if text.contains("newer version of Eyrie")), "{error}");
    assert!(error.to_string().contains("9999"), "{error}");
}

/// Only the first migration, as the first program had it.
fn first_schema(sql: &'static str) -> Migrator {
    let first = Migration::new(1, "initial".into(), MigrationType::Simple, sql.into_sql_str(), false);
    Migrator::with_migrations(vec![first])
}

/// An image with all that belonged to one under the first schema; how the database writes bytes and times is given.
fn first_image(bytes: impl Fn(&str) -> String, time: &str) -> String {
    let (hash, components) = (bytes(&"07".repeat(32)), bytes(&"0000803f".repeat(8)));
    let collection = "(SELECT id FROM collections WHERE name = 'default')";
    format!(
        "INSERT INTO changes (collection, kind, image_id, at) VALUES ('default', 'image_written', 'x', {time}); \
         INSERT INTO images VALUES ({collection}, 'x', {hash}, 'png', 4, 3, 99, '{{}}', '0123456789abcdef/rnip', 1, \
             {time}, {time}); \
         INSERT INTO descriptors VALUES ({collection}, 'x', {components}); \
         INSERT INTO thumbnails VALUES ({collection}, 'x', 'image/png', {});",
        bytes("00")
    )
}

async fn an_image_of_the_first_schema_stays_and_has_no_features(place: Place) {
    match &place {
        Place::Sqlite(dir) => {
            let file = SqliteConnectOptions::new().filename(dir.path().join("eyrie.db")).create_if_missing(true);
            let mut conn = SqliteConnection::connect_with(&file).await.expect("opens");
            let schema = first_schema(include_str!("../../../migrations/sqlite/0001_initial.sql"));
            schema.run(&mut conn).await.expect("the first schema");
            let image = first_image(|hex| format!("x'{hex}'"), "0");
            sqlx::raw_sql(AssertSqlSafe(image)).execute(&mut conn).await.expect("stored");
            conn.close().await.expect("closes");
        }
        Place::Postgres(database) => {
            let mut conn = PgConnection::connect(&database.url).await.expect("connects");
            let schema = first_schema(include_str!("../../../migrations/postgres/0001_initial.sql"));
            schema.run(&mut conn).await.expect("the first schema");
            let image = first_image(|hex| format!("'\\x{hex}'::bytea"), "now()");
            sqlx::raw_sql(AssertSqlSafe(image)).execute(&mut conn).await.expect("stored");
            conn.close().await.expect("closes");
        }
    }
    let store = place.open().await;
    let (collection, x) = (default_collection(), id("x"));
    let record = store.get(&collection, &x).await.expect("readable").expect("it stayed");
    assert_eq!((record.width, record.revision), (4, 1));
    assert!(store.get_descriptor(&collection, &x).await.expect("readable").is_some());
    assert!(store.get_thumbnail(&collection, &x).await.expect("readable").is_some());
    assert_eq!(features_of(&*store, &collection, &x).await, None);
    put(&*store, &image("x", 5)).await;
    assert_eq!(features_of(&*store, &collection, &x).await, Some(features(5)));
}
