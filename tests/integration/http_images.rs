//! Images over HTTP: adding in three forms, replacing, changing, deleting, listing.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{TestApp, images, ok, refused};
use crate::support::pictures;

fn form(image: Vec<u8>) -> Form {
    Form::new().part("image", Part::bytes(image).file_name("picture.png"))
}

#[tokio::test]
async fn the_three_forms_store_the_same_image() {
    let app = TestApp::start().await;
    let metadata = json!({"title": "Möwe", "tags": ["a", "b"]});
    let text = metadata.to_string();
    let as_form =
        form(pictures::png(1)).text("id", "form").text("metadata", text.clone()).text("on_duplicate", "allow");
    let query = [("id", "raw"), ("metadata", &text), ("on_duplicate", "allow")];
    let as_json = json!({"image": STANDARD.encode(pictures::png(1)), "id": "json", "metadata": metadata, "on_duplicate": "allow"});
    let requests = [
        ("form", app.post(&images("")).multipart(as_form)),
        ("raw", app.post(&images("")).query(&query).header("content-type", "image/png").body(pictures::png(1))),
        ("json", app.post(&images("")).json(&as_json)),
    ];
    for (id, request) in requests {
        let response = request.send().await.expect("answer");
        assert_eq!(response.status(), 201, "{id}");
        assert_eq!(response.headers()["location"], images(&format!("/{id}")));
        let tag = response.headers()["etag"].to_str().expect("text").to_owned();
        let record: Value = response.json().await.expect("JSON");
        assert_eq!(tag, format!("\"{}\"", record["revision"]));
        assert_eq!((&record["id"], &record["format"], &record["metadata"]), (&json!(id), &json!("png"), &metadata));
        assert_eq!((&record["width"], &record["height"]), (&json!(96), &json!(80)));
        assert_eq!(record["byte_size"], pictures::png(1).len());
        assert_eq!(ok(app.get(&images(&format!("/{id}")))).await, record);
    }
    assert_eq!(app.count().await, 3);
}

#[tokio::test]
async fn octet_stream_is_a_raw_image_and_an_id_is_made_where_none_is_given() {
    let app = TestApp::start().await;
    let request = app.post(&images("")).header("content-type", "application/octet-stream").body(pictures::jpeg(1));
    let record = ok(request).await;
    assert_eq!((record["id"].as_str().map(str::len), &record["format"]), (Some(36), &json!("jpeg")));
    assert_eq!(record["metadata"], json!({}));
}

#[tokio::test]
async fn base64_comes_as_programs_write_it() {
    let app = TestApp::start().await;
    let text = STANDARD.encode(pictures::png(1));
    let lines = text.as_bytes().chunks(76).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    for image in [
        text.clone(),
        text.trim_end_matches('=').to_owned(),
        lines.collect(),
        format!("data:image/png;base64,{text}"),
        URL_SAFE.encode(pictures::png(1)),
    ] {
        let record = ok(app.post(&images("")).json(&json!({"image": image}))).await;
        assert_eq!(record["byte_size"], pictures::png(1).len());
    }
    assert_eq!(app.count().await, 1, "all of them are the same bytes");
}

#[tokio::test]
async fn the_query_string_goes_with_a_form_and_with_json() {
    let app = TestApp::start().await;
    let metadata = r#"{"n": 1}"#;
    let query = [("metadata", metadata), ("include", "cost")];
    let in_form = ok(app.post(&images("")).query(&query).query(&[("id", "f")]).multipart(form(pictures::png(1)))).await;
    let as_json = json!({"image": STANDARD.encode(pictures::png(2)), "id": "j"});
    let in_json = ok(app.post(&images("")).query(&query).query(&[("id", "j")]).json(&as_json)).await;
    for (record, id) in [(in_form, "f"), (in_json, "j")] {
        assert_eq!((&record["id"], &record["metadata"]), (&json!(id), &json!({"n": 1})));
        assert!(record["cost"].is_object(), "{record}");
    }
    let other = app.post(&images("")).query(&[("id", "other")]).json(&as_json);
    assert_eq!(refused(other).await, (400, "duplicate_field".to_owned()));
}

#[tokio::test]
async fn names_in_the_head_of_a_form_have_no_case() {
    let app = TestApp::start().await;
    let mut body = b"--x\r\nCONTENT-DISPOSITION: Form-Data; NAME=\"image\"; FileName=\"a.png\"\r\n\r\n".to_vec();
    body.extend(pictures::png(1));
    body.extend(b"\r\n--x--\r\n");
    let request = app.post(&images("")).header("content-type", "Multipart/Form-Data; Boundary=x");
    assert_eq!(ok(request.header("content-encoding", "Identity").body(body)).await["format"], "png");
}

