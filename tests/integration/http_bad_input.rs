//! Every kind of bad upload has its own code, and nothing of it is stored.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::app::{TestApp, images, refused};
use crate::support::pictures;

const MAX_UPLOAD: usize = 100_000;

async fn app() -> TestApp {
    let mut builder = TestApp::builder();
    builder.config.server.http.max_upload_bytes = MAX_UPLOAD;
    builder.start().await
}

fn raw(app: &TestApp, image: Vec<u8>) -> RequestBuilder {
    app.post(&images("")).header("content-type", "image/png").body(image)
}

/// The same image in the three forms of a POST and as a raw PUT.
fn in_every_form(app: &TestApp, image: &[u8]) -> [RequestBuilder; 4] {
    [
        app.post(&images("")).multipart(Form::new().part("image", Part::bytes(image.to_vec()))),
        raw(app, image.to_vec()),
        app.post(&images("")).json(&json!({"image": STANDARD.encode(image)})),
        app.put(&images("/p")).header("content-type", "application/octet-stream").body(image.to_vec()),
    ]
}

#[tokio::test]
async fn a_bad_image_is_refused_in_every_form_and_stores_nothing() {
    let app = app().await;
    let png = pictures::png(1);
    for (image, status, code) in [
        (Vec::new(), 400, "image_empty"),
        (b"This is a text and not an image at all.".to_vec(), 400, "not_an_image"),
        (png[..png.len() / 2].to_vec(), 400, "image_truncated"),
        (png[..9].to_vec(), 400, "image_truncated"),
        (pictures::heic(), 415, "unsupported_image_format"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(), 415, "unsupported_image_format"),
        (pictures::black_png(1200, 1000), 422, "image_too_many_pixels"),
        (pictures::zero_sized_png(), 422, "image_zero_sized"),
        (pictures::black_png(2, 60), 422, "image_aspect_ratio"),
        (vec![0x89; MAX_UPLOAD + 1], 413, "upload_too_large"),
    ] {
        for request in in_every_form(&app, &image) {
            assert_eq!(refused(request).await, (status, code.to_owned()), "{} bytes", image.len());
        }
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn a_body_far_over_the_limit_is_answered_and_not_cut_off() {
    let app = app().await;
    let far_over = vec![b'x'; 8 << 20];
    for request in in_every_form(&app, &far_over) {
        assert_eq!(refused(request).await, (413, "upload_too_large".to_owned()));
    }
    let chunks = futures::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1 << 14])));
    let unknown_length = app.post(&images("")).header("content-type", "image/png");
    let request = unknown_length.body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(refused(request).await, (413, "upload_too_large".to_owned()));
}

