//! The OpenAPI document and the routes are the same.

use reqwest::Method;
use serde_json::Value;

use crate::support::app::TestApp;

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Paths with their methods, read off the two levels of indentation below `paths:`.
fn documented() -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let lines = eyrie::http::OPENAPI_YAML.lines().skip_while(|line| *line != "paths:").skip(1);
    // Texts of several paragraphs have empty lines.
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let name = line.trim().trim_end_matches(':');
        match line.len() - line.trim_start().len() {
            2 => found.push((name.to_owned(), Vec::new())),
            4 if METHODS.iter().any(|m| m.as_str().eq_ignore_ascii_case(name)) => {
                found.last_mut().expect("a path before its methods").1.push(name.to_uppercase());
            }
            _ => {}
        }
    }
    found
}

#[tokio::test]
async fn every_documented_call_has_a_route_and_no_path_knows_another_method() {
    let app = TestApp::start().await;
    let paths = documented();
    assert!(paths.len() >= 12, "{paths:?}");
    for (path, documented) in paths {
        let concrete = path.replace("{collection}", "nowhere").replace("{id}", "nobody").replace("{file}", "app.js");
        let concrete = concrete.replace("{part}", "docs.js");
        for method in METHODS {
            let response = app.request(method.clone(), &concrete).send().await.expect("answer");
            let status = response.status().as_u16();
            let problem: Value = response.json().await.unwrap_or_default();
            assert_ne!(problem["code"], "route_not_found", "{path}");
            assert_eq!(status != 405, documented.contains(&method.to_string()), "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_as_it_is_in_the_repository() {
    let app = TestApp::start().await;
    let response = app.get("/openapi.yaml").send().await.expect("answer");
    assert_eq!(response.headers()["content-type"], "application/yaml");
    assert_eq!(response.text().await.expect("body"), eyrie::http::OPENAPI_YAML);
}

#[test]
fn the_document_in_the_repository_is_the_generated_one() {
    let generated = eyrie::http::generated_openapi().expect("YAML");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml"), &generated).expect("written");
        return;
    }
    assert!(
        generated == eyrie::http::OPENAPI_YAML,
        "openapi.yaml is out of date: UPDATE_OPENAPI=1 cargo test openapi rewrites it"
    );
}
