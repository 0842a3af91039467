//! Quotas of collections and keys over HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eyrie::domain::JobId;
use eyrie::store::KeepIn;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::http_archives::tar;
use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, problem, refused};
use crate::support::pictures::png;

/// Makes each story a test over both databases.
macro_rules! over_both_databases {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() { super::$story(crate::support::Place::sqlite()).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() { super::$story(crate::support::Place::postgres().await).await; })+
        }
    };
}

over_both_databases!(
    a_picture_over_the_quota_is_refused_until_there_is_room,
    two_batches_at_once_store_as_many_as_fit,
    a_key_stores_no_more_than_its_quota_whichever_way,
);

fn collection() -> String {
    format!("/v1/collections/{COLLECTION}")
}

async fn limit(app: &TestApp, limits: Value) -> Value {
    ok(app.patch(&collection()).json(&limits)).await
}

fn upload(app: &TestApp, id: &str, seed: u32) -> RequestBuilder {
    app.post(&images("")).query(&[("id", id)]).header("content-type", "image/png").body(png(seed))
}

fn replace(app: &TestApp, id: &str, seed: u32) -> RequestBuilder {
    app.put(&images(&format!("/{id}"))).header("content-type", "image/png").body(png(seed))
}

async fn created(request: RequestBuilder) {
    let response = request.send().await.expect("answer");
    assert_eq!(response.status(), 201, "{}", response.text().await.expect("text"));
}

async fn refused_over_quota(request: RequestBuilder) -> Value {
    let problem = problem(request.send().await.expect("answer")).await;
    assert_eq!((&problem["status"], &problem["code"]), (&json!(507), &json!("quota_exceeded")), "{problem}");
    problem
}

