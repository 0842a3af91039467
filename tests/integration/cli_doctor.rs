//! `eyrie doctor` as a process, over an index that a server saved.

use std::fs;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use crate::program::{Program, Server};

/// Ends a server once its index is built; it saves it then.
fn stop(program: &Program, server: Server) {
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
}

#[cfg(unix)]
#[test]
fn a_saved_index_is_found_sound_or_wrong_and_is_repaired() {
    let program = Program::new();
    for seed in 1..=2 {
        program.picture(&format!("{seed}.png"), seed);
    }
    program.run(&["import", "1.png", "2.png"]).expect_code(0);
    let none = program.run(&["doctor"]).expect_code(0);
    assert!(none.stdout().contains("none; it is built at the next start"), "{}", none.stdout());

    let server = Server::start(&program);
    let refused = program.run(&["doctor"]).expect_code(3);
    assert!(refused.stderr().contains("stop the server first"), "{}", refused.stderr());
    stop(&program, server);
    let sound = program.run(&["doctor", "--json"]).expect_code(0).json();
    let one = &sound["collections"][0];
    assert_eq!((&one["images"], &one["index"]), (&2.into(), &"ok".into()), "{sound}");

    program.picture("3.png", 3);
    program.run(&["import", "3.png"]).expect_code(0);
    let behind = program.run(&["doctor", "--json"]).expect_code(0).json();
    assert_eq!(behind["collections"][0]["index"], "ok; 1 changed since, which the next start reads");

    let vectors = program.path("data/index/default/vectors");
    let sound = fs::read(&vectors).expect("saved");
    fs::write(&vectors, vec![7; sound.len()]).expect("written");
    let wrong = program.run(&["doctor"]).expect_code(1);
    assert!(wrong.stdout().contains("wrong: lacks 0, has 0 that are gone, 2 differ"), "{}", wrong.stdout());
    assert!(wrong.stderr().contains("`eyrie doctor --repair` has them built anew"), "{}", wrong.stderr());
    fs::write(&vectors, sound).expect("written");

    let graph = program.path("data/index/default/graph");
    let mut bytes = fs::read(&graph).expect("saved");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&graph, bytes).expect("written");
    let unusable = program.run(&["doctor"]).expect_code(1);
    assert!(unusable.stdout().contains("not usable: the saved index is damaged"), "{}", unusable.stdout());
    program.run(&["doctor", "--repair"]).expect_code(0);
    stop(&program, Server::start(&program));
    let repaired = program.run(&["doctor", "--json"]).expect_code(0).json();
    let one = &repaired["collections"][0];
    assert_eq!((&one["images"], &one["index"]), (&3.into(), &"ok".into()), "{repaired}");
}

#[tokio::test]
async fn wrong_counts_are_told_and_counted_anew() {
    let program = Program::new();
    program.picture("1.png", 1);
    program.run(&["import", "1.png"]).expect_code(0);
    let sound = program.run(&["doctor", "--json"]).expect_code(0).json();
    assert_eq!(sound["miscounts"], serde_json::json!([]), "{sound}");

    let file = SqliteConnectOptions::new().filename(program.path("data/eyrie.db"));
    let mut conn = SqliteConnection::connect_with(&file).await.expect("opens");
    sqlx::query("UPDATE usage SET images = 7, bytes = 8").execute(&mut conn).await.expect("changed");
    conn.close().await.expect("closes");
    let wrong = program.run(&["doctor"]).expect_code(1);
    let line = "counted wrong: default: 7 images of 8 bytes, and there are 1 of ";
    assert!(wrong.stdout().contains(line), "{}", wrong.stdout());
    assert!(wrong.stderr().contains("`eyrie doctor --repair` counts anew"), "{}", wrong.stderr());
    program.run(&["doctor", "--repair"]).expect_code(0);
    let repaired = program.run(&["doctor", "--json"]).expect_code(0).json();
    assert_eq!(repaired["miscounts"], serde_json::json!([]), "{repaired}");
}
