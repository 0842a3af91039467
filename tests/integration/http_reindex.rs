//! Describing a collection anew over HTTP.

use std::time::Duration;

use eyrie::domain::{CollectionName, DescriptorVersion, ImageId, JobId, Precondition, Profile};
use eyrie::store::{KeepIn, NewImage, Store, WholeImage, WriteOutcome};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, refused, search};
use crate::support::pictures::png;

fn reindex() -> String {
    format!("/v1/collections/{COLLECTION}/reindex")
}

/// As if another model had described it.
async fn make_stale(store: &dyn Store, id: &str) {
    let (collection, id) = (CollectionName::new(COLLECTION).expect("valid"), ImageId::new(id).expect("valid"));
    let record = store.get(&collection, &id).await.expect("readable").expect("there");
    let WholeImage { record, descriptor, thumbnail, local_features } =
        store.whole(&[record.key]).await.expect("readable").pop().expect("there");
    let image = NewImage {
        id,
        content_hash: record.content_hash,
        format: record.format,
        width: record.width,
        height: record.height,
        byte_size: record.byte_size,
        metadata: record.metadata,
        version: DescriptorVersion::new("0123456789abcdef", Profile::Fast),
        descriptor,
        thumbnail,
        local_features,
        original: None,
        stored_by: None,
    };
    let outcome = store.put(&collection, &image, Precondition::None).await.expect("stored");
    assert!(matches!(outcome, WriteOutcome::Updated(_)), "{outcome:?}");
}

async fn stale(app: &TestApp, more: &[(&str, &str)]) -> (Vec<String>, Option<String>) {
    let page = ok(app.get(&images("")).query(&[("stale", "true")]).query(more)).await;
    let ids = page["images"].as_array().expect("a list").iter().map(|image| image["id"].as_str().expect("an id"));
    (ids.map(str::to_owned).collect(), page["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_model_described_is_listed_and_described_anew() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let mut builder = TestApp::builder().store(place.open().await);
        builder.config.storage.originals.keep_in = KeepIn::Database;
        let app = builder.start().await;
        for seed in 1..=4 {
            app.add(&format!("p{seed}"), png(seed), json!({"seed": seed})).await;
        }
        assert_eq!(stale(&app, &[]).await, (Vec::new(), None));
        for id in ["p1", "p2", "p4"] {
            make_stale(&*app.store, id).await;
        }
        app.service.refresh().await.expect("followed");
        let (first, cursor) = stale(&app, &[("limit", "2")]).await;
        let (second, end) = stale(&app, &[("limit", "2"), ("cursor", cursor.as_deref().expect("more"))]).await;
        assert_eq!((first, second, end), (vec!["p1".to_owned(), "p2".to_owned()], vec!["p4".to_owned()], None));
        let filter = json!({"field": "seed", "gte": 2}).to_string();
        assert_eq!(stale(&app, &[("filter", &filter), ("sort", "-id")]).await.0, ["p4", "p2"]);
        let before = ok(app.get(&images("/p1"))).await;

        let response = app.post(&reindex()).send().await.expect("answer");
        assert_eq!(response.status(), 202);
        let location = response.headers()["location"].to_str().expect("text").to_owned();
        let job: Value = response.json().await.expect("JSON");
        assert_eq!((&job["kind"], &job["params"]), (&json!("reindex"), &json!({"all": false})));
        let id = JobId::new(job["id"].as_str().expect("an id")).expect("valid");
        app.service.job(&id, Duration::from_secs(600)).await.expect("there");
        let job = ok(app.get(&location)).await;
        assert_eq!(job["state"], "done", "{job}");
        let expected = json!({"looked_at": 3, "described": 3, "without_original": 0, "unreadable": 0, "changed": 0});
        assert_eq!(job["result"], expected);
        assert_eq!(refused(app.get(&format!("{location}/groups"))).await, (409, "no_groups".to_owned()));

        assert_eq!(stale(&app, &[]).await, (Vec::new(), None));
        let after = ok(app.get(&images("/p1"))).await;
        for same in ["id", "metadata", "created_at", "sha256", "original_url", "byte_size"] {
            assert_eq!(after[same], before[same], "{same}");
        }
        assert_ne!(after["version"], before["version"]);
        let found = ok(app.post(&search()).header("content-type", "image/png").body(png(1))).await;
        assert_eq!((&found["results"][0]["id"], &found["results"][0]["score"]), (&json!("p1"), &json!(1.0)));
        app.close().await;
    }
}

#[tokio::test]
async fn a_wish_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let nowhere = app.post("/v1/collections/nowhere/reindex").json(&json!({"all": true}));
    assert_eq!(refused(nowhere).await, (404, "unknown_collection".to_owned()));
    assert_eq!(refused(app.post(&reindex()).json(&json!({"every": true}))).await, (400, "unknown_field".to_owned()));
    assert_eq!(refused(app.post(&reindex()).json(&json!({"all": 1}))).await.0, 400);
    assert_eq!(refused(app.get(&images("?stale=yes"))).await.0, 400);
}
