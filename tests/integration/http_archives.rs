//! Archives of pictures over HTTP.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::app::{COLLECTION, TestApp, images, ok, problem, refused, search};
use crate::support::archives::{gzip, zip};
use crate::support::pictures::png;

const ZIP: &str = "application/zip";
const TAR: &str = "application/x-tar";
const GZIP: &str = "application/gzip";

fn import(app: &TestApp, media_type: &str, body: Vec<u8>) -> RequestBuilder {
    app.post(&format!("/v1/collections/{COLLECTION}/import")).header("content-type", media_type).body(body)
}

/// Names and contents.
pub(crate) type Entries = Vec<(&'static str, Vec<u8>)>;

pub(crate) fn tar(entries: &Entries) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, &bytes[..]).expect("memory");
    }
    archive.into_inner().expect("memory")
}

/// Pictures, and what is none.
fn covers() -> Entries {
    let truncated = png(3)[..400].to_vec();
    vec![
        ("covers/alien.png", png(1)),
        ("covers/readme.txt", b"not a picture".to_vec()),
        ("covers/blade runner.png", png(2)),
        ("covers/cut.png", truncated),
        ("covers/more.zip", zip(&[("x.png", png(4))])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_of_an_archive_are_stored_once_and_found() {
    let app = TestApp::start().await;
    let with_folder = [vec![("covers/", Vec::new())], covers()].concat();
    let archives = [(ZIP, zip(&with_folder)), (TAR, tar(&covers())), (GZIP, gzip(&tar(&covers())))];
    for (at, (media_type, bytes)) in archives.into_iter().enumerate() {
        let result = ok(import(&app, media_type, bytes).query(&[("id_from", "path")])).await;
        let stored = if at == 0 { 2 } else { 0 };
        let failures = json!([{
            "line": 4, "path": "covers/cut.png", "code": "image_truncated", "detail": result["failures"][0]["detail"]
        }]);
        let skips = json!([
            {"line": 2, "path": "covers/readme.txt", "reason": "not_an_image"},
            {"line": 5, "path": "covers/more.zip", "reason": "archive"}
        ]);
        let expected = json!({
            "stored": stored, "replaced": 0, "unchanged": 2 - stored, "skipped": 2, "failed": 1, "skips": skips, "failures": failures
        });
        assert_eq!(result, expected, "{media_type}");
    }
    assert_eq!(app.count().await, 2);
    let record = ok(app.get(&images("/covers:blade_runner.png"))).await;
    assert_eq!(record["metadata"], json!({"filename": "blade runner.png", "path": "covers/blade runner.png"}));
    let found = ok(app.post(&search()).header("content-type", "image/png").body(png(1))).await;
    assert_eq!(found["results"][0]["id"], "covers:alien.png");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_are_there_are_treated_as_the_call_says() {
    let app = TestApp::start().await;
    app.add("a", png(1), json!({})).await;
    let archive = || zip(&[("x.png", png(1)), ("a.png", png(2)), ("a b.png", png(3))]);
    let call = async |id_from: &str, on_duplicate: &str| {
        ok(import(&app, ZIP, archive()).query(&[("id_from", id_from), ("on_duplicate", on_duplicate)])).await
    };
    let codes = |result: &Value| {
        let failures = result["failures"].as_array().expect("a list").iter();
        failures.map(|failure| failure["code"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let result = call("stem", "reject").await;
    assert_eq!(codes(&result), ["duplicate_image", "id_taken", "invalid_entry"], "{result}");
    let result = call("random", "return").await;
    assert_eq!((&result["stored"], &result["unchanged"]), (&json!(2), &json!(1)), "{result}");
    let result = call("random", "allow").await;
    assert_eq!((&result["stored"], app.count().await), (&json!(3), 6), "{result}");
    let result = call("hash", "return").await;
    assert_eq!((&result["unchanged"], app.count().await), (&json!(3), 6), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_damaged_or_hostile_is_told() {
    let mut builder = TestApp::builder();
    builder.config.limits.max_transfer_bytes = 200_000;
    let app = builder.start().await;
    let whole = tar(&vec![("a.png", png(1)), ("b.png", png(2))]);
    // In the second picture.
    let cut = whole[..whole.len() - 1_536 - png(2).len() / 2].to_vec();
    let answer = problem(import(&app, TAR, cut).send().await.expect("answer")).await;
    assert_eq!((&answer["status"], &answer["code"]), (&json!(400), &json!("incomplete_import")), "{answer}");
    assert_eq!((&answer["stored"], app.count().await), (&json!(1), 1), "{answer}");
    assert_eq!(ok(import(&app, TAR, whole.clone())).await["stored"], 1);

    let bomb = gzip(&tar(&vec![("zeros", vec![0; 40 << 20])]));
    let answer = problem(import(&app, GZIP, bomb).send().await.expect("answer")).await;
    assert_eq!(answer["code"], "incomplete_import", "{answer}");
    assert!(answer["detail"].as_str().is_some_and(|text| text.contains("inflates to more than")), "{answer}");

    let mut locked = zip(&[("a.png", png(1))]);
    // The last entry of the list; the folder is before it.
    let list = locked.windows(4).rposition(|four| four == b"PK\x01\x02").expect("a list");
    locked[list + 8] |= 1;
    let result = ok(import(&app, ZIP, locked)).await;
    assert_eq!(
        (&result["failures"][0]["code"], &result["failures"][0]["path"]),
        (&json!("invalid_entry"), &json!("a.png")),
        "{result}"
    );

    for (media_type, body, status, code) in [
        (ZIP, b"no archive".to_vec(), 400, "invalid_archive"),
        (TAR, Vec::new(), 400, "invalid_archive"),
        (ZIP, vec![0; 200_001], 413, "upload_too_large"),
        ("application/x-7z-compressed", whole.clone(), 415, "unsupported_media_type"),
    ] {
        assert_eq!(refused(import(&app, media_type, body)).await, (status, code.to_owned()));
    }
    let nowhere = app.post("/v1/collections/nowhere/import").header("content-type", TAR).body(whole);
    assert_eq!(refused(nowhere).await, (404, "unknown_collection".to_owned()));
    assert_eq!(app.count().await, 2);
}
