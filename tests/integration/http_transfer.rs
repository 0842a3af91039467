//! Exports and imports over HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops::crop_imm;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, problem, refused, search};
use crate::support::pictures::{as_png, png, scene};

fn path(call: &str) -> String {
    format!("/v1/collections/{COLLECTION}/{call}")
}

async fn export(app: &TestApp, after: &[(&str, &str)]) -> String {
    let response = app.get(&path("export")).query(after).send().await.expect("answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/x-ndjson".parse().expect("value"))
    );
    response.text().await.expect("all of it")
}

fn import(app: &TestApp, lines: impl Into<String>) -> RequestBuilder {
    app.post(&path("import")).header("content-type", "application/x-ndjson").body(lines.into())
}

/// Without what is of one database only: revisions, and how long it took.
pub(crate) fn portable(mut answer: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for name in ["took_ms", "revision", "cost"] {
                    members.remove(name);
                }
                if let Some(Value::String(url)) = members.get_mut("thumbnail_url") {
                    url.truncate(url.find("?v=").expect("a revision"));
                }
                members.values_mut().for_each(strip);
            }
            Value::Array(elements) => elements.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    strip(&mut answer);
    answer
}

async fn filled() -> TestApp {
    let app = TestApp::start().await;
    for seed in 1..=4 {
        let metadata = json!({"seed": seed, "price": 0.1 + f64::from(seed), "deep": {"text": "Möwe \u{1F426}", "list": [1, null]}});
        app.add(&format!("s{seed}"), as_png(scene(seed)), metadata).await;
    }
    app.add("z", png(7), json!({})).await;
    // Two of one score, which come in the order of their ids.
    for id in ["b", "a"] {
        let request = app.post(&images("")).query(&[("id", id), ("on_duplicate", "allow")]);
        ok(request.header("content-type", "image/png").body(as_png(scene(1)))).await;
    }
    app
}

#[tokio::test]
async fn searches_find_the_same_in_another_database() {
    let from = filled().await;
    let place = Place::postgres().await;
    let to = TestApp::builder().store(place.open().await).start().await;
    let lines = export(&from, &[]).await;
    let result = ok(import(&to, lines.clone())).await;
    assert_eq!(
        result,
        json!({
            "stored": 7, "replaced": 0, "unchanged": 0, "skipped": 0, "failed": 0, "skips": [], "failures": []
        })
    );

    let crop = as_png(crop_imm(&scene(2), 120, 60, 300, 240).to_image());
    let searches = |app: &TestApp| {
        [
            app.post(&search()).header("content-type", "image/png").body(crop.clone()),
            app.post(&search()).json(&json!({"id": "s1", "include": ["record"]})),
            app.post(&search()).json(&json!({"id": "s3", "filter": {"field": "price", "lte": 3.1}})),
            app.get(&images("")),
        ]
    };
    for (here, there) in searches(&from).into_iter().zip(searches(&to)) {
        let (here, there) = (portable(ok(here).await), portable(ok(there).await));
        assert_eq!(here.to_string(), there.to_string());
    }
    for id in ["s1", "z"] {
        let thumbnail = async |app: &TestApp| {
            let response = app.get(&images(&format!("/{id}/thumbnail"))).send().await.expect("answer");
            (response.headers()["content-type"].clone(), response.bytes().await.expect("bytes"))
        };
        assert_eq!(thumbnail(&from).await, thumbnail(&to).await);
    }
    // Back again, and once more: nothing is stored twice.
    assert_eq!(export(&to, &[]).await, lines);
    for app in [&from, &to] {
        let seq = app.store.last_seq().await.expect("readable");
        let again = ok(import(app, lines.clone())).await;
        assert_eq!((&again["stored"], &again["unchanged"], app.count().await), (&json!(0), &json!(7), 7));
        assert_eq!(app.store.last_seq().await.expect("readable"), seq, "nothing changed");
    }
    to.close().await;
}

