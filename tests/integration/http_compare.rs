//! Two pictures compared over HTTP: as a search compares them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use image::imageops::crop_imm;
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp, ok, problem, refused, search};
use crate::support::pictures::{self, as_png, scene};

const PATH: &str = "/v1/compare";

fn part(picture: RgbImage) -> Part {
    Part::bytes(as_png(picture))
}

fn files(app: &TestApp, a: RgbImage, b: RgbImage) -> RequestBuilder {
    app.post(PATH).multipart(Form::new().part("a", part(a)).part("b", part(b)).text("profile", "fast"))
}

fn crop() -> RgbImage {
    crop_imm(&scene(1), 120, 60, 300, 240).to_image()
}

fn assert_corner(outline: &Value, corner: usize, expected: [f64; 2]) {
    let at = |axis: usize| outline[corner][axis].as_f64().unwrap_or_else(|| panic!("no corner in {outline}"));
    assert!((at(0) - expected[0]).abs() < 8.0 && (at(1) - expected[1]).abs() < 8.0, "{outline}");
}

/// The parts of an answer that do not depend on who described the pictures when.
fn facts(answer: &Value) -> [Value; 5] {
    ["score", "verdict", "verified", "inliers", "version"].map(|name| answer[name].clone())
}

async fn comparisons_say_what_a_search_says(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    app.add("whole", as_png(scene(1)), json!({})).await;
    app.add("other", as_png(scene(2)), json!({})).await;
    let by_crop = app.post(&search()).header("content-type", "image/png").body(as_png(crop()));
    let found = ok(by_crop).await;
    for hit in found["results"].as_array().expect("a list") {
        let stored = Form::new().part("a", part(crop())).text("b_id", hit["id"].as_str().expect("id").to_owned());
        let answer = ok(app.post(PATH).multipart(stored.text("b_collection", COLLECTION))).await;
        assert!((answer["score"].as_f64().expect("score") - hit["score"].as_f64().expect("score")).abs() < 1e-5);
        assert_eq!((&answer["verdict"], &answer["inliers"]), (&hit["verdict"], &hit["inliers"]));
        assert_eq!((&answer["verified"], &answer["version"]), (&hit["verified"], &found["version"]));
    }
    let by_id = ok(app.post(&search()).json(&json!({"id": "other"}))).await;
    let both = json!({
        "a": {"id": "other", "collection": COLLECTION}, "b": {"id": "whole", "collection": COLLECTION}
    });
    let answer = ok(app.post(PATH).json(&both)).await;
    assert_eq!(answer["inliers"], by_id["results"][0]["inliers"]);
    assert_eq!(answer["verdict"], by_id["results"][0]["verdict"]);
    app.close().await;
}

#[tokio::test]
async fn comparisons_say_what_a_search_says_over_sqlite() {
    comparisons_say_what_a_search_says(Place::sqlite()).await;
}

#[tokio::test]
async fn comparisons_say_what_a_search_says_over_postgres() {
    comparisons_say_what_a_search_says(Place::postgres().await).await;
}

#[tokio::test]
async fn each_picture_has_its_outline_in_pixels_of_the_other() {
    let app = TestApp::start().await;
    let answer = ok(files(&app, scene(1), crop())).await;
    assert_eq!((&answer["verdict"], &answer["verified"]), (&json!("near_duplicate"), &json!(true)), "{answer}");
    assert_eq!((&answer["a"]["width"], &answer["b"]["height"]), (&json!(480), &json!(240)));
    let (a, b) = (&answer["a"]["outline_in_other"], &answer["b"]["outline_in_other"]);
    assert_corner(b, 0, [120.0, 60.0]);
    assert_corner(b, 2, [420.0, 300.0]);
    assert_corner(a, 0, [-120.0, -60.0]);
    assert_corner(a, 2, [360.0, 300.0]);
    assert_eq!((answer.get("overlay"), answer["a"].get("cost")), (None, None), "not asked for");
    let other = ok(files(&app, scene(1), scene(2))).await;
    assert_eq!((&other["verified"], other["a"].get("outline_in_other")), (&json!(false), None), "{other}");
    let same = ok(files(&app, scene(1), scene(1)).query(&[("include", "cost")])).await;
    assert_eq!((&same["verdict"], &same["a"]["cost"]["passes"]), (&json!("same"), &json!(1)), "{same}");
}

