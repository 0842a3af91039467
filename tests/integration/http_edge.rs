//! What surrounds every call: paths and methods, request ids, metrics, slow and many clients, the
//! shutdown.

use std::time::Duration;

use eyrie::app::App;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Place;
use crate::support::app::{TestApp, images, ok, problem, refused, search};
use crate::support::pictures;

/// Sends the head of an upload and waits until the server asks for the body, so that it holds a
/// permit from here on.
async fn begin_upload(app: &TestApp, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.expect("connects");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n",
        images("")
    );
    stream.write_all(head.as_bytes()).await.expect("writes");
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.expect("reads");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.expect("reads");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_and_allow_lists_the_known_ones() {
    let app = TestApp::start().await;
    for path in ["/nowhere", "/v1", "/v1/collections/", "/v1/collections/a/b", "/index.html"] {
        assert_eq!(refused(app.get(path)).await, (404, "route_not_found".to_owned()), "{path}");
    }
    let response = app.post("/v1/collections").send().await.expect("answer");
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    assert_eq!(problem(response).await["code"], "method_not_allowed");
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made() {
    let app = TestApp::start().await;
    let id = async |given: Option<&str>| {
        let mut request = app.get("/livez");
        if let Some(given) = given {
            request = request.header("x-request-id", given);
        }
        let response = request.send().await.expect("answer");
        response.headers()["x-request-id"].to_str().expect("text").to_owned()
    };
    assert_eq!(id(Some("trace-17")).await, "trace-17");
    assert_ne!(id(Some("<script>")).await, "<script>");
    assert_ne!(id(None).await, id(None).await);
    let failed = app.get("/nowhere").header("x-request-id", "trace-18").send().await.expect("answer");
    assert_eq!(problem(failed).await["request_id"], "trace-18");
}

#[tokio::test]
async fn health_says_ready_and_why_not() {
    let mut app = TestApp::start().await;
    assert_eq!(app.get("/livez").send().await.expect("answer").text().await.expect("body"), "ok");
    assert_eq!(ok(app.get("/readyz")).await, json!({"ready": true, "store": "ok", "index": "ok", "workers": "ok"}));
    app.service.shutdown().await;
    let response = app.get("/readyz").send().await.expect("answer");
    assert_eq!(response.headers()["retry-after"], "2");
    let not_ready = problem(response).await;
    assert_eq!((&not_ready["status"], &not_ready["code"]), (&json!(503), &json!("not_ready")));
    assert_eq!((&not_ready["ready"], &not_ready["workers"]), (&json!(false), &json!("shutting down")));
    let upload = app.post(&images("")).header("content-type", "image/png").body(pictures::png(1));
    assert_eq!(refused(upload).await, (503, "shutting_down".to_owned()));
    app.stop();
    app.ended().await;
}

#[tokio::test]
async fn metrics_have_the_matched_path_and_never_the_raw_one() {
    let app = TestApp::start().await;
    refused(app.get(&images("/a-name-that-is-nowhere-else"))).await;
    refused(app.get("/a-path-that-is-nowhere-else")).await;
    let method = reqwest::Method::from_bytes(b"BREW").expect("method");
    refused(app.request(method, "/livez")).await;
    let response = app.get("/metrics").send().await.expect("answer");
    assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/plain"));
    let text = response.text().await.expect("body");
    let expected = [
        r#"http_requests_total{method="GET",path="/v1/collections/{collection}/images/{id}",status="404"}"#,
        r#"http_requests_total{method="GET",path="unmatched",status="404"}"#,
        r#"http_requests_total{method="other",path="/livez",status="405"}"#,
        r#"http_request_duration_seconds_bucket{method="PUT",path="/v1/collections/{collection}",status="201""#,
    ];
    for line in expected {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("nowhere-else") && !text.contains("BREW"), "{text}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let mut builder = TestApp::builder();
    builder.config.server.http.body_timeout = Duration::from_millis(100);
    let app = builder.start().await;
    let mut stream = begin_upload(&app, 1000).await;
    stream.write_all(&[0; 10]).await.expect("writes");
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"code\":\"body_timeout\""), "{answer}");
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn a_slow_body_is_a_408_also_where_an_answer_must_come_sooner() {
    let mut builder = TestApp::builder();
    builder.config.server.http.body_timeout = Duration::from_millis(300);
    builder.config.server.http.request_timeout = Duration::from_millis(50);
    let app = builder.start().await;
    let mut stream = begin_upload(&app, 1000).await;
    stream.write_all(&[0; 10]).await.expect("writes");
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"body_timeout\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_counts_until_it_is_stored() {
    let place = Place::sqlite();
    let mut builder = TestApp::builder();
    builder.config.server.http.max_concurrent_uploads = 1;
    let app = builder.store(place.open().await).start().await;
    let Place::Sqlite(folder) = &place else { panic!("a folder") };
    let database = format!("sqlite://{}", folder.path().join("eyrie.db").display());
    let mut lock = SqliteConnection::connect(&database).await.expect("opens");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.expect("locks");
    // Its bytes are all there, and it cannot be stored.
    let image = pictures::png(1);
    let mut first = begin_upload(&app, image.len()).await;
    first.write_all(&image).await.expect("writes");
    let upload = || app.post(&images("")).header("content-type", "image/png").body(pictures::png(2));
    assert_eq!(refused(upload()).await, (503, "overloaded".to_owned()));
    sqlx::query("ROLLBACK").execute(&mut lock).await.expect("unlocks");
    let mut status = [0; 12];
    first.read_exact(&mut status).await.expect("reads");
    assert_eq!(&status, b"HTTP/1.1 201");
    ok(upload()).await;
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let mut builder = TestApp::builder();
    builder.config.server.http.header_timeout = Duration::from_millis(100);
    let app = builder.start().await;
    let mut stream = TcpStream::connect(app.address).await.expect("connects");
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost:").await.expect("writes");
    let answer = rest(stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(rest(TcpStream::connect(app.address).await.expect("connects")).await, "");
}

#[tokio::test]
async fn uploads_beyond_the_limit_are_told_to_come_back() {
    let mut builder = TestApp::builder();
    builder.config.server.http.max_concurrent_uploads = 1;
    let app = builder.start().await;
    let image = pictures::png(1);
    let mut slow = begin_upload(&app, image.len()).await;
    let upload = || app.post(&images("")).header("content-type", "image/png").body(pictures::png(2));
    let response = upload().send().await.expect("answer");
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(problem(response).await["code"], "overloaded");
    ok(app.get("/v1/collections")).await;

    slow.write_all(&image).await.expect("writes");
    let mut status = [0; 12];
    slow.read_exact(&mut status).await.expect("reads");
    assert_eq!(&status, b"HTTP/1.1 201");
    ok(upload()).await;
    assert_eq!(app.count().await, 2);
}

#[tokio::test]
async fn uploads_beyond_the_memory_are_told_to_come_back() {
    let mut builder = TestApp::builder();
    builder.config.server.http.max_upload_bytes = 1 << 20;
    // 44 MiB are the worker's.
    builder.config.server.http.memory_budget_mib = 46;
    let app = builder.start().await;
    let mut slow = begin_upload(&app, 1 << 20).await;
    let upload = |body: Vec<u8>| app.post(&images("")).header("content-type", "image/png").body(body);
    assert_eq!(refused(upload(vec![0; 400_000])).await, (503, "overloaded".to_owned()));
    ok(upload(pictures::png(2))).await;
    // Whole, it is found to be no picture, and its memory is free again.
    slow.write_all(&vec![0; 1 << 20]).await.expect("writes");
    let mut status = [0; 12];
    slow.read_exact(&mut status).await.expect("reads");
    assert_eq!(&status, b"HTTP/1.1 400");
    assert_eq!(refused(upload(vec![0; 400_000])).await, (400, "not_an_image".to_owned()));
}

#[tokio::test]
async fn a_memory_budget_below_what_the_workers_may_need_is_refused_at_the_start() {
    let mut builder = TestApp::builder();
    builder.config.server.http.memory_budget_mib = 80;
    let refused = App::builder(builder.config).start().await.err().expect("refused").to_string();
    assert_eq!(
        refused,
        "server.memory_budget_mib is 80 MiB: the workers may need 44 MiB and reading one upload 40 MiB, 84 MiB together"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let mut builder = TestApp::builder();
    builder.config.server.http.max_concurrent_uploads = 1;
    let app = builder.start().await;
    let mut broken = begin_upload(&app, 1000).await;
    broken.write_all(&[0; 10]).await.expect("writes");
    broken.shutdown().await.expect("closes");
    // The answer comes when the server has seen the end, so the permit is free after it.
    rest(broken).await;
    let upload = app.post(&images("")).header("content-type", "image/png").body(pictures::png(2));
    ok(upload).await;
    assert_eq!(app.count().await, 1);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_and_are_served() {
    let mut builder = TestApp::builder();
    builder.config.server.http.max_connections = 2;
    builder.config.server.http.header_timeout = Duration::from_millis(200);
    let app = builder.start().await;
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(TcpStream::connect(app.address).await.expect("connects"));
    }
    assert_eq!(app.get("/livez").send().await.expect("answer").status(), 200);
}

#[tokio::test]
async fn a_shutdown_lets_requests_under_way_end() {
    let mut app = TestApp::start().await;
    let image = pictures::png(1);
    let mut upload = begin_upload(&app, image.len()).await;
    app.stop();
    upload.write_all(&image).await.expect("writes");
    let answer = rest(upload).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let address = app.address;
    app.ended().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let mut builder = TestApp::builder();
    builder.config.server.http.shutdown_grace = Duration::from_millis(100);
    let mut app = builder.start().await;
    let _stuck = begin_upload(&app, 1000).await;
    app.stop();
    app.ended().await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_upload() {
    let app = TestApp::start().await;
    let upload = || app.post(&images("")).header("content-type", "image/png").body(pictures::png(1));
    let foreign = upload().header("origin", "https://evil.example").header("sec-fetch-site", "cross-site");
    assert_eq!(refused(foreign).await, (403, "cross_origin".to_owned()));
    assert_eq!(app.count().await, 0);
    ok(upload().header("origin", format!("http://{}", app.address)).header("sec-fetch-site", "same-origin")).await;
}

#[tokio::test]
async fn the_page_may_change_something_behind_a_proxy_that_changes_the_host() {
    let app = TestApp::start().await;
    let create = |name: &str| app.put(&format!("/v1/collections/{name}")).header("origin", "https://pictures.example");
    // nginx's proxy_pass without further settings: Host is the address inside.
    ok(create("a").header("sec-fetch-site", "same-origin")).await;
    // Without TLS browsers send no Sec-Fetch-Site; the proxy on this machine says what it is called
    // outside.
    ok(create("b").header("x-forwarded-host", "pictures.example").header("x-forwarded-proto", "https")).await;
    for foreign in [
        create("c"),
        create("c").header("x-forwarded-host", "other.example"),
        create("c").header("x-forwarded-host", "pictures.example").header("sec-fetch-site", "cross-site"),
    ] {
        assert_eq!(refused(foreign).await, (403, "cross_origin".to_owned()));
    }
}

#[tokio::test]
async fn proxies_are_believed_and_origins_listed_as_configured() {
    let mut builder = TestApp::builder();
    builder.config.server.http.trusted_proxies.clear();
    builder.config.server.http.cors_origins = vec!["https://known.example".to_owned().try_into().expect("an origin")];
    let app = builder.start().await;
    let create = |origin: &str| app.put("/v1/collections/a").header("origin", origin);
    let forwarded = create("https://pictures.example").header("x-forwarded-host", "pictures.example");
    assert_eq!(refused(forwarded).await, (403, "cross_origin".to_owned()));
    ok(create("https://known.example").header("sec-fetch-site", "cross-site")).await;
}

#[tokio::test]
async fn what_the_server_says_of_itself_begins_with_its_public_path() {
    let mut builder = TestApp::builder();
    builder.config.server.http.public_path = "/a/eyrie".to_owned().try_into().expect("a path");
    let app = builder.start().await;
    let created = app.put("/v1/collections/coins").send().await.expect("answer");
    assert_eq!(created.headers()["location"], "/a/eyrie/v1/collections/coins");
    let upload = app.post(&images("?id=p")).header("content-type", "image/png").body(pictures::png(1));
    let response = upload.send().await.expect("answer");
    let location = format!("/a/eyrie{}", images("/p"));
    assert_eq!(response.headers()["location"], location.as_str());
    let record: serde_json::Value = response.json().await.expect("JSON");
    let thumbnail = format!("{location}/thumbnail?v={}", record["revision"]);
    assert_eq!(record["thumbnail_url"], thumbnail.as_str());
    let found = ok(app
        .post(&search())
        .json(&json!({"descriptor": vec![1.0; app.service.dimension(eyrie::domain::Profile::Fast)]})))
    .await;
    assert_eq!(found["results"][0]["thumbnail_url"], thumbnail.as_str());
    // Proxies that strip the path and those that keep it are the same.
    assert_eq!(ok(app.get(&location)).await, record);
    assert_eq!(app.get(&thumbnail).send().await.expect("answer").status(), 200);
    assert_eq!(app.get("/a/eyrie/").send().await.expect("answer").status(), 200);
    let document = app.get("/a/eyrie/openapi.yaml").send().await.expect("answer").text().await.expect("text");
    assert!(document.contains("\nservers:\n- url: /a/eyrie\npaths:\n"), "{document:.600}");
    let missing = problem(app.get("/a/eyrie/nowhere").send().await.expect("answer")).await;
    assert!(missing["detail"].as_str().expect("text").contains("/a/eyrie/openapi.yaml"), "{missing}");
    let metrics = app.get("/metrics").send().await.expect("answer").text().await.expect("text");
    assert!(metrics.contains(r#"path="/v1/collections/{collection}/images/{id}/thumbnail",status="200""#));
}

#[tokio::test]
async fn the_page_is_whole_and_loads_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    let page = app.get("/").send().await.expect("answer").text().await.expect("body");
    // What the page names, and what that names in turn.
    let mut files = vec![(String::new(), "text/html")];
    let mut known = 0;
    let add = |files: &mut Vec<(String, &'static str)>, text: &str, before: &str, folder: &str| {
        for name in text.split(before).skip(1).filter_map(|rest| rest.split('"').next()) {
            let media_type = if name.ends_with(".css") { "text/css" } else { "text/javascript" };
            let path = format!("{folder}{name}");
            if !files.iter().any(|(there, _)| *there == path) {
                files.push((path, media_type));
            }
        }
    };
    for attribute in ["href=\"assets/", "src=\"assets/"] {
        add(&mut files, &page, attribute, "assets/");
    }
    while let Some((path, media_type)) = files.get(known).cloned() {
        known += 1;
        let response = app.get(&format!("/{path}")).send().await.expect("answer");
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers();
        assert!(headers["content-type"].to_str().expect("text").starts_with(media_type), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
        let text = response.text().await.expect("body");
        for foreign in ["src=\"http", "href=\"http", "@import", "url(http", "innerHTML", "src=\"/", "href=\"/"] {
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
        add(&mut files, &text, "from \"./", "assets/");
    }
    assert!(known > 10, "{files:?}");
    assert_eq!(refused(app.get("/assets/mod.rs")).await, (404, "route_not_found".to_owned()));
}
