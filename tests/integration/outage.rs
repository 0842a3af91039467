//! The database goes away under the running service, and comes back.

use std::sync::Arc;

use eyrie::store::{DescriptorStore, PostgresStore};
use serde_json::Value;

use crate::program::picture;
use crate::support::app::{TestApp, images, ok, refused, search};
use crate::support::postgres::PrivateCluster;

fn png(seed: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture(seed).write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    bytes.into_inner()
}

async fn readiness(app: &TestApp) -> (u16, Value) {
    let answer = app.get("/readyz").send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_says_that_postgres_is_gone_and_recovers_by_itself() {
    let cluster = PrivateCluster::started();
    let store: Arc<dyn DescriptorStore> =
        Arc::new(PostgresStore::connect(&cluster.url(), 4).await.expect("the cluster answers"));
    let app = TestApp::builder().store(store).start().await;
    app.add("before", png(1), Value::Null).await;
    assert_eq!(readiness(&app).await.0, 200);

    cluster.stop();
    let upload = || app.post(&images("")).query(&[("id", "during")]).header("content-type", "image/png").body(png(2));
    let query = || app.post(&search()).header("content-type", "image/png").body(png(1));
    assert_eq!(refused(upload()).await, (503, "database_unavailable".to_owned()));
    assert_eq!(refused(query()).await, (503, "database_unavailable".to_owned()));
    assert_eq!(refused(app.get(&images("/before"))).await, (503, "database_unavailable".to_owned()));
    let (status, said) = loop {
        // An answer of the database counts for a moment, so the first probe may still show the last one.
        let (status, said) = readiness(&app).await;
        if status != 200 {
            break (status, said);
        }
    };
    assert_eq!(status, 503);
    assert_eq!(said["store"], "unavailable", "{said}");
    assert_eq!(app.get("/livez").send().await.expect("an answer").status(), 200);

    cluster.start();
    let created = upload().send().await.expect("an answer");
    assert_eq!(created.status(), 201, "the first request after the return is served");
    let found = ok(query()).await;
    assert_eq!(found["results"][0]["id"], "before");
    assert_eq!(found["results"].as_array().expect("a list").len(), 2);
    let (_, said) = loop {
        let (status, said) = readiness(&app).await;
        if status == 200 {
            break (status, said);
        }
    };
    assert_eq!(said["store"], "ok");
}
