//! Many things in one call, each with a result of its own.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, problem, refused, search};
use crate::support::pictures;

fn part(bytes: Vec<u8>) -> Part {
    Part::bytes(bytes)
}

fn lines(app: &TestApp, objects: &[Value]) -> RequestBuilder {
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    raw_lines(app, text.into_bytes())
}

fn raw_lines(app: &TestApp, body: Vec<u8>) -> RequestBuilder {
    app.post(&images(":batch")).header("content-type", "application/x-ndjson").body(body)
}

fn base64(seed: u32) -> String {
    STANDARD.encode(pictures::png(seed))
}

fn delete(app: &TestApp, body: Value) -> RequestBuilder {
    app.post(&images(":delete")).json(&body)
}

fn searches(app: &TestApp, list: Value) -> RequestBuilder {
    app.post(&format!("{}:batch", search())).json(&json!({"searches": list}))
}

fn statuses(answer: &Value) -> Vec<u64> {
    let results = answer["results"].as_array().expect("a list");
    results.iter().map(|result| result["status"].as_u64().expect("a status")).collect()
}

fn codes(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().expect("a list");
    results.iter().map(|result| result["problem"]["code"].as_str().unwrap_or("")).collect()
}

async fn a_batch_tells_its_partial_success(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    app.add("old", pictures::png(1), json!({})).await;
    let answer = lines(
        &app,
        &[
            json!({"image": base64(1)}),
            json!({"image": base64(2), "id": "new", "metadata": {"year": 1979}}),
            json!({"image": STANDARD.encode("no image"), "id": "none"}),
            json!({"image": "!"}),
            json!({"image": base64(3), "id": "no/id"}),
            json!({"image": base64(4), "id": "old"}),
            json!({"id": "nothing"}),
            json!({"image": base64(1), "on_duplicate": "reject"}),
            json!({"image": base64(5), "metadata": "text"}),
            json!({"image": base64(6), "title": "x"}),
            json!({"image": ""}),
            json!({"image": base64(7)}),
        ],
    );
    let response = answer.header("x-request-id", "batch-1").send().await.expect("answer");
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(statuses(&answer), [200, 201, 400, 400, 400, 409, 400, 409, 400, 400, 400, 201], "{answer}");
    let expected = [
        "",
        "",
        "not_an_image",
        "invalid_base64",
        "invalid_image_id",
        "id_taken",
        "missing_image",
        "duplicate_image",
        "invalid_metadata",
        "unknown_field",
        "image_empty",
        "",
    ];
    assert_eq!(codes(&answer), expected);
    assert_eq!((&answer["created"], &answer["existing"], &answer["failed"]), (&json!(2), &json!(1), &json!(9)));
    assert_eq!(answer["results"][0]["image"]["id"], "old");
    let second = &answer["results"][1]["image"];
    assert_eq!((&second["id"], &second["metadata"]), (&json!("new"), &json!({"year": 1979})));
    let failed = &answer["results"][2]["problem"];
    assert_eq!((&failed["status"], &failed["request_id"]), (&json!(400), &json!("batch-1")));
    assert_eq!(app.count().await, 3);
    let found = ok(app.get(&images("/new/similar?verify=never"))).await;
    assert_eq!(found["results"].as_array().expect("a list").len(), 2, "all are searchable: {found}");
    app.close().await;
}

#[tokio::test]
async fn a_batch_tells_its_partial_success_over_sqlite() {
    a_batch_tells_its_partial_success(Place::sqlite()).await;
}

#[tokio::test]
async fn a_batch_tells_its_partial_success_over_postgres() {
    a_batch_tells_its_partial_success(Place::postgres().await).await;
}

