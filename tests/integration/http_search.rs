//! Searches over HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{Rgb, RgbImage};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, images, ok, refused, search};
use crate::support::pictures::{self, as_png};

async fn app_with_five() -> TestApp {
    let app = TestApp::start().await;
    for seed in 1..=5 {
        app.add(&format!("p{seed}"), pictures::png(seed), json!({"seed": seed})).await;
    }
    app
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().expect("list").iter().map(|hit| hit["id"].as_str().expect("id")).collect()
}

#[tokio::test]
async fn the_three_forms_find_the_image_itself_first() {
    let app = app_with_five().await;
    let form = || Form::new().part("image", Part::bytes(pictures::png(3)));
    let raw = || app.post(&search()).header("content-type", "image/png").body(pictures::png(3));
    let base64 = STANDARD.encode(pictures::png(3));
    let filter = r#"{"field": "seed", "gte": 2}"#;
    let requests = [
        app.post(&search()).multipart(form().text("k", "2").text("filter", filter)),
        app.post(&search()).multipart(form().text("params", format!(r#"{{"k": 2, "filter": {filter}}}"#))),
        raw().query(&[("k", "2"), ("filter", filter)]),
        app.post(&search()).json(&json!({"image": base64, "k": 2, "filter": {"field": "seed", "gte": 2}})),
    ];
    let mut answers = Vec::new();
    for request in requests {
        let answer = ok(request).await;
        let best = &answer["results"][0];
        assert_eq!((&best["id"], &best["rank"], &best["metadata"]), (&json!("p3"), &json!(1), &json!({"seed": 3})));
        assert!(best["score"].as_f64().expect("score") > 0.9999, "{best}");
        assert_eq!(answer["results"].as_array().map(Vec::len), Some(2));
        assert!(best["thumbnail_url"].as_str().expect("URL").starts_with(&images("/p3/thumbnail?v=")));
        assert!(answer["cost"]["passes"].as_u64() > Some(0));
        assert!(answer["took_ms"]["describe"].as_f64() > Some(0.0));
        answers.push(answer["results"].clone());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn every_option_goes_with_every_form_and_with_the_query_string() {
    let app = app_with_five().await;
    let filter = r#"{"field": "seed", "gte": 2}"#;
    let texts = [
        ("k", "2"),
        ("offset", "1"),
        ("min_score", "-0.5"),
        ("filter", filter),
        ("exact", "true"),
        ("ef", "50"),
        ("verify", "never"),
        ("expand", "false"),
        ("include", "record"),
    ];
    let form = || Form::new().part("image", Part::bytes(pictures::png(3)));
    let as_json = json!({
        "image": STANDARD.encode(pictures::png(3)), "k": 2, "offset": 1, "min_score": -0.5, "exact": true, "ef": 50,
        "filter": {"field": "seed", "gte": 2}, "verify": "never", "expand": false,
        "include": ["record"],
    });
    let image_only = json!({"image": as_json["image"]});
    let in_form = texts.iter().fold(form(), |form, (name, text)| form.text(*name, *text));
    let expected = ok(app.post(&search()).json(&as_json)).await["results"].clone();
    assert_eq!(expected.as_array().map(Vec::len), Some(2), "{expected}");
    assert!(expected[0]["record"].is_object() && expected[0].get("metadata").is_none(), "{expected}");
    assert_eq!(expected[0]["rank"], 2);
    for request in [
        app.post(&search()).multipart(in_form),
        app.post(&search()).multipart(form()).query(&texts),
        app.post(&search()).json(&image_only).query(&texts),
        app.post(&search()).json(&as_json).query(&[("k", "2"), ("filter", filter)]),
        app.post(&search()).header("content-type", "image/png").body(pictures::png(3)).query(&texts),
    ] {
        assert_eq!(ok(request).await["results"], expected);
    }
    let twice = app.post(&search()).multipart(form().text("k", "3")).query(&[("k", "2")]);
    assert_eq!(refused(twice).await, (400, "duplicate_field".to_owned()));
}

#[tokio::test]
async fn a_stored_image_is_a_query_and_not_among_its_own_results() {
    let app = app_with_five().await;
    let by_id = ok(app.post(&search()).json(&json!({"id": "p1", "k": 10}))).await;
    assert_eq!(ids(&by_id).len(), 4);
    assert!(!ids(&by_id).contains(&"p1"));
    assert_eq!((by_id.get("cost"), by_id["took_ms"].get("describe")), (None, None));
    let similar = ok(app.get(&images("/p1/similar?k=10"))).await;
    assert_eq!(similar["results"], by_id["results"]);
    let form = ok(app.post(&search()).multipart(Form::new().text("id", "p1"))).await;
    assert_eq!(form["results"], by_id["results"]);
}

#[tokio::test]
async fn a_descriptor_is_a_query() {
    let app = app_with_five().await;
    let dimension = app.service.dimension(eyrie::domain::Profile::Fast);
    let version = app.service.version(eyrie::domain::Profile::Fast).to_string();
    let id = eyrie::domain::ImageId::new("p2").expect("id");
    let collection = eyrie::domain::CollectionName::new(COLLECTION).expect("name");
    let (_, stored) = app.store.get_descriptor(&collection, &id).await.expect("store").expect("there");
    let doubled: Vec<f32> = stored.descriptor.values().iter().map(|v| v * 2.0).collect();
    for version in [json!(version), Value::Null] {
        let answer = ok(app.post(&search()).json(&json!({"descriptor": doubled, "version": version, "k": 1}))).await;
        assert_eq!(ids(&answer), ["p2"], "the norm of the query does not matter");
    }
    let zeros = vec![0.0; dimension];
    let ones = vec![1.0; dimension];
    let mut infinite: Vec<Value> = ones.iter().map(|v| json!(v)).collect();
    infinite[1] = json!(1e39);
    for (body, status, code) in [
        (json!({"descriptor": ones[1..]}), 400, "descriptor_length"),
        (json!({"descriptor": zeros}), 400, "descriptor_zero"),
        (json!({"descriptor": infinite}), 400, "descriptor_not_finite"),
        (json!({"descriptor": [1.0, null]}), 400, "invalid_descriptor"),
        (json!({"descriptor": [1.0, "NaN"]}), 400, "invalid_descriptor"),
        (json!({"descriptor": "1 2 3"}), 400, "invalid_descriptor"),
        (json!({"descriptor": ones, "version": "abc"}), 400, "invalid_version"),
        (json!({"descriptor": ones, "version": "0123456789abcdef/fast"}), 409, "version_mismatch"),
        (json!({"id": "p1", "version": "0123456789abcdef/fast"}), 400, "invalid_request"),
    ] {
        assert_eq!(refused(app.post(&search()).json(&body)).await, (status, code.to_owned()), "{body}");
    }
    let too_large =
        app.post(&search()).header("content-type", "application/json").body(r#"{"descriptor": [1, 1e999]}"#);
    assert_eq!(refused(too_large).await, (400, "descriptor_not_finite".to_owned()));
}

#[tokio::test]
async fn offset_and_lowest_score_cut_the_same_list() {
    let app = app_with_five().await;
    let all = ok(app.get(&images("/p1/similar"))).await;
    let rest = ok(app.get(&images("/p1/similar?k=2&offset=1"))).await;
    assert_eq!(rest["results"].as_array().expect("list")[..], all["results"].as_array().expect("list")[1..3]);
    let bound = all["results"][1]["score"].as_f64().expect("score");
    let cut = ok(app.get(&images(&format!("/p1/similar?min_score={bound}")))).await;
    assert!(cut["results"].as_array().expect("list").iter().all(|hit| hit["score"].as_f64() >= Some(bound)));
    assert!(ids(&cut).len() >= 2);
    assert_eq!(ok(app.get(&images("/p1/similar?exact=true&ef=100"))).await["results"], all["results"]);
}

#[tokio::test]
async fn include_chooses_the_parts_of_the_answer() {
    let app = app_with_five().await;
    let bare = ok(app.get(&images("/p1/similar?include="))).await;
    assert!(bare["results"][0].get("metadata").is_none() && bare["results"][0].get("record").is_none());
    let full = ok(app.get(&images("/p1/similar?k=1&include=record,metadata"))).await;
    let hit = &full["results"][0];
    assert_eq!(hit["record"], ok(app.get(&images(&format!("/{}", hit["id"].as_str().expect("id"))))).await);
    let request = app.post(&search()).query(&[("include", "metadata")]).header("content-type", "image/png");
    assert!(ok(request.body(pictures::png(1))).await.get("cost").is_none());
    assert_eq!(refused(app.get(&images("/p1/similar?include=all"))).await, (400, "invalid_request".to_owned()));
    assert!(ok(app.get(&images("/p1/similar?include=thumbnail"))).await.get("query_thumbnail").is_none());
}

#[tokio::test]
async fn a_search_shows_the_query_as_it_was_seen_where_it_is_asked_to() {
    let app = app_with_five().await;
    // Four inks, of which browsers show three colours.
    let picture = include_bytes!("../fixtures/cmyk.jpg");
    app.add("inks", picture.to_vec(), json!({})).await;
    let shown = app.get(&images("/inks/thumbnail")).send().await.expect("answer").bytes().await.expect("bytes");
    let request = app.post(&search()).query(&[("include", "thumbnail")]).header("content-type", "image/jpeg");
    let answer = ok(request.body(picture.as_slice())).await;
    assert_eq!(answer["query_thumbnail"], format!("data:image/jpeg;base64,{}", STANDARD.encode(shown)));
}

#[tokio::test]
async fn blank_pictures_are_called_the_same_only_where_their_pixels_are() {
    let app = TestApp::start().await;
    let blank = || RgbImage::from_pixel(600, 600, Rgb([255; 3]));
    app.add("white", as_png(blank()), json!({})).await;
    // A speck that nothing is left of in what the network sees.
    let mut speck = blank();
    speck.put_pixel(300, 300, Rgb([254; 3]));
    for (query, same) in [(blank(), true), (speck, false)] {
        let request = app.post(&search()).header("content-type", "image/png").body(as_png(query));
        let hit = &ok(request).await["results"][0];
        assert!(hit["score"].as_f64() > Some(0.999), "{hit}");
        assert_eq!(hit["verdict"] == "same", same, "{hit}");
    }
}

#[tokio::test]
async fn an_empty_and_a_one_image_collection_answer() {
    let app = TestApp::start().await;
    let query = || app.post(&search()).header("content-type", "image/png").body(pictures::png(1));
    assert_eq!(ok(query()).await["results"], json!([]));
    app.add("only", pictures::png(1), json!({})).await;
    assert_eq!(ids(&ok(query()).await), ["only"]);
    assert_eq!(ok(app.get(&images("/only/similar"))).await["results"], json!([]));
}

#[tokio::test]
async fn a_bad_search_is_refused_with_its_own_code() {
    let app = app_with_five().await;
    let base64 = STANDARD.encode(pictures::png(1));
    for (body, status, code) in [
        (json!({}), 400, "missing_query"),
        (json!({"k": 3}), 400, "missing_query"),
        (json!({"id": "p1", "image": base64}), 400, "ambiguous_query"),
        (json!({"id": "p1", "descriptor": [1.0]}), 400, "ambiguous_query"),
        (json!({"id": "nobody"}), 404, "unknown_image"),
        (json!({"id": "a/b"}), 400, "invalid_image_id"),
        (json!({"id": 5}), 400, "invalid_image_id"),
        (json!({"id": "p1", "k": 0}), 400, "out_of_range"),
        (json!({"id": "p1", "k": 101}), 400, "out_of_range"),
        (json!({"id": "p1", "k": -1}), 400, "out_of_range"),
        (json!({"id": "p1", "k": 1.5}), 400, "out_of_range"),
        (json!({"id": "p1", "k": 4_294_967_296_u64}), 400, "out_of_range"),
        (json!({"id": "p1", "k": "many"}), 400, "invalid_request"),
        (json!({"id": "p1", "k": 60, "offset": 60}), 400, "out_of_range"),
        (json!({"id": "p1", "min_score": 1.5}), 400, "out_of_range"),
        (json!({"id": "p1", "ef": 0}), 400, "out_of_range"),
        (json!({"id": "p1", "filter": {"field": "seed"}}), 400, "invalid_filter"),
        (json!({"id": "p1", "filter": {"field": "seed", "like": "x"}}), 400, "invalid_filter"),
        (json!({"id": "p1", "filter": []}), 400, "invalid_filter"),
        (json!({"id": "p1", "limit": 5}), 400, "unknown_field"),
        (json!({"image": "%%%"}), 400, "invalid_base64"),
        (json!({"image": "data:image/png,AAAA"}), 400, "invalid_base64"),
        (json!({"image": "data:image/png;base64,AAAA"}), 400, "not_an_image"),
        (json!({"image": "aGVsbG8gd29ybGQ="}), 400, "not_an_image"),
    ] {
        assert_eq!(refused(app.post(&search()).json(&body)).await, (status, code.to_owned()), "{body}");
    }
    assert_eq!(refused(app.get(&images("/nobody/similar"))).await, (404, "unknown_image".to_owned()));
    assert_eq!(refused(app.get(&images("/p1/similar?k=0"))).await, (400, "out_of_range".to_owned()));
    assert_eq!(refused(app.get(&images("/p1/similar?image=x"))).await, (400, "unknown_field".to_owned()));
    let elsewhere = app.post("/v1/collections/nowhere/search").json(&json!({"id": "p1"}));
    assert_eq!(refused(elsewhere).await, (404, "unknown_collection".to_owned()));
}

#[tokio::test]
async fn results_carry_the_members_that_are_named_and_no_other() {
    let app = TestApp::start().await;
    app.add("a", pictures::png(1), json!({"n": 1})).await;
    app.add("b", pictures::png(2), json!({"n": 2})).await;
    let members = async |request: reqwest::RequestBuilder| -> Vec<String> {
        let answer = ok(request).await;
        let mut names: Vec<_> = answer["results"][0].as_object().expect("a result").keys().cloned().collect();
        names.sort();
        names
    };
    let similar = |query: &str| app.get(&images(&format!("/a/similar?{query}")));
    assert_eq!(members(similar("fields=")).await, ["id", "rank"]);
    assert_eq!(members(similar("fields=score,id")).await, ["id", "rank", "score"]);
    assert_eq!(
        members(similar("fields=metadata,thumbnail_url&include=cost")).await,
        ["id", "metadata", "rank", "thumbnail_url"]
    );
    let listed = app.post(&search()).json(&json!({"id": "a", "fields": ["record", "verdict", "width"]}));
    assert_eq!(members(listed).await, ["id", "rank", "record", "verdict", "width"]);
    let usual = members(similar("verify=never")).await;
    assert_eq!(usual, ["height", "id", "metadata", "rank", "score", "thumbnail_url", "verdict", "width"]);
    assert_eq!(members(similar("verify=never&include=")).await.len(), usual.len() - 1);
    for query in ["fields=scores", "fields=id,%20nothing"] {
        assert_eq!(refused(similar(query)).await, (400, "invalid_request".to_owned()));
    }
}

async fn a_search_gives_one_result_for_each_value_of_a_field(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    // Nine pictures of three makers, one of them written as another number, and two of none.
    for seed in 1..=9_u32 {
        let maker = [json!(1), json!(2), json!("x")][seed as usize % 3].clone();
        let maker = if seed == 6 { json!(1.0) } else { maker };
        app.add(&format!("m{seed}"), pictures::png(seed), json!({"maker": {"id": maker}})).await;
    }
    app.add("n1", pictures::png(21), json!({"maker": 1})).await;
    app.add("n2", pictures::png(22), json!({})).await;
    let query = |k: usize, offset: usize| {
        app.post(&search()).query(&[("k", k.to_string()), ("offset", offset.to_string())]).query(&[("verify", "never")])
    };
    let by = |request: reqwest::RequestBuilder| request.header("content-type", "image/png").body(pictures::png(4));
    let all = ok(by(query(20, 0))).await;
    let mut seen = Vec::new();
    let expected: Vec<&Value> = all["results"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|hit| match hit["metadata"]["maker"].get("id") {
            Some(value) => {
                let value = value.as_f64().map_or(value.to_string(), |number| number.to_string());
                let is_new = !seen.contains(&value);
                seen.push(value);
                is_new
            }
            None => true,
        })
        .map(|hit| &hit["id"])
        .collect();
    assert_eq!(expected.len(), 5, "{all}");
    let grouped = async |k: usize, offset: usize| {
        let answer = ok(by(query(k, offset).query(&[("group_by", "maker.id")]))).await;
        let hits = answer["results"].as_array().expect("a list").clone();
        let ranks: Vec<_> = hits.iter().map(|hit| hit["rank"].as_u64().expect("a rank") as usize).collect();
        assert!(ranks.into_iter().eq(offset + 1..=offset + hits.len()), "{answer}");
        hits.into_iter().map(|hit| hit["id"].clone()).collect::<Vec<_>>()
    };
    assert!(grouped(20, 0).await.iter().eq(expected.iter().copied()));
    for size in [1, 2, 3] {
        let mut pages = Vec::new();
        for page in 0..5_usize.div_ceil(size) {
            pages.extend(grouped(size, page * size).await);
        }
        assert!(pages.iter().eq(expected.iter().copied()), "pages of {size}");
    }
    assert_eq!(grouped(5, 5).await, Vec::<Value>::new());
    let verified = ok(by(query(5, 0)).query(&[("group_by", "maker.id")])).await;
    assert_eq!(verified["results"][0]["id"], "m4");
    for wrong in ["", ".", "a..b"] {
        let request = app.get(&images("/m1/similar")).query(&[("group_by", wrong)]);
        assert_eq!(refused(request).await, (400, "invalid_request".to_owned()), "{wrong:?}");
    }
    app.close().await;
}

#[tokio::test]
async fn a_search_gives_one_result_for_each_value_of_a_field_over_sqlite() {
    a_search_gives_one_result_for_each_value_of_a_field(Place::sqlite()).await;
}

#[tokio::test]
async fn a_search_gives_one_result_for_each_value_of_a_field_over_postgres() {
    a_search_gives_one_result_for_each_value_of_a_field(Place::postgres().await).await;
}
