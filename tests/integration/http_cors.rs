//! What pages of other origins may do, as browsers ask and are told.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::support::app::{COLLECTION, TestApp, images, ok, problem, refused, search};
use crate::support::pictures;

const SHOP: &str = "https://shop.example";
const STRANGER: &str = "https://stranger.example";

async fn app_with(origins: &[&str]) -> TestApp {
    let mut builder = TestApp::builder();
    builder.config.server.http.cors_origins =
        origins.iter().map(|origin| (*origin).to_owned().try_into().expect("an origin")).collect();
    let app = builder.start().await;
    app.add("a", pictures::png(1), json!({})).await;
    app
}

fn by(origin: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("origin", origin).header("sec-fetch-site", "cross-site")
}

async fn preflight(app: &TestApp, origin: &str, path: &str, method: &str) -> Response {
    let question = by(origin, app.request(Method::OPTIONS, path));
    let question = question
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "content-type,x-forwarded-host");
    question.send().await.expect("answer")
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}

fn upload(app: &TestApp, seed: u32) -> RequestBuilder {
    app.post(&images("")).header("content-type", "image/png").body(pictures::png(seed))
}

fn query(app: &TestApp) -> RequestBuilder {
    app.post(&search()).json(&json!({"id": "a"}))
}

#[tokio::test]
async fn a_listed_page_may_change_and_reads_answers_failures_and_headers() {
    let app = app_with(&[SHOP]).await;
    for (path, method) in [(images(""), "POST"), (images("/a"), "DELETE"), (search(), "POST")] {
        let answer = preflight(&app, SHOP, &path, method).await;
        assert_eq!(answer.status(), 204);
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(SHOP));
        assert!(header(&answer, "access-control-allow-methods").expect("named").contains(method));
        let headers = header(&answer, "access-control-allow-headers").expect("named");
        assert!(headers.contains("content-type") && headers.contains("if-match"), "{headers}");
        assert!(!headers.contains("x-forwarded"), "{headers}");
        assert!(header(&answer, "access-control-max-age").expect("named").parse::<u32>().expect("seconds") > 0);
        assert_eq!(header(&answer, "access-control-allow-credentials"), None);
        assert_eq!(header(&answer, "vary"), Some("origin"));
        assert!(header(&answer, "x-request-id").is_some());
    }
    let created = by(SHOP, upload(&app, 2)).send().await.expect("answer");
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "access-control-allow-origin"), Some(SHOP));
    let exposed = header(&created, "access-control-expose-headers").expect("named");
    for name in ["etag", "location", "retry-after", "x-request-id"] {
        assert!(exposed.contains(name), "{name} is not in {exposed}");
    }
    for failing in [by(SHOP, app.get(&images("/nowhere"))), by(SHOP, app.get("/no-path"))] {
        let failed = failing.send().await.expect("answer");
        assert_eq!((header(&failed, "access-control-allow-origin"), failed.status().as_u16()), (Some(SHOP), 404));
        problem(failed).await;
    }
}

#[tokio::test]
async fn pages_that_nobody_listed_read_nothing_and_are_told_why() {
    for origins in [&[][..], &[SHOP]] {
        let app = app_with(origins).await;
        let asked = preflight(&app, STRANGER, &search(), "POST").await;
        assert_eq!(header(&asked, "access-control-allow-origin"), None);
        assert_eq!(problem(asked).await["code"], "cross_origin");
        for request in [query(&app), upload(&app, 2), app.delete(&format!("/v1/collections/{COLLECTION}"))] {
            assert_eq!(refused(by(STRANGER, request)).await, (403, "cross_origin".to_owned()));
        }
        let read = by(STRANGER, app.get(&images("/a"))).send().await.expect("answer");
        assert_eq!((read.status().as_u16(), header(&read, "access-control-allow-origin")), (200, None));
        // A cache must not give one origin's answer to another.
        assert_eq!(header(&read, "vary"), (!origins.is_empty()).then_some("origin"));
        assert_eq!(app.count().await, 1);
    }
}

#[tokio::test]
async fn with_a_star_every_page_reads_and_searches_and_none_changes() {
    let app = app_with(&["*", SHOP]).await;
    for (path, method, methods) in [(search(), "POST", "POST"), (images("/a"), "GET", "GET, HEAD")] {
        let answer = preflight(&app, STRANGER, &path, method).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "access-control-allow-origin")), (204, Some("*")));
        assert_eq!(header(&answer, "access-control-allow-methods"), Some(methods));
    }
    for (path, method) in [(images(""), "POST"), (images("/a"), "PUT"), (images("/a"), "DELETE"), (search(), "PUT")] {
        let answer = preflight(&app, STRANGER, &path, method).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), None, "{method} {path}");
        assert_eq!(problem(answer).await["code"], "cross_origin", "{method} {path}");
    }
    for origin in [STRANGER, "null"] {
        let found = by(origin, query(&app)).send().await.expect("answer");
        assert_eq!((found.status().as_u16(), header(&found, "access-control-allow-origin")), (200, Some("*")));
        for change in
            [upload(&app, 2), app.delete(&images("/a")), app.patch(&images("/a")).json(&json!({"metadata": {}}))]
        {
            assert_eq!(refused(by(origin, change)).await, (403, "cross_origin".to_owned()));
        }
    }
    ok(by(SHOP, upload(&app, 2))).await;
    assert_eq!(app.count().await, 2);
    let picture = by(STRANGER, app.get(&images("/a/thumbnail"))).send().await.expect("answer");
    assert_eq!((picture.status().as_u16(), header(&picture, "access-control-allow-origin")), (200, Some("*")));
}

#[tokio::test]
async fn a_question_that_is_no_preflight_is_a_method_that_no_path_knows() {
    let app = app_with(&["*"]).await;
    assert_eq!(refused(app.request(Method::OPTIONS, &search())).await, (405, "method_not_allowed".to_owned()));
}
