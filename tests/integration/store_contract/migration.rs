//! Databases that an older program filled.

use eyrie::domain::{ImageKey, Seq};
use eyrie::store::{Change, ChangeKind};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr, SqliteConnection};

use super::{
    assert_whole, default_collection, delete, features, features_of, hash, id, image, insert, name, put, read_changes,
};
use crate::support::Place;

over_both_databases!(
    an_image_of_the_first_schema_stays_and_has_no_features,
    everything_of_the_second_schema_is_there_under_keys,
    an_empty_database_of_the_second_schema_goes_on_with_its_numbers,
);

/// The first migrations, as the programs of their time had them.
fn schema(count: usize, sql: [&'static str; 2]) -> Migrator {
    let all = [(1, "initial"), (2, "local_features")].into_iter().zip(sql);
    Migrator::with_migrations(
        all.take(count)
            .map(|((number, name), sql)| {
                Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
            })
            .collect(),
    )
}

/// Makes a database of the first `count` migrations and fills it. `statements` get how the database
/// writes bytes and a time.
pub(crate) async fn old_database(
    place: &Place,
    count: usize,
    statements: impl Fn(&dyn Fn(&str) -> String, &str) -> String,
) {
    match place {
        Place::Sqlite(dir) => {
            let file = SqliteConnectOptions::new().filename(dir.path().join("eyrie.db")).create_if_missing(true);
            let mut conn = SqliteConnection::connect_with(&file).await.expect("opens");
            let sql = [
                include_str!("../../../migrations/sqlite/0001_initial.sql"),
                include_str!("../../../migrations/sqlite/0002_local_features.sql"),
            ];
            schema(count, sql).run(&mut conn).await.expect("the old schema");
            let filling = statements(&|hex| format!("x'{hex}'"), "1000000");
            sqlx::raw_sql(AssertSqlSafe(filling)).execute(&mut conn).await.expect("stored");
            conn.close().await.expect("closes");
        }
        Place::Postgres(database) => {
            let mut conn = PgConnection::connect(&database.url).await.expect("connects");
            let sql = [
                include_str!("../../../migrations/postgres/0001_initial.sql"),
                include_str!("../../../migrations/postgres/0002_local_features.sql"),
            ];
            schema(count, sql).run(&mut conn).await.expect("the old schema");
            let filling = statements(&|hex| format!("'\\x{hex}'::bytea"), "'1970-01-01T00:00:01Z'");
            sqlx::raw_sql(AssertSqlSafe(filling)).execute(&mut conn).await.expect("stored");
            conn.close().await.expect("closes");
        }
    }
}

pub(crate) fn change(collection: &str, kind: &str, image: Option<&str>, time: &str) -> String {
    let image = image.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    format!("INSERT INTO changes (collection, kind, image_id, at) VALUES ('{collection}', '{kind}', {image}, {time}); ")
}

/// An image of revision `revision` with all that belonged to one under the first schema.
pub(crate) fn old_image(
    collection: &str,
    image: &str,
    seed: u32,
    revision: i64,
    bytes: &dyn Fn(&str) -> String,
    time: &str,
) -> String {
    let (content, components) = (bytes(&hash(seed).to_string()), bytes(&"0000803f".repeat(8)));
    let collection = format!("(SELECT id FROM collections WHERE name = '{collection}')");
    format!(
        "INSERT INTO images VALUES ({collection}, '{image}', {content}, 'png', 4, 3, 99, '{{\"seed\":{seed}}}', \
             '0123456789abcdef/rnip', {revision}, {time}, {time}); \
         INSERT INTO descriptors VALUES ({collection}, '{image}', {components}); \
         INSERT INTO thumbnails VALUES ({collection}, '{image}', 'image/png', {}); ",
        bytes("00ff")
    )
}

async fn an_image_of_the_first_schema_stays_and_has_no_features(place: Place) {
    old_database(&place, 1, |bytes, time| {
        change("default", "image_written", Some("x"), time) + &old_image("default", "x", 1, 1, bytes, time)
    })
    .await;
    let store = place.open().await;
    let (collection, x) = (default_collection(), id("x"));
    let record = store.get(&collection, &x).await.expect("readable").expect("it stayed");
    assert_eq!((record.width, record.revision), (4, Seq(1)));
    assert!(store.get_descriptor(&collection, &x).await.expect("readable").is_some());
    assert!(store.get_thumbnail(&collection, &x).await.expect("readable").is_some());
    assert_eq!(features_of(&*store, record.key).await, None);
    assert_eq!(put(&*store, &image("x", 5)).await.key, record.key);
    assert_eq!(features_of(&*store, record.key).await, Some(features(5)));
}

fn local_features(collection: &str, image: &str, bytes: String) -> String {
    format!(
        "INSERT INTO local_features VALUES ((SELECT id FROM collections WHERE name = '{collection}'), '{image}', {bytes}); "
    )
}

async fn everything_of_the_second_schema_is_there_under_keys(place: Place) {
    old_database(&place, 2, |bytes, time| {
        let written = |collection, id| change(collection, "image_written", Some(id), time);
        [
            format!(
                "INSERT INTO collections (name, profile, description, created_at) VALUES ('other', 'fast', 'd', {time}); "
            ),
            written("default", "x"),                               // 1
            written("default", "y"),                               // 2
            written("default", "gone"),                            // 3
            change("default", "image_deleted", Some("gone"), time), // 4
            written("other", "x"),                                 // 5
            written("dropped", "x"),                               // 6
            change("dropped", "collection_deleted", None, time),   // 7
            written("default", "x"),                               // 8
            old_image("default", "y", 2, 2, bytes, time),
            old_image("other", "x", 1, 5, bytes, time),
            old_image("default", "x", 1, 8, bytes, time),
            local_features("default", "x", bytes("0102")),
            local_features("other", "x", bytes("03")),
        ]
        .concat()
    })
    .await;
    let store = place.open().await;
    let mut keys = Vec::new();
    for (collection, text, revision, stored) in
        [("default", "y", 2, None), ("other", "x", 5, Some(vec![3])), ("default", "x", 8, Some(vec![1, 2]))]
    {
        let (collection, id) = (name(collection), id(text));
        let record = store.get(&collection, &id).await.expect("readable").expect("it stayed");
        assert_eq!((record.revision, record.byte_size, record.created_at.unix_timestamp()), (Seq(revision), 99, 1));
        let (key, descriptor) = store.get_descriptor(&collection, &id).await.expect("readable").expect("it stayed");
        assert_eq!((key, descriptor.descriptor.values().len()), (record.key, 8));
        let thumbnail = store.get_thumbnail(&collection, &id).await.expect("readable").expect("it stayed");
        assert_eq!(thumbnail.bytes, [0, 0xff]);
        assert_eq!(features_of(&*store, record.key).await, stored);
        keys.push(record.key);
    }
    assert!(keys.is_sorted_by(|a, b| a < b) && keys[0] > ImageKey(0), "the oldest comes first: {keys:?}");

    let descriptor = store.get_descriptor(&default_collection(), &id("x")).await.expect("readable").map(|(_, d)| d);
    let written = |key: ImageKey| ChangeKind::ImageWritten(key, descriptor.clone());
    let gone = ImageKey(0);
    let expected = [
        ("default", written(keys[2])),
        ("default", written(keys[0])),
        ("default", ChangeKind::ImageWritten(gone, None)),
        ("default", ChangeKind::ImageDeleted(gone)),
        ("other", written(keys[1])),
        ("dropped", ChangeKind::ImageWritten(gone, None)),
        ("dropped", ChangeKind::CollectionDeleted),
        ("default", written(keys[2])),
    ];
    let expected: Vec<_> =
        (1..).zip(expected).map(|(n, (text, kind))| Change { seq: Seq(n), collection: name(text), kind }).collect();
    assert_eq!(read_changes(&*store, Seq::ZERO, 100).await, expected);

    let new = insert(&*store, &image("new", 9)).await;
    assert!(new.revision > Seq(8) && new.key > keys[2], "{new:?}");
    delete(&*store, "x").await;
    assert!(!assert_whole(&*store, &default_collection(), &id("x")).await);
    assert_eq!(features_of(&*store, keys[2]).await, None);
    store.delete_collection(&name("other")).await.expect("answers").expect("was there");
    assert_eq!(features_of(&*store, keys[1]).await, None, "what belongs to an image still goes with it");
}

async fn an_empty_database_of_the_second_schema_goes_on_with_its_numbers(place: Place) {
    old_database(&place, 2, |_, time| {
        let written = change("default", "image_written", Some("x"), time);
        written.repeat(5) + "DELETE FROM changes;"
    })
    .await;
    let store = place.open().await;
    assert_eq!(store.list(&default_collection(), None, 10, None).await.expect("readable"), []);
    assert!(insert(&*store, &image("x", 1)).await.revision > Seq(5));
    store.close().await;
    place.open().await;
}
