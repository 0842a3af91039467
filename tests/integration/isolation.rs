//! Pictures that are described in processes of their own.

use std::path::PathBuf;

use eyrie::service::Isolation;
use serde_json::{Value, json};

use crate::program::{Program, Server};
use crate::support::app::{TestApp, images, ok, search};
use crate::support::{client, pictures};

/// The one process that a server started.
fn worker_of(server: &Server) -> i32 {
    let parent = server.pid().to_string();
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which ends with the last bracket: the state, then the parent.
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)) == Some(&parent)
    };
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let children: Vec<i32> = pids.filter(is_child).collect();
    assert_eq!(children.len(), 1, "children of {parent}: {children:?}");
    children[0]
}

async fn upload(server: &Server, picture: Vec<u8>) -> (u16, Value) {
    let request = client().post(format!("http://{}/v1/collections/default/images", server.address));
    let answer = request.header("content-type", "image/png").body(picture).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_process_describes_as_a_thread_does() {
    let mut answers = Vec::new();
    for isolation in [Isolation::Thread, Isolation::Process] {
        let mut builder = TestApp::builder();
        builder.config.extractor.pool.isolation = isolation;
        let app = builder.worker_program(PathBuf::from(env!("CARGO_BIN_EXE_eyrie"))).start().await;
        let image = || app.post(&images("?id=a")).header("content-type", "image/png").body(pictures::png(1));
        ok(image()).await;
        let thumbnail = app.get(&images("/a/thumbnail")).send().await.expect("an answer").bytes().await.expect("bytes");
        let searched = app.post(&format!("{}?k=1", search())).header("content-type", "image/png");
        let found = ok(searched.body(pictures::png(2))).await["results"][0].clone();
        let found = ["id", "score", "verdict", "inliers"].map(|field| found[field].clone());
        let described =
            app.post("/v1/descriptors?profile=rnip").header("content-type", "image/png").body(pictures::png(3));
        let descriptor = ok(described).await["descriptor"].clone();
        ok(app.put("/v1/collections/parts").json(&json!({"profile": "rnip"}))).await;
        let image = app.post("/v1/collections/parts/images?id=a").header("content-type", "image/png");
        ok(image.body(pictures::png(1))).await;
        let looked = app.post("/v1/collections/parts/search?k=1").header("content-type", "image/png");
        let by_parts = ok(looked.body(pictures::png(2))).await["results"][0].clone();
        let by_parts = ["score", "cells"].map(|field| by_parts[field].clone());
        let damaged = app.post(&images("")).header("content-type", "image/png").body(&b"\x89PNG\r\n\x1a\nnothing"[..]);
        let refusal = damaged.send().await.expect("an answer");
        let refusal = (refusal.status().as_u16(), refusal.json::<Value>().await.expect("JSON")["detail"].clone());
        answers.push((thumbnail, found, descriptor, by_parts, refusal));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_worker_can_open_nothing_and_leaves_no_core() {
    let program = Program::new();
    let server = Server::start(&program);
    assert_eq!(server.listening["isolated"], json!(true));
    let worker = worker_of(&server);
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{worker}/{name}")).expect("a worker");
    let status = read("status");
    for expected in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.lines().any(|line| line == expected), "{expected} in {status}");
    }
    for task in std::fs::read_dir(format!("/proc/{worker}/task")).expect("threads").flatten() {
        let status = std::fs::read_to_string(task.path().join("status")).expect("a thread");
        assert!(status.contains("Seccomp:\t2"), "a thread that may do more: {status}");
    }
    let limits = read("limits");
    for nothing in ["Max core file size", "Max file size"] {
        let line = limits.lines().find(|line| line.starts_with(nothing)).expect("a limit");
        assert_eq!(line[nothing.len()..].split_whitespace().next(), Some("0"), "{line}");
    }
    let address_space = limits.lines().find(|line| line.starts_with("Max address space")).expect("a limit");
    assert!(!address_space.contains("unlimited"), "{address_space}");
    assert_eq!(read("environ"), "", "it knows nothing of the service's secrets");
    // It does its work all the same.
    assert_eq!(upload(&server, pictures::png(1)).await.0, 201);
}

#[tokio::test]
async fn a_worker_that_is_killed_is_replaced_and_one_that_hangs_too() {
    let mut program = Program::new();
    program.set("EYRIE_EXTRACTOR__PICTURE_TIMEOUT_MS", "20000");
    let server = Server::start(&program);
    let signal = |name: &str, pid: i32| {
        let status = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
        assert!(status.expect("kill runs").success());
    };
    let first = worker_of(&server);
    signal("STOP", first);
    let (status, problem) = upload(&server, pictures::png(1)).await;
    assert_eq!((status, &problem["code"]), (400, &json!("image_corrupt")), "{problem}");
    assert_eq!(problem["detail"], "the image is damaged: reading it did not end within 20 s");
    let (status, _) = upload(&server, pictures::png(2)).await;
    assert_eq!(status, 201);
    assert_ne!(worker_of(&server), first);
    let metrics = client().get(format!("http://{}/metrics", server.address)).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("eyrie_workers_lost_total{reason=\"timeout\"} 1"), "{metrics}");
}
