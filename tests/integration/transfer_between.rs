//! A collection out of SQLite and into Postgres, as large as one likes.

use serde_json::{Value, json};

use crate::http_transfer::portable;
use crate::program::{Program, Server};
use crate::support::postgres::fresh_database;

/// How many records are moved; more by hand, for a longer look.
fn records() -> usize {
    std::env::var("EYRIE_TEST_RECORDS").map_or(300, |text| text.parse().expect("a number"))
}

/// Rows of 768 values that look random, in groups whose rows are alike.
fn rows(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f32::from(u16::try_from(state >> 16).expect("16 bits")) / 65_536.0 - 0.5
    };
    let mut bytes = Vec::with_capacity(count * 768 * 4);
    let mut centre = vec![0.0; 768];
    for row in 0..count {
        if row % 10 == 0 {
            centre = (0..768).map(|_| next()).collect();
        }
        bytes.extend(centre.iter().flat_map(|value| (value + 0.3 * next()).to_le_bytes()));
    }
    bytes
}

/// A server whose index is there.
fn ready(program: &Program) -> Server {
    let server = Server::start(program);
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_from_sqlite_to_postgres_is_found_the_same_to_the_byte() {
    let count = records();
    let mut from = Program::new();
    let database = fresh_database().await;
    let mut to = Program::new();
    to.set("EYRIE_DATABASE_URL", database.url.clone());
    for program in [&mut from, &mut to] {
        // Answers of two graphs that were built in another order differ where they are not exact.
        program.set("EYRIE_INDEX__EXACT_BELOW", "10000000");
    }
    std::fs::write(from.path("rows.f32"), rows(count)).expect("written");
    from.run(&["load", "--descriptors", "rows.f32"]).expect_code(0);
    let exported = from.path("all.ndjson");
    let exported = exported.to_str().expect("UTF-8");
    from.run(&["export", "--output", exported]).expect_code(0);
    let imported = to.run(&["import", "--records", exported, "--json"]).expect_code(0).json();
    assert_eq!((&imported["stored"], &imported["complete"]), (&json!(count), &json!(true)), "{imported}");

    let (here, there) = (ready(&from), ready(&to));
    let client = crate::support::client();
    for row in (0..count).step_by(count.div_ceil(50)) {
        let body = json!({"id": format!("row-{row:08}"), "k": 20, "filter": {"field": "percent", "lt": 60}});
        let mut answers = Vec::new();
        for server in [&here, &there] {
            let url = format!("http://{}/v1/collections/default/search", server.address);
            let answer = client.post(url).json(&body).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            answers.push(portable(answer.json::<Value>().await.expect("JSON")).to_string());
        }
        assert!(answers[0].contains("row-"), "{}", answers[0]);
        assert_eq!(answers[0], answers[1], "row {row}");
    }
    let again = to.run(&["export", "--output", "again.ndjson"]).expect_code(0);
    assert!(
        std::fs::read(to.path("again.ndjson")).expect("there") == std::fs::read(exported).expect("there"),
        "{}",
        again.stderr()
    );
}
