//! Databases that cannot be used as they are set up: what is said, and what helps.

use std::sync::Arc;

use eyrie::domain::{Seq, SystemClock};
use eyrie::store::{Collections, Images, PostgresOptions, PostgresStore, SameContent, Store, StoreError};
use futures::future::join_all;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::{default_collection, id, image, insert, read_changes};
use crate::support::Place;
use crate::support::place::OPTIONS;
use crate::support::pooler::Pooler;
use crate::support::postgres::{TestDatabase, database_with, execute, fresh_database};

over_both_databases!(a_schema_of_a_newer_program_is_refused, a_schema_of_another_program_is_told_from_a_newer_one);

const NAMELESS: PostgresOptions = PostgresOptions { prepared_statements: false, ..OPTIONS };

async fn connect(url: &str, options: PostgresOptions) -> Result<PostgresStore, StoreError> {
    PostgresStore::connect(url, options, Arc::new(SystemClock)).await
}

/// Reason and hint of the refusal.
async fn refusal(url: &str, options: PostgresOptions) -> (String, &'static str) {
    match connect(url, options).await.err() {
        Some(StoreError::Setup { reason, hint }) => (reason, hint),
        other => panic!("{other:?}"),
    }
}

/// Runs statements on a place, as another program would.
pub(crate) async fn run(place: &Place, statements: &str) {
    match place {
        Place::Sqlite(dir) => {
            let url = format!("sqlite://{}?mode=rwc", dir.path().join("eyrie.db").display());
            let mut conn = SqliteConnection::connect(&url).await.expect("opens");
            sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut conn).await.expect("runs");
            conn.close().await.expect("closes");
        }
        Place::Postgres(database) => execute(&database.url, statements.to_owned()).await,
    }
}

async fn a_schema_of_a_newer_program_is_refused(place: Place) {
    place.open().await.close().await;
    run(
        &place,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'future', TRUE, '', 0)",
    )
    .await;
    let error = place.try_open().await.err().expect("refused");
    assert!(matches!(&error, StoreError::Setup { reason, .. } if reason.contains("newer version of Eyrie")), "{error}");
    assert!(error.to_string().contains("9999"), "{error}");
}

const OTHER_PROGRAM: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
         installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BYTES NOT NULL, \
         execution_time BIGINT NOT NULL); \
     INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (20240101000000, 'create users', TRUE, '', 0);";

async fn a_schema_of_another_program_is_told_from_a_newer_one(place: Place) {
    let bytes = if matches!(place, Place::Sqlite(_)) { "BLOB" } else { "BYTEA" };
    run(&place, &OTHER_PROGRAM.replace("BYTES", bytes)).await;
    let error = place.try_open().await.err().expect("refused");
    let StoreError::Setup { reason, hint } = &error else { panic!("{error:?}") };
    assert!(reason.contains("belongs to another program") && !reason.contains("newer"), "{reason}");
    match &place {
        Place::Sqlite(_) => assert!(hint.contains("--data-dir"), "{hint}"),
        Place::Postgres(database) => {
            let advice = ["CREATE SCHEMA eyrie", "?options=-csearch_path%3Deyrie"];
            assert!(advice.iter().all(|part| hint.contains(part)), "{hint}");
            // The advice, followed.
            let own = format!("{}&options=-csearch_path%3Deyrie", database.url);
            let (_, hint) = refusal(&own, OPTIONS).await;
            assert!(hint.contains("CREATE SCHEMA eyrie"), "{hint}");
            run(&place, "CREATE SCHEMA eyrie").await;
            for options in [OPTIONS, NAMELESS] {
                let store = connect(&own, options).await.expect("opens");
                insert(&store, &image(&format!("x{}", options.prepared_statements), 1)).await;
            }
        }
    }
}

#[tokio::test]
async fn tables_of_another_program_are_in_the_way() {
    let database = fresh_database().await;
    execute(&database.url, "CREATE TABLE images (id INT)".to_owned()).await;
    let (reason, hint) = refusal(&database.url, OPTIONS).await;
    assert!(reason.contains("belongs to another program") && hint.contains("CREATE SCHEMA eyrie"), "{reason}: {hint}");
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let options = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
        let database = database_with(&options).await;
        let (reason, hint) = refusal(&database.url, OPTIONS).await;
        assert!(reason.contains(encoding) && reason.contains("UTF8"), "{reason}");
        assert!(hint.contains("ENCODING 'UTF8'"), "{hint}");
    }
}

