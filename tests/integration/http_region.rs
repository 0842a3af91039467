//! Searches for a box of the query picture: real pictures, real features, real databases.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{TestApp, images, ok, problem, refused, search};
use crate::support::pictures::{as_png, scene, side_by_side};

const LEFT: &str = "0,0,0.5,1";
const RIGHT: &str = "0.5,0,0.5,1";

/// Two scenes in one picture, the first on the left.
fn collage() -> RgbImage {
    side_by_side(&scene(1), &scene(2))
}

async fn add_scenes(app: &TestApp) {
    for seed in 1..=3 {
        app.add(&format!("s{seed}"), as_png(scene(seed)), json!({})).await;
    }
}

fn by_image(app: &TestApp, picture: RgbImage, options: &[(&str, &str)]) -> RequestBuilder {
    app.post(&search()).query(options).header("content-type", "image/png").body(as_png(picture))
}

fn quad(hit: &Value, name: &str) -> [[f64; 2]; 4] {
    serde_json::from_value(hit["match"][name].clone()).unwrap_or_else(|e| panic!("{name}: {e}: {hit}"))
}

async fn the_box_of_a_collage_finds_what_is_in_it(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    add_scenes(&app).await;
    for (region, id, from, alone) in [(LEFT, "s1", 0.0, scene(1)), (RIGHT, "s2", 0.5, scene(2))] {
        let answer = ok(by_image(&app, collage(), &[("region", region)])).await;
        let hits = answer["results"].as_array().expect("a list");
        let best = &hits[0];
        assert_eq!((&best["id"], &best["verified"], &best["verdict"]), (&json!(id), &json!(true), &json!("same")));
        assert!(best["score"].as_f64() > Some(0.9999), "{best}");
        assert!(hits[1..].iter().all(|hit| hit["verified"] == false), "what is beside the box plays no part: {answer}");
        // In the whole collage, where the box is half as wide.
        for ([x, y], [u, v]) in quad(best, "quad_in_result").into_iter().zip(quad(best, "quad_in_query")) {
            assert!((from..=from + 0.5).contains(&u) && (0.0..=1.0).contains(&v), "{best}");
            assert!((u - from - x / 2.0).abs() < 0.01 && (v - y).abs() < 0.01, "{best}");
        }
        let alone = ok(by_image(&app, alone, &[])).await;
        for (hit, expected) in hits.iter().zip(alone["results"].as_array().expect("a list")) {
            for name in ["id", "score", "verdict", "verified", "inliers"] {
                assert_eq!(hit[name], expected[name], "as if it were a picture of its own: {answer}");
            }
        }
        assert_eq!(answer["cost"]["passes"], alone["cost"]["passes"]);
    }
    let whole = ok(by_image(&app, collage(), &[])).await;
    let verified = whole["results"].as_array().expect("a list").iter().filter(|hit| hit["verified"] == true).count();
    assert_eq!(verified, 2, "the whole collage shows both");
    app.close().await;
}

#[tokio::test]
async fn the_box_of_a_collage_finds_what_is_in_it_over_sqlite() {
    the_box_of_a_collage_finds_what_is_in_it(Place::sqlite()).await;
}

#[tokio::test]
async fn the_box_of_a_collage_finds_what_is_in_it_over_postgres() {
    the_box_of_a_collage_finds_what_is_in_it(Place::postgres().await).await;
}

