//! `eyrie load` and `eyrie bench index`: descriptors without pictures.

use std::fs;

use crate::program::{Program, Server};

/// Rows of 768 values, each along an axis of its own.
fn rows(count: usize) -> Vec<u8> {
    let value = |row: usize, axis: usize| if axis == row { 1.0_f32 } else { 0.001 };
    (0..count).flat_map(|row| (0..768).flat_map(move |axis| value(row, axis).to_le_bytes())).collect()
}

#[tokio::test]
async fn descriptors_of_a_file_are_stored_once_and_found() {
    let program = Program::new();
    fs::write(program.path("rows.f32"), rows(5)).expect("written");
    let load = ["load", "--descriptors", "rows.f32"];
    assert_eq!(program.run(&load).expect_code(0).stdout(), "5 stored, 0 there already\n");
    assert_eq!(program.run(&load).expect_code(0).stdout(), "0 stored, 5 there already\n");

    let server = Server::start(&program);
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
    let url = format!("http://{}/v1/collections/default/images/row-00000003", server.address);
    let get = async |url: String| -> serde_json::Value {
        crate::support::client().get(url).send().await.expect("an answer").json().await.expect("JSON")
    };
    let similar = get(format!("{url}/similar?k=9")).await;
    assert_eq!(similar["results"].as_array().expect("a list").len(), 4, "{similar}");
    let record = get(url).await;
    assert_eq!(record["metadata"], serde_json::json!({"row": 3, "percent": 3}));
}

#[test]
fn a_file_of_other_rows_and_a_missing_collection_are_told() {
    let program = Program::new();
    fs::write(program.path("odd.f32"), [0; 100]).expect("written");
    let odd = program.run(&["load", "--descriptors", "odd.f32"]).expect_code(2);
    assert!(odd.stderr().contains("768"), "{}", odd.stderr());
    fs::write(program.path("nothing.f32"), vec![0; 768 * 4]).expect("written");
    let nothing = program.run(&["load", "--descriptors", "nothing.f32"]).expect_code(1);
    assert!(nothing.stderr().contains("row 0"), "{}", nothing.stderr());
    let nowhere = program.run(&["load", "--descriptors", "nothing.f32", "--collection", "nowhere"]).expect_code(1);
    assert!(nowhere.stderr().contains("nowhere"), "{}", nowhere.stderr());
}

#[test]
fn the_index_is_measured_and_a_kept_one_is_opened() {
    let program = Program::new();
    let mut command =
        vec!["bench", "index", "--count", "2000", "--queries", "100", "--dimension", "24", "--work", "kept"];
    command.extend(["--candidates", "16,100", "--ef-construction", "60", "--json"]);
    let built = program.run(&command).expect_code(0).json();
    assert_eq!((&built["count"], &built["open_s"]), (&2000.into(), &serde_json::Value::Null), "{built}");
    let recall = built["curve"].as_array().expect("points").iter().map(|p| p["recall"].as_f64().expect("a number"));
    assert!(recall.clone().all(|recall| recall > 0.8 && recall <= 1.0), "{built}");
    assert_eq!(built["churn"]["churned"]["points"], 2000);
    assert_eq!(built["beside"].as_array().expect("works").len(), 4);
    assert!(built["filters"].as_array().expect("sets").iter().all(|set| set["recall"].as_f64() > Some(0.8)), "{built}");

    let again = [&command[..], &["--parts", "curve"]].concat();
    let opened = program.run(&again).expect_code(0).json();
    assert!(opened["build"].is_null() && opened["open_s"].as_f64().is_some_and(|s| s > 0.0), "{opened}");
    let other =
        program.run(&["bench", "index", "--count", "3000", "--dimension", "24", "--work", "kept"]).expect_code(2);
    assert!(other.stderr().contains("another number of descriptors"), "{}", other.stderr());
    let words = program.run(&[&again[..again.len() - 3], &["--parts", "curve"]].concat()).expect_code(0);
    assert!(words.stdout().contains("recall@10"), "{}", words.stdout());
}