fn size(seed: u32) -> u64 {
    png(seed).len() as u64
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn a_picture_over_the_quota_is_refused_until_there_is_room(place: Place) {
    let originals = tempfile::tempdir().expect("a folder");
    let mut builder = TestApp::builder().store(place.open().await);
    builder.config.storage.originals.keep_in = KeepIn::Directory;
    builder.config.storage.originals.directory = originals.path().to_owned();
    let app = builder.start().await;
    let limited = limit(&app, json!({"max_images": 1})).await;
    assert_eq!((&limited["max_images"], limited.get("max_bytes")), (&json!(1), None), "{limited}");
    created(upload(&app, "a", 1)).await;
    let problem = refused_over_quota(upload(&app, "b", 2)).await;
    let quota = json!({"of": "collection", "measure": "images", "limit": 1, "used": 1, "added": 1});
    assert_eq!(problem["quota"], quota);
    let detail = "the collection \"pictures\" has 1 images of at most 1, and this would add 1; nothing was stored";
    assert_eq!(problem["detail"], detail);
    refused_over_quota(replace(&app, "b", 2)).await;
    assert_eq!(refused(app.get(&images("/b"))).await.0, 404);
    assert_eq!(files(originals.path()).len(), 1);
    // What is there already takes no room, whatever is asked.
    assert_eq!(upload(&app, "b", 1).send().await.expect("answer").status(), 200);

    let raised = limit(&app, json!({"max_images": null, "max_bytes": size(1) + size(2)})).await;
    assert_eq!((raised.get("max_images"), &raised["max_bytes"]), (None, &json!(size(1) + size(2))), "{raised}");
    created(upload(&app, "b", 2)).await;
    let problem = refused_over_quota(upload(&app, "c", 3)).await;
    assert_eq!((&problem["quota"]["measure"], &problem["quota"]["added"]), (&json!("bytes"), &json!(size(3))));
    let found = ok(app.get(&collection())).await;
    assert_eq!((&found["images"], &found["bytes"]), (&json!(2), &json!(size(1) + size(2))), "{found}");
    let deleted = ok(app.post(&images(":delete")).json(&json!({"ids": ["a", "b"]}))).await;
    assert_eq!(deleted["deleted"], 2);
    created(upload(&app, "c", 3)).await;
    // The larger one of the two would not fit beside itself, and does in its own place.
    limit(&app, json!({"max_bytes": size(3).max(size(4))})).await;
    assert_eq!(replace(&app, "c", 4).send().await.expect("answer").status(), 200);
    assert_eq!(ok(app.get(&collection())).await["bytes"], size(4));
    assert_eq!(app.store.miscounts().await.expect("readable"), []);
    app.close().await;
}

fn lines(app: &TestApp, seeds: std::ops::Range<u32>) -> RequestBuilder {
    let line = |seed| format!("{}\n", json!({"image": STANDARD.encode(png(seed)), "id": format!("i{seed}")}));
    let body: String = seeds.map(line).collect();
    app.post(&images(":batch")).header("content-type", "application/x-ndjson").body(body)
}

async fn two_batches_at_once_store_as_many_as_fit(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    limit(&app, json!({"max_images": 10})).await;
    let (one, two) = tokio::join!(ok(lines(&app, 0..10)), ok(lines(&app, 10..20)));
    let mut stored = 0;
    for answer in [one, two] {
        let results = answer["results"].as_array().expect("a list");
        assert_eq!(results.len(), 10);
        for result in results {
            match result["status"].as_u64() {
                Some(201) => stored += 1,
                _ => assert_eq!(result["problem"]["code"], "quota_exceeded", "{result}"),
            }
        }
        assert_eq!(answer["created"].as_u64().zip(answer["failed"].as_u64()).map(|(a, b)| a + b), Some(10));
    }
    assert_eq!((stored, app.count().await), (10, 10));
    assert_eq!(app.store.miscounts().await.expect("readable"), []);
    app.close().await;
}

async fn a_key_stores_no_more_than_its_quota_whichever_way(place: Place) {
    let app = TestApp::builder().with_admin_key().store(place.open().await).start().await;
    let (key, id) = app.make_key(json!({"label": "tenant 7", "scope": "write", "max_images": 3})).await;
    let mine = |method, path: &str| app.bare(method, path).bearer_auth(&key);
    let own = |id: &str, seed| {
        mine(Method::POST, &images("")).query(&[("id", id)]).header("content-type", "image/png").body(png(seed))
    };
    created(upload(&app, "of-another", 100)).await;
    created(own("a", 1)).await;
    let archive = tar(&vec![("b.png", png(2)), ("c.png", png(3)), ("d.png", png(4))]);
    let import = |query: &[(&str, &str)]| {
        let request = mine(Method::POST, &format!("{}/import", collection())).query(query);
        request.header("content-type", "application/x-tar").body(archive.clone())
    };
    let report = ok(import(&[("id_from", "stem")])).await;
    assert_eq!((&report["stored"], &report["failed"]), (&json!(2), &json!(1)), "{report}");
    let failure = &report["failures"][0];
    let detail = "the key \"tenant 7\" has 3 images of at most 3, and this would add 1; nothing was stored";
    assert_eq!((&failure["path"], &failure["detail"]), (&json!("d.png"), &json!(detail)), "{failure}");

    let problem = refused_over_quota(own("e", 5)).await;
    assert_eq!((&problem["quota"]["of"], &problem["detail"]), (&json!("key"), &json!(detail)));
    let put = mine(Method::PUT, &images("/e")).header("content-type", "image/png").body(png(5));
    refused_over_quota(put).await;
    let line = format!("{}\n", json!({"image": STANDARD.encode(png(5))}));
    let batch = mine(Method::POST, &images(":batch")).header("content-type", "application/x-ndjson").body(line);
    assert_eq!(ok(batch).await["results"][0]["problem"]["code"], "quota_exceeded");
    let job = ok(import(&[("job", "true"), ("id_from", "stem")])).await;
    let job_id = JobId::new(job["id"].as_str().expect("an id")).expect("valid");
    app.service.job(&job_id, Duration::from_secs(600)).await.expect("there");
    let job = ok(app.get(&format!("/v1/jobs/{job_id}"))).await;
    assert_eq!((&job["result"]["unchanged"], &job["result"]["failed"]), (&json!(2), &json!(1)), "{job}");
    assert_eq!(job["result"]["failures"][0]["detail"], detail);
    let export = app.get(&format!("{}/export", collection())).send().await.expect("answer").text().await.expect("text");
    let request = mine(Method::POST, "/v1/collections/default/import");
    let other = request.header("content-type", "application/x-ndjson").body(export.clone());
    assert_eq!(refused(other).await.1, "version_mismatch", "of another profile");
    ok(app.put("/v1/collections/copy").json(&json!({"profile": "fast"}))).await;
    let request = mine(Method::POST, "/v1/collections/copy/import");
    let copied = ok(request.header("content-type", "application/x-ndjson").body(export)).await;
    assert_eq!((&copied["stored"], &copied["failed"]), (&json!(0), &json!(4)), "{copied}");

    let found = ok(app.get(&format!("/v1/keys/{id}"))).await;
    let bytes = size(1) + size(2) + size(3);
    let used = (&found["max_images"], &found["images"], &found["bytes"]);
    assert_eq!(used, (&json!(3), &json!(3), &json!(bytes)), "{found}");
    assert_eq!(ok(app.get("/v1/keys")).await["keys"][0], found);
    // Others store as before, and whoever deletes gives back.
    created(upload(&app, "e", 5)).await;
    assert_eq!(app.delete(&images("/a")).send().await.expect("answer").status(), 204);
    created(own("f", 6)).await;
    assert_eq!(app.store.miscounts().await.expect("readable"), []);

    for scope in ["search", "read", "admin"] {
        let request = app.post("/v1/keys").json(&json!({"label": "x", "scope": scope, "max_images": 1}));
        assert_eq!(refused(request).await, (400, "invalid_request".to_owned()), "{scope}");
    }
    app.close().await;
}

#[tokio::test]
async fn a_limit_is_a_whole_number() {
    let app = TestApp::start().await;
    for (wrong, code) in [
        (json!(-1), "out_of_range"),
        (json!(1.5), "out_of_range"),
        (json!(9_007_199_254_740_992_u64), "out_of_range"),
        (json!("10"), "invalid_request"),
        (json!([1]), "invalid_request"),
    ] {
        for name in ["max_images", "max_bytes"] {
            let body = json!({name: wrong});
            assert_eq!(refused(app.patch(&collection()).json(&body)).await, (400, code.to_owned()), "{body}");
            assert_eq!(refused(app.put("/v1/collections/new").json(&body)).await, (400, code.to_owned()), "{body}");
        }
    }
    let body = json!({"profile": "fast", "max_images": 0, "max_bytes": 9_007_199_254_740_991_u64});
    let made = ok(app.put("/v1/collections/new").json(&body)).await;
    let limits = |value: &Value| (value["max_images"].clone(), value["max_bytes"].clone());
    assert_eq!(limits(&made), (json!(0), json!(9_007_199_254_740_991_u64)));
    // One that is there stays as it is.
    assert_eq!(limits(&ok(app.put("/v1/collections/new").json(&json!({"max_images": 5}))).await), limits(&made));
    let unchanged = ok(app.patch("/v1/collections/new").json(&json!({"description": null}))).await;
    assert_eq!(limits(&unchanged), limits(&made));
    let metrics = ok_text(&app, "/metrics").await;
    assert!(metrics.contains("eyrie_quota_refusals_total{of=\"collection\"}"), "{metrics}");
    app.close().await;
}

async fn ok_text(app: &TestApp, path: &str) -> String {
    app.get(path).send().await.expect("answer").text().await.expect("text")
}
