//! Verified searches over HTTP: real pictures, real features, real databases.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eyrie::domain::{CollectionName, ImageId};
use image::RgbImage;
use image::imageops::{FilterType, blur, crop_imm, flip_horizontal, overlay, resize, rotate90};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::support::app::{COLLECTION, TestApp, images, ok, problem, refused, search};
use crate::support::pictures::{as_png, scene};
use crate::support::{Place, postgres};

/// Corners may be off by so much, in fractions of the picture's sides.
const TOLERANCE: f64 = 0.02;

async fn app_with_scenes(seeds: impl IntoIterator<Item = u32>) -> TestApp {
    let app = TestApp::start().await;
    for seed in seeds {
        app.add(&format!("s{seed}"), as_png(scene(seed)), json!({"seed": seed})).await;
    }
    app
}

fn by_image(app: &TestApp, picture: RgbImage, options: &[(&str, &str)]) -> reqwest::RequestBuilder {
    app.post(&search()).query(options).header("content-type", "image/png").body(as_png(picture))
}

fn results(answer: &Value) -> &[Value] {
    answer["results"].as_array().expect("a list")
}

fn ids(answer: &Value) -> Vec<&str> {
    results(answer).iter().map(|hit| hit["id"].as_str().expect("id")).collect()
}

/// Every corner in the query must lie where `to_query` takes the one in the result.
fn assert_quads(hit: &Value, to_query: impl Fn(f64, f64) -> (f64, f64)) {
    let corners = |name: &str| -> Vec<[f64; 2]> {
        serde_json::from_value(hit["match"][name].clone()).unwrap_or_else(|e| panic!("{name}: {e}: {hit}"))
    };
    let (there, here) = (corners("quad_in_result"), corners("quad_in_query"));
    assert_eq!((there.len(), here.len()), (4, 4), "{hit}");
    for ([x, y], [u, v]) in there.into_iter().zip(here) {
        assert!((0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y), "{hit}");
        let (expected_u, expected_v) = to_query(x, y);
        assert!((u - expected_u).abs() < TOLERANCE && (v - expected_v).abs() < TOLERANCE, "{hit}");
    }
}

#[tokio::test]
async fn a_crop_is_verified_and_says_where_and_another_picture_is_not() {
    let app = app_with_scenes([1, 2]).await;
    let crop = crop_imm(&scene(1), 120, 60, 300, 240).to_image();
    let answer = ok(by_image(&app, crop, &[])).await;
    let [hit, other] = results(&answer) else { panic!("{answer}") };
    assert_eq!((&hit["id"], &hit["rank"], &hit["verified"]), (&json!("s1"), &json!(1), &json!(true)));
    assert!(hit["inliers"].as_u64() >= Some(9), "{hit}");
    assert_eq!(hit["verdict"], "near_duplicate");
    assert_quads(hit, |x, y| ((x * 480.0 - 120.0) / 300.0, (y * 360.0 - 60.0) / 240.0));
    assert!(hit["confidence"].as_f64() > Some(0.9), "{hit}");
    assert_eq!((&other["verified"], other.get("match")), (&json!(false), None), "{other}");
    assert_eq!(other.get("confidence"), None, "{other}");
    assert!(other["inliers"].as_u64() < Some(9), "{other}");
    assert!(other["verdict"] == "similar" || other["verdict"] == "different", "{other}");
    let whole = ok(by_image(&app, scene(1), &[])).await;
    assert_eq!((&whole["results"][0]["id"], &whole["results"][0]["verdict"]), (&json!("s1"), &json!("same")));
    assert_eq!(answer["compared"], 2);
    assert!(answer["took_ms"]["verify"].as_f64() > Some(0.0), "{answer}");
    let metrics = app.get("/metrics").send().await.expect("answer").text().await.expect("text");
    for line in [r#"eyrie_verifications_total{outcome="verified"}"#, "eyrie_verification_seconds_count"] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn an_upload_names_what_is_similar_or_is_refused_for_it() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let app = TestApp::builder().store(place.open().await).start().await;
        app.add("s1", as_png(scene(1)), json!({})).await;
        let crop = as_png(crop_imm(&scene(1), 120, 60, 300, 240).to_image());
        let add = |on_similar| {
            app.post(&images(""))
                .query(&[("on_similar", on_similar)])
                .header("content-type", "image/png")
                .body(crop.clone())
        };
        let answer = problem(add("reject").send().await.expect("answer")).await;
        assert_eq!((&answer["status"], &answer["code"]), (&json!(409), &json!("similar_exists")), "{answer}");
        assert_eq!(
            (&answer["similar"][0]["id"], &answer["similar"][0]["verdict"]),
            (&json!("s1"), &json!("near_duplicate"))
        );
        assert!(answer["similar"][0]["score"].is_f64() && answer["detail"].as_str().expect("text").contains("s1"));
        assert_eq!(app.count().await, 1, "nothing was stored");
        let in_form = Form::new().part("image", Part::bytes(crop.clone())).text("on_similar", "reject");
        assert_eq!(refused(app.put(&images("/c")).multipart(in_form)).await, (409, "similar_exists".to_owned()));

        let reported = ok(add("report")).await;
        assert_eq!(
            (&reported["similar"][0]["id"], &reported["similar"][0]["verdict"]),
            (&json!("s1"), &json!("near_duplicate"))
        );
        assert_eq!(reported["similar"].as_array().map(Vec::len), Some(1), "{reported}");
        let id = reported["id"].as_str().expect("an id");
        assert_eq!(ok(app.get(&images(&format!("/{id}")))).await.get("similar"), None, "it is no part of the record");
        let new = json!({"image": STANDARD.encode(as_png(scene(2))), "on_similar": "reject"});
        let stored = ok(app.put(&images("/new")).json(&new)).await;
        let similar = stored["similar"].as_array().expect("a list");
        assert!(similar.iter().all(|image| image["verdict"] == "similar"), "they only look alike: {stored}");
        let wrong = json!({"image": STANDARD.encode(as_png(scene(2))), "on_similar": "maybe"});
        assert_eq!(refused(app.post(&images("")).json(&wrong)).await, (400, "invalid_request".to_owned()));
        app.close().await;
    }
}

