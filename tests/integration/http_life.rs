//! The life of an image over HTTP, restarts and a lost database included, over both databases.

use std::sync::Arc;

use eyrie::domain::SystemClock;
use eyrie::store::PostgresStore;
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{TestApp, images, ok, problem, refused, search};
use crate::support::pictures;
use crate::support::place::OPTIONS;
use crate::support::postgres::PrivateCluster;

#[tokio::test(flavor = "multi_thread")]
async fn an_image_outlives_the_process_over_sqlite() {
    an_image_outlives_the_process(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_outlives_the_process_over_postgres() {
    an_image_outlives_the_process(Place::postgres().await).await;
}

fn best(answer: &Value) -> Option<&str> {
    answer["results"][0]["id"].as_str()
}

async fn an_image_outlives_the_process(place: Place) {
    let first = TestApp::builder().store(place.open().await).start().await;
    for seed in 1..=3 {
        first.add(&format!("p{seed}"), pictures::png(seed), json!({"seed": seed, "name": "Möwe"})).await;
    }
    let query = |app: &TestApp| app.post(&search()).header("content-type", "image/png").body(pictures::png(2));
    assert_eq!(best(&ok(query(&first)).await), Some("p2"));
    let patched = ok(first.patch(&images("/p2")).json(&json!({"metadata": {"seed": null}}))).await;
    assert_eq!(first.delete(&images("/p1")).send().await.expect("answer").status(), 204);
    first.close().await;

    let second = TestApp::builder().store(place.open().await).start().await;
    assert_eq!(ok(second.get(&images("/p2"))).await, patched);
    assert_eq!(refused(second.get(&images("/p1"))).await, (404, "unknown_image".to_owned()));
    let answer = ok(query(&second)).await;
    assert_eq!((best(&answer), answer["results"].as_array().map(Vec::len)), (Some("p2"), Some(2)));
    let filter = r#"{"all": [{"field": "name", "prefix": "Mö"}, {"field": "seed", "gte": 3}]}"#;
    assert_eq!(best(&ok(query(&second).query(&[("filter", filter)])).await), Some("p3"));
    let listed = ok(second.get(&images("")).query(&[("filter", filter)])).await;
    assert_eq!(listed["images"].as_array().map(Vec::len), Some(1));
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_a_503_until_it_is_back() {
    let cluster = PrivateCluster::started();
    let store = PostgresStore::connect(&cluster.url(), OPTIONS, Arc::new(SystemClock)).await.expect("connects");
    let app = TestApp::builder().store(Arc::new(store)).start().await;
    app.add("a", pictures::png(1), json!({})).await;
    cluster.stop();
    let upload = || app.post(&images("")).header("content-type", "image/png").body(pictures::png(2));
    let query = || app.post(&search()).header("content-type", "image/png").body(pictures::png(1));
    for request in [app.get(&images("/a")), app.get("/v1/collections"), upload(), query()] {
        assert_eq!(refused(request).await, (503, "database_unavailable".to_owned()));
    }
    let readiness = problem(app.get("/readyz").send().await.expect("answer")).await;
    assert_eq!((&readiness["code"], &readiness["store"]), (&json!("not_ready"), &json!("unavailable")), "{readiness}");
    assert_eq!(app.get("/livez").send().await.expect("answer").status(), 200);
    cluster.start();
    assert_eq!(ok(app.get(&images("/a"))).await["id"], "a");
    ok(upload()).await;
    assert_eq!(app.count().await, 2);
    assert_eq!(best(&ok(query()).await), Some("a"));
    assert_eq!(ok(app.get("/readyz")).await["store"], "ok");
    app.close().await;
}