#[tokio::test]
async fn a_region_is_given_in_every_form_of_a_search_by_image() {
    let app = TestApp::start().await;
    add_scenes(&app).await;
    let bytes = as_png(collage());
    let form = || Form::new().part("image", Part::bytes(bytes.clone()));
    let base64 = STANDARD.encode(&bytes);
    let mut answers = Vec::new();
    for request in [
        by_image(&app, collage(), &[("region", RIGHT)]),
        app.post(&search()).multipart(form().text("region", RIGHT)),
        app.post(&search()).multipart(form().text("region", " .5, 0, 5e-1, 1.0")),
        app.post(&search()).multipart(form().text("params", r#"{"region": [0.5, 0, 0.5, 1]}"#)),
        app.post(&search()).json(&json!({"image": base64, "region": [0.5, 0, 0.5, 1]})),
    ] {
        answers.push(ok(request).await["results"].clone());
    }
    assert_eq!(answers[0][0]["id"], "s2");
    assert!(answers.iter().all(|results| *results == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn the_region_of_the_whole_picture_changes_nothing() {
    let app = TestApp::start().await;
    add_scenes(&app).await;
    let whole = ok(by_image(&app, collage(), &[("region", "0,0,1,1")])).await;
    assert_eq!(whole["results"], ok(by_image(&app, collage(), &[])).await["results"]);
    let base64 = STANDARD.encode(as_png(collage()));
    let none = ok(app.post(&search()).json(&json!({"image": base64, "region": null}))).await;
    assert_eq!(none["results"], whole["results"]);
}

#[tokio::test]
async fn a_region_that_is_no_box_in_the_picture_is_refused_in_every_form() {
    let app = TestApp::start().await;
    let bytes = as_png(collage());
    let base64 = STANDARD.encode(&bytes);
    let in_json = |region: Value| app.post(&search()).json(&json!({"image": base64, "region": region}));
    let mut requests = Vec::new();
    for (text, reason) in [
        ("", "\"\" is not a number; four are needed (x,y,width,height)"),
        ("0,0,1", "four numbers are needed (x, y, width, height), not 3"),
        ("0,0,1,1,1", "not 5"),
        ("0,0,1,", "\"\" is not a number"),
        ("0 0 1 1", "\"0 0 1 1\" is not a number"),
        ("0,0,wide,1", "\"wide\" is not a number"),
        ("[0,0,1,1]", "\"[0\" is not a number"),
        ("NaN,0,1,1", "must be finite"),
        ("0,0,inf,1", "must be finite"),
        ("0,0,1,1e999", "must be finite"),
        ("-0.1,0,0.5,1", "must lie in the picture"),
        ("0.6,0,0.5,1", "must lie in the picture"),
        ("0,0.5,1,0.6", "must lie in the picture"),
        ("480,0,480,360", "in fractions of its width and height"),
        ("0,0,0,1", "must be greater than 0"),
        ("0,0,0.5,-1", "must be greater than 0"),
    ] {
        requests.push((by_image(&app, collage(), &[("region", text)]), reason));
        let form = Form::new().part("image", Part::bytes(bytes.clone())).text("region", text);
        requests.push((app.post(&search()).multipart(form), reason));
    }
    for (region, reason) in [
        (json!([]), "not 0"),
        (json!([0, 0, 1]), "not 3"),
        (json!([0, 0, 1, 1, 1]), "not 5"),
        (json!([0, 0, 1, null]), "region[3]"),
        (json!([0, 0, 1, "1"]), "region[3]"),
        (json!("0,0,1,1"), "a list of four numbers is needed"),
        (json!({"x": 0, "y": 0, "width": 1, "height": 1}), "a list of four numbers is needed"),
        (json!(1), "a list of four numbers is needed"),
        (json!([0.5, 0, 0.6, 1]), "must lie in the picture"),
        (json!([0, 0, 1, 0]), "must be greater than 0"),
    ] {
        requests.push((in_json(region), reason));
    }
    let huge = format!(r#"{{"image": "{base64}", "region": [0, 0, 1, 1e999]}}"#);
    let huge = app.post(&search()).header("content-type", "application/json").body(huge);
    requests.push((huge, "the number is too large"));
    for (request, reason) in requests {
        let problem = problem(request.send().await.expect("answer")).await;
        assert_eq!((&problem["status"], &problem["code"]), (&json!(400), &json!("invalid_region")), "{problem}");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.starts_with("region") && detail.contains(reason), "{reason:?} is not in {problem}");
    }
    let twice = by_image(&app, collage(), &[("region", LEFT), ("region", RIGHT)]);
    assert_eq!(refused(twice).await, (400, "duplicate_field".to_owned()));
}

#[tokio::test]
async fn a_region_needs_pixels_enough_for_a_picture() {
    let app = TestApp::start().await;
    // The collage has 960 by 360 pixels; the decoder here takes one pixel, and sides up to 20 to 1.
    for (region, size) in [("0.5,0,0.0005,1", "0x360"), ("0.1,0.1,1e-9,1e-9", "0x0"), ("0,0,1,0.1306", "960x47")] {
        let request = by_image(&app, collage(), &[("region", region)]);
        let problem = problem(request.send().await.expect("answer")).await;
        assert_eq!((&problem["status"], &problem["code"]), (&json!(422), &json!("region_too_small")), "{problem}");
        assert!(problem["detail"].as_str().expect("a sentence").contains(size), "{problem}");
    }
    for region in ["0,0,1,0.1334", "0.25,0.25,0.00105,0.0028"] {
        let answer = ok(by_image(&app, collage(), &[("region", region), ("verify", "always")])).await;
        assert_eq!(answer["compared"], 0);
    }
    let no_image = app.post(&search()).query(&[("region", LEFT)]).header("content-type", "image/png").body("text");
    assert_eq!(refused(no_image).await, (400, "not_an_image".to_owned()));
}

#[tokio::test]
async fn a_region_goes_with_an_image_only() {
    let app = TestApp::start().await;
    add_scenes(&app).await;
    let descriptor = vec![1.0; app.service.dimension(eyrie::domain::Profile::Fast)];
    for request in [
        app.post(&search()).json(&json!({"id": "s1", "region": [0, 0, 1, 1]})),
        app.post(&search()).json(&json!({"descriptor": descriptor, "region": [0, 0, 1, 1]})),
        app.post(&search()).multipart(Form::new().text("id", "s1").text("region", LEFT)),
    ] {
        let problem = problem(request.send().await.expect("answer")).await;
        assert_eq!((&problem["status"], &problem["code"]), (&json!(400), &json!("invalid_request")), "{problem}");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.starts_with("region: goes with an image only"), "{problem}");
    }
    let nothing = app.post(&search()).json(&json!({"region": [0, 0, 1, 1]}));
    assert_eq!(refused(nothing).await, (400, "missing_query".to_owned()));
    let similar = app.get(&images(&format!("/s1/similar?region={LEFT}")));
    assert_eq!(refused(similar).await, (400, "unknown_field".to_owned()));
    let stored = app.post(&images("")).query(&[("region", LEFT)]).header("content-type", "image/png");
    assert_eq!(refused(stored.body(as_png(collage()))).await, (400, "unknown_field".to_owned()));
}
