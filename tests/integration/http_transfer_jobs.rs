//! Imports and exports in the background, over HTTP.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use eyrie::domain::{Clock, CollectionName, JobId, JobKind};
use eyrie::store::{DataPart, JobCreation, NewJob};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, refused};
use crate::support::pictures::png;

fn path(call: &str) -> String {
    format!("/v1/collections/{COLLECTION}/{call}")
}

fn tar_of(names: &[&str]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (seed, name) in names.iter().enumerate() {
        let bytes = png(u32::try_from(seed).expect("few"));
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, &bytes[..]).expect("memory");
    }
    archive.into_inner().expect("memory")
}

fn import(app: &TestApp, media_type: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
    app.post(&path("import")).query(&[("job", "true")]).header("content-type", media_type).body(body.into())
}

/// The job that a call answers with, once it has ended.
async fn ended(app: &TestApp, request: RequestBuilder) -> Value {
    let response = request.send().await.expect("answer");
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let job: Value = response.json().await.expect("JSON");
    let id = JobId::new(job["id"].as_str().expect("an id")).expect("valid");
    app.service.job(&id, Duration::from_secs(600)).await.expect("there");
    ok(app.get(&location)).await
}

async fn bytes(response: Response) -> Vec<u8> {
    response.bytes().await.expect("all of it").to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_imported_in_the_background_and_nothing_of_it_is_kept() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let app = TestApp::builder().store(place.open().await).start().await;
        let archive = tar_of(&["a.png", "b.png", "c.png"]);
        let job = ended(&app, import(&app, "application/x-tar", archive.clone()).query(&[("id_from", "stem")])).await;
        assert_eq!((&job["kind"], &job["state"]), (&json!("import"), &json!("done")), "{job}");
        assert_eq!((&job["done"], &job["total"]), (&json!(3), &json!(3)), "{job}");
        let params = &job["params"];
        assert_eq!(
            (&params["input"], &params["id_from"], &params["bytes"]),
            (&json!("archive"), &json!("stem"), &json!(archive.len())),
            "{params}"
        );
        let expected = json!({
            "stored": 3, "replaced": 0, "unchanged": 0, "skipped": 0, "failed": 0, "complete": true, "skips": [], "failures": []
        });
        assert_eq!(job["result"], expected);
        let id = JobId::new(job["id"].as_str().expect("an id")).expect("valid");
        // They go as soon as the job has ended.
        while app.store.data_size(&id).await.expect("readable") > 0 {}
        assert_eq!(ok(app.get(&images("/b"))).await["metadata"], json!({"filename": "b.png", "path": "b.png"}));

        // In the last picture.
        let cut = archive[..archive.len() - 1_536 - png(2).len() / 2].to_vec();
        let job = ended(&app, import(&app, "application/x-tar", cut)).await;
        let result = &job["result"];
        assert_eq!((&result["complete"], &result["unchanged"]), (&json!(false), &json!(2)), "{job}");
        assert!(result["reason"].as_str().is_some_and(|text| text.contains("ends early")), "{job}");
        assert_eq!(app.count().await, 3);
        app.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_is_refused_before_it_is_a_job() {
    let app = TestApp::start().await;
    for (media_type, body, status, code) in [
        ("application/zip", "no archive", 400, "invalid_archive"),
        ("application/x-ndjson", "{}", 422, "unsupported_export"),
        ("application/json", "{}", 415, "unsupported_media_type"),
    ] {
        assert_eq!(refused(import(&app, media_type, body)).await, (status, code.to_owned()));
    }
    assert_eq!(ok(app.get("/v1/jobs")).await["jobs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_in_the_background_is_kept_and_read_in_parts_and_imported_again() {
    for (from, to) in [(Place::sqlite(), Place::postgres().await), (Place::postgres().await, Place::sqlite())] {
        let app = TestApp::builder().store(from.open().await).start().await;
        // More than one page of images.
        for seed in 0..35 {
            app.add(&format!("p{seed:02}"), png(seed), json!({"seed": seed})).await;
        }
        let streamed = bytes(app.get(&path("export")).send().await.expect("answer")).await;
        let job = ended(&app, app.post(&path("export"))).await;
        assert_eq!(
            (&job["kind"], &job["state"], &job["done"]),
            (&json!("export"), &json!("done"), &json!(35)),
            "{job}"
        );
        assert_eq!(job["result"], json!({"images": 35, "bytes": streamed.len(), "format": "ndjson"}));
        let result = format!("/v1/jobs/{}/result", job["id"].as_str().expect("an id"));
        let whole = app.get(&result).send().await.expect("answer");
        assert_eq!(whole.headers()["content-length"], streamed.len().to_string());
        assert_eq!(whole.headers()["content-type"], "application/x-ndjson");
        let tag = whole.headers()["etag"].clone();
        assert!(bytes(whole).await == streamed);

        // In two parts that meet somewhere.
        let middle = streamed.len() / 3;
        let mut joined = Vec::new();
        for range in [format!("bytes=0-{}", middle - 1), format!("bytes={middle}-")] {
            let part = app.get(&result).header("range", range).header("if-range", &tag).send().await.expect("answer");
            assert_eq!(part.status(), 206);
            let stated = part.headers()["content-range"].to_str().expect("text").to_owned();
            assert!(stated.starts_with(&format!("bytes {}-", joined.len())), "{stated}");
            joined.extend(bytes(part).await);
        }
        assert!(joined == streamed);
        let outside = app.get(&result).header("range", format!("bytes={}-", streamed.len()));
        assert_eq!(refused(outside).await, (416, "invalid_range".to_owned()));

        let other = TestApp::builder().store(to.open().await).start().await;
        let job = ended(&other, import(&other, "application/x-ndjson", streamed.clone())).await;
        assert_eq!((&job["result"]["stored"], &job["result"]["complete"]), (&json!(35), &json!(true)), "{job}");
        assert!(bytes(other.get(&path("export")).send().await.expect("answer")).await == streamed);
        app.close().await;
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_as_a_tar_has_the_lines_and_the_thumbnails_and_is_imported_again() {
    let app = TestApp::start().await;
    for seed in 0..34 {
        app.add(&format!("p{seed:02}"), png(seed), json!({"seed": seed})).await;
    }
    let lines = bytes(app.get(&path("export")).send().await.expect("answer")).await;
    let streamed = app.get(&path("export")).query(&[("format", "tar")]).send().await.expect("answer");
    assert_eq!(streamed.headers()["content-type"], "application/x-tar");
    let archive = bytes(streamed).await;
    let (mut joined, mut thumbnails) = (Vec::new(), Vec::new());
    for entry in tar::Archive::new(&archive[..]).entries().expect("a tar") {
        let mut entry = entry.expect("sound");
        let name = entry.path().expect("text").to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("whole");
        match name.strip_prefix("thumbnails/") {
            None => joined.extend(content),
            Some(name) => thumbnails.push((name.to_owned(), content)),
        }
    }
    assert!(joined == lines, "the files of lines make an export");
    assert_eq!((thumbnails.len(), thumbnails[0].0.as_str()), (34, "p00.jpeg"));
    let thumbnail = app.get(&images("/p00/thumbnail")).send().await.expect("answer");
    assert!(bytes(thumbnail).await == thumbnails[0].1);

    let job = ended(&app, app.post(&path("export")).json(&json!({"format": "tar"}))).await;
    let result = app.get(&format!("/v1/jobs/{}/result", job["id"].as_str().expect("an id")));
    assert!(bytes(result.send().await.expect("answer")).await == archive);

    let other = TestApp::start().await;
    let direct = other.post(&path("import")).header("content-type", "application/x-tar").body(archive.clone());
    let result = ok(direct).await;
    assert_eq!((&result["stored"], &result["skipped"], &result["failed"]), (&json!(34), &json!(0), &json!(0)));
    let job = ended(&other, import(&other, "application/x-tar", archive)).await;
    assert_eq!((&job["result"]["unchanged"], &job["result"]["complete"]), (&json!(34), &json!(true)), "{job}");
    assert!(bytes(other.get(&path("export")).send().await.expect("answer")).await == lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_larger_than_a_job_may_keep_fails_and_keeps_nothing() {
    let mut builder = TestApp::builder();
    builder.config.limits.max_transfer_bytes = 2_000;
    let app = builder.start().await;
    app.add("a", png(1), json!({})).await;
    let job = ended(&app, app.post(&path("export"))).await;
    assert_eq!(job["state"], "failed", "{job}");
    assert!(job["error"].as_str().is_some_and(|text| text.contains("limits.max_transfer_bytes")), "{job}");
    let id = job["id"].as_str().expect("an id");
    assert_eq!(refused(app.get(&format!("/v1/jobs/{id}/result"))).await, (409, "no_result".to_owned()));
    let lines = bytes(app.get(&path("export")).send().await.expect("answer")).await;
    assert_eq!(refused(import(&app, "application/x-ndjson", lines)).await, (413, "upload_too_large".to_owned()));
}

/// Eight days behind.
struct LastWeek;

impl Clock for LastWeek {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() - time::Duration::days(8)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_ended_long_ago_are_removed_with_what_they_kept() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let store = place.try_open_at(Arc::new(LastWeek)).await.expect("opens");
        let new = NewJob {
            id: JobId::earliest(LastWeek.now()),
            kind: JobKind::Export,
            collection: CollectionName::new(COLLECTION).expect("valid"),
            params: json!({"format": "ndjson"}),
        };
        assert!(matches!(store.create_job(&new, 10).await, Ok(JobCreation::Created(_))));
        store.add_data(&new.id, &DataPart { start: 0, bytes: vec![1; 100] }).await.expect("added");
        store.cancel_job(&new.id).await.expect("answers");
        store.close().await;
        let app = TestApp::builder().store(place.open().await).start().await;
        // They go soon after the start.
        while app.store.data_size(&new.id).await.expect("readable") > 0 {}
        assert_eq!(refused(app.get(&format!("/v1/jobs/{}", new.id))).await, (404, "unknown_job".to_owned()));
        app.close().await;
    }
}