#[tokio::test]
async fn a_mirrored_copy_is_verified_and_told() {
    let app = app_with_scenes([1, 2]).await;
    let answer = ok(by_image(&app, flip_horizontal(&scene(1)), &[])).await;
    let hit = &answer["results"][0];
    assert_eq!((&hit["id"], &hit["verdict"]), (&json!("s1"), &json!("near_duplicate")), "{hit}");
    assert_eq!((&hit["verified"], &hit["match"]["mirrored"]), (&json!(true), &json!(true)), "{hit}");
    assert_quads(hit, |x, y| (1.0 - x, y));
    let upright = ok(by_image(&app, scene(1), &[])).await;
    assert_eq!(upright["results"][0]["match"].get("mirrored"), None, "{upright}");
    let copy = json!({"image": STANDARD.encode(as_png(flip_horizontal(&scene(2)))), "on_similar": "reject"});
    assert_eq!(refused(app.post(&images("")).json(&copy)).await, (409, "similar_exists".to_owned()));

    // By an id, with what is stored alone.
    app.add("mirrored", as_png(flip_horizontal(&scene(1))), json!({})).await;
    let by_id = ok(app.get(&images("/s1/similar"))).await;
    let hit = &by_id["results"][0];
    assert_eq!((&hit["id"], &hit["match"]["mirrored"]), (&json!("mirrored"), &json!(true)), "{by_id}");
    app.close().await;
}

/// The same label on a green and on a red ground, of which each has a picture of its own.
fn variant(green: bool) -> RgbImage {
    let mut picture = scene(5);
    for (_, _, pixel) in picture.enumerate_pixels_mut().filter(|(x, y, _)| *x < 150 || *x > 330 || *y < 110 || *y > 250)
    {
        let grey = pixel.0.map(u32::from).iter().sum::<u32>() / 6;
        let bright = (grey + 120) as u8;
        pixel.0 = if green { [30, bright, 60] } else { [bright, 40, 30] };
    }
    picture
}

#[tokio::test]
async fn of_two_variants_of_one_design_the_right_one_comes_first() {
    let app = TestApp::start().await;
    app.add("red", as_png(variant(false)), json!({})).await;
    app.add("green", as_png(variant(true)), json!({})).await;
    for (name, green) in [("red", false), ("green", true)] {
        let seen = resize(&crop_imm(&variant(green), 20, 20, 440, 320).to_image(), 330, 240, FilterType::Triangle);
        let answer = ok(by_image(&app, seen, &[])).await;
        let [first, second] = results(&answer) else { panic!("{answer}") };
        assert_eq!(first["id"], name, "{answer}");
        assert!(first["confidence"].as_f64() > second["confidence"].as_f64(), "{answer}");
        assert_eq!((&first["verdict"], &second["verdict"]), (&json!("near_duplicate"), &json!("similar")), "{answer}");
    }
    app.close().await;
}