#[tokio::test]
async fn the_same_bytes_are_returned_refused_or_stored_again() {
    let app = TestApp::start().await;
    let first = app.add("first", pictures::png(1), json!({})).await;
    let again = app.post(&images("")).multipart(form(pictures::png(1)).text("id", "second"));
    let response = again.send().await.expect("answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["location"], images("/first"));
    assert_eq!(response.json::<Value>().await.expect("JSON"), first);

    let reject = form(pictures::png(1)).text("on_duplicate", "reject");
    assert_eq!(refused(app.post(&images("")).multipart(reject)).await, (409, "duplicate_image".to_owned()));
    let unknown = form(pictures::png(1)).text("on_duplicate", "maybe");
    assert_eq!(refused(app.post(&images("")).multipart(unknown)).await, (400, "invalid_request".to_owned()));
    assert_eq!(app.count().await, 1);

    let allow = form(pictures::png(1)).text("on_duplicate", "allow").text("id", "second");
    assert_eq!(ok(app.post(&images("")).multipart(allow)).await["id"], "second");
    assert_eq!(app.count().await, 2);
}

#[tokio::test]
async fn an_id_is_given_once() {
    let app = TestApp::start().await;
    app.add("taken", pictures::png(1), json!({})).await;
    let other = app.post(&images("")).multipart(form(pictures::png(2)).text("id", "taken"));
    assert_eq!(refused(other).await, (409, "id_taken".to_owned()));
    assert_eq!(app.count().await, 1);
}

#[tokio::test]
async fn put_stores_and_replaces_in_the_three_forms() {
    let app = TestApp::start().await;
    let path = images("/p");
    let created = app.put(&path).multipart(form(pictures::png(1)).text("metadata", r#"{"n": 1}"#));
    let created = created.send().await.expect("answer");
    assert_eq!((created.status().as_u16(), &created.headers()["location"]), (201, &path.parse().expect("value")));
    let first: Value = created.json().await.expect("JSON");

    let raw = app.put(&path).query(&[("metadata", r#"{"n": 2}"#)]).header("content-type", "image/png");
    let replaced = raw.body(pictures::png(2)).send().await.expect("answer");
    assert_eq!(replaced.status(), 200);
    let second: Value = replaced.json().await.expect("JSON");
    assert_eq!(second["created_at"], first["created_at"]);
    assert_ne!(second["sha256"], first["sha256"]);
    assert!(second["revision"].as_i64() > first["revision"].as_i64());

    let third = ok(app.put(&path).json(&json!({"image": STANDARD.encode(pictures::png(3))}))).await;
    assert_eq!(third["metadata"], json!({}), "metadata that are left out are emptied");
    assert_eq!(app.count().await, 1);
    let named = app.put(&path).json(&json!({"image": STANDARD.encode(pictures::png(3)), "id": "p"}));
    assert_eq!(refused(named).await, (400, "unknown_field".to_owned()));
}

#[tokio::test]
async fn preconditions_keep_a_put_from_overwriting_what_the_client_has_not_seen() {
    let app = TestApp::start().await;
    let path = images("/p");
    let put = |seed| app.put(&path).header("content-type", "image/png").body(pictures::png(seed));
    assert_eq!(refused(put(1).header("if-match", "*")).await, (412, "precondition_failed".to_owned()));
    assert_eq!(refused(put(1).header("if-match", "\"1\"")).await, (412, "precondition_failed".to_owned()));
    assert_eq!(app.count().await, 0);
    let first = ok(put(1).header("if-none-match", "*")).await;
    assert_eq!(refused(put(2).header("if-none-match", "*")).await, (412, "precondition_failed".to_owned()));
    let second = ok(put(2).header("if-match", format!("\"{}\"", first["revision"]))).await;
    assert_eq!(
        refused(put(3).header("if-match", format!("\"{}\"", first["revision"]))).await,
        (412, "precondition_failed".to_owned())
    );
    assert_eq!(refused(put(3).header("if-match", "17")).await, (400, "invalid_precondition".to_owned()));
    // What is wrong whatever is stored is told first.
    let empty = app.put(&images("/p")).header("content-type", "image/png").header("if-match", "\"1\"");
    assert_eq!(refused(empty).await, (400, "image_empty".to_owned()));
    assert_eq!(ok(app.get(&path)).await, second);
    ok(put(3).header("if-match", "*")).await;
    for request in [
        put(4).header("if-match", "*").header("if-none-match", "*"),
        put(4).header("if-none-match", "\"1\""),
        put(4).header("if-match", "\"1"),
    ] {
        assert_eq!(refused(request).await, (400, "invalid_precondition".to_owned()));
    }
}

#[tokio::test]
async fn one_of_several_revisions_is_enough() {
    let app = TestApp::start().await;
    let path = images("/p");
    let record = app.add("p", pictures::png(1), json!({})).await;
    let tags = format!("\"999999\", W/\"1\" , \"{}\"", record["revision"]);
    let patch = |tags: &str| app.patch(&path).header("if-match", tags).json(&json!({"metadata": {"n": 1}}));
    let changed = ok(patch(&tags)).await;
    assert_eq!(changed["metadata"], json!({"n": 1}));
    assert_eq!(refused(patch(&tags)).await, (412, "precondition_failed".to_owned()), "it has another one now");
    let none = app.put(&images("/none")).header("if-match", &tags).header("content-type", "image/png");
    assert_eq!(refused(none.body(pictures::png(2))).await, (412, "precondition_failed".to_owned()));
    let absent = app.patch(&path).header("if-none-match", "*").json(&json!({"metadata": {}}));
    assert_eq!(refused(absent).await, (400, "invalid_precondition".to_owned()));
}

#[tokio::test]
async fn an_image_is_deleted_only_as_the_client_knows_it() {
    let app = TestApp::start().await;
    let first = app.add("a", pictures::png(1), json!({})).await;
    let second = ok(app.patch(&images("/a")).json(&json!({"metadata": {"n": 1}}))).await;
    let delete = |tag: &Value| app.delete(&images("/a")).header("if-match", format!("\"{tag}\""));
    assert_eq!(refused(delete(&first["revision"])).await, (412, "precondition_failed".to_owned()));
    assert_eq!(refused(delete(&json!(0))).await, (412, "precondition_failed".to_owned()));
    let absent = app.delete(&images("/a")).header("if-none-match", "*");
    assert_eq!(refused(absent).await, (400, "invalid_precondition".to_owned()));
    assert_eq!(app.count().await, 1);
    assert_eq!(delete(&second["revision"]).send().await.expect("answer").status(), 204);
    app.add("b", pictures::png(2), json!({})).await;
    let any = app.delete(&images("/b")).header("if-match", "*").send().await.expect("answer");
    assert_eq!(any.status(), 204);
}

#[tokio::test]
async fn a_client_that_has_the_record_gets_a_304() {
    let app = TestApp::start().await;
    let record = app.add("a", pictures::png(1), json!({})).await;
    for path in [images("/a"), images("/a/thumbnail")] {
        let tag = format!("\"{}\"", record["revision"]);
        let same = app.get(&path).header("if-none-match", format!("\"0\", W/{tag}")).send().await.expect("answer");
        assert_eq!((same.status().as_u16(), same.headers()["etag"].to_str().expect("text")), (304, tag.as_str()));
        assert!(same.bytes().await.expect("body").is_empty());
        let other = app.get(&path).header("if-none-match", "\"0\"").send().await.expect("answer");
        assert_eq!(other.status(), 200);
    }
}

#[tokio::test]
async fn a_merge_patch_changes_metadata_and_nothing_else() {
    let app = TestApp::start().await;
    let before = app.add("a", pictures::png(1), json!({"keep": 1, "drop": 2})).await;
    let path = images("/a");
    let patch = json!({"metadata": {"drop": null, "new": {"x": true}}});
    let stale = app.patch(&path).header("if-match", "\"0\"").json(&patch);
    assert_eq!(refused(stale).await, (412, "precondition_failed".to_owned()));
    let request = app.patch(&path).header("if-match", format!("\"{}\"", before["revision"]));
    let request = request.header("content-type", "application/merge-patch+json").body(patch.to_string());
    let after = ok(request).await;
    assert_eq!(after["metadata"], json!({"keep": 1, "new": {"x": true}}));
    assert_eq!((&after["sha256"], &after["created_at"]), (&before["sha256"], &before["created_at"]));
    assert!(after["revision"].as_i64() > before["revision"].as_i64());

    for (body, code) in [
        (json!({"metadata": null}), "invalid_metadata"),
        (json!({"metadata": [1]}), "invalid_metadata"),
        (json!({}), "invalid_request"),
        (json!({"metadata": {}, "id": "b"}), "unknown_field"),
    ] {
        assert_eq!(refused(app.patch(&path).json(&body)).await, (400, code.to_owned()), "{body}");
    }
    assert_eq!(refused(app.patch(&images("/b")).json(&patch)).await, (404, "unknown_image".to_owned()));
    assert_eq!(ok(app.get(&path)).await, after);
}

#[tokio::test]
async fn a_deleted_image_is_gone_at_once() {
    let app = TestApp::start().await;
    app.add("a", pictures::png(1), json!({})).await;
    app.add("b", pictures::png(2), json!({})).await;
    assert_eq!(app.delete(&images("/a")).send().await.expect("answer").status(), 204);
    assert_eq!(refused(app.delete(&images("/a"))).await, (404, "unknown_image".to_owned()));
    assert_eq!(refused(app.get(&images("/a"))).await, (404, "unknown_image".to_owned()));
    assert_eq!(refused(app.get(&images("/a/thumbnail"))).await, (404, "unknown_image".to_owned()));
    assert_eq!(ok(app.get(&images("/b/similar"))).await["results"], json!([]));
    assert_eq!(app.count().await, 1);
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let app = TestApp::start().await;
    let ids = ["a", "b", "c", "d", "e"];
    for (seed, id) in (1..).zip(ids) {
        app.add(id, pictures::png(seed), json!({"odd": seed % 2 == 1})).await;
    }
    for limit in ["1", "2", "3", "5", "6"] {
        let mut seen = Vec::new();
        let mut cursor = None::<String>;
        let mut pages = 0;
        loop {
            let mut request = app.get(&images("")).query(&[("limit", limit)]);
            if let Some(cursor) = &cursor {
                request = request.query(&[("cursor", cursor)]);
            }
            let page = ok(request).await;
            pages += 1;
            seen.extend(
                page["images"].as_array().expect("list").iter().map(|i| i["id"].as_str().expect("id").to_owned()),
            );
            match page.get("next_cursor") {
                Some(next) => cursor = Some(next.as_str().expect("text").to_owned()),
                None => break,
            }
        }
        assert_eq!(seen, ids);
        let limit: usize = limit.parse().expect("number");
        assert_eq!(pages, ids.len().div_ceil(limit), "no empty last page");
    }
    let odd = ok(app.get(&images("")).query(&[("filter", r#"{"field": "odd", "eq": true}"#)])).await;
    let odd: Vec<_> = odd["images"].as_array().expect("list").iter().map(|i| &i["id"]).collect();
    assert_eq!(odd, ["a", "c", "e"]);
}

async fn lists_come_in_the_order_that_is_asked_for(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    for (seed, id) in (1..).zip(["c", "a", "d", "b", "e"]) {
        app.add(id, pictures::png(seed), json!({"odd": seed % 2 == 1})).await;
    }
    ok(app.patch(&images("/c")).json(&json!({"metadata": {"changed": true}}))).await;
    let page = async |sort: &str, cursor: Option<&str>, more: &[(&str, &str)]| {
        let mut request = app.get(&images("")).query(&[("sort", sort), ("limit", "2")]).query(more);
        if let Some(cursor) = cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let page = ok(request).await;
        let ids: String = page["images"].as_array().expect("a list").iter().filter_map(|i| i["id"].as_str()).collect();
        (ids, page["next_cursor"].as_str().map(str::to_owned))
    };
    for (sort, expected) in [
        ("id", "abcde"),
        ("-id", "edcba"),
        ("created", "cadbe"),
        ("-created", "ebdac"),
        ("updated", "adbec"),
        ("-updated", "cebda"),
    ] {
        let (mut seen, mut cursor) = page(sort, None, &[]).await;
        while let Some(next) = cursor {
            let (ids, after) = page(sort, Some(&next), &[]).await;
            seen += &ids;
            cursor = after;
        }
        assert_eq!(seen, expected, "{sort}");
    }
    let odd = [("filter", r#"{"field": "odd", "eq": true}"#)];
    let (first, cursor) = page("-created", None, &odd).await;
    let (rest, _) = page("-created", cursor.as_deref(), &odd).await;
    assert_eq!((first.as_str(), rest.as_str()), ("ed", "c"));
    // What is deleted and stored meanwhile moves no page.
    let (first, cursor) = page("created", None, &[]).await;
    assert_eq!(first, "ca");
    app.delete(&images("/a")).send().await.expect("answer").error_for_status().expect("deleted");
    app.add("0", pictures::png(9), json!({})).await;
    let (second, next) = page("created", cursor.as_deref(), &[]).await;
    let (third, end) = page("created", next.as_deref(), &[]).await;
    assert_eq!((second.as_str(), third.as_str(), end), ("db", "e0", None));
    for sort in ["id", "updated"] {
        let request = app.get(&images("")).query(&[("sort", sort), ("cursor", cursor.as_deref().expect("a cursor"))]);
        assert_eq!(refused(request).await, (400, "invalid_cursor".to_owned()), "{sort}");
    }
    assert_eq!(refused(app.get(&images("?sort=name"))).await, (400, "invalid_request".to_owned()));
    app.close().await;
}

#[tokio::test]
async fn lists_come_in_the_order_that_is_asked_for_over_sqlite() {
    lists_come_in_the_order_that_is_asked_for(Place::sqlite()).await;
}

#[tokio::test]
async fn lists_come_in_the_order_that_is_asked_for_over_postgres() {
    lists_come_in_the_order_that_is_asked_for(Place::postgres().await).await;
}

#[tokio::test]
async fn a_bad_page_is_refused() {
    let app = TestApp::start().await;
    for (query, code) in [
        ("limit=0", "out_of_range"),
        ("limit=1001", "out_of_range"),
        ("limit=-1", "out_of_range"),
        ("limit=99999999999999999999", "out_of_range"),
        ("limit=ten", "invalid_request"),
        ("cursor=%21%21", "invalid_cursor"),
        ("cursor=YSBi", "invalid_cursor"),
        ("filter=%7B", "invalid_filter"),
        ("filter=%7B%22all%22%3A1%7D", "invalid_filter"),
        ("page=2", "unknown_field"),
        ("limit=1&limit=2", "duplicate_field"),
        ("cursor=%FF", "invalid_utf8"),
    ] {
        assert_eq!(refused(app.get(&images(&format!("?{query}")))).await, (400, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_thumbnail_may_be_kept_for_ever_under_the_url_of_its_revision_only() {
    let app = TestApp::start().await;
    let record = app.add("a", pictures::png(1), json!({})).await;
    let caching = async |path: &str| {
        let response = app.get(path).send().await.expect("answer");
        assert_eq!(response.status(), 200);
        let media_type = response.headers()["content-type"].to_str().expect("text").to_owned();
        assert!(media_type.starts_with("image/"), "{media_type}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let caching = response.headers()["cache-control"].to_str().expect("text").to_owned();
        let picture = image::load_from_memory(&response.bytes().await.expect("body")).expect("a picture");
        assert!(picture.width() <= 256 && picture.height() <= 256);
        caching
    };
    let url = record["thumbnail_url"].as_str().expect("a URL");
    assert!(caching(url).await.contains("immutable"));
    assert_eq!(caching(&images("/a/thumbnail")).await, "no-cache");
    assert_eq!(caching(&images("/a/thumbnail?v=0")).await, "no-cache");
}

async fn images_are_counted_by_filter(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    for seed in 1..=5 {
        app.add(&format!("s{seed}"), pictures::png(seed), json!({"odd": seed % 2 == 1})).await;
    }
    assert_eq!(ok(app.get(&images(":count"))).await, json!({"count": 5}));
    let count = |filter: Value| app.get(&images(":count")).query(&[("filter", filter.to_string())]);
    assert_eq!(ok(count(json!({"field": "odd", "eq": true}))).await, json!({"count": 3}));
    assert_eq!(ok(count(json!({"field": "even", "exists": true}))).await, json!({"count": 0}));
    assert_eq!(refused(count(json!({"all": 1}))).await, (400, "invalid_filter".to_owned()));
    let nowhere = app.get("/v1/collections/nowhere/images:count");
    assert_eq!(refused(nowhere).await, (404, "unknown_collection".to_owned()));
    app.close().await;
}

#[tokio::test]
async fn images_are_counted_by_filter_over_sqlite() {
    images_are_counted_by_filter(Place::sqlite()).await;
}

#[tokio::test]
async fn images_are_counted_by_filter_over_postgres() {
    images_are_counted_by_filter(Place::postgres().await).await;
}
