//! Originals over HTTP: what is kept is what was uploaded, and nothing else.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use eyrie::store::KeepIn;
use image::{ImageFormat, RgbImage};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, problem, refused, search};
use crate::support::pictures::{as_png, png, scene};

/// One that keeps originals there.
async fn keeping(keep_in: KeepIn, place: &Place, folder: &Path) -> TestApp {
    let mut builder = TestApp::builder().store(place.open().await);
    builder.config.storage.originals.keep_in = keep_in;
    builder.config.storage.originals.directory = folder.to_owned();
    builder.start().await
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Status, headers and bytes of an answer that is no failure.
async fn answered(request: RequestBuilder) -> (StatusCode, HeaderMap, Vec<u8>) {
    let response = request.send().await.expect("answer");
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.bytes().await.expect("a body").to_vec())
}

/// More than one part of a database: noise does not compress.
fn large() -> Vec<u8> {
    let mut state = 1_u32;
    let noise = RgbImage::from_fn(800, 600, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(state >> 8) as u8, (state >> 16) as u8, (state >> 24) as u8])
    });
    let bytes = as_png(noise);
    assert!(bytes.len() > (1 << 20));
    bytes
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

async fn all_of_it(keep_in: KeepIn, place: Place) {
    let dir = tempfile::tempdir().expect("a folder");
    let app = keeping(keep_in, &place, dir.path()).await;
    let upload = large();
    let record = app.add("noise:1", upload.clone(), json!({})).await;
    let url = record["original_url"].as_str().expect("it is kept").to_owned();
    let hash = record["sha256"].as_str().expect("a hash").to_owned();
    assert_eq!(url, images(&format!("/noise:1/original?v={}", &hash[..16])));

    let (status, headers, body) = answered(app.get(&url)).await;
    assert_eq!(status, 200);
    assert!(body == upload, "the very bytes that were uploaded");
    let size = upload.len();
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-length", &size.to_string()),
        ("content-disposition", "attachment; filename=\"noise_1.png\""),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("etag", &format!("\"{hash}\"")),
        ("cache-control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(header(&headers, name), value, "{name}");
    }
    let (_, headers, _) = answered(app.get(&images("/noise:1/original"))).await;
    assert_eq!(header(&headers, "cache-control"), "no-cache");

    let (status, headers, body) = answered(app.request(Method::HEAD, &url).header("range", "bytes=0-3")).await;
    assert_eq!((status.as_u16(), header(&headers, "content-length"), body.len()), (200, &*size.to_string(), 0));

    // One range, also across the parts of a database and at both ends.
    let middle = 1 << 20;
    for (range, part) in [
        ("bytes=0-0".to_owned(), 0..1),
        (format!("bytes={}-{}", middle - 2, middle + 2), middle - 2..middle + 3),
        (format!("bytes={middle}-"), middle..size),
        ("bytes=-7".to_owned(), size - 7..size),
        (format!("bytes=5-{}", size * 2), 5..size),
    ] {
        let (status, headers, body) = answered(app.get(&url).header("range", &range)).await;
        assert_eq!(status, 206, "{range}");
        assert!(body == upload[part.clone()], "{range}");
        let expected = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(header(&headers, "content-range"), expected);
        assert_eq!(header(&headers, "content-length"), part.len().to_string());
    }
    for ignored in ["bytes=0-1,4-5", "bytes=5-4", "pages=1-2"] {
        let (status, _, body) = answered(app.get(&url).header("range", ignored)).await;
        assert_eq!((status.as_u16(), body.len()), (200, size), "{ignored}");
    }
    let behind = app.get(&url).header("range", format!("bytes={size}-")).send().await.expect("answer");
    assert_eq!(header(behind.headers(), "content-range"), format!("bytes */{size}"));
    assert_eq!(problem(behind).await["code"], "range_not_satisfiable");

    let tag = format!("\"{hash}\"");
    for (only_if, status) in [(tag.as_str(), 206), ("\"another\"", 200), (&format!("W/{tag}"), 200)] {
        let request = app.get(&url).header("range", "bytes=0-3").header("if-range", only_if);
        assert_eq!(answered(request).await.0, status, "{only_if}");
    }
    for (known, status) in
        [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("*".to_owned(), 304), ("\"x\"".to_owned(), 200)]
    {
        let (found, headers, body) = answered(app.get(&url).header("if-none-match", &known)).await;
        assert_eq!((found.as_u16(), body.is_empty()), (status, status == 304), "{known}");
        assert_eq!(header(&headers, "etag"), tag);
    }
    app.close().await;
}

#[tokio::test]
async fn an_original_is_served_whole_and_in_parts_from_sqlite() {
    all_of_it(KeepIn::Database, Place::sqlite()).await;
}