#[tokio::test]
async fn a_rotated_and_a_smaller_copy_are_verified() {
    let app = app_with_scenes([1, 2]).await;
    let rotated = ok(by_image(&app, rotate90(&scene(2)), &[])).await;
    assert_eq!((&rotated["results"][0]["id"], &rotated["results"][0]["verified"]), (&json!("s2"), &json!(true)));
    assert_quads(&rotated["results"][0], |x, y| (1.0 - y, x));
    let smaller = resize(&scene(1), 312, 234, FilterType::Triangle);
    let smaller = ok(by_image(&app, smaller, &[])).await;
    assert_eq!((&smaller["results"][0]["id"], &smaller["results"][0]["verified"]), (&json!("s1"), &json!(true)));
    assert_quads(&smaller["results"][0], |x, y| (x, y));
}

#[tokio::test]
async fn a_picture_that_is_nowhere_is_not_verified() {
    let app = app_with_scenes(1..=5).await;
    let answer = ok(by_image(&app, scene(99), &[])).await;
    assert_eq!(answer["compared"], 5);
    for hit in results(&answer) {
        assert!(hit["verified"] == false && hit["inliers"].as_u64() < Some(9) && hit.get("match").is_none(), "{hit}");
    }
    let scores: Vec<f64> = results(&answer).iter().map(|hit| hit["score"].as_f64().expect("score")).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "the order of the scores: {scores:?}");
}

#[tokio::test]
async fn what_the_network_sees_alike_is_told_where_nothing_is_verified() {
    let app = TestApp::start().await;
    ok(app.put("/v1/collections/places").json(&json!({"profile": "rnip"}))).await;
    for seed in [1, 2] {
        let image = app.post(&format!("/v1/collections/places/images?id=s{seed}")).header("content-type", "image/png");
        ok(image.body(as_png(scene(seed)))).await;
    }
    let ask = async |picture: RgbImage, fields: &str| {
        let request = app.post("/v1/collections/places/search").query(&[("fields", fields)]);
        ok(request.header("content-type", "image/png").body(as_png(picture))).await
    };
    let blurred = ask(blur(&scene(1), 9.0), "verified,cells").await;
    let [hit, other] = results(&blurred) else { panic!("{blurred}") };
    assert_eq!((&hit["id"], &hit["verified"]), (&json!("s1"), &json!(false)), "{hit}");
    assert!(hit["cells"].as_u64() > other["cells"].as_u64(), "{blurred}");
    let plain = ask(scene(1), "verified,cells").await;
    assert_eq!((&plain["results"][0]["verified"], plain["results"][0].get("cells")), (&json!(true), None), "{plain}");
}

/// A packet of a design: a picture with a band of one colour across it.
fn packet(design: &RgbImage, band: [u8; 3]) -> RgbImage {
    let mut packet = design.clone();
    overlay(&mut packet, &RgbImage::from_pixel(480, 60, image::Rgb(band)), 0, 140);
    packet
}

#[tokio::test]
async fn of_two_variants_of_a_design_the_one_that_the_query_shows_comes_first() {
    let app = TestApp::start().await;
    let (vanilla, berry) = ([235, 205, 60], [120, 30, 140]);
    // A print so bad that the other one is more like the query in everything that both share: by
    // likelihood and score that would come first.
    app.add("vanilla", as_png(packet(&blur(&scene(1), 6.0), vanilla)), json!({})).await;
    app.add("berry", as_png(packet(&scene(1), berry)), json!({})).await;
    let answer = ok(by_image(&app, packet(&scene(1), vanilla), &[])).await;
    assert_eq!(ids(&answer), ["vanilla", "berry"], "{answer}");
    let other = ok(by_image(&app, packet(&scene(1), berry), &[])).await;
    assert_eq!(ids(&other), ["berry", "vanilla"], "{other}");
}

#[tokio::test]
async fn what_shows_a_part_of_the_query_comes_before_what_looks_like_all_of_it() {
    let app = TestApp::start().await;
    // The query: a small copy of one picture on another one. There are others that look more like it.
    let mut query = scene(7);
    let object = resize(&scene(9), 240, 180, FilterType::Triangle);
    overlay(&mut query, &object, 200, 150);
    for seed in 20..32 {
        app.add(&format!("other{seed}"), as_png(scene(seed)), json!({})).await;
    }
    app.add("object", as_png(scene(9)), json!({})).await;
    let never = ok(by_image(&app, query.clone(), &[("k", "13"), ("verify", "never")])).await;
    let place = ids(&never).iter().position(|id| *id == "object").expect("found");
    assert!(place > 0, "{never}");
    let answer = ok(by_image(&app, query, &[("expand", "false")])).await;
    assert_eq!(ids(&answer)[..2], ["object", ids(&never)[0]], "{answer}");
    let object = &answer["results"][0];
    assert_eq!((&object["verified"], &object["rank"]), (&json!(true), &json!(1)));
    assert_eq!(object["score"], never["results"][place]["score"], "the score stays");
    assert_quads(object, |x, y| ((200.0 + x * 240.0) / 480.0, (150.0 + y * 180.0) / 360.0));
}

