//! `eyrie upgrade`: what this version would change.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::program::{Program, Server, text};
use crate::store_contract::migration::{change, old_database, old_image};
use crate::support::Place;

fn program_of(place: &Place) -> Program {
    let mut program = Program::new();
    match place {
        Place::Sqlite(dir) => program.set("EYRIE_DATA_DIR", text(dir.path())),
        Place::Postgres(database) => program.set("EYRIE_DATABASE_URL", database.url.clone()),
    }
    program
}

async fn check_an_old_database(place: Place) {
    old_database(&place, 1, |bytes, time| {
        change("default", "image_written", Some("x"), time) + &old_image("default", "x", 1, 1, bytes, time)
    })
    .await;
    let program = program_of(&place);
    let first = program.run(&["upgrade", "--check", "--json"]).expect_code(4).json();
    assert_eq!((&first["schema"], &first["up_to_date"]), (&json!(1), &json!(false)), "{first}");
    let pending: Vec<&str> = first["pending"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(pending[..2], ["0002_local_features", "0003_image_keys"], "{first}");
    let expected = json!({"collection": "default", "images": 1, "stale": 1, "index": "built, since none is saved"});
    assert_eq!(first["collections"], json!([expected]));
    assert_eq!(first["outdated_features"], 1);
    // It has changed nothing.
    assert_eq!(program.run(&["upgrade", "--check", "--json"]).expect_code(4).json(), first);
    let words = program.run(&["upgrade", "--check"]).expect_code(4);
    for part in ["the next start applies 0002_local_features, ", "import their pictures again", "Make a backup first"] {
        assert!(words.stdout().contains(part), "{}", words.stdout());
    }

    let upgraded = program.run(&["upgrade", "--json"]).expect_code(0);
    assert!(upgraded.stderr().contains("applied the migration 0003_image_keys"), "{}", upgraded.stderr());
    let after = program.run(&["upgrade", "--check", "--json"]).expect_code(4).json();
    assert_eq!(after["pending"], json!([]), "{after}");
    // The picture itself is needed to describe it anew.
    assert_eq!((&after["collections"][0]["stale"], &after["outdated_features"]), (&json!(1), &json!(1)), "{after}");
}

#[tokio::test]
async fn what_an_old_database_lacks_is_said_and_nothing_is_changed_sqlite() {
    check_an_old_database(Place::sqlite()).await;
}

#[tokio::test]
async fn what_an_old_database_lacks_is_said_and_nothing_is_changed_postgres() {
    check_an_old_database(Place::postgres().await).await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_cannot_be_started_with() {
    let place = Place::postgres().await;
    place.open().await.close().await;
    let Place::Postgres(database) = &place else { unreachable!("it is one") };
    let mut connection = PgConnection::connect(&database.url).await.expect("connects");
    let future = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9999, 'future', TRUE, '', 0)";
    sqlx::raw_sql(future).execute(&mut connection).await.expect("runs");
    let refused = program_of(&place).run(&["upgrade", "--check"]).expect_code(3);
    assert!(refused.stderr().contains("schema 9999") && refused.stderr().contains("hint: "), "{}", refused.stderr());
}

#[test]
fn where_there_is_no_database_none_is_made() {
    let program = Program::new();
    let ended = program.run(&["upgrade", "--check"]).expect_code(0);
    assert!(ended.stdout().contains("there is no database yet"), "{}", ended.stdout());
    assert!(!program.path("data").exists());
}

#[cfg(unix)]
#[test]
fn a_saved_index_is_read_or_built_anew() {
    let program = Program::new();
    program.picture("1.png", 1);
    program.run(&["import", "1.png"]).expect_code(0);
    let index = |code: i32| {
        let found = program.run(&["upgrade", "--check", "--json"]).expect_code(code).json();
        found["collections"][0]["index"].as_str().expect("words").to_owned()
    };
    assert_eq!(index(0), "built, since none is saved");
    let server = Server::start(&program);
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
    assert_eq!(index(0), "in use by a server");
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert_eq!(index(0), "read");
    let words = program.run(&["upgrade", "--check"]).expect_code(0);
    assert!(words.stdout().contains("nothing to do"), "{}", words.stdout());

    let graph = program.path("data/index/default/graph");
    let mut bytes = std::fs::read(&graph).expect("saved");
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&graph, bytes).expect("written");
    assert!(index(4).starts_with("built anew: "));
}
