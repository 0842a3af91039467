//! Searches by several pictures of one thing: real pictures, real features.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use image::imageops::crop_imm;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::app::{TestApp, images, ok, problem, refused, search};
use crate::support::pictures::{as_png, scene};

async fn app_with_scenes() -> TestApp {
    let app = TestApp::start().await;
    for seed in 1..=3 {
        app.add(&format!("s{seed}"), as_png(scene(seed)), json!({})).await;
    }
    app
}

fn form(pictures: &[RgbImage]) -> Form {
    let part = |picture: &RgbImage| Part::bytes(as_png(picture.clone()));
    pictures.iter().fold(Form::new(), |form, picture| form.part("image", part(picture)))
}

fn base64(picture: &RgbImage) -> String {
    STANDARD.encode(as_png(picture.clone()))
}

/// The result of this id.
fn hit<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let results = answer["results"].as_array().expect("a list");
    results.iter().find(|hit| hit["id"] == id).unwrap_or_else(|| panic!("{id} is not in {answer}"))
}

#[tokio::test]
async fn a_result_is_told_by_the_picture_that_has_most_in_common_with_it() {
    let app = app_with_scenes().await;
    let right_half = crop_imm(&scene(2), 240, 0, 240, 360).to_image();
    let both = ok(app.post(&search()).multipart(form(&[scene(1), right_half.clone()]))).await;
    let alone = ok(app.post(&search()).multipart(form(&[right_half]))).await;
    assert_eq!(both["results"].as_array().map(Vec::len), Some(3), "{both}");
    assert_eq!(hit(&both, "s1")["match"]["query_image"], 1, "{both}");
    let (of_both, of_one) = (hit(&both, "s2"), hit(&alone, "s2"));
    assert_eq!(of_both["match"]["query_image"], 2, "{both}");
    assert_eq!(of_one["match"].get("query_image"), None, "there is but one: {alone}");
    for name in ["verified", "inliers", "confidence"] {
        assert_eq!(of_both[name], of_one[name], "{name}");
    }
    for name in ["quad_in_query", "quad_in_result"] {
        assert_eq!(of_both["match"][name], of_one["match"][name], "in the picture that matched");
    }
    assert_eq!(hit(&both, "s3")["verified"], false, "{both}");
    assert_eq!(both["compared"], 3);
}

#[tokio::test]
async fn what_the_pictures_have_in_common_is_searched_for() {
    let app = app_with_scenes().await;
    let one = ok(app.post(&search()).multipart(form(&[scene(1)]))).await;
    let two = ok(app.post(&search()).multipart(form(&[scene(1), scene(2)]))).await;
    // The mean of two unit vectors is as far from both: half of the angle between them.
    let between = hit(&one, "s2")["score"].as_f64().expect("a number");
    for id in ["s1", "s2"] {
        let score = hit(&two, id)["score"].as_f64().expect("a number");
        assert!((score - f64::midpoint(1.0, between).sqrt()).abs() < 1e-5, "{id}: {score}, and {between} between them");
    }
    for counted in ["passes", "cycles", "macs"] {
        let of = |answer: &Value| answer["cost"][counted].as_u64().expect("a number");
        assert_eq!(of(&two), 2 * of(&one), "{counted}");
    }
    assert_eq!(two["cost"]["buffer_bytes"], one["cost"]["buffer_bytes"], "one after the other");
}

#[tokio::test]
async fn several_pictures_come_as_parts_of_a_form_or_as_a_list_in_json() {
    let app = app_with_scenes().await;
    let pictures = [scene(1), scene(2)];
    let listed = json!({"image": pictures.each_ref().map(base64), "include": ["thumbnail"], "k": 2});
    let mut answers = vec![
        ok(app.post(&search()).multipart(form(&pictures).text("include", "thumbnail").text("k", "2"))).await,
        ok(app.post(&search()).json(&listed)).await,
    ];
    let batch = json!({"searches": [listed]});
    answers.push(ok(app.post(&format!("{}:batch", search())).json(&batch)).await["results"][0]["result"].clone());
    for answer in &answers {
        assert_eq!(answer["results"], answers[0]["results"]);
        assert_eq!(answer["results"].as_array().map(Vec::len), Some(2), "{answer}");
        assert_eq!(answer["query_thumbnail"], answers[0]["query_thumbnail"]);
    }
    let first = json!({"image": base64(&scene(1)), "include": ["thumbnail"]});
    let first = ok(app.post(&search()).json(&first)).await;
    assert_eq!(answers[0]["query_thumbnail"], first["query_thumbnail"], "that of the first");
    let list_of_one =
        ok(app.post(&search()).json(&json!({"image": [base64(&scene(1))], "include": ["thumbnail"]}))).await;
    assert_eq!(list_of_one["results"], first["results"], "a list of one is that one");
}

#[tokio::test]
async fn too_many_pictures_and_what_does_not_go_with_several_are_refused() {
    let app = app_with_scenes().await;
    let small = RgbImage::from_pixel(8, 8, image::Rgb([9, 9, 9]));
    let five: [RgbImage; 5] = std::array::from_fn(|_| small.clone());
    let text = base64(&small);
    let search = || app.post(&search());
    for (request, code) in [
        (search().multipart(form(&five)), "multiple_images"),
        (search().json(&json!({"image": five.each_ref().map(base64)})), "multiple_images"),
        (search().multipart(form(&five[..2]).text("region", "0,0,0.5,1")), "invalid_request"),
        (search().multipart(form(&five[..2]).text("id", "s1")), "ambiguous_query"),
        (search().json(&json!({"image": [text, 7]})), "invalid_request"),
        (search().json(&json!({"image": 7})), "invalid_request"),
        (search().json(&json!({"image": []})), "missing_query"),
        (search().json(&json!({"image": [text, "!"]})), "invalid_base64"),
        (search().json(&json!({"image": [text, ""]})), "image_empty"),
        (app.post(&images("")).json(&json!({"image": [text]})), "invalid_request"),
        (app.post(&images("")).multipart(form(&five[..2])), "multiple_images"),
    ] {
        assert_eq!(refused(request).await, (400, code.to_owned()));
    }
    let told = search().multipart(form(&five)).send().await.expect("answer");
    let told = problem(told).await;
    assert_eq!(told["detail"], "at most 4 images can be sent at once");
    let second = |bytes: &'static [u8]| {
        Form::new().part("image", Part::bytes(as_png(small.clone()))).part("image", Part::bytes(bytes))
    };
    for (form, code, detail) in [
        (second(b"text"), "not_an_image", "image 2: the data is not an image"),
        (second(b""), "image_empty", "image 2: the image is empty"),
    ] {
        let told = problem(search().multipart(form).send().await.expect("answer")).await;
        assert_eq!((&told["code"], &told["detail"]), (&json!(code), &json!(detail)));
    }
}