#[tokio::test]
async fn whether_to_verify_is_said_in_every_form_of_a_search() {
    let app = app_with_scenes([1, 2]).await;
    let base64 = STANDARD.encode(as_png(scene(1)));
    let form = |verify: &str| {
        let form = Form::new().part("image", Part::bytes(as_png(scene(1))));
        app.post(&search()).multipart(form.text("verify", verify.to_owned()))
    };
    let params = Form::new().part("image", Part::bytes(as_png(scene(1)))).text("params", r#"{"verify": "never"}"#);
    for request in [
        form("never"),
        app.post(&search()).multipart(params),
        by_image(&app, scene(1), &[("verify", "never")]),
        app.post(&search()).json(&json!({"image": base64, "verify": "never"})),
        app.post(&search()).json(&json!({"id": "s1", "verify": "never"})),
        app.get(&images("/s1/similar?verify=never")),
    ] {
        let answer = ok(request).await;
        assert_eq!((answer.get("compared"), answer["took_ms"].get("verify")), (None, None), "{answer}");
        for hit in results(&answer) {
            assert!(["verified", "inliers", "match"].iter().all(|name| hit.get(name).is_none()), "{hit}");
        }
    }
    for request in [form("auto"), form("always"), app.get(&images("/s1/similar?verify=always"))] {
        assert!(ok(request).await["results"][0]["verified"].is_boolean());
    }
    for request in [form("yes"), form(""), app.get(&images("/s1/similar?verify=1"))] {
        assert_eq!(refused(request).await, (400, "invalid_request".to_owned()));
    }
    for wrong in [json!(true), json!("Auto"), json!(1)] {
        let request = app.post(&search()).json(&json!({"id": "s1", "verify": wrong}));
        let problem = problem(request.send().await.expect("answer")).await;
        assert_eq!((&problem["status"], &problem["code"]), (&json!(400), &json!("invalid_request")));
        assert!(problem["detail"].as_str().expect("a sentence").starts_with("verify: "), "{problem}");
    }
}

#[tokio::test]
async fn a_descriptor_is_never_verified_and_refused_where_it_must_be() {
    let app = app_with_scenes([1, 2]).await;
    let collection = CollectionName::new(COLLECTION).expect("name");
    let id = ImageId::new("s1").expect("id");
    let (_, stored) = app.store.get_descriptor(&collection, &id).await.expect("store").expect("there");
    let descriptor = stored.descriptor.values();
    let auto = ok(app.post(&search()).json(&json!({"descriptor": descriptor}))).await;
    assert_eq!((ids(&auto)[0], auto.get("compared"), auto["results"][0].get("verified")), ("s1", None, None));
    let always = app.post(&search()).json(&json!({"descriptor": descriptor, "verify": "always"}));
    let problem = problem(always.send().await.expect("answer")).await;
    assert_eq!((&problem["status"], &problem["code"]), (&json!(400), &json!("not_verifiable")));
    assert!(problem["detail"].as_str().expect("a sentence").contains("a descriptor does not say where"), "{problem}");
}

#[tokio::test]
async fn two_pages_are_one_page_of_twice_the_size() {
    let mut builder = TestApp::builder();
    builder.config.search.verify_candidates = 12;
    let app = builder.start().await;
    for seed in 1..=8 {
        app.add(&format!("s{seed}"), as_png(scene(seed)), json!({})).await;
        // Half of it: verified with fewer spots than the whole.
        let half = crop_imm(&scene(seed), 0, 0, 240, 360).to_image();
        app.add(&format!("half{seed}"), as_png(half), json!({})).await;
    }
    let query = crop_imm(&scene(3), 60, 40, 360, 280).to_image();
    let page = |k: usize, offset: usize| {
        let (k, offset) = (k.to_string(), offset.to_string());
        ok(by_image(&app, query.clone(), &[("k", &k), ("offset", &offset)]))
    };
    for size in [2, 3, 4, 8] {
        let (first, second) = (page(size, 0).await, page(size, size).await);
        let both = page(2 * size, 0).await;
        assert_eq!([results(&first), results(&second)].concat(), results(&both), "pages of {size}");
        assert_eq!((&first["compared"], &both["compared"]), (&json!(12), &json!(12)));
    }
    let all = page(16, 0).await;
    assert_eq!(ids(&all)[..2], ["s3", "half3"], "{all}");
    assert_eq!(results(&all).iter().filter(|hit| hit.get("verified").is_some()).count(), 12);
    let never = ok(by_image(&app, query.clone(), &[("k", "16"), ("verify", "never")])).await;
    assert_ne!(ids(&never), ids(&all), "the order is another one");
    assert_eq!(ids(&never)[12..], ids(&all)[12..], "but not behind the window");
}

async fn an_image_without_features_is_found_and_gets_them_when_it_is_added_again(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    app.add("old", as_png(scene(1)), json!({})).await;
    app.add("new", as_png(scene(2)), json!({})).await;
    // As an image that was stored before there were features.
    let statement = "DELETE FROM local_features WHERE image_key = (SELECT key FROM images WHERE id = 'old')";
    match &place {
        Place::Sqlite(dir) => {
            let url = format!("sqlite://{}", dir.path().join("eyrie.db").display());
            let mut conn = SqliteConnection::connect(&url).await.expect("opens");
            sqlx::query(statement).execute(&mut conn).await.expect("runs");
            conn.close().await.expect("closes");
        }
        Place::Postgres(database) => postgres::execute(&database.url, statement.to_owned()).await,
    }
    let query = || crop_imm(&scene(1), 100, 60, 320, 260).to_image();
    let answer = ok(by_image(&app, query(), &[("verify", "always")])).await;
    let of = |answer: &Value, id: &str| results(answer).iter().find(|hit| hit["id"] == id).expect("found").clone();
    assert!(of(&answer, "old").get("verified").is_none(), "{answer}");
    assert_eq!((&of(&answer, "new")["verified"], &answer["compared"]), (&json!(false), &json!(1)));
    assert!(ok(app.get(&images("/old/similar"))).await.get("compared").is_none());
    let always = refused(app.get(&images("/old/similar?verify=always"))).await;
    assert_eq!(always, (400, "not_verifiable".to_owned()));

    let again = app.post(&images("")).header("content-type", "image/png").body(as_png(scene(1)));
    assert_eq!(ok(again).await["id"], "old");
    let answer = ok(by_image(&app, query(), &[])).await;
    assert_eq!((ids(&answer)[0], &answer["results"][0]["verified"]), ("old", &json!(true)));
    assert_eq!(ok(app.get(&images("/old/similar?verify=always"))).await["compared"], 1);

    // Features go with their image.
    let collection = CollectionName::new(COLLECTION).expect("name");
    let old = ImageId::new("old").expect("id");
    let (old, _) = app.store.get_descriptor(&collection, &old).await.expect("readable").expect("there");
    assert_eq!(app.store.local_features(&[old]).await.expect("readable").len(), 1);
    app.delete(&images("/old")).send().await.expect("answer").error_for_status().expect("deleted");
    assert_eq!(app.store.local_features(&[old]).await.expect("readable"), []);
    let answer = ok(by_image(&app, query(), &[])).await;
    assert_eq!((ids(&answer), &answer["compared"]), (vec!["new"], &json!(1)));
    app.close().await;
}

#[tokio::test]
async fn an_image_without_features_gets_them_when_it_is_added_again_over_sqlite() {
    an_image_without_features_is_found_and_gets_them_when_it_is_added_again(Place::sqlite()).await;
}

#[tokio::test]
async fn an_image_without_features_gets_them_when_it_is_added_again_over_postgres() {
    an_image_without_features_is_found_and_gets_them_when_it_is_added_again(Place::postgres().await).await;
}

#[tokio::test]
async fn an_elongated_picture_is_stored_and_compared() {
    let mut builder = TestApp::builder();
    builder.config.extractor.describer.max_pixels = 40_000_000;
    let app = builder.start().await;
    let strip = || resize(&scene(5), 20_000, 1_000, FilterType::Triangle);
    app.add("strip", as_png(strip()), json!({})).await;
    let answer = ok(by_image(&app, strip(), &[("verify", "always")])).await;
    assert_eq!((ids(&answer), &answer["compared"]), (vec!["strip"], &json!(1)));
}

#[tokio::test]
async fn an_empty_collection_has_nothing_to_compare() {
    let app = TestApp::start().await;
    let answer = ok(by_image(&app, scene(1), &[("verify", "always")])).await;
    assert_eq!((&answer["results"], &answer["compared"]), (&json!([]), &json!(0)));
}
