//! API keys: who may do what, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use eyrie::domain::Scope;
use eyrie::http::MetricsAccess;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{ADMIN_KEY, COLLECTION, TestApp, images, ok, problem, refused, search};
use crate::support::clock::TestClock;
use crate::support::pictures;

const SHOP: &str = "https://shop.example";
const STRANGER: &str = "https://stranger.example";

/// Makes each story a test over both databases.
macro_rules! over_both_databases {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $story() { super::$story(crate::support::Place::sqlite()).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $story() { super::$story(crate::support::Place::postgres().await).await; })+
        }
    };
}

over_both_databases!(
    a_key_that_is_revoked_is_refused_by_every_instance_within_two_seconds,
    a_key_is_made_listed_used_and_revoked_over_http,
);

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    /// The scope that the document names; `None` where it is open.
    scope: Option<Scope>,
}

/// The operations with what they need, read off the indentation of the document.
fn operations() -> Vec<Operation> {
    let mut found: Vec<Operation> = Vec::new();
    let (mut path, mut names_scope) = (String::new(), false);
    let document = eyrie::http::generated_openapi().expect("YAML");
    let lines = document.lines().skip_while(|line| *line != "paths:").skip(1);
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let (indent, text) = (line.len() - line.trim_start().len(), line.trim());
        let name = text.trim_end_matches(':');
        match indent {
            2 => path = name.to_owned(),
            4 => {
                let method = Method::from_bytes(name.to_uppercase().as_bytes()).expect("a method");
                found.push(Operation { method, path: path.clone(), scope: None });
            }
            _ if names_scope => {
                found.last_mut().expect("in an operation").scope = text.trim_start_matches("- ").parse().ok();
            }
            _ => {}
        }
        names_scope = text == "- bearer:";
    }
    found
}

impl Operation {
    /// A request for things that are not there, in this collection.
    fn request(&self, app: &TestApp, collection: &str) -> RequestBuilder {
        let path = self.path.replace("{collection}", collection).replace("{id}", "nobody").replace("{file}", "app.js");
        let path = path.replace("{part}", "docs.js");
        app.bare(self.method.clone(), &path)
    }
}

/// Status and code of a failure; a success has no code.
async fn outcome(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.expect("answer");
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap_or_default();
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

fn is_refusal(code: &str) -> bool {
    ["missing_key", "invalid_key", "insufficient_scope", "origin_not_allowed"].contains(&code)
}

async fn with_keys() -> TestApp {
    TestApp::builder().with_admin_key().start().await
}

#[tokio::test]
async fn every_operation_is_open_to_the_scopes_that_the_document_says_and_to_no_others() {
    let app = with_keys().await;
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        keys.push((scope, app.make_key(json!({"label": "walker", "scope": scope})).await.0));
    }
    let operations = operations();
    assert!(operations.len() >= 35 && operations.iter().filter(|one| one.scope.is_some()).count() >= 30);
    for operation in operations {
        let label = format!("{} {}", operation.method, operation.path);
        let (status, code) = outcome(operation.request(&app, "nowhere")).await;
        match operation.scope {
            None => assert!(status != 401 && !is_refusal(&code), "{label} without a key: {status} {code}"),
            Some(_) => assert_eq!((status, code.as_str()), (401, "missing_key"), "{label} without a key"),
        }
        for (has, key) in &keys {
            let (status, code) = outcome(operation.request(&app, "nowhere").bearer_auth(key)).await;
            if operation.scope.is_none_or(|needed| has.includes(needed)) {
                assert!(!is_refusal(&code), "{label} with {has}: {status} {code}");
            } else {
                assert_eq!((status, code.as_str()), (403, "insufficient_scope"), "{label} with {has}");
            }
        }
    }
}

