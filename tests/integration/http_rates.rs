//! How many requests a client may send, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::support::app::{TestApp, images, ok, problem, search};
use crate::support::clock::TestClock;

/// Two reads and one change a second of a peer, three reads with a key, all for two seconds at
/// once.
async fn app(clock: &Arc<TestClock>) -> TestApp {
    let mut builder = TestApp::builder().clock(clock.clone()).with_admin_key();
    let rate = &mut builder.config.rate;
    (rate.peer_reads, rate.peer_writes, rate.key_reads, rate.key_writes) = (2, 1, 3, 0);
    (rate.burst_seconds, rate.wrong_keys, rate.concurrent) = (2, 3, 1);
    builder.config.server.http.allow_anonymous = vec![eyrie::domain::Scope::Write];
    builder.start().await
}

fn from(address: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("x-forwarded-for", address)
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("answer").status().as_u16()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}

#[tokio::test]
async fn a_peer_that_asks_too_often_is_told_when_to_come_back() {
    let clock = Arc::new(TestClock::default());
    let app = app(&clock).await;
    let read = |address: &str| from(address, app.bare(Method::GET, "/v1/collections"));
    for left in [3, 2, 1, 0] {
        let answer = read("192.0.2.1").send().await.expect("answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "ratelimit-policy"), Some("\"peer-reads\";q=4;w=2"));
        let limit = header(&answer, "ratelimit").expect("a level");
        assert!(limit.starts_with(&format!("\"peer-reads\";r={left};t=")), "{limit}");
    }
    let refused = read("192.0.2.1").send().await.expect("answer");
    assert_eq!(
        (header(&refused, "retry-after"), header(&refused, "ratelimit")),
        (Some("1"), Some("\"peer-reads\";r=0;t=2"))
    );
    assert_eq!((refused.status().as_u16(), problem(refused).await["code"].as_str()), (429, Some("rate_limited")));
    assert_eq!(status(read("192.0.2.2")).await, 200, "another peer");
    let deletion = |address: &str| from(address, app.bare(Method::DELETE, &images("/nobody")));
    for expected in [404, 404, 429] {
        assert_eq!(status(deletion("192.0.2.1")).await, expected, "changes are counted apart");
    }
    assert_eq!(status(from("192.0.2.1", app.bare(Method::GET, "/livez"))).await, 200, "health is not counted");
    clock.pass(Duration::from_millis(500));
    assert_eq!(status(read("192.0.2.1")).await, 200);
    assert_eq!(status(read("192.0.2.1")).await, 429);
    for _ in 0..10 {
        assert_eq!(status(app.bare(Method::GET, "/v1/collections")).await, 200, "this machine has no bound");
    }
}

#[tokio::test]
async fn an_ipv6_peer_is_its_network_and_a_made_up_address_in_front_changes_nothing() {
    let clock = Arc::new(TestClock::default());
    let app = app(&clock).await;
    let mut taken = 0;
    for host in 1..=10 {
        let address = format!("198.51.100.{host}, 2001:db8:0:1::{host}");
        taken += usize::from(status(from(&address, app.bare(Method::GET, "/v1/collections"))).await == 200);
    }
    assert_eq!(taken, 4);
    assert_eq!(status(from("2001:db8:0:2::1", app.bare(Method::GET, "/v1/collections"))).await, 200);
}

#[tokio::test]
async fn a_secret_key_is_counted_wherever_it_comes_from_and_a_published_one_by_its_reader_too() {
    let clock = Arc::new(TestClock::default());
    let app = app(&clock).await;
    let (secret, _) = app.make_key(json!({"label": "program", "scope": "read"})).await;
    let mut taken = 0;
    for host in 1..=10 {
        let request = app.bare(Method::GET, "/v1/collections").bearer_auth(&secret);
        taken += usize::from(status(from(&format!("192.0.2.{host}"), request)).await == 200);
    }
    assert_eq!(taken, 6);
    let origin = "https://shop.example";
    let (published, _) = app.make_key(json!({"label": "shop", "scope": "search", "origins": [origin]})).await;
    let search = |address: &str| {
        from(address, app.bare(Method::GET, "/v1/collections").bearer_auth(&published).header("origin", origin))
    };
    for expected in [200, 200, 200, 200, 429] {
        assert_eq!(status(search("192.0.2.1")).await, expected, "one reader");
    }
    for expected in [200, 200, 429] {
        assert_eq!(status(search("192.0.2.2")).await, expected, "all readers together");
    }
}

#[tokio::test]
async fn a_peer_that_guesses_keys_is_stopped_and_its_neighbour_with_a_good_one_is_not() {
    let clock = Arc::new(TestClock::default());
    let app = app(&clock).await;
    let (good, _) = app.make_key(json!({"label": "good", "scope": "read"})).await;
    let with = |key: &str| app.bare(Method::GET, "/v1/collections").bearer_auth(key);
    for guess in 0..3 {
        assert_eq!(status(with(&format!("eyrie_{guess}"))).await, 401);
    }
    let stopped = with("eyrie_4").send().await.expect("answer");
    assert_eq!((stopped.status().as_u16(), header(&stopped, "retry-after")), (429, Some("20")));
    assert_eq!(status(with(&good)).await, 200);
    clock.pass(Duration::from_secs(20));
    assert_eq!(status(with("eyrie_5")).await, 401);
    assert_eq!(status(with("eyrie_6")).await, 429);
}

#[tokio::test]
async fn one_key_has_so_many_requests_under_way_and_others_have_their_own() {
    let clock = Arc::new(TestClock::default());
    let app = app(&clock).await;
    let (one, _) = app.make_key(json!({"label": "one", "scope": "read"})).await;
    let (two, _) = app.make_key(json!({"label": "two", "scope": "read"})).await;
    // A search whose body does not end is under way until it does.
    let (sender, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let stream = futures::stream::unfold(body, async |mut body| body.recv().await.map(|part| (part, body)));
    let slow = app.bare(Method::POST, &search()).bearer_auth(&one).header("content-type", "application/json");
    let slow = tokio::spawn(slow.body(reqwest::Body::wrap_stream(stream)).send());
    sender.send(Ok(b"{\"id\": \"nobody\"".to_vec())).await.expect("taken");
    sender.send(Ok(b" ".to_vec())).await.expect("taken");
    sender.send(Ok(b" ".to_vec())).await.expect("taken: the first part was sent");
    let read = |key: &str| app.bare(Method::GET, "/v1/chip").bearer_auth(key);
    let refused = loop {
        // The first part may not have arrived yet.
        let answer = read(&one).send().await.expect("answer");
        clock.pass(Duration::from_secs(1));
        if answer.status() == 429 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(header(&refused, "retry-after"), Some("1"));
    assert_eq!(problem(refused).await["code"], "too_many_at_once");
    assert_eq!(status(read(&two)).await, 200);
    sender.send(Ok(b"}".to_vec())).await.expect("taken");
    drop(sender);
    let ended = slow.await.expect("no panic").expect("answer");
    assert_eq!(problem(ended).await["code"], "unknown_image");
    ok(read(&one)).await;
}
