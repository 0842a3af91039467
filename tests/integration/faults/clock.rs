//! A clock that somebody sets, forth and back, while the service runs.

use std::sync::Arc;
use std::time::Duration as Time;

use eyrie::domain::{JobId, Scope};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use time::Duration;

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, refused, search};
use crate::support::clock::TestClock;
use crate::support::pictures;

async fn start(place: &Place, clock: &Arc<TestClock>) -> TestApp {
    let store = place.try_open_at(clock.clone()).await.expect("opens");
    TestApp::builder().store(store).clock(clock.clone()).start().await
}

fn upload(app: &TestApp, id: &str, seed: u32) -> RequestBuilder {
    let request = app.post(&images("")).query(&[("id", id)]);
    request.header("content-type", "image/png").body(pictures::png(seed))
}

/// The ids of all pages in an order, one image a page.
async fn paged(app: &TestApp, sort: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = app.get(&images("")).query(&[("limit", "1"), ("sort", sort)]);
        let page = match &cursor {
            Some(cursor) => page.query(&[("cursor", cursor)]),
            None => page,
        };
        let page = ok(page).await;
        ids.extend(page["images"].as_array().expect("a list").iter().map(|image| image["id"].to_string()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return ids,
        }
    }
}

async fn pictures_outlive_jumps(place: Place) {
    let clock = Arc::new(TestClock::default());
    let app = start(&place, &clock).await;
    // Somebody corrects the year, and then the correction.
    let jumps = [Duration::ZERO, -Duration::days(365), Duration::days(2 * 365), -Duration::days(364)];
    for (seed, jump) in (0..).zip(jumps) {
        clock.jump(jump);
        ok(upload(&app, &format!("i{seed}"), seed)).await;
        // What is there is changed at a time before it was stored, too.
        for earlier in 0..seed {
            let patch = json!({"metadata": {"by": seed}});
            ok(app.patch(&images(&format!("/i{earlier}"))).json(&patch)).await;
        }
        let put = app.put(&images("/put")).header("content-type", "image/png").body(pictures::png(100 + seed));
        ok(put).await;
    }
    for seed in 0..4 {
        let found = app.post(&search()).header("content-type", "image/png").body(pictures::png(seed));
        assert_eq!(ok(found).await["results"][0]["id"], format!("i{seed}"));
    }
    let all = paged(&app, "id").await;
    assert_eq!(all.len(), 5, "{all:?}");
    for sort in ["created", "-created", "updated", "-updated"] {
        let mut ids = paged(&app, sort).await;
        ids.sort_unstable();
        assert_eq!(ids, all, "{sort}");
    }
    let mut by_creation = paged(&app, "created").await;
    by_creation.retain(|id| id != "\"put\"");
    assert_eq!(by_creation, ["\"i1\"", "\"i0\"", "\"i3\"", "\"i2\""], "by what the clock said");

    let exported = app.get(&format!("/v1/collections/{COLLECTION}/export")).send().await.expect("an answer");
    let lines = exported.text().await.expect("lines");
    app.close().await;
    let elsewhere = start(&Place::sqlite(), &clock).await;
    let import = elsewhere.post(&format!("/v1/collections/{COLLECTION}/import"));
    let imported = ok(import.header("content-type", "application/x-ndjson").body(lines)).await;
    assert_eq!(imported["stored"], 5, "{imported}");
    elsewhere.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_outlive_jumps_of_the_clock_over_sqlite() {
    pictures_outlive_jumps(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_outlive_jumps_of_the_clock_over_postgres() {
    pictures_outlive_jumps(Place::postgres().await).await;
}

async fn requests_and_jobs_outlive_jumps(place: Place) {
    let clock = Arc::new(TestClock::default());
    let app = start(&place, &clock).await;
    let named = |seed| upload(&app, "named", seed).header("idempotency-key", "one");
    let first = ok(named(1)).await;
    clock.jump(-Duration::days(30));
    assert_eq!(ok(named(1)).await, first, "set back, the answer is kept");
    clock.jump(Duration::days(60));
    assert_eq!(ok(named(1)).await["id"], "named", "forgotten, it is done again, to what is there");
    assert_eq!(app.count().await, 1);

    let scan = || app.post(&format!("/v1/collections/{COLLECTION}/duplicates"));
    for jump in [Duration::days(1), -Duration::days(400), Duration::days(400), -Duration::hours(1)] {
        ok(upload(&app, &format!("n{}", jump.whole_hours()), u32::try_from(jump.whole_hours().abs()).expect("few")))
            .await;
        let job = ok(scan()).await;
        clock.jump(jump);
        let id = JobId::new(job["id"].as_str().expect("an id")).expect("valid");
        app.service.job(&id, Time::from_secs(600)).await.expect("there");
        let ended = ok(app.get(&format!("/v1/jobs/{id}"))).await;
        assert_eq!(ended["state"], "done", "{jump}: {ended}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_jobs_outlive_jumps_of_the_clock_over_sqlite() {
    requests_and_jobs_outlive_jumps(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_jobs_outlive_jumps_of_the_clock_over_postgres() {
    requests_and_jobs_outlive_jumps(Place::postgres().await).await;
}

#[tokio::test]
async fn keys_go_by_what_the_clock_says_and_limits_by_the_time_that_passes() {
    let clock = Arc::new(TestClock::default());
    let mut builder = TestApp::builder().clock(clock.clone()).with_admin_key();
    (builder.config.rate.peer_reads, builder.config.rate.burst_seconds) = (1, 2);
    builder.config.server.http.allow_anonymous = vec![Scope::Read];
    let app = builder.start().await;
    let new = json!({"label": "reader", "scope": "write", "expires_in_days": 2});
    let (key, _) = app.make_key(new).await;
    let with_key = || app.bare(Method::DELETE, &images("/nobody")).bearer_auth(&key);
    let unknown = (404, "unknown_image".to_owned());
    assert_eq!(refused(with_key()).await, unknown);
    clock.jump(Duration::days(3));
    assert_eq!(refused(with_key()).await, (401, "invalid_key".to_owned()));
    clock.jump(-Duration::days(30));
    assert_eq!(refused(with_key()).await, unknown);

    let read = || app.bare(Method::GET, "/v1/collections").header("x-forwarded-for", "192.0.2.1");
    ok(read()).await;
    ok(read()).await;
    let limited = (429, "rate_limited".to_owned());
    for jump in [Duration::days(1), -Duration::days(400)] {
        clock.jump(jump);
        assert_eq!(refused(read()).await, limited, "{jump}");
    }
    clock.pass(Time::from_secs(1));
    let listed: Value = ok(read()).await;
    assert!(listed["collections"].is_array(), "{listed}");
    app.close().await;
}