#[tokio::test]
async fn a_collection_that_a_key_is_not_for_does_not_exist_for_it() {
    let app = with_keys().await;
    let (key, _) =
        app.make_key(json!({"label": "limited", "scope": "write", "collections": ["default", "later"]})).await;
    app.add("a", pictures::png(1), json!({})).await;
    for operation in operations().iter().filter(|one| one.path.contains("{collection}")) {
        if operation.scope.is_some_and(|needed| !Scope::Write.includes(needed)) {
            continue;
        }
        let mut answers = Vec::new();
        for collection in [COLLECTION, "nowhere"] {
            let answer =
                problem(operation.request(&app, collection).bearer_auth(&key).send().await.expect("answer")).await;
            let detail = answer["detail"].as_str().expect("text").replace(collection, "it");
            answers.push((answer["status"].clone(), answer["code"].clone(), detail));
        }
        assert_eq!(answers[0], answers[1], "{} {}", operation.method, operation.path);
        assert_eq!(answers[0].1, "unknown_collection", "{} {}", operation.method, operation.path);
    }
    let mine = |request: RequestBuilder| request.bearer_auth(&key);
    let names = |list: Value| {
        list["collections"].as_array().expect("a list").iter().map(|c| c["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(ok(mine(app.bare(Method::GET, "/v1/collections"))).await), ["default"]);
    assert_eq!(names(ok(app.get("/v1/collections")).await), ["default", COLLECTION]);

    let job = ok(app.post(&format!("/v1/collections/{COLLECTION}/duplicates"))).await;
    let id = job["id"].as_str().expect("an id");
    ok(app.get(&format!("/v1/jobs/{id}?wait=20"))).await;
    assert_eq!(ok(mine(app.bare(Method::GET, "/v1/jobs"))).await["jobs"], json!([]));
    for (method, path) in [
        (Method::GET, format!("/v1/jobs/{id}")),
        (Method::GET, format!("/v1/jobs/{id}/groups")),
        (Method::POST, format!("/v1/jobs/{id}/cancel")),
        (Method::DELETE, format!("/v1/jobs/{id}")),
    ] {
        assert_eq!(refused(mine(app.bare(method, &path))).await, (404, "unknown_job".to_owned()), "{path}");
    }
    let own = ok(mine(app.bare(Method::POST, "/v1/collections/default/duplicates"))).await;
    ok(app.get(&format!("/v1/jobs/{}?wait=20", own["id"].as_str().expect("an id")))).await;
    let listed = ok(mine(app.bare(Method::GET, "/v1/jobs?limit=1"))).await;
    assert_eq!((&listed["jobs"][0]["id"], &listed["next_cursor"]), (&own["id"], &Value::Null), "{listed}");
    assert_eq!(ok(app.get("/v1/jobs")).await["jobs"].as_array().map(Vec::len), Some(2));

    let compare = |collection: &str| {
        let side = json!({"id": "a", "collection": collection});
        mine(app.bare(Method::POST, "/v1/compare")).json(&json!({"a": side, "b": side}))
    };
    assert_eq!(refused(compare(COLLECTION)).await, (404, "unknown_collection".to_owned()));
    assert_eq!(refused(compare("nowhere")).await, (404, "unknown_collection".to_owned()));
    assert_eq!(refused(compare("default")).await, (404, "unknown_image".to_owned()));
}

#[tokio::test]
async fn what_is_no_key_opens_nothing() {
    let app = with_keys().await;
    let (key, _) = app.make_key(json!({"label": "good", "scope": "admin"})).await;
    let path = "/v1/keys";
    let asked = |header: &str, value: &[u8]| app.bare(Method::GET, path).header(header, value);
    ok(asked("authorization", format!("Bearer {key}").as_bytes())).await;
    ok(asked("authorization", format!("bearer {key}").as_bytes())).await;
    ok(asked("x-api-key", key.as_bytes())).await;
    ok(asked("x-api-key", key.as_bytes()).bearer_auth(&key)).await;

    let long = "eyrie_".to_owned() + &"A".repeat(40_000);
    let mut flipped = key.clone().into_bytes();
    *flipped.last_mut().expect("not empty") ^= 1;
    let flipped = String::from_utf8(flipped).expect("ASCII");
    let hash = sha256_hex(&key);
    for forged in [
        "",
        "eyrie_",
        "null",
        "undefined",
        "{}",
        "*",
        &long,
        &flipped,
        &key[..key.len() - 1],
        &format!("{key}A"),
        &key.to_uppercase(),
        &key["eyrie_".len()..],
        &format!("Eyrie_{}", &key["eyrie_".len()..]),
        &hash,
        "' OR '1'='1",
        "eyrie_'; DROP TABLE api_keys; --",
        "eyrie_%00",
        "../../etc/passwd",
        "eyrie_ключ",
        "ｅｙｒｉｅ_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "server.admin_key",
        "configured",
    ] {
        for request in
            [asked("authorization", format!("Bearer {forged}").as_bytes()), asked("x-api-key", forged.as_bytes())]
        {
            let (status, code) = outcome(request).await;
            let is_limited = (status, code.as_str()) == (429, "rate_limited");
            assert!(is_limited || (status, code.as_str()) == (401, "invalid_key"), "{forged:?}: {status} {code}");
        }
    }
    for (header, value) in [
        ("authorization", format!("Basic {key}")),
        ("authorization", format!("Bearer{key}")),
        ("authorization", key.clone()),
        ("authorization", format!("Token {key}")),
        ("cookie", format!("authorization=Bearer {key}; x-api-key={key}")),
        ("x-apikey", key.clone()),
        ("proxy-authorization", format!("Bearer {key}")),
    ] {
        assert_eq!(outcome(asked(header, value.as_bytes())).await, (401, "missing_key".to_owned()), "{header}");
    }
    for name in ["key", "api_key", "x-api-key", "access_token", "authorization"] {
        let in_query = app.bare(Method::GET, &format!("{path}?{name}={key}"));
        assert_eq!(outcome(in_query).await, (401, "missing_key".to_owned()), "{name}");
    }
    let twice = asked("authorization", format!("Bearer {key}").as_bytes()).header("authorization", "Bearer other");
    assert_eq!(outcome(twice).await, (400, "ambiguous_key".to_owned()));
    let both = asked("x-api-key", b"other").bearer_auth(&key);
    assert_eq!(outcome(both).await, (400, "ambiguous_key".to_owned()));
    ok(asked("x-api-key", key.as_bytes())).await;
    ok(app.get(path)).await;
}

fn sha256_hex(text: &str) -> String {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_refusal_says_how_to_come_in_and_not_what_is_wrong_with_a_key() {
    let app = with_keys().await;
    let (expired, id) = app.make_key(json!({"label": "old", "scope": "read"})).await;
    ok_empty(app.delete(&format!("/v1/keys/{id}"))).await;
    let missing = app.bare(Method::GET, "/v1/jobs").send().await.expect("answer");
    assert_eq!(missing.headers()["www-authenticate"], "Bearer realm=\"eyrie\"");
    assert!(
        problem(missing).await["detail"]
            .as_str()
            .is_some_and(|text| text.contains("read") && text.contains("X-Api-Key"))
    );
    let mut details = Vec::new();
    for key in [expired.as_str(), "eyrie_of-nobody"] {
        let wrong = app.bare(Method::GET, "/v1/jobs").bearer_auth(key).send().await.expect("answer");
        assert_eq!(wrong.headers()["www-authenticate"], "Bearer realm=\"eyrie\", error=\"invalid_token\"");
        let answer = problem(wrong).await;
        assert!(!answer.to_string().contains(key), "{answer}");
        details.push((answer["code"].clone(), answer["detail"].clone()));
    }
    assert_eq!(details[0], details[1], "a revoked key is as one that there never was");
}

async fn ok_empty(request: RequestBuilder) {
    let response = request.send().await.expect("answer");
    assert_eq!(response.status(), 204, "{:?}", response.text().await);
}

async fn a_key_is_made_listed_used_and_revoked_over_http(place: Place) {
    let clock = Arc::new(TestClock::default());
    let app = TestApp::builder().store(place.open().await).clock(clock.clone()).with_admin_key().start().await;
    let new = json!({"label": "importer", "scope": "read", "collections": [COLLECTION], "expires_in_days": 2});
    let response = app.post("/v1/keys").json(&new).send().await.expect("answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["cache-control"]),
        (201, &"no-store".parse().expect("a value"))
    );
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let made: Value = response.json().await.expect("JSON");
    let (secret, key) = (made["secret"].as_str().expect("a key").to_owned(), &made["key"]);
    assert!(secret.starts_with("eyrie_") && secret.len() == 49, "{secret}");
    assert_eq!(location, format!("/v1/keys/{}", key["id"].as_str().expect("an id")));
    assert_eq!(key["expires_at"], "2027-01-17T08:00:00Z");
    let list = ok(app.get("/v1/keys")).await;
    assert_eq!(list, json!({"keys": [key]}));
    assert_eq!(&ok(app.get(&location)).await, key);
    assert!(!list.to_string().contains(&secret));

    let used = || app.bare(Method::GET, &images("")).bearer_auth(&secret);
    ok(used()).await;
    clock.pass(Duration::from_secs(2 * 24 * 3600 - 1));
    ok(used()).await;
    clock.pass(Duration::from_secs(1));
    assert_eq!(refused(used()).await, (401, "invalid_key".to_owned()), "it has expired");

    let (secret, id) = app.make_key(json!({"label": "another", "scope": "read"})).await;
    let used = || app.bare(Method::GET, &images("")).bearer_auth(&secret);
    ok(used()).await;
    ok_empty(app.delete(&format!("/v1/keys/{id}"))).await;
    assert_eq!(refused(used()).await, (401, "invalid_key".to_owned()), "at once where it was revoked");
    ok_empty(app.delete(&format!("/v1/keys/{id}"))).await;
    assert!(ok(app.get(&format!("/v1/keys/{id}"))).await["revoked_at"].is_string());
    for method in [Method::GET, Method::DELETE] {
        for nobody in ["nobody", "configured", "a_b", "A"] {
            let path = format!("/v1/keys/{nobody}");
            assert_eq!(refused(app.request(method.clone(), &path)).await, (404, "unknown_key".to_owned()));
        }
    }
}

async fn a_key_that_is_revoked_is_refused_by_every_instance_within_two_seconds(place: Place) {
    let clock = Arc::new(TestClock::default());
    let (first, second) = (place.open().await, place.open().await);
    let start = async |store| TestApp::builder().store(store).clock(clock.clone()).with_admin_key().start().await;
    let (one, two) = (start(first).await, start(second).await);
    let (key, id) = one.make_key(json!({"label": "shared", "scope": "search"})).await;
    clock.pass(Duration::from_millis(1_999));
    let used = |app: &TestApp| app.bare(Method::GET, "/v1/collections").bearer_auth(&key);
    ok(used(&one)).await;
    ok(used(&two)).await;
    ok_empty(one.delete(&format!("/v1/keys/{id}"))).await;
    assert_eq!(refused(used(&one)).await, (401, "invalid_key".to_owned()));
    clock.pass(Duration::from_millis(1_999));
    assert_eq!(refused(used(&two)).await, (401, "invalid_key".to_owned()));
    // And a key that is new is taken as soon.
    let (key, _) = two.make_key(json!({"label": "new", "scope": "search"})).await;
    clock.pass(Duration::from_millis(1_999));
    ok(one.bare(Method::GET, "/v1/collections").bearer_auth(&key)).await;
}

#[tokio::test]
async fn a_key_cannot_be_like_this() {
    let app = with_keys().await;
    for new in [
        json!({}),
        json!({"label": "x"}),
        json!({"scope": "read"}),
        json!({"label": "", "scope": "read"}),
        json!({"label": "a\u{1b}[2J", "scope": "read"}),
        json!({"label": "x".repeat(101), "scope": "read"}),
        json!({"label": "x", "scope": "root"}),
        json!({"label": "x", "scope": ["read"]}),
        json!({"label": "x", "scope": "admin", "collections": [COLLECTION]}),
        json!({"label": "x", "scope": "write", "origins": [SHOP]}),
        json!({"label": "x", "scope": "read", "collections": []}),
        json!({"label": "x", "scope": "read", "collections": ["Not A Name"]}),
        json!({"label": "x", "scope": "search", "origins": ["shop.example"]}),
        json!({"label": "x", "scope": "search", "origins": ["*"]}),
        json!({"label": "x", "scope": "search", "origins": ["https://shop.example/path"]}),
        json!({"label": "x", "scope": "read", "expires_in_days": 0}),
        json!({"label": "x", "scope": "read", "expires_in_days": 3651}),
        json!({"label": "x", "scope": "read", "secret": "chosen"}),
    ] {
        let (status, code) = refused(app.post("/v1/keys").json(&new)).await;
        assert_eq!(status, 400, "{new}: {code}");
    }
    assert_eq!(ok(app.get("/v1/keys")).await, json!({"keys": []}));
}

#[tokio::test]
async fn a_server_of_this_machine_is_open_until_there_is_a_key_and_never_again() {
    let clock = Arc::new(TestClock::default());
    let app = TestApp::builder().clock(clock.clone()).start().await;
    ok(app.get("/v1/keys").bearer_auth("a key where there is none means nothing")).await;
    let (key, id) = app.make_key(json!({"label": "first", "scope": "admin"})).await;
    assert_eq!(refused(app.get("/v1/keys")).await, (401, "missing_key".to_owned()));
    for path in ["/livez", "/readyz", "/", "/assets/app.js", "/docs", "/docs/docs.js", "/openapi.yaml"] {
        assert_eq!(app.get(path).send().await.expect("answer").status(), 200, "{path}");
    }
    ok_empty(app.delete(&format!("/v1/keys/{id}")).bearer_auth(&key)).await;
    clock.pass(Duration::from_secs(3600));
    assert_eq!(refused(app.get("/v1/collections")).await, (401, "missing_key".to_owned()), "to revoke opens nothing");
}

#[tokio::test]
async fn what_is_open_to_everybody_is_what_the_configuration_says() {
    for (listed, before, after) in [
        (&[Scope::Search][..], Some(Scope::Search), Some(Scope::Search)),
        (&[Scope::Read, Scope::Admin], Some(Scope::Admin), Some(Scope::Read)),
        (&[Scope::Admin], Some(Scope::Admin), None),
        (&[], Some(Scope::Admin), None),
    ] {
        for (mut builder, may) in [(TestApp::builder(), before), (TestApp::builder().with_admin_key(), after)] {
            builder.config.server.http.allow_anonymous = listed.to_vec();
            let app = builder.start().await;
            for (scope, path) in
                [(Scope::Search, "/v1/collections"), (Scope::Read, "/v1/jobs"), (Scope::Admin, "/v1/keys")]
            {
                let (status, code) = outcome(app.bare(Method::GET, path)).await;
                let expected =
                    if may.is_some_and(|may| may.includes(scope)) { (200, "") } else { (401, "missing_key") };
                assert_eq!((status, code.as_str()), expected, "{listed:?}, {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_metrics_are_open_or_for_those_who_may_read() {
    for access in [MetricsAccess::Open, MetricsAccess::Key] {
        let mut builder = TestApp::builder().with_admin_key();
        builder.config.server.http.metrics = access;
        let app = builder.start().await;
        let (searcher, _) = app.make_key(json!({"label": "s", "scope": "search"})).await;
        let (reader, _) = app.make_key(json!({"label": "r", "scope": "read"})).await;
        let status = async |key: Option<&str>| {
            let request = app.bare(Method::GET, "/metrics");
            let request = key.into_iter().fold(request, RequestBuilder::bearer_auth);
            request.send().await.expect("answer").status().as_u16()
        };
        let (nobody, search) = if access == MetricsAccess::Open { (200, 200) } else { (401, 403) };
        assert_eq!(status(None).await, nobody);
        assert_eq!(status(Some(&searcher)).await, search);
        assert_eq!(status(Some(&reader)).await, 200);
    }
}

fn by(origin: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("origin", origin).header("sec-fetch-site", "cross-site")
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}

async fn preflight(app: &TestApp, origin: &str) -> Response {
    let question = by(origin, app.bare(Method::OPTIONS, &search()));
    let question = question.header("access-control-request-method", "POST");
    question.header("access-control-request-headers", "authorization,content-type").send().await.expect("answer")
}

#[tokio::test]
async fn a_published_key_searches_from_its_pages_and_from_nowhere_else() {
    let app = with_keys().await;
    app.add("a", pictures::png(1), json!({})).await;
    assert_eq!(header(&preflight(&app, SHOP).await, "access-control-allow-origin"), None);
    let (key, id) =
        app.make_key(json!({"label": "shop", "scope": "search", "collections": [COLLECTION], "origins": [SHOP]})).await;
    let query = || app.bare(Method::POST, &search()).json(&json!({"id": "a"})).bearer_auth(&key);

    let asked = preflight(&app, SHOP).await;
    assert_eq!((asked.status().as_u16(), header(&asked, "access-control-allow-origin")), (204, Some(SHOP)));
    let sent = header(&asked, "access-control-allow-headers").expect("named");
    assert!(sent.contains("authorization") && sent.contains("x-api-key"), "{sent}");
    let found = by(SHOP, query()).send().await.expect("answer");
    assert_eq!((found.status().as_u16(), header(&found, "access-control-allow-origin")), (200, Some(SHOP)));
    assert_eq!(header(&found, "vary"), Some("origin"));
    let picture =
        by(SHOP, app.bare(Method::GET, &images("/a/thumbnail")).bearer_auth(&key)).send().await.expect("answer");
    assert_eq!((picture.status().as_u16(), header(&picture, "access-control-allow-origin")), (200, Some(SHOP)));

    assert_eq!(preflight(&app, STRANGER).await.status(), 403);
    for request in [
        by(STRANGER, query()),
        query(),
        query().header("origin", "null"),
        query().header("origin", "http://shop.example"),
    ] {
        let stolen = request.send().await.expect("answer");
        assert_eq!(header(&stolen, "access-control-allow-origin"), None);
        assert_eq!(problem(stolen).await["code"], "origin_not_allowed");
    }
    let change = by(SHOP, app.bare(Method::DELETE, &images("/a")).bearer_auth(&key)).send().await.expect("answer");
    assert_eq!(header(&change, "access-control-allow-origin"), Some(SHOP), "the page may read why");
    assert_eq!(problem(change).await["code"], "insufficient_scope");
    let without = by(SHOP, app.bare(Method::POST, &search()).json(&json!({"id": "a"}))).send().await.expect("answer");
    assert_eq!(header(&without, "access-control-allow-origin"), Some(SHOP), "the page may read why");
    assert_eq!(problem(without).await["code"], "missing_key");

    ok_empty(app.delete(&format!("/v1/keys/{id}"))).await;
    assert_eq!(preflight(&app, SHOP).await.status(), 403, "no key names its origin any more");
}

#[tokio::test]
async fn what_is_answered_to_a_key_is_kept_by_no_cache_that_others_share() {
    for (builder, expected) in [(TestApp::builder(), "public"), (TestApp::builder().with_admin_key(), "private")] {
        let app = builder.start().await;
        let record = app.add("a", pictures::png(1), json!({})).await;
        let thumbnail = app.get(record["thumbnail_url"].as_str().expect("a path")).send().await.expect("answer");
        assert_eq!(
            header(&thumbnail, "cache-control"),
            Some(format!("{expected}, max-age=31536000, immutable").as_str())
        );
    }
}

#[tokio::test]
async fn a_request_with_a_secret_key_is_nobody_elses_whatever_its_origin() {
    let app = with_keys().await;
    let upload = |key: &str| {
        let request = by(STRANGER, app.bare(Method::POST, &images("")).header("content-type", "image/png"));
        request.bearer_auth(key).body(pictures::png(1))
    };
    let created = upload(ADMIN_KEY).send().await.expect("answer");
    // A browser would have asked before, and shows the page nothing.
    assert_eq!((created.status().as_u16(), header(&created, "access-control-allow-origin")), (201, None));
    assert_eq!(refused(upload("eyrie_wrong")).await, (403, "cross_origin".to_owned()));
}