#[tokio::test]
async fn a_form_has_several_images_and_a_list_of_what_goes_with_each() {
    let app = TestApp::start().await;
    let items = json!([{"id": "a"}, {"id": "b", "metadata": {"n": 2}, "on_duplicate": "allow"}, {"id": ".."}]);
    let form = Form::new()
        .part("image", part(pictures::png(1)))
        .part("image", part(pictures::png(1)))
        .text("items", items.to_string())
        .part("image", part(pictures::png(2)))
        .part("image", part(pictures::png(3)));
    let answer = ok(app.post(&images(":batch?include=cost")).multipart(form)).await;
    // The second is the same picture, which is taken whether or not the first is there already.
    assert_eq!(statuses(&answer)[1..], [201, 400, 201], "{answer}");
    assert_eq!(answer["results"][1]["image"]["metadata"], json!({"n": 2}));
    assert_eq!(answer["results"][3]["image"]["cost"]["passes"], 1);
    let reject = Form::new().part("image", part(pictures::png(3))).text("on_duplicate", "reject");
    assert_eq!(statuses(&ok(app.post(&images(":batch")).multipart(reject)).await), [409]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_refused_whole_and_stores_nothing() {
    let mut builder = TestApp::builder();
    builder.config.limits.max_batch = 3;
    builder.config.server.http.max_upload_bytes = 20_000;
    let app = builder.start().await;
    let image = |seed| json!({"image": base64(seed)});
    for request in [lines(&app, &[image(1), image(2), image(3), image(4)]), {
        let form = (1..=4).fold(Form::new(), |form, seed| form.part("image", part(pictures::png(seed))));
        app.post(&images(":batch")).multipart(form)
    }] {
        assert_eq!(refused(request).await, (400, "out_of_range".to_owned()));
    }
    for body in ["", "\n \r\n"] {
        assert_eq!(refused(raw_lines(&app, body.into())).await, (400, "missing_image".to_owned()));
    }
    assert_eq!(refused(raw_lines(&app, vec![b'x'; 2 << 20])).await, (413, "upload_too_large".to_owned()));
    let form = |items: &str| Form::new().part("image", part(pictures::png(1))).text("items", items.to_owned());
    for (items, code) in
        [("[{}, {}]", "invalid_request"), ("[1]", "invalid_request"), ("{}", "invalid_request"), ("[", "invalid_json")]
    {
        let request = app.post(&images(":batch")).multipart(form(items));
        assert_eq!(refused(request).await, (400, code.to_owned()), "{items}");
    }
    let one = app.post(&images(":batch")).json(&image(1));
    assert_eq!(refused(one).await, (415, "unsupported_media_type".to_owned()));
    let unknown = app.post("/v1/collections/nowhere/images:batch").header("content-type", "application/x-ndjson");
    let unknown = unknown.body(image(1).to_string());
    assert_eq!(refused(unknown).await, (404, "unknown_collection".to_owned()));
    assert_eq!(app.count().await, 0);
    // A line that is no object is that line's own fault.
    let answer = ok(raw_lines(&app, format!("{{\n[]\n\n{}", image(1)).into_bytes())).await;
    assert_eq!((statuses(&answer), app.count().await), (vec![400, 400, 201], 1), "{answer}");
}

#[tokio::test]
async fn what_there_is_no_time_for_says_so_and_the_rest_is_answered() {
    let mut builder = TestApp::builder();
    builder.config.server.http.request_timeout = Duration::from_secs(4);
    let app = builder.start().await;
    ok(app.put("/v1/collections/slow").json(&json!({"profile": "rnip"}))).await;
    let text: String = (0..60).map(|seed| format!("{}\n", json!({"image": base64(seed)}))).collect();
    let request = app.post("/v1/collections/slow/images:batch").header("content-type", "application/x-ndjson");
    let answer = ok(request.body(text)).await;
    let (statuses, codes) = (statuses(&answer), codes(&answer));
    assert_eq!(statuses.len(), 60);
    assert_eq!((statuses[59], codes[59]), (503, "request_timeout"), "{statuses:?}");
    // Two are under way together, and either may be the one that is in time.
    let late = statuses.iter().position(|status| *status == 503).expect("the last at least");
    assert!(statuses[..late].iter().all(|status| *status == 201), "the first were first: {statuses:?}");
    assert!(statuses.iter().skip(late + 2).all(|status| *status == 503), "the first were first: {statuses:?}");
}

async fn images_are_deleted_by_id_and_by_filter(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    for seed in 1..=6 {
        app.add(&format!("s{seed}"), pictures::png(seed), json!({"n": seed})).await;
    }
    let counts = |matched: u64, deleted: u64, missing: u64, dry_run: bool| json!({"matched": matched, "deleted": deleted, "missing": missing, "remaining": 0, "dry_run": dry_run});
    let ids = json!(["s1", "s2", "s1", "nobody"]);
    assert_eq!(ok(delete(&app, json!({"ids": ids, "dry_run": true}))).await, counts(2, 0, 1, true));
    assert_eq!(app.count().await, 6);
    assert_eq!(ok(delete(&app, json!({"ids": ids}))).await, counts(2, 2, 1, false));
    assert_eq!(ok(delete(&app, json!({"ids": ids}))).await, counts(0, 0, 3, false));
    let filter = json!({"field": "n", "gte": 5});
    assert_eq!(ok(delete(&app, json!({"filter": filter, "dry_run": true}))).await, counts(2, 0, 0, true));
    assert_eq!(ok(delete(&app, json!({"filter": filter}))).await, counts(2, 2, 0, false));
    assert_eq!(app.count().await, 2);
    let found = ok(app.get(&images("/s3/similar"))).await;
    assert_eq!(found["results"].as_array().expect("a list").len(), 1, "what is deleted is not found: {found}");
    assert_eq!(ok(delete(&app, json!({"filter": {"all": []}}))).await, counts(2, 2, 0, false));
    assert_eq!(ok(delete(&app, json!({"ids": []}))).await, counts(0, 0, 0, false));
    app.close().await;
}

#[tokio::test]
async fn images_are_deleted_by_id_and_by_filter_over_sqlite() {
    images_are_deleted_by_id_and_by_filter(Place::sqlite()).await;
}

#[tokio::test]
async fn images_are_deleted_by_id_and_by_filter_over_postgres() {
    images_are_deleted_by_id_and_by_filter(Place::postgres().await).await;
}

#[tokio::test]
async fn a_deletion_that_does_not_say_what_deletes_nothing() {
    let mut builder = TestApp::builder();
    builder.config.limits.max_batch = 3;
    let app = builder.start().await;
    app.add("a", pictures::png(1), json!({})).await;
    for (body, code) in [
        (json!({}), "invalid_request"),
        (json!({"dry_run": false}), "invalid_request"),
        (json!({"ids": ["a"], "filter": {"all": []}}), "invalid_request"),
        (json!({"ids": "a"}), "invalid_request"),
        (json!({"ids": [1]}), "invalid_request"),
        (json!({"ids": ["a", "no/id"]}), "invalid_image_id"),
        (json!({"ids": ["a", "b", "c", "d"]}), "out_of_range"),
        (json!({"filter": {"field": "x"}}), "invalid_filter"),
        (json!({"filter": null}), "invalid_request"),
        (json!({"ids": ["a"], "dry_run": 1}), "invalid_request"),
        (json!({"ids": ["a"], "force": true}), "unknown_field"),
    ] {
        assert_eq!(refused(delete(&app, body.clone())).await, (400, code.to_owned()), "{body}");
    }
    let elsewhere = app.post("/v1/collections/nowhere/images:delete").json(&json!({"ids": ["a"]}));
    assert_eq!(refused(elsewhere).await, (404, "unknown_collection".to_owned()));
    assert_eq!(app.count().await, 1);
}

async fn searches_are_answered_each_on_its_own(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    for seed in 1..=3 {
        app.add(&format!("s{seed}"), pictures::png(seed), json!({"n": seed})).await;
    }
    let described = app.post("/v1/descriptors?profile=fast").header("content-type", "image/png");
    let descriptor = ok(described.body(pictures::png(3))).await["descriptor"].clone();
    let answer = ok(searches(
        &app,
        json!([
            {"id": "s1", "k": 1},
            {"image": base64(2), "include": ["record"]},
            {"descriptor": descriptor, "filter": {"field": "n", "gte": 2}},
            {"id": "nobody"},
            {},
            {"id": "s1", "image": base64(2)},
            {"id": "s1", "k": 0},
            {"image": STANDARD.encode("no image")},
            {"id": "s1", "region": [0, 0, 1, 1]},
        ]),
    ))
    .await;
    assert_eq!(statuses(&answer), [200, 200, 200, 404, 400, 400, 400, 400, 400], "{answer}");
    let expected =
        ["unknown_image", "missing_query", "ambiguous_query", "out_of_range", "not_an_image", "invalid_request"];
    assert_eq!(codes(&answer)[3..], expected);
    let hits = |at: usize| answer["results"][at]["result"]["results"].as_array().expect("a list");
    assert_eq!(hits(0).len(), 1);
    assert_eq!((&hits(1)[0]["id"], &hits(1)[0]["record"]["id"]), (&json!("s2"), &json!("s2")));
    assert_eq!((&hits(2)[0]["id"], hits(2).len()), (&json!("s3"), 2));
    // Each is what the search alone says.
    let alone = ok(app.post(&search()).json(&json!({"id": "s1", "k": 1}))).await;
    assert_eq!(answer["results"][0]["result"]["results"], alone["results"]);
    app.close().await;
}

#[tokio::test]
async fn searches_are_answered_each_on_its_own_over_sqlite() {
    searches_are_answered_each_on_its_own(Place::sqlite()).await;
}

#[tokio::test]
async fn searches_are_answered_each_on_its_own_over_postgres() {
    searches_are_answered_each_on_its_own(Place::postgres().await).await;
}

#[tokio::test]
async fn a_list_of_searches_is_one() {
    let mut builder = TestApp::builder();
    builder.config.limits.max_batch = 2;
    let app = builder.start().await;
    for (list, code) in [
        (json!(null), "missing_query"),
        (json!({"id": "a"}), "invalid_request"),
        (json!(["a"]), "invalid_request"),
        (json!([{}, {}, {}]), "out_of_range"),
    ] {
        assert_eq!(refused(searches(&app, list.clone())).await, (400, code.to_owned()), "{list}");
    }
    assert_eq!(ok(searches(&app, json!([]))).await, json!({"results": []}));
    let unknown = app.post("/v1/collections/nowhere/search:batch").json(&json!({"searches": []}));
    assert_eq!(problem(unknown.send().await.expect("answer")).await["code"], "unknown_collection");
    let path = format!("/v1/collections/{COLLECTION}/search:batch");
    let form = app.post(&path).multipart(Form::new().text("searches", "[]"));
    assert_eq!(refused(form).await, (415, "unsupported_media_type".to_owned()));
}
