//! Jobs and duplicates over HTTP.

use std::time::Duration;

use eyrie::domain::{CollectionName, JobId, JobKind};
use eyrie::store::{JobCreation, NewJob};
use image::RgbImage;
use image::imageops::{FilterType, crop_imm, flip_horizontal, resize};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, refused};
use crate::support::pictures::{as_png, scene};

fn duplicates() -> String {
    format!("/v1/collections/{COLLECTION}/duplicates")
}

/// Waits until a job has ended.
async fn ended(app: &TestApp, job: &Value) -> Value {
    let id = JobId::new(job["id"].as_str().expect("an id")).expect("valid");
    app.service.job(&id, Duration::from_secs(600)).await.expect("there");
    ok(app.get(&format!("/v1/jobs/{id}")).query(&[("wait", "20")])).await
}

fn part(seed: u32) -> RgbImage {
    crop_imm(&scene(seed), 120, 60, 300, 240).to_image()
}

async fn with_duplicates(place: &Place) -> TestApp {
    let app = TestApp::builder().store(place.open().await).start().await;
    app.add("part", as_png(part(1)), json!({})).await;
    app.add("whole", as_png(scene(1)), json!({"path": "a.png"})).await;
    app.add("other", as_png(scene(2)), json!({})).await;
    app.add("small", as_png(resize(&scene(1), 240, 180, FilterType::Triangle)), json!({})).await;
    app
}

