//! A server that is killed in the middle loses nothing that it acknowledged.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::program::{Program, Server, picture};

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
    let client = Client::new();
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