#[tokio::test]
async fn an_export_goes_on_behind_an_image_and_says_where_it_ends() {
    let app = filled().await;
    let all = export(&app, &[]).await;
    let lines: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ids: Vec<&str> = lines[1..8].iter().map(|line| line["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["a", "b", "s1", "s2", "s3", "s4", "z"]);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["format_version"], &lines[0]["images"]),
        (&json!("header"), &json!(1), &json!(7))
    );
    assert_eq!(lines[8..], [json!({"type": "end", "images": 7})]);
    let rest = export(&app, &[("after", "s3")]).await;
    let rest: Vec<&str> = rest.lines().collect();
    assert_eq!(rest[1..3], all.lines().collect::<Vec<_>>()[6..8]);
    assert_eq!(rest[3], r#"{"type":"end","images":2}"#);
    let nowhere = app.get("/v1/collections/nowhere/export");
    assert_eq!(refused(nowhere).await, (404, "unknown_collection".to_owned()));
    assert_eq!(refused(app.get(&path("export?after=a/b"))).await, (400, "invalid_image_id".to_owned()));
}

#[tokio::test]
async fn an_export_that_was_cut_is_told_and_what_was_there_is_stored() {
    let from = filled().await;
    let all = export(&from, &[]).await;
    let lines: Vec<&str> = all.lines().collect();
    let to = TestApp::start().await;
    let without = |missing: usize| {
        let left = lines.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, line)| *line);
        left.collect::<Vec<_>>().join("\r\n")
    };
    for (cut, stored, unchanged) in [
        (lines[..3].join("\n"), 2, 0),
        (without(8), 5, 2),
        (without(4), 0, 6),
        (format!("{}\n{}", lines[..3].join("\n"), &lines[3][..50]), 0, 2),
    ] {
        let answer = problem(import(&to, cut).send().await.expect("answer")).await;
        assert_eq!((&answer["status"], &answer["code"]), (&json!(400), &json!("incomplete_import")), "{answer}");
        assert_eq!((&answer["stored"], &answer["unchanged"]), (&json!(stored), &json!(unchanged)), "{answer}");
    }
    assert_eq!(ok(import(&to, all.clone())).await["unchanged"], 7);
}

#[tokio::test]
async fn what_is_no_export_of_this_model_is_refused_as_a_whole() {
    let from = filled().await;
    let all = export(&from, &[]).await;
    let (header, rest) = all.split_once('\n').expect("lines");
    let with = |change: fn(&mut Value)| {
        let mut header: Value = serde_json::from_str(header).expect("JSON");
        change(&mut header);
        format!("{header}\n{rest}")
    };
    let to = TestApp::start().await;
    for (lines, status, code) in [
        (String::new(), 422, "unsupported_export"),
        ("[]\n".to_owned(), 422, "unsupported_export"),
        (rest.to_owned(), 422, "unsupported_export"),
        (with(|header| header["format_version"] = 2.into()), 422, "unsupported_export"),
        (with(|header| header["more"] = 2.into()), 422, "unsupported_export"),
        (with(|header| header["version"] = "0123456789abcdef/fast".into()), 409, "version_mismatch"),
    ] {
        assert_eq!(refused(import(&to, lines)).await, (status, code.to_owned()));
    }
    let elsewhere = to.post("/v1/collections/default/import").header("content-type", "application/x-ndjson");
    assert_eq!(refused(elsewhere.body(all.clone())).await, (409, "version_mismatch".to_owned()), "another profile");
    let nowhere = to.post("/v1/collections/nowhere/import").header("content-type", "application/x-ndjson");
    assert_eq!(refused(nowhere.body(all.clone())).await, (404, "unknown_collection".to_owned()));
    let typed = to.post(&path("import")).header("content-type", "application/json").body(all.clone());
    assert_eq!(refused(typed).await, (415, "unsupported_media_type".to_owned()));
    let long = format!("{header}\n{}", "x".repeat((8 << 20) + 1));
    assert_eq!(refused(import(&to, long)).await, (413, "upload_too_large".to_owned()));
    assert_eq!(to.count().await, 0, "nothing was stored");
}