fn ids(group: &Value) -> Vec<&str> {
    group["images"].as_array().expect("a list").iter().map(|image| image["id"].as_str().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_found_in_the_background_listed_and_removed() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let app = with_duplicates(&place).await;
        let response = app.post(&duplicates()).send().await.expect("answer");
        assert_eq!(response.status(), 202);
        let location = response.headers()["location"].to_str().expect("text").to_owned();
        let job: Value = response.json().await.expect("JSON");
        assert_eq!(location, format!("/v1/jobs/{}", job["id"].as_str().expect("an id")));
        assert_eq!((&job["kind"], &job["collection"]), (&json!("duplicates"), &json!(COLLECTION)));
        assert_eq!(job["params"], json!({"verdict": "near_duplicate", "min_score": null, "candidates": 20}));

        let job = ended(&app, &job).await;
        assert_eq!((&job["state"], &job["done"], &job["total"]), (&json!("done"), &json!(4), &json!(4)), "{job}");
        let result = &job["result"];
        assert_eq!((&result["groups"], &result["images"], &result["looked_up"]), (&json!(1), &json!(3), &json!(4)));
        let found = ok(app.get(&format!("{location}/groups"))).await;
        let [group] = &found["groups"].as_array().expect("a list")[..] else { panic!("{found}") };
        assert_eq!((&group["id"], &group["size"], found.get("next_cursor")), (&json!("part"), &json!(3), None));
        assert_eq!(ids(group), ["whole", "part", "small"], "{group}");
        let best = &group["images"][0];
        assert_eq!(
            (&best["width"], &best["metadata"], &best["verdict"]),
            (&json!(480), &json!({"path": "a.png"}), &json!("same"))
        );

        let second = ok(app.post(&duplicates()).json(&json!({"verdict": "same", "candidates": 5}))).await;
        let second = ended(&app, &second).await;
        let page = ok(app.get("/v1/jobs").query(&[("limit", "1")])).await;
        assert_eq!((&page["jobs"][0], page["jobs"].as_array().map(Vec::len)), (&second, Some(1)));
        let cursor = page["next_cursor"].as_str().expect("a cursor");
        let page = ok(app.get("/v1/jobs").query(&[("cursor", cursor)])).await;
        assert_eq!((&page["jobs"], page.get("next_cursor")), (&json!([job]), None));

        let cancelled = ok(app.post(&format!("{location}/cancel"))).await;
        assert_eq!(cancelled["state"], "done", "one that has ended stays as it is");
        let removed = app.delete(&location).send().await.expect("answer");
        assert_eq!(removed.status(), 204);
        let cancel = app.post(&format!("{location}/cancel"));
        for request in [app.get(&location), app.delete(&location), app.get(&format!("{location}/groups")), cancel] {
            assert_eq!(refused(request).await, (404, "unknown_job".to_owned()));
        }
        let metrics = app.get("/metrics").send().await.expect("answer").text().await.expect("text");
        assert!(metrics.contains(r#"eyrie_jobs_total{kind="duplicates",outcome="done"}"#), "{metrics}");
        app.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirrored_copy_is_in_the_group_of_its_original() {
    let app = TestApp::start().await;
    app.add("original", as_png(scene(1)), json!({})).await;
    app.add("mirrored", as_png(flip_horizontal(&scene(1))), json!({})).await;
    app.add("other", as_png(scene(2)), json!({})).await;
    let job = ended(&app, &ok(app.post(&duplicates())).await).await;
    let found = ok(app.get(&format!("/v1/jobs/{}/groups", job["id"].as_str().expect("an id")))).await;
    let [group] = &found["groups"].as_array().expect("a list")[..] else { panic!("{found}") };
    assert_eq!(ids(group), ["original", "mirrored"], "{group}");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_for_a_service_and_survives_its_restart() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let app = with_duplicates(&place).await;
        let collection = CollectionName::new(COLLECTION).expect("valid");
        app.close().await;
        let store = place.open().await;
        let params = json!({"verdict": null, "min_score": 0.5, "candidates": 10});
        let new = NewJob { id: JobId::generate(), kind: JobKind::Duplicates, collection, params };
        assert!(matches!(store.create_job(&new, 10).await, Ok(JobCreation::Created(_))));
        // A process that was killed at it.
        store.claim_job("killed", Duration::ZERO).await.expect("answers").expect("a job");
        store.close().await;
        let app = TestApp::builder().store(place.open().await).start().await;
        let job = ended(&app, &json!({"id": new.id})).await;
        assert_eq!((&job["state"], &job["result"]["looked_up"]), (&json!("done"), &json!(4)), "{job}");
        app.close().await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_job_has_its_code() {
    let app = TestApp::start().await;
    for (body, code) in [
        (json!({"verdict": "different"}), "invalid_request"),
        (json!({"min_score": 1.1}), "out_of_range"),
        (json!({"candidates": 0}), "out_of_range"),
        (json!({"candidates": 101}), "out_of_range"),
        (json!({"score": 1}), "unknown_field"),
    ] {
        assert_eq!(refused(app.post(&duplicates()).json(&body)).await, (400, code.to_owned()), "{body}");
    }
    let nowhere = app.post("/v1/collections/nowhere/duplicates");
    assert_eq!(refused(nowhere).await, (404, "unknown_collection".to_owned()));
    for path in ["/v1/jobs/none", "/v1/jobs/NONE", "/v1/jobs/none/groups"] {
        assert_eq!(refused(app.get(path)).await, (404, "unknown_job".to_owned()), "{path}");
    }
    for (path, code) in [
        ("/v1/jobs?cursor=A", "invalid_cursor"),
        ("/v1/jobs?limit=0", "out_of_range"),
        ("/v1/jobs/none?wait=21", "out_of_range"),
        ("/v1/jobs/none/groups?cursor=0", "invalid_cursor"),
        ("/v1/jobs/none/groups?cursor=1234567890123456789", "invalid_cursor"),
    ] {
        assert_eq!(refused(app.get(path)).await, (400, code.to_owned()), "{path}");
    }
    // It fails or is cancelled, whichever comes first, and finds nothing.
    let new = NewJob {
        id: JobId::generate(),
        kind: JobKind::Duplicates,
        collection: CollectionName::new("nowhere").expect("valid"),
        params: json!({"verdict": null, "min_score": 0.5, "candidates": 10}),
    };
    app.store.create_job(&new, 10).await.expect("answers");
    app.store.cancel_job(&new.id).await.expect("answers");
    assert_eq!(refused(app.get(&format!("/v1/jobs/{}/groups", new.id))).await, (409, "no_groups".to_owned()));
    assert_eq!(ok(app.get(&images(""))).await["images"], json!([]));
}
