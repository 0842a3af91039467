//! Descriptors over HTTP, and searches by them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eyrie::domain::Profile;
use image::imageops::{FilterType, overlay, resize};
use image::{Rgb, RgbImage};
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::app::{TestApp, ok, refused, search};
use crate::support::pictures::{self, as_png, scene};

const PATH: &str = "/v1/descriptors";

fn raw(app: &TestApp, image: Vec<u8>) -> RequestBuilder {
    app.post(PATH).query(&[("profile", "fast")]).header("content-type", "image/png").body(image)
}

async fn a_search_by_the_answers_descriptor_finds_the_picture(place: Place) {
    let app = TestApp::builder().store(place.open().await).start().await;
    for seed in 1..=3 {
        app.add(&format!("s{seed}"), as_png(scene(seed)), json!({})).await;
    }
    let described = ok(raw(&app, as_png(scene(2)))).await;
    let query = json!({"descriptor": described["descriptor"], "version": described["version"]});
    let found = ok(app.post(&search()).json(&query)).await;
    let [first, second, _] = found["results"].as_array().expect("a list").as_slice() else { panic!("{found}") };
    assert_eq!(first["id"], "s2");
    assert!(first["score"].as_f64() > Some(0.9999), "{first}");
    assert!(second["score"].as_f64() < Some(0.9999), "{second}");
    app.close().await;
}

#[tokio::test]
async fn a_thing_in_a_corner_is_nearer_to_a_query_image_than_to_its_descriptor() {
    let app = TestApp::start().await;
    let collection = "/v1/collections/parts";
    ok(app.put(collection).json(&json!({"profile": "rnip"}))).await;
    let put = |id: &str, picture: RgbImage| {
        let path = format!("{collection}/images?id={id}");
        app.post(&path).header("content-type", "image/png").body(as_png(picture))
    };
    // It fills a sub-image of the query, and little of all of it.
    let thing = resize(&scene(8), 224, 224, FilterType::Triangle);
    let mut query = RgbImage::from_pixel(448, 336, Rgb([236, 233, 226]));
    overlay(&mut query, &thing, 0, 0);
    ok(put("thing", thing.clone())).await;
    ok(put("query", query.clone())).await;
    let score = |answer: &Value, id: &str| {
        let found = answer["results"].as_array().expect("a list").iter().find(|hit| hit["id"] == id);
        found.unwrap_or_else(|| panic!("{id} in {answer}"))["score"].as_f64().expect("a number")
    };
    let search = |query: RequestBuilder| async { ok(query.query(&[("verify", "never")])).await };
    let path = format!("{collection}/search");
    let image = || app.post(&path).header("content-type", "image/png").body(as_png(query.clone()));
    let by_image = search(image()).await;
    let described = app.post(PATH).header("content-type", "image/png").body(as_png(query.clone()));
    let described = ok(described.query(&[("profile", "rnip")])).await;
    let by_descriptor = ok(app.post(&path).json(&json!({"descriptor": described["descriptor"]}))).await;
    assert!(score(&by_image, "thing") > score(&by_descriptor, "thing") + 0.02, "{by_image} {by_descriptor}");
    // What is the query itself is found as such either way.
    assert!(score(&by_image, "query") > 0.9999 && score(&by_descriptor, "query") > 0.9999);
    // A comparison says what a search by the first picture says of the second.
    let part = |picture: RgbImage| Part::bytes(as_png(picture));
    let pair = Form::new().part("a", part(query.clone())).part("b", part(thing));
    let compared = ok(app.post("/v1/compare").query(&[("profile", "rnip")]).multipart(pair)).await;
    assert_eq!(compared["score"].as_f64(), Some(score(&by_image, "thing")), "{compared}");
}

#[tokio::test]
async fn a_search_by_the_answers_descriptor_finds_the_picture_over_sqlite() {
    a_search_by_the_answers_descriptor_finds_the_picture(Place::sqlite()).await;
}

#[tokio::test]
async fn a_search_by_the_answers_descriptor_finds_the_picture_over_postgres() {
    a_search_by_the_answers_descriptor_finds_the_picture(Place::postgres().await).await;
}

#[tokio::test]
async fn a_descriptor_is_the_same_from_every_form_and_tells_its_facts() {
    let app = TestApp::start().await;
    let answer = ok(raw(&app, as_png(scene(1)))).await;
    let values = answer["descriptor"].as_array().expect("a list");
    assert_eq!(answer["dimension"], values.len());
    assert_eq!(values.len(), app.service.dimension(Profile::Fast));
    assert_eq!(answer["version"], app.service.version(Profile::Fast).to_string());
    assert_eq!((&answer["width"], &answer["height"], &answer["format"]), (&json!(480), &json!(360), &json!("png")));
    assert_eq!((&answer["cost"]["passes"], &answer["warnings"]), (&json!(1), &json!([])));
    let norm: f64 = values.iter().map(|v| v.as_f64().expect("a number").powi(2)).sum();
    assert!((norm - 1.0).abs() < 1e-5);
    let form = Form::new().part("image", Part::bytes(as_png(scene(1)))).text("profile", "fast");
    let base64 = STANDARD.encode(as_png(scene(1)));
    for request in [
        app.post(PATH).multipart(form),
        app.post(PATH).json(&json!({"image": base64, "profile": "fast", "region": [0, 0, 1, 1]})),
    ] {
        assert_eq!(ok(request).await["descriptor"], answer["descriptor"]);
    }
    let part = ok(raw(&app, as_png(scene(1))).query(&[("region", "0.5,0,0.5,1")])).await;
    assert_eq!(part["width"], 240);
    assert_ne!(part["descriptor"], answer["descriptor"]);
    let usual: Value = ok(app.post(PATH).header("content-type", "image/png").body(pictures::png(1))).await;
    assert!(usual["version"].as_str().expect("text").ends_with("/rnip"), "{usual}");
    assert_eq!(usual["warnings"][0]["code"], "small_picture");
}

#[tokio::test]
async fn what_is_no_picture_has_no_descriptor() {
    let app = TestApp::start().await;
    for (request, status, code) in [
        (raw(&app, b"no image".to_vec()), 400, "not_an_image"),
        (app.post(PATH).json(&json!({})), 400, "missing_image"),
        (app.post(PATH).json(&json!({"image": "AAAA", "id": "x"})), 400, "unknown_field"),
        (raw(&app, pictures::png(1)).query(&[("region", "0.5,0,0.6,1")]), 400, "invalid_region"),
        (app.post(PATH).query(&[("profile", "best")]).json(&json!({"image": "AAAA"})), 400, "invalid_request"),
    ] {
        assert_eq!(refused(request).await, (status, code.to_owned()));
    }
}
