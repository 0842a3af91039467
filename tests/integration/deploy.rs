//! What deploy/ and docs/OPERATIONS.md say of the service: metrics that it has, alerts that are
//! explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::{Program, Server, picture};
use crate::support::client;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn png(seed: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture(seed).write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    bytes.into_inner()
}

/// The names of metrics in a text. Those of histograms' series are the histogram's.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| ["eyrie_", "http_", "process_"].iter().any(|start| word.starts_with(start)));
    ours.map(|word| ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word))
        .map(str::to_owned)
        .collect()
}

/// The expressions of the board, of all panels and annotations.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "expr" || name == "query" => found.push(text.to_owned()),
                    Some(_) | None => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a server that has done a little of everything says of itself.
async fn metrics_of_a_server() -> BTreeSet<String> {
    let program = Program::new();
    let server = Server::start(&program);
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
    let (client, base) = (client(), format!("http://{}", server.address));
    let collection = format!("{base}/v1/collections/c");
    let created = client.put(&collection).json(&json!({"profile": "fast"})).send().await.expect("an answer");
    assert_eq!(created.status(), StatusCode::CREATED);
    for seed in 1..=2 {
        let request = client.post(format!("{collection}/images")).header("content-type", "image/png");
        assert_eq!(request.body(png(seed)).send().await.expect("an answer").status(), StatusCode::CREATED);
    }
    let search = client.post(format!("{collection}/search")).header("content-type", "image/png").body(png(1));
    assert_eq!(search.send().await.expect("an answer").status(), StatusCode::OK);
    let refused = client.get(format!("{collection}/images/nobody")).send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    // What is looked at every few seconds is there after the second look.
    loop {
        let text = client.get(format!("{base}/metrics")).send().await.expect("an answer").text().await.expect("text");
        if text.contains("eyrie_ready 1") && text.contains("eyrie_index_points 2") {
            let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
            return types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_board_the_alerts_and_the_handbook_is_there_and_every_one_is_explained() {
    let there = metrics_of_a_server().await;
    let board: Value = serde_json::from_str(&read("deploy/grafana/eyrie.json")).expect("JSON");
    let mut of_board = Vec::new();
    expressions(&board, &mut of_board);
    let alerts = read("deploy/prometheus/alerts.yml");
    let expected = metrics_in(&(of_board.join("\n") + &alerts));
    assert!(expected.len() > 30, "only {} were read", expected.len());
    // The index is first saved when it was built, which need not be over; nobody is refused here.
    let rare = ["eyrie_index_save_seconds", "eyrie_refusals_total"].map(str::to_owned);
    let lacking: Vec<&String> = expected.iter().filter(|name| !there.contains(*name) && !rare.contains(name)).collect();
    assert!(lacking.is_empty(), "the service has none of {lacking:?}, it has {there:?}");

    let handbook = read("docs/OPERATIONS.md");
    let unexplained: Vec<&String> = there.iter().filter(|name| !handbook.contains(&format!("`{name}`"))).collect();
    assert!(unexplained.is_empty(), "docs/OPERATIONS.md lacks {unexplained:?}");
    let invented: Vec<String> =
        metrics_in(&handbook).into_iter().filter(|name| !there.contains(name) && !rare.contains(name)).collect();
    assert!(invented.is_empty(), "docs/OPERATIONS.md tells of {invented:?}");
}

#[test]
fn every_alert_has_an_entry_in_the_handbook_and_a_test() {
    let (alerts, handbook, tests) =
        (read("deploy/prometheus/alerts.yml"), read("docs/OPERATIONS.md"), read("deploy/prometheus/alerts.test.yml"));
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        assert!(handbook.contains(&format!("\n### {name}\n")), "{name} is not explained");
        let link = format!("runbook_url: docs/OPERATIONS.md#{}\n", name.to_lowercase());
        assert!(alerts.contains(&link), "{name} has no link");
        for what in ["fires", "is quiet"] {
            assert!(tests.contains(&format!("- name: {name} {what}\n")), "{name}: no test that it {what}");
        }
    }
    let explained: Vec<&str> = handbook.lines().filter_map(|line| line.strip_prefix("### Eyrie")).collect();
    assert_eq!(explained.len(), names.len(), "entries of alerts that are gone: {explained:?}");
}