#[tokio::test]
async fn an_original_is_served_whole_and_in_parts_from_postgres() {
    all_of_it(KeepIn::Database, Place::postgres().await).await;
}

#[tokio::test]
async fn an_original_is_served_whole_and_in_parts_from_a_folder() {
    all_of_it(KeepIn::Directory, Place::sqlite()).await;
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_configured_and_what_is_there_can_be_given_one_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = Place::sqlite();
    let app = TestApp::builder().store(place.open().await).start().await;
    let record = app.add("a", png(1), json!({"n": 1})).await;
    assert_eq!(record.get("original_url"), None);
    assert_eq!(refused(app.get(&images("/a/original"))).await, (404, "no_original".to_owned()));
    assert_eq!(refused(app.get(&images("/b/original"))).await, (404, "unknown_image".to_owned()));
    app.close().await;

    // The same picture again, with a server that keeps originals.
    let app = keeping(KeepIn::Directory, &place, dir.path()).await;
    assert_eq!(refused(app.get(&images("/a/original"))).await, (404, "no_original".to_owned()));
    let again = ok(app.post(&images("")).header("content-type", "image/png").body(png(1))).await;
    assert_eq!((&again["id"], &again["metadata"]), (&json!("a"), &json!({"n": 1})));
    assert!(again["original_url"].is_string(), "{again}");
    assert!(answered(app.get(&images("/a/original"))).await.2 == png(1));
    assert_eq!(files(dir.path()).len(), 1);
    // Once more changes nothing.
    let third = ok(app.post(&images("")).header("content-type", "image/png").body(png(1))).await;
    assert_eq!(third["revision"], again["revision"]);
    app.close().await;

    // A server that keeps none has no way to the folder, and forgets nothing.
    let app = TestApp::builder().store(place.open().await).start().await;
    assert_eq!(refused(app.get(&images("/a/original"))).await, (404, "no_original".to_owned()));
    app.close().await;
    let app = keeping(KeepIn::Directory, &place, dir.path()).await;
    assert_eq!(answered(app.get(&images("/a/original"))).await.0, 200);
}

#[tokio::test]
async fn an_original_goes_with_its_image_however_that_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = Place::sqlite();
    let app = keeping(KeepIn::Directory, &place, dir.path()).await;
    for seed in 1..=6 {
        app.add(&format!("p{seed}"), png(seed), json!({"seed": seed})).await;
    }
    let collection = format!("/v1/collections/{COLLECTION}");
    let bytes: usize = (1..=6).map(|seed| png(seed).len()).sum();
    let facts = ok(app.get(&collection)).await;
    assert_eq!((&facts["originals"], &facts["original_bytes"]), (&json!(6), &json!(bytes)));
    assert_eq!(files(dir.path()).len(), 6);

    // Replaced: the new bytes at once, under another address.
    let before = ok(app.get(&images("/p1"))).await;
    let after = ok(app.put(&images("/p1")).header("content-type", "image/png").body(png(9))).await;
    assert_ne!(before["original_url"], after["original_url"]);
    assert!(answered(app.get(&images("/p1/original"))).await.2 == png(9));
    // New metadata leave it as it is.
    let patched = ok(app.patch(&images("/p1")).json(&json!({"metadata": {"x": 1}}))).await;
    assert_eq!(patched["original_url"], after["original_url"]);

    let deleted = app.delete(&images("/p2")).send().await.expect("answer");
    assert_eq!(deleted.status(), 204);
    assert_eq!(refused(app.get(&images("/p2/original"))).await, (404, "unknown_image".to_owned()));
    ok(app.post(&images(":delete")).json(&json!({"filter": {"field": "seed", "in": [3, 4]}}))).await;
    // Stored under the id of one that is gone: never the bytes of that one.
    app.add("p2", png(12), json!({})).await;
    assert!(answered(app.get(&images("/p2/original"))).await.2 == png(12));

    let other = "/v1/collections/other";
    assert_eq!(app.put(other).json(&json!({"profile": "fast"})).send().await.expect("answer").status(), 201);
    let request = app.post(&format!("{other}/images")).header("content-type", "image/png").body(png(1));
    ok(request).await;
    assert_eq!(app.delete(other).send().await.expect("answer").status(), 204);
    app.close().await;

    // p1 with its new one, p2 of now, p5 and p6.
    let mut left: Vec<Vec<u8>> = files(dir.path()).iter().map(|file| std::fs::read(file).expect("readable")).collect();
    left.sort_unstable();
    let mut expected = [9, 12, 5, 6].map(png).to_vec();
    expected.sort_unstable();
    assert!(left == expected, "{} files", left.len());
}

