//! Requests that name themselves are done once.

use std::sync::Arc;

use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{TestApp, images, ok, refused};
use crate::support::pictures;

fn upload(app: &TestApp, key: &str, seed: u32) -> RequestBuilder {
    let request = app.post(&images("?on_duplicate=allow")).header("idempotency-key", key);
    request.header("content-type", "image/png").body(pictures::png(seed))
}

fn batch(app: &TestApp, key: &str, seeds: &[u32]) -> RequestBuilder {
    let form = seeds.iter().fold(Form::new(), |form, seed| form.part("image", Part::bytes(pictures::png(*seed))));
    app.post(&images(":batch?on_duplicate=allow")).header("idempotency-key", key).multipart(form)
}

async fn a_request_that_is_sent_again_gets_the_first_answer(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    let first = upload(&app, "one", 1).send().await.expect("answer");
    assert_eq!((first.status().as_u16(), first.headers().get("idempotent-replayed")), (201, None));
    let (location, etag) = (first.headers()["location"].clone(), first.headers()["etag"].clone());
    let body = first.text().await.expect("body");
    for _ in 0..2 {
        let again = upload(&app, "one", 1).send().await.expect("answer");
        assert_eq!(again.status(), 201);
        assert_eq!((&again.headers()["location"], &again.headers()["etag"]), (&location, &etag));
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(again.headers()["content-type"], "application/json");
        assert_eq!(again.text().await.expect("body"), body);
    }
    // The same picture as a form is the same request.
    let form = Form::new().part("image", Part::bytes(pictures::png(1))).text("on_duplicate", "allow");
    let request = app.post(&images("")).header("idempotency-key", "one").multipart(form);
    assert_eq!(request.send().await.expect("answer").text().await.expect("body"), body);
    assert_eq!(app.count().await, 1);
    assert_eq!(refused(upload(&app, "one", 2)).await, (422, "idempotency_key_reused".to_owned()));
    let other_metadata = upload(&app, "one", 1).query(&[("metadata", "{\"a\": 1}")]);
    assert_eq!(refused(other_metadata).await, (422, "idempotency_key_reused".to_owned()));
    ok(upload(&app, "two", 1)).await;
    assert_eq!(app.count().await, 2);

    let all = ok(batch(&app, "many", &[3, 4])).await;
    assert_eq!(ok(batch(&app, "many", &[3, 4])).await, all);
    assert_eq!(refused(batch(&app, "many", &[4, 3])).await, (422, "idempotency_key_reused".to_owned()));
    assert_eq!(app.count().await, 4);
    // A name belongs to its collection.
    ok(app.put("/v1/collections/other").json(&json!({"profile": "fast"}))).await;
    let elsewhere = app.post("/v1/collections/other/images").header("idempotency-key", "one");
    ok(elsewhere.header("content-type", "image/png").body(pictures::png(2))).await;
    let nowhere = app.post("/v1/collections/nowhere/images").header("idempotency-key", "one");
    let nowhere = nowhere.header("content-type", "image/png").body(pictures::png(2));
    assert_eq!(refused(nowhere).await, (404, "unknown_collection".to_owned()));
    app.close().await;
    // The answers are in the database.
    let app = TestApp::builder().store(place.open().await).start().await;
    let again = upload(&app, "one", 1).send().await.expect("answer");
    assert_eq!(again.text().await.expect("body"), body);
    app.close().await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_gets_the_first_answer_over_sqlite() {
    a_request_that_is_sent_again_gets_the_first_answer(Place::sqlite()).await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_gets_the_first_answer_over_postgres() {
    a_request_that_is_sent_again_gets_the_first_answer(Place::postgres().await).await;
}

async fn of_many_at_once_one_is_done(place: Place) {
    let app = Arc::new(TestApp::builder().store(place.open().await).start().await);
    let mut under_way = Vec::new();
    for _ in 0..6 {
        let app = Arc::clone(&app);
        under_way.push(tokio::spawn(async move { upload(&app, "same", 1).send().await.expect("answer") }));
    }
    let mut statuses = Vec::new();
    for answer in under_way {
        let answer = answer.await.expect("no panic");
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("JSON");
        assert!(status == 201 || body["code"] == "idempotency_key_running", "{status}: {body}");
        statuses.push(status);
    }
    assert!(statuses.contains(&201), "{statuses:?}");
    assert_eq!(app.count().await, 1);
    Arc::into_inner(app).expect("the last one").close().await;
}

#[tokio::test]
async fn of_many_at_once_one_is_done_over_sqlite() {
    of_many_at_once_one_is_done(Place::sqlite()).await;
}

#[tokio::test]
async fn of_many_at_once_one_is_done_over_postgres() {
    of_many_at_once_one_is_done(Place::postgres().await).await;
}

#[tokio::test]
async fn failures_are_not_kept_and_bad_names_are_refused() {
    let app = TestApp::start().await;
    let broken = |key: &str| {
        let request = app.post(&images("")).header("idempotency-key", key);
        request.header("content-type", "image/png").body("no image")
    };
    assert_eq!(refused(broken("x")).await, (400, "not_an_image".to_owned()));
    assert_eq!(refused(broken("x")).await, (400, "not_an_image".to_owned()));
    ok(upload(&app, "x", 1)).await;
    for key in ["", "two words", &"x".repeat(256)] {
        assert_eq!(refused(upload(&app, key, 2)).await, (400, "invalid_idempotency_key".to_owned()), "{key:?}");
    }
    let twice = upload(&app, "a", 2).header("idempotency-key", "b");
    assert_eq!(refused(twice).await, (400, "invalid_idempotency_key".to_owned()));
    assert_eq!(app.count().await, 1);
}