#[tokio::test]
async fn a_comparison_is_the_same_in_every_form() {
    let app = TestApp::start().await;
    app.add("whole", as_png(scene(1)), json!({})).await;
    let base64 = |picture: RgbImage| STANDARD.encode(as_png(picture));
    let expected = facts(&ok(files(&app, crop(), scene(1))).await);
    let stored = json!({"id": "whole", "collection": COLLECTION});
    let stored_form = Form::new().part("a", part(crop())).text("b_id", "whole").text("b_collection", COLLECTION);
    for request in [
        app.post(PATH)
            .json(&json!({"a": {"image": base64(crop())}, "b": {"image": base64(scene(1))}, "profile": "fast"})),
        app.post(PATH).json(&json!({"a": {"image": base64(crop())}, "b": stored})),
        app.post(PATH).multipart(stored_form),
    ] {
        assert_eq!(facts(&ok(request).await), expected);
    }
}

#[tokio::test]
async fn the_overlay_is_a_png_in_the_answer_or_the_answer_itself() {
    let app = TestApp::start().await;
    app.add("whole", as_png(scene(1)), json!({})).await;
    let answer = ok(files(&app, scene(1), crop()).query(&[("include", "overlay")])).await;
    let url = answer["overlay"].as_str().expect("a URL");
    let bytes = STANDARD.decode(url.strip_prefix("data:image/png;base64,").expect("a PNG")).expect("base64");
    let drawn = image::load_from_memory(&bytes).expect("a picture");
    assert!(drawn.width() > 480 + 300 && drawn.height() == 360);
    let response = files(&app, scene(1), crop()).header("accept", "image/png").send().await.expect("answer");
    assert_eq!(response.headers()["content-type"], "image/png");
    assert_eq!(response.bytes().await.expect("body"), bytes);
    // Of a stored image there is the thumbnail.
    let stored = json!({"id": "whole", "collection": COLLECTION});
    let request = app.post(PATH).json(&json!({"a": stored, "b": stored})).header("accept", "image/png");
    let bytes = request.send().await.expect("answer").bytes().await.expect("body");
    assert_eq!(image::load_from_memory(&bytes).expect("a picture").height(), 192);
    let failed = app.post(PATH).json(&json!({})).header("accept", "image/png").send().await.expect("answer");
    assert_eq!(problem(failed).await["code"], "missing_image");
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused_and_names_the_picture() {
    let app = TestApp::start().await;
    app.add("whole", as_png(scene(1)), json!({})).await;
    ok(app.put("/v1/collections/slow").json(&json!({"profile": "nip"}))).await;
    let good = || json!({"image": STANDARD.encode(pictures::png(1))});
    let stored = |id: &str, collection: &str| json!({"id": id, "collection": collection});
    for (a, b, status, code) in [
        (json!({}), good(), 400, "missing_image"),
        (json!({"image": "AAAA", "id": "x"}), good(), 400, "ambiguous_query"),
        (json!({"image": "AAAA", "collection": "x"}), good(), 400, "invalid_request"),
        (json!({"image": "!"}), good(), 400, "invalid_base64"),
        (json!({"image": ""}), good(), 400, "image_empty"),
        (json!({"id": "no/id"}), good(), 400, "invalid_image_id"),
        (stored("whole", "NO"), good(), 400, "invalid_collection_name"),
        (json!("whole"), good(), 400, "invalid_request"),
        (json!({"id": "whole", "other": 1}), good(), 400, "unknown_field"),
        (stored("whole", "nowhere"), good(), 404, "unknown_collection"),
        (stored("nobody", COLLECTION), good(), 404, "unknown_image"),
        (json!({"image": STANDARD.encode("no image")}), good(), 400, "not_an_image"),
    ] {
        let request = app.post(PATH).json(&json!({"a": a, "b": b, "profile": "fast"}));
        assert_eq!(refused(request).await, (status, code.to_owned()), "{a}");
    }
    let unlike = json!({"a": stored("whole", COLLECTION), "b": good(), "profile": "nip"});
    assert_eq!(refused(app.post(PATH).json(&unlike)).await, (409, "version_mismatch".to_owned()));
    let wrong = app.post(PATH).json(&json!({"a": good(), "b": {"image": "!"}})).send().await.expect("answer");
    assert!(problem(wrong).await["detail"].as_str().expect("text").starts_with("b: image: "));
    let twice = Form::new().part("a", part(scene(1))).part("a", part(scene(2))).part("b", part(scene(3)));
    assert_eq!(refused(app.post(PATH).multipart(twice)).await, (400, "multiple_images".to_owned()));
    let one = Form::new().part("a", part(scene(1)));
    assert_eq!(refused(app.post(PATH).multipart(one)).await, (400, "missing_image".to_owned()));
    let raw = app.post(PATH).header("content-type", "image/png").body(pictures::png(1));
    assert_eq!(refused(raw).await, (415, "unsupported_media_type".to_owned()));
}