#[tokio::test]
async fn every_way_in_keeps_it_and_results_say_where_it_is() {
    let place = Place::sqlite();
    let app = keeping(KeepIn::Database, &place, Path::new("")).await;
    let form = reqwest::multipart::Form::new()
        .part("image", reqwest::multipart::Part::bytes(as_png(scene(1))))
        .part("image", reqwest::multipart::Part::bytes(as_png(scene(2))));
    let batch = ok(app.post(&images(":batch")).multipart(form)).await;
    for (seed, result) in (1..).zip(batch["results"].as_array().expect("a list")) {
        let url = result["image"]["original_url"].as_str().unwrap_or_else(|| panic!("{result}"));
        assert!(answered(app.get(url)).await.2 == as_png(scene(seed)));
    }
    let request = app.post(&search()).header("content-type", "image/png").body(as_png(scene(1)));
    let found = ok(request).await;
    let url = found["results"][0]["original_url"].as_str().expect("there");
    assert!(answered(app.get(url)).await.2 == as_png(scene(1)));
    let only = app.post(&search()).json(&json!({"id": batch["results"][0]["image"]["id"], "fields": ["original_url"]}));
    let found = ok(only).await;
    let members: Vec<&String> = found["results"][0].as_object().expect("an object").keys().collect();
    assert_eq!(members, ["id", "original_url", "rank"]);
    // A picture that is none leaves nothing.
    let before = ok(app.get(&format!("/v1/collections/{COLLECTION}"))).await;
    let bad = app.post(&images("")).header("content-type", "image/png").body(&b"no picture"[..]);
    assert_eq!(refused(bad).await.0, 400);
    let after = ok(app.get(&format!("/v1/collections/{COLLECTION}"))).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn its_type_is_that_of_its_bytes_and_its_name_is_harmless() {
    let place = Place::sqlite();
    let app = keeping(KeepIn::Database, &place, Path::new("")).await;
    let encoded = |format| {
        let mut bytes = Cursor::new(Vec::new());
        scene(1).write_to(&mut bytes, format).expect("encoded");
        bytes.into_inner()
    };
    for (id, format, media_type, file) in [
        ("..a:b", ImageFormat::Jpeg, "image/jpeg", "a_b.jpg"),
        ("photo.JPEG", ImageFormat::Jpeg, "image/jpeg", "photo.JPEG"),
        ("page.html", ImageFormat::Gif, "image/gif", "page.html.gif"),
    ] {
        let request = app.post(&images("")).query(&[("id", id), ("on_duplicate", "allow")]);
        // Whatever the client says it is.
        let sent = request.header("content-type", "image/svg+xml").body(encoded(format)).send().await.expect("answer");
        assert_eq!(sent.status(), 201, "{id}");
        let (_, headers, _) = answered(app.get(&images(&format!("/{id}/original")))).await;
        assert_eq!(header(&headers, "content-type"), media_type);
        assert_eq!(header(&headers, "content-disposition"), format!("attachment; filename=\"{file}\""));
    }
}

#[tokio::test]
async fn an_original_that_is_gone_or_cut_is_told_and_nothing_of_it_is_sent() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = Place::sqlite();
    let app = keeping(KeepIn::Directory, &place, dir.path()).await;
    app.add("a", png(1), json!({})).await;
    let file = files(dir.path()).pop().expect("one");
    std::fs::write(&file, b"short").expect("written");
    assert_eq!(refused(app.get(&images("/a/original"))).await, (404, "no_original".to_owned()));
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(refused(app.get(&images("/a/original"))).await, (404, "no_original".to_owned()));
    let record: Value = ok(app.get(&images("/a"))).await;
    assert_eq!(record["id"], "a");
}

#[tokio::test]
async fn a_service_that_is_out_of_reach_is_a_503_and_stores_nothing() {
    // Nobody listens on port 9, the discard protocol's.
    let mut builder = TestApp::builder();
    let options = &mut builder.config.storage.originals;
    options.keep_in = KeepIn::S3;
    options.bucket = "bucket".to_owned();
    options.endpoint = "http://127.0.0.1:9".to_owned();
    options.access_key_id = eyrie::domain::Secret::new("key");
    options.secret_access_key = eyrie::domain::Secret::new("secret");
    let app = builder.start().await;
    let request = app.post(&images("")).header("content-type", "image/png").body(png(1));
    let response = request.send().await.expect("answer");
    assert_eq!(header(response.headers(), "retry-after"), "5");
    let problem = problem(response).await;
    assert_eq!((&problem["status"], &problem["code"]), (&json!(503), &json!("originals_unavailable")));
    assert!(!problem.to_string().contains("127.0.0.1"), "{problem}");
    assert_eq!(app.count().await, 0);
    // Searches and everything else go on.
    assert_eq!(ok(app.post(&search()).header("content-type", "image/png").body(png(1))).await["results"], json!([]));
}