#[tokio::test]
async fn each_wrong_line_is_named_and_the_others_are_stored() {
    let from = TestApp::start().await;
    from.add("x", as_png(scene(1)), json!({"n": 1})).await;
    let all = export(&from, &[]).await;
    let lines: Vec<&str> = all.lines().collect();
    let with = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut line: Value = serde_json::from_str(lines[1]).expect("JSON");
        line["id"] = id.into();
        change(&mut line);
        line.to_string()
    };
    let svg = STANDARD.encode("<svg onload=\"alert(1)\"/>");
    let nan = STANDARD.encode(f32::NAN.to_le_bytes().repeat(768));
    let wrong = [
        (with("a/b", &|_| {}), "invalid_record"),
        (with("w", &|line| line["more"] = 1.into()), "invalid_record"),
        (with("w", &|line| line["sha256"] = "AB".into()), "invalid_record"),
        (with("w", &|line| line["format"] = "heic".into()), "invalid_record"),
        (with("w", &|line| line["width"] = 0.into()), "invalid_record"),
        (with("w", &|line| line["byte_size"] = ((1_u64 << 30) + 1).into()), "invalid_record"),
        (with("w", &|line| line["created_at"] = "yesterday".into()), "invalid_record"),
        (with("w", &|line| line["created_at"] = "1969-12-31T23:59:59Z".into()), "invalid_record"),
        (with("w", &|line| line["metadata"] = json!({"a": {"b": {"c": {"d": {}}}}})), "metadata_too_deep"),
        (with("w", &|line| line["metadata"] = json!({"a": "\u{0}"})), "invalid_metadata"),
        (with("w", &|line| line["version"] = "0123456789abcdef/fast".into()), "version_mismatch"),
        (with("w", &|line| line["descriptor"] = "!".into()), "invalid_record"),
        (with("w", &|line| line["descriptor"] = "AAAA".into()), "invalid_record"),
        (with("w", &|line| line["descriptor"] = STANDARD.encode([0_u8; 8]).into()), "descriptor_length"),
        (with("w", &|line| line["descriptor"] = nan.as_str().into()), "descriptor_not_finite"),
        (with("w", &|line| line["descriptor"] = STANDARD.encode(vec![0_u8; 4 * 768]).into()), "descriptor_zero"),
        (with("w", &|line| line["local_features"] = STANDARD.encode([1_u8; 40]).into()), "invalid_record"),
        (with("w", &|line| line["thumbnail"] = json!({"media_type": "image/svg+xml", "bytes": svg})), "invalid_record"),
        (with("w", &|line| line["thumbnail"]["media_type"] = "text/html".into()), "invalid_record"),
        ("{\"type\": \"image\"".to_owned(), "invalid_record"),
    ];
    let to = TestApp::start().await;
    let end = json!({"type": "end", "images": wrong.len() + 1}).to_string();
    let mut sent = vec![lines[0].to_owned()];
    sent.extend(wrong.iter().map(|(line, _)| line.clone()));
    sent.extend([lines[1].to_owned(), String::new(), end]);
    let result = ok(import(&to, sent.join("\n"))).await;
    assert_eq!((&result["stored"], &result["failed"]), (&json!(1), &json!(wrong.len())), "{result}");
    for (at, (_, code)) in wrong.iter().enumerate() {
        let failure = &result["failures"][at];
        assert_eq!((&failure["line"], &failure["code"]), (&json!(at + 2), &json!(code)), "{failure}");
        assert!(failure["detail"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(to.count().await, 1);

    // Another image of the id: told, or replaced where that is asked for.
    let other = with("x", &|line| line["metadata"] = json!({"n": 2}));
    let twice = [lines[0], other.as_str(), other.as_str(), r#"{"type": "end", "images": 2}"#].join("\n");
    let result = ok(import(&to, twice.clone())).await;
    assert_eq!((&result["failed"], &result["failures"][0]["code"]), (&json!(2), &json!("id_taken")), "{result}");
    assert_eq!(ok(to.get(&images("/x"))).await["metadata"], json!({"n": 1}));
    let result = ok(import(&to, twice).query(&[("replace", "true")])).await;
    assert_eq!((&result["replaced"], &result["unchanged"]), (&json!(1), &json!(1)), "{result}");
    assert_eq!(ok(to.get(&images("/x"))).await["metadata"], json!({"n": 2}));
}