/// The URL of a new role, which may log in and nothing else.
async fn url_of_new_role(database: &TestDatabase) -> (String, String) {
    let role = format!("role_{}", database.name);
    execute(&database.url, format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")).await;
    (database.url.replacen("//eyrie@", &format!("//{role}@"), 1), role)
}

#[tokio::test]
async fn a_role_that_may_not_create_tables_is_told_what_it_lacks() {
    let database = fresh_database().await;
    let (url, role) = url_of_new_role(&database).await;
    let (reason, hint) = refusal(&url, OPTIONS).await;
    assert!(reason.contains("may not create") && hint.contains("GRANT CREATE ON SCHEMA"), "{reason}: {hint}");

    // Where the owner made the tables, the right to use them is enough.
    insert(&connect(&database.url, OPTIONS).await.expect("opens"), &image("x", 1)).await;
    let grant = format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
    );
    execute(&database.url, grant).await;
    let store = connect(&url, OPTIONS).await.expect("opens");
    insert(&store, &image("y", 2)).await;
    store.close().await;
    execute(&database.url, format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn a_role_that_is_not_there_is_told_where_to_look() {
    let database = fresh_database().await;
    let (_, hint) = refusal(&database.url.replacen("//eyrie@", "//nobody_knows@", 1), OPTIONS).await;
    assert!(hint.contains("EYRIE_DATABASE_URL"), "{hint}");
}

#[tokio::test]
async fn a_standby_is_read_and_refuses_writes_as_read_only() {
    let database = fresh_database().await;
    let record = insert(&connect(&database.url, OPTIONS).await.expect("opens"), &image("x", 1)).await;
    let statement = format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name);
    execute(&database.url, statement).await;
    for options in [OPTIONS, NAMELESS] {
        let store = connect(&database.url, options).await.expect("what is up to date needs no write");
        assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), Some(record.clone()));
        for error in [
            store.ping().await.expect_err("no writes"),
            store.insert(&default_collection(), &image("y", 2), SameContent::Refuse).await.expect_err("no writes"),
            store.delete_collection(&default_collection()).await.expect_err("no writes"),
        ] {
            assert!(matches!(error, StoreError::ReadOnly(_)), "{error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pooler_that_works_by_transaction_serves_statements_without_names() {
    let database = fresh_database().await;
    let pooler = Pooler::started("");
    let stores = [
        Arc::new(connect(&pooler.url(&database), NAMELESS).await.expect("opens")),
        Arc::new(connect(&pooler.url(&database), NAMELESS).await.expect("opens")),
    ];
    // More calls at once than the pooler has connections, so that each of these serves many.
    let tasks = (0..60).map(|i| {
        let store = Arc::clone(&stores[i as usize % 2]);
        tokio::spawn(async move {
            store.ping().await.expect("answers");
            let record = insert(&*store, &image(&format!("i{i}"), i)).await;
            assert!(super::assert_whole(&*store, &default_collection(), &record.id).await);
            let records = store.records(&[record.key]).await.expect("readable");
            assert_eq!(records, [record]);
        })
    });
    for done in join_all(tasks).await {
        done.expect("no panic");
    }
    assert_eq!(stores[0].list(&default_collection(), None, 100, None).await.expect("readable").len(), 60);
    assert_eq!(read_changes(&*stores[1], Seq::ZERO, 100).await.len(), 60);
    for store in stores {
        store.close().await;
    }
}

#[tokio::test]
async fn a_pooler_without_the_setting_is_told_at_the_start() {
    let database = fresh_database().await;
    // The second takes the parameter that the first refuses, and mixes up the statements.
    for settings in ["", "ignore_startup_parameters = extra_float_digits"] {
        let pooler = Pooler::started(settings);
        let (reason, hint) = refusal(&pooler.url(&database), OPTIONS).await;
        assert!(reason.contains("pooler"), "{settings}: {reason}");
        assert!(hint.contains("storage.prepared_statements = false"), "{settings}: {hint}");
    }
}

#[tokio::test]
async fn a_pooler_that_refuses_the_options_of_the_url_is_told() {
    let database = fresh_database().await;
    let pooler = Pooler::started("");
    let url = format!("{}&options=-csearch_path%3Deyrie", pooler.url(&database));
    let (reason, hint) = refusal(&url, NAMELESS).await;
    assert!(reason.contains("options") && hint.contains("ALTER ROLE"), "{reason}: {hint}");
}
