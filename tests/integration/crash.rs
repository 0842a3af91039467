//! A server that is killed in the middle loses nothing that it acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::program::{Program, Server, picture};
use crate::support::postgres::fresh_database;

fn png(seed: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture(seed).write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_picture_acknowledged_before_kill_9_is_found_once_after_the_restart() {
    const ENOUGH: usize = 12;
    let program = Program::new();
    let server = Server::start(&program);
    let client = crate::support::client();
    let collection = format!("http://{}/v1/collections/crash", server.address);
    let created = client.put(&collection).json(&json!({"profile": "fast"})).send().await.expect("an answer");
    assert_eq!(created.status(), StatusCode::CREATED);

    // Three clients add pictures until the server is gone; it is killed while their requests are
    // under way.
    let acknowledged = AtomicUsize::new(0);
    let add = |client_number: u32| {
        let (client, collection, acknowledged, server) = (&client, &collection, &acknowledged, &server);
        async move {
            let mut stored = Vec::new();
            for number in 0..1000 {
                let seed = client_number * 1000 + number;
                let request = client.post(format!("{collection}/images")).query(&[("id", format!("p{seed}"))]);
                let sent = request.header("content-type", "image/png").body(png(seed)).send().await;
                let Ok(answer) = sent else { break };
                if answer.status() != StatusCode::CREATED {
                    break;
                }
                stored.push(seed);
                if acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == ENOUGH {
                    server.signal("KILL");
                }
            }
            stored
        }
    };
    let (a, b, c) = tokio::join!(add(1), add(2), add(3));
    let stored: Vec<u32> = [a, b, c].concat();
    assert!(stored.len() >= ENOUGH, "only {stored:?} were acknowledged");
    drop(server);

    let server = Server::start(&program);
    let collection = format!("http://{}/v1/collections/crash", server.address);
    // The start answers at once; the index is there when it says so. A search waits for it with a
    // 503.
    let mut results = Vec::new();
    for seed in &stored {
        let search = loop {
            let request = client.post(format!("{collection}/search")).query(&[("k", "100")]);
            let answer = request.header("content-type", "image/png").body(png(*seed)).send().await.expect("an answer");
            if answer.status() == StatusCode::OK {
                break answer.json::<Value>().await.expect("JSON");
            }
            let problem: Value = answer.json().await.expect("JSON");
            assert_eq!(problem["code"], "not_ready", "{problem}");
        };
        results.push((*seed, search["results"].as_array().expect("a list").clone()));
    }
    for (seed, hits) in results {
        assert_eq!(hits[0]["id"], format!("p{seed}"));
        assert!(hits[0]["score"].as_f64().expect("a score") > 0.999, "{}", hits[0]);
        let same = hits.iter().filter(|hit| hit["id"] == format!("p{seed}")).count();
        assert_eq!(same, 1, "p{seed} is there {same} times");
    }
}

/// How often the server is killed in each of the tests below; more by hand, for a longer look.
fn rounds() -> u32 {
    std::env::var("EYRIE_TEST_KILLS").map_or(3, |text| text.parse().expect("a number"))
}

/// Numbers that look random and follow from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What a client knows of its image: the states in which it may be, each the version in its
/// metadata or `None` where it is not there. After an acknowledged write there is one.
type Known = BTreeMap<String, Vec<Option<u64>>>;

/// Writes to images of its own until the server is gone.
async fn write(url: &str, number: u64, known: &mut Known, random: &mut Random, done: impl Fn()) {
    let client = crate::support::client();
    let mut version = random.below(u64::from(u32::MAX));
    loop {
        let id = format!("client{number}-{}", random.below(12));
        let image = format!("{url}/images/{id}");
        let upload = |request: RequestBuilder, version: u64| {
            let metadata = json!({"version": version}).to_string();
            let seed = u32::try_from(version % 50).expect("small");
            request.query(&[("metadata", metadata)]).header("content-type", "image/png").body(png(seed))
        };
        version += 1;
        let there = known.get(&id).is_some_and(|states| states.iter().any(Option::is_some));
        let (request, after) = match random.below(4) {
            0 if there => (client.delete(&image), None),
            1 if there => (client.patch(&image).json(&json!({"metadata": {"version": version}})), Some(version)),
            _ => (upload(client.put(&image), version), Some(version)),
        };
        let before = known.remove(&id).unwrap_or_else(|| vec![None]);
        let Ok(answer) = request.send().await else {
            // It may have been done.
            known.insert(id, before.into_iter().chain([after]).collect());
            return;
        };
        let status = answer.status();
        assert!(status.is_success(), "{id}: {status}: {}", answer.text().await.unwrap_or_default());
        known.insert(id, vec![after]);
        done();
    }
}

/// Every image is in one of the states in which its client may think it is. What is there is known
/// for sure then.
async fn check(server: &Server, known: &mut Known) {
    let images = format!("http://{}/v1/collections/crash/images", server.address);
    let answer = crate::support::client().get(images).query(&[("limit", "1000")]).send().await.expect("an answer");
    let listed: Value = answer.json().await.expect("JSON");
    let there: BTreeMap<String, u64> = (listed["images"].as_array().expect("a list").iter())
        .map(|image| (image["id"].as_str().expect("an id"), image["metadata"]["version"].as_u64().expect("a version")))
        .map(|(id, version)| (id.to_owned(), version))
        .collect();
    for (id, states) in known.iter_mut() {
        let state = there.get(id).copied();
        assert!(states.contains(&state), "{id} is {state:?}, which none of {states:?} is");
        *states = vec![state];
    }
    assert!(there.keys().all(|id| known.contains_key(id)), "nobody stored all of {there:?}");
}

/// Returns when the index is there.
fn ready(program: &Program, server: &Server) {
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
}

async fn killed_again_and_again(mut program: Program, seed: u64) {
    // Saves are always under way, and the graph is used however few there are.
    program.set("EYRIE_INDEX__SAVE_INTERVAL_MS", "100");
    program.set("EYRIE_INDEX__EXACT_BELOW", "0");
    program.set("EYRIE_INDEX__FOLLOW_INTERVAL_MS", "20");
    // A machine that is busy with other things must not fail it.
    program.set("EYRIE_SERVER__REQUEST_TIMEOUT_MS", "600000");
    let mut random = Random(seed);
    let mut known = [const { Known::new() }; 3];
    for round in 0..rounds() {
        let server = Server::start(&program);
        ready(&program, &server);
        let url = format!("http://{}/v1/collections/crash", server.address);
        if round == 0 {
            let created =
                crate::support::client().put(&url).json(&json!({"profile": "fast"})).send().await.expect("an answer");
            assert_eq!(created.status(), StatusCode::CREATED);
        }
        let mut all: Known = known.iter().flat_map(|known| known.clone()).collect();
        check(&server, &mut all).await;
        for (id, states) in known.iter_mut().flatten() {
            states.clone_from(&all[id]);
        }
        let (writes, enough) = (AtomicUsize::new(0), 1 + random.below(25));
        let done = || {
            if writes.fetch_add(1, Ordering::Relaxed) as u64 + 1 == enough {
                server.signal("KILL");
            }
        };
        let mut seeds = [1, 2, 3].map(|n| Random(random.below(u64::MAX - 1) + n));
        let clients = known.iter_mut().zip(&mut seeds).zip(0..);
        join_all(clients.map(|((known, random), number)| write(&url, number, known, random, done))).await;
        drop(server);
        // As it was left, and after a start that took it and what was committed since.
        program.run(&["doctor"]).expect_code(0);
        if round % 5 == 0 {
            let server = Server::start(&program);
            ready(&program, &server);
            server.signal("TERM");
            assert_eq!(server.wait().0, Some(0));
            let found = program.run(&["doctor", "--json"]).expect_code(0).json();
            let crash =
                found["collections"].as_array().expect("a list").iter().find(|one| one["collection"] == "crash");
            let index = crash.expect("it is there")["index"].as_str().expect("words").to_owned();
            assert!(index == "ok" || index.starts_with("none"), "{index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_comes_back_however_often_the_server_is_killed_sqlite() {
    killed_again_and_again(Program::new(), 0x5eed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_comes_back_however_often_the_server_is_killed_postgres() {
    let database = fresh_database().await;
    let mut program = Program::new();
    program.set("EYRIE_DATABASE_URL", database.url.clone());
    killed_again_and_again(program, 0xface).await;
}

/// A tar of so many pictures.
fn archive(pictures: u32) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for seed in 0..pictures {
        let bytes = png(seed);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, format!("{seed:03}.png"), &bytes[..]).expect("memory");
    }
    archive.into_inner().expect("memory")
}

/// What a job is, as its process says.
async fn job(server: &Server, id: &str, wait: u32) -> Value {
    let url = format!("http://{}/v1/jobs/{id}?wait={wait}", server.address);
    crate::support::client().get(url).send().await.expect("an answer").json().await.expect("JSON")
}

/// An import that is killed in the middle.
async fn jobs_are_killed(mut program: Program) {
    const PICTURES: u32 = 60;
    program.set("EYRIE_INDEX__FOLLOW_INTERVAL_MS", "20");
    let server = Server::start(&program);
    ready(&program, &server);
    let url = format!("http://{}/v1/collections/crash", server.address);
    let client = crate::support::client();
    client.put(&url).json(&json!({"profile": "fast"})).send().await.expect("an answer");
    let import = client.post(format!("{url}/import")).query(&[("job", "true"), ("id_from", "stem")]);
    let import = import.header("content-type", "application/x-tar").body(archive(PICTURES));
    let accepted = import.send().await.expect("an answer");
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let id = accepted.json::<Value>().await.expect("JSON")["id"].as_str().expect("an id").to_owned();
    let mut done = 0;
    while done < 16 {
        done = job(&server, &id, 0).await["done"].as_u64().expect("a number");
    }
    server.signal("KILL");
    drop(server);

    let server = Server::start(&program);
    let mut ended = job(&server, &id, 20).await;
    while ended["state"] == "running" {
        ended = job(&server, &id, 20).await;
    }
    assert_eq!((&ended["state"], &ended["done"]), (&json!("done"), &json!(PICTURES)), "{ended}");
    let result = &ended["result"];
    // What was stored after the last note is found there.
    let stored = result["stored"].as_u64().expect("a number") + result["unchanged"].as_u64().expect("a number");
    assert_eq!((stored, &result["failed"]), (u64::from(PICTURES), &json!(0)), "{ended}");
    let url = format!("http://{}/v1/collections/crash", server.address);
    let count: Value =
        client.get(format!("{url}/images:count")).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(count["count"], PICTURES, "nothing is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_in_the_background_goes_on_after_a_kill_and_stores_nothing_twice_sqlite() {
    jobs_are_killed(Program::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_in_the_background_goes_on_after_a_kill_and_stores_nothing_twice_postgres() {
    let database = fresh_database().await;
    let mut program = Program::new();
    program.set("EYRIE_DATABASE_URL", database.url.clone());
    jobs_are_killed(program).await;
}
