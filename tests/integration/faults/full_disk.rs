//! A disk that takes no more.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::{Program, Server};
use crate::support::pictures;

/// The largest file that the disk takes, in KiB: room for some pictures.
const ROOM: u32 = 1024;

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let answer = crate::support::client().get(format!("http://{}{path}", server.address)).send().await;
    let answer = answer.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn send(server: &Server, path: &str, seed: u32) -> (u16, Value) {
    let request = crate::support::client().post(format!("http://{}/v1/collections/c/{path}", server.address));
    let answer = request.header("content-type", "image/png").body(pictures::png(seed)).send().await;
    let answer = answer.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn stored(server: &Server) -> BTreeSet<String> {
    let (status, list) = get(server, "/v1/collections/c/images?limit=1000").await;
    assert_eq!(status, 200, "{list}");
    list["images"].as_array().expect("a list").iter().map(|image| image["id"].as_str().expect("an id").into()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_stops_no_search_and_is_over_when_there_is_room() {
    let program = Program::with_file_limit(ROOM);
    let server = Server::start(&program);
    let collection = format!("http://{}/v1/collections/c", server.address);
    let created = crate::support::client().put(collection).json(&json!({"profile": "fast"})).send().await;
    assert_eq!(created.expect("an answer").status(), StatusCode::CREATED);

    let mut acknowledged = BTreeSet::new();
    let refusal = loop {
        let seed = u32::try_from(acknowledged.len()).expect("few");
        match send(&server, &format!("images?id=p{seed}"), seed).await {
            (201, _) => assert!(acknowledged.insert(format!("p{seed}")), "p{seed}"),
            refusal => break refusal,
        }
    };
    assert!(acknowledged.len() > 3, "{refusal:?} after {acknowledged:?}");
    for _ in 0..3 {
        let (status, problem) = send(&server, "images?id=over", 5000).await;
        // A limit, as a quota of a user, is told apart from a failing disk by nobody.
        assert_eq!((status, &problem["code"]), (503, &json!("database_unavailable")), "{problem}");
    }
    assert_eq!(stored(&server).await, acknowledged);
    let (status, found) = send(&server, "search?k=1", 2).await;
    assert_eq!((status, &found["results"][0]["id"]), (200, &json!("p2")), "{found}");

    server.lift_file_limit();
    let (status, record) = send(&server, "images?id=over", 5000).await;
    assert_eq!(status, 201, "{record}");
    acknowledged.insert("over".to_owned());
    let (status, found) = send(&server, "search?k=1", 5000).await;
    assert_eq!((status, &found["results"][0]["id"]), (200, &json!("over")), "{found}");
    server.signal("KILL");
    drop(server);

    // Room for what there is, and hardly for more.
    let server = Server::start(&program);
    server.lift_file_limit();
    assert_eq!(stored(&server).await, acknowledged);
}
