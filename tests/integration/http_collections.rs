//! Collections over HTTP.

use serde_json::json;

use crate::support::app::{COLLECTION, TestApp, images, ok, refused};
use crate::support::pictures;

#[tokio::test]
async fn a_collection_is_created_once_and_keeps_its_profile() {
    let app = TestApp::start().await;
    let wanted = json!({"profile": "nip", "description": "Old coins"});
    let first = app.put("/v1/collections/coins").json(&wanted).send().await.expect("answer");
    assert_eq!(first.status(), 201);
    assert_eq!(first.headers()["location"], "/v1/collections/coins");
    let again = app.put("/v1/collections/coins").json(&wanted).send().await.expect("answer");
    assert_eq!(again.status(), 200);
    let other = app.put("/v1/collections/coins").json(&json!({"profile": "fast"}));
    assert_eq!(refused(other).await, (409, "collection_exists".to_owned()));

    let coins = ok(app.get("/v1/collections/coins")).await;
    assert_eq!(coins["profile"], "nip");
    assert_eq!(coins["description"], "Old coins");
    assert_eq!((&coins["images"], &coins["stale_images"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_collection_can_be_created_without_a_body() {
    let app = TestApp::start().await;
    assert_eq!(ok(app.put("/v1/collections/plain")).await["profile"], "rnip");
}

#[tokio::test]
async fn the_list_has_every_collection_by_name_with_its_counts() {
    let app = TestApp::start().await;
    app.add("a", pictures::png(1), json!({})).await;
    let list = ok(app.get("/v1/collections")).await;
    let names: Vec<_> =
        list["collections"].as_array().expect("list").iter().map(|c| (&c["name"], &c["images"])).collect();
    assert_eq!(names, [(&json!("default"), &json!(0)), (&json!(COLLECTION), &json!(1))]);
}

#[tokio::test]
async fn a_description_is_changed_and_nothing_else() {
    let app = TestApp::start().await;
    let path = format!("/v1/collections/{COLLECTION}");
    let changed = ok(app.patch(&path).json(&json!({"description": "Snapshots"}))).await;
    assert_eq!((&changed["description"], &changed["profile"]), (&json!("Snapshots"), &json!("fast")));
    assert_eq!(refused(app.patch(&path).json(&json!({"profile": "nip"}))).await, (400, "unknown_field".to_owned()));
    assert_eq!(refused(app.patch(&path).json(&json!({}))).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_deleted_collection_is_gone_with_its_images() {
    let app = TestApp::start().await;
    app.add("a", pictures::png(1), json!({})).await;
    let path = format!("/v1/collections/{COLLECTION}");
    assert_eq!(app.delete(&path).send().await.expect("answer").status(), 204);
    assert_eq!(refused(app.delete(&path)).await, (404, "unknown_collection".to_owned()));
    assert_eq!(refused(app.get(&images("/a"))).await, (404, "unknown_collection".to_owned()));
    assert_eq!(refused(app.delete("/v1/collections/default")).await, (409, "default_collection".to_owned()));
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_told_from_one_that_is_unknown() {
    let app = TestApp::start().await;
    assert_eq!(refused(app.get("/v1/collections/Coins")).await, (400, "invalid_collection_name".to_owned()));
    assert_eq!(refused(app.get("/v1/collections/a%2Fb")).await, (400, "invalid_collection_name".to_owned()));
    assert_eq!(refused(app.get("/v1/collections/coins")).await, (404, "unknown_collection".to_owned()));
    assert_eq!(refused(app.get("/v1/collections/%FF")).await, (400, "invalid_path".to_owned()));
}