#[tokio::test]
async fn a_bad_form_is_refused_and_stores_nothing() {
    let app = app().await;
    let image = || Part::bytes(pictures::png(1));
    let form = || Form::new().part("image", image());
    for (form, code) in [
        (Form::new().part("picture", image()), "unknown_field"),
        (form().part("image", Part::bytes(pictures::png(2))), "multiple_images"),
        (Form::new().text("id", "a"), "missing_image"),
        (form().text("id", "a").text("id", "b"), "duplicate_field"),
        (form().text("id", "a b"), "invalid_image_id"),
        (form().text("id", ""), "invalid_image_id"),
        (form().text("id", "x".repeat(129)), "invalid_image_id"),
        (form().text("metadata", "{"), "invalid_metadata"),
        (form().text("metadata", "[1]"), "invalid_metadata"),
        (form().text("metadata", "\"text\""), "invalid_metadata"),
        (form().text("params", "{}"), "unknown_field"),
        (form().part("metadata", Part::bytes(vec![b'{', 0xff, b'}'])), "invalid_utf8"),
    ] {
        let refusal = refused(app.post(&images("")).multipart(form)).await;
        assert_eq!(refusal, (400, code.to_owned()));
    }
    let two_ids = app.post(&images("?id=a")).multipart(form().text("id", "b"));
    assert_eq!(refused(two_ids).await, (400, "duplicate_field".to_owned()));
    let image_in_query = app.post(&images("?image=AAAA")).multipart(form());
    assert_eq!(refused(image_in_query).await, (400, "unknown_field".to_owned()));
    let broken =
        |content_type: &str, body: &'static str| app.post(&images("")).header("content-type", content_type).body(body);
    for (content_type, body) in [
        ("multipart/form-data", "--x\r\n"),
        ("multipart/form-data; boundary=x", "no boundary in here"),
        ("multipart/form-data; boundary=x", "--x\r\ncontent-disposition: form-data; name=\"image\"\r\n\r\nabc"),
    ] {
        assert_eq!(refused(broken(content_type, body)).await, (400, "invalid_multipart".to_owned()), "{body:?}");
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn bad_json_is_refused_and_stores_nothing() {
    let app = app().await;
    let image = STANDARD.encode(pictures::png(1));
    let send = |body: Vec<u8>| app.post(&images("")).header("content-type", "application/json").body(body);
    for (body, code) in [
        ("{\"image\": ".to_owned(), "invalid_json"),
        ("".to_owned(), "invalid_json"),
        (format!("{{\"image\": \"{image}\"}} trailing"), "invalid_json"),
        ("[]".to_owned(), "invalid_request"),
        (format!("{{\"file\": \"{image}\"}}"), "unknown_field"),
        (format!("{{\"image\": \"{image}\", \"image\": \"{image}\"}}"), "duplicate_field"),
        ("{\"image\": 5}".to_owned(), "invalid_request"),
        ("{\"id\": \"a\"}".to_owned(), "missing_image"),
        ("{\"image\": \"!!!\"}".to_owned(), "invalid_base64"),
        (format!("{{\"image\": \"{image}\", \"id\": \"..\"}}"), "invalid_image_id"),
        (format!("{{\"image\": \"{image}\", \"metadata\": 1e999}}"), "out_of_range"),
        ("{\"image\": \"data:image/png,abc\"}".to_owned(), "invalid_base64"),
        (format!("{{\"image\": \"{image}\", \"metadata\": {{\"a\": \"\\ud800\"}}}}"), "invalid_json"),
    ] {
        assert_eq!(refused(send(body.clone().into())).await, (400, code.to_owned()), "{body:.60}");
    }
    assert_eq!(refused(send(vec![b'{', b'"', 0xff, b'"', b'}'])).await, (400, "invalid_utf8".to_owned()));
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn the_message_names_the_field() {
    let app = app().await;
    let body = json!({"image": "AAAA", "name": "a"});
    let problem = crate::support::app::problem(app.post(&images("")).json(&body).send().await.expect("answer")).await;
    assert!(problem["detail"].as_str().expect("text").contains("`name`"), "{problem}");
}

#[tokio::test]
async fn metadata_over_a_limit_are_refused_and_store_nothing() {
    let app = app().await;
    let deep = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
    let text = |levels: usize| "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
    for (metadata, status, code) in [
        (json!({"a": "x".repeat(1000)}).to_string(), 422, "metadata_too_large"),
        (deep(5).to_string(), 422, "metadata_too_deep"),
        (text(500), 422, "metadata_too_deep"),
        (json!({"a": "\0"}).to_string(), 400, "invalid_metadata"),
        ("1".to_owned(), 400, "invalid_metadata"),
    ] {
        let image = STANDARD.encode(pictures::png(1));
        let form = Form::new().part("image", Part::bytes(pictures::png(1))).text("metadata", metadata.clone());
        let requests = [
            app.post(&images("")).multipart(form),
            raw(&app, pictures::png(1)).query(&[("metadata", &metadata)]),
            app.post(&images(""))
                .header("content-type", "application/json")
                .body(format!("{{\"image\": \"{image}\", \"metadata\": {metadata}}}")),
            app.put(&images("/p"))
                .header("content-type", "image/png")
                .query(&[("metadata", &metadata)])
                .body(pictures::png(1)),
        ];
        for request in requests {
            assert_eq!(refused(request).await, (status, code.to_owned()), "{metadata:.60}");
        }
    }
    assert_eq!(app.count().await, 0);
    let allowed = raw(&app, pictures::png(1)).query(&[("metadata", deep(4).to_string())]);
    assert_eq!(allowed.send().await.expect("answer").status(), 201);
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let app = app().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "video/mp4", ""] {
        let request = app.post(&images("")).header("content-type", content_type).body(pictures::png(1));
        assert_eq!(refused(request).await, (415, "unsupported_media_type".to_owned()), "{content_type}");
    }
    assert_eq!(refused(app.post(&images(""))).await, (415, "unsupported_media_type".to_owned()));
    let compressed = raw(&app, pictures::png(1)).header("content-encoding", "gzip");
    assert_eq!(refused(compressed).await, (415, "unsupported_media_type".to_owned()));
    let identity = raw(&app, b"no image".to_vec()).header("content-encoding", "Identity");
    assert_eq!(refused(identity).await, (400, "not_an_image".to_owned()), "names of codings have no case");
    let patch = app.patch(&images("/a")).header("content-type", "text/plain").body("{}");
    assert_eq!(refused(patch).await, (415, "unsupported_media_type".to_owned()));
    let put = app.put("/v1/collections/x").header("content-type", "application/merge-patch+json").body("{}");
    assert_eq!(refused(put).await, (415, "unsupported_media_type".to_owned()));
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn a_raw_image_with_bad_parameters_is_refused() {
    let app = app().await;
    for (query, code) in [
        ("id=a%20b", "invalid_image_id"),
        ("id=a&id=b", "duplicate_field"),
        ("name=a", "unknown_field"),
        ("image=AAAA", "unknown_field"),
        ("metadata=%7B", "invalid_metadata"),
        ("metadata=%7B%22a%22%3A%22%FF%22%7D", "invalid_utf8"),
        ("on_duplicate=Return", "invalid_request"),
    ] {
        let request = app.post(&images(&format!("?{query}"))).header("content-type", "image/png");
        assert_eq!(refused(request.body(pictures::png(1))).await, (400, code.to_owned()), "{query}");
    }
    let unknown = app.post("/v1/collections/nowhere/images").header("content-type", "image/png");
    assert_eq!(refused(unknown.body(pictures::png(1))).await, (404, "unknown_collection".to_owned()));
    let bad_path = app.put(&images("/a%20b")).header("content-type", "image/png").body(pictures::png(1));
    assert_eq!(refused(bad_path).await, (400, "invalid_image_id".to_owned()));
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn json_of_a_call_without_images_is_bounded_too() {
    let app = app().await;
    let huge = json!({"description": "x".repeat(2 << 20)});
    let request = app.patch("/v1/collections/default").json(&huge);
    assert_eq!(refused(request).await, (413, "upload_too_large".to_owned()));
    let _: Value = crate::support::app::ok(app.get("/v1/collections/default")).await;
}
