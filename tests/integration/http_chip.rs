//! The chip over HTTP, and the cost of what is done over HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eyrie::domain::Profile;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::app::{TestApp, images, ok, refused, search};
use crate::support::pictures;

#[tokio::test]
async fn the_chip_the_model_and_the_cost_of_each_profile_are_told() {
    let app = TestApp::start().await;
    let report = ok(app.get("/v1/chip")).await;
    let chip = &report["chip"];
    assert_eq!((&chip["name"], &chip["engines"], &chip["largest_input"]), (&json!("default"), &json!(16), &json!(224)));
    assert_eq!(chip["energy_pj_per_mac"], json!([0.14, 0.215]));
    assert!(report["note"].as_str().expect("text").contains("estimates"));

    let model = &report["model"];
    assert_eq!(model["fingerprint"], app.service.version(Profile::Rnip).model());
    assert_eq!((&model["weights"], &model["weight_bytes"]), (&json!(14_710_464), &json!(3_702_960)));
    assert!(model["card"].is_object(), "{}", model["card"]);

    let layers = report["pass"]["layers"].as_array().expect("a list");
    assert_eq!(layers.len(), 13);
    let sum = |key: &str| layers.iter().map(|layer| layer[key].as_u64().expect("a count")).sum::<u64>();
    assert_eq!((sum("cycles"), sum("weight_bytes")), (557_056, 3_702_960));
    assert_eq!((&layers[1]["name"], &layers[1]["input_bytes"]), (&json!("conv1_2"), &json!(2_007_040)));
    assert_eq!((&report["pass"]["cycles"], &report["pass"]["chip_milliseconds"]), (&json!(557_056), &json!(6.963)));

    let plan = &report["plan"];
    assert_eq!((&plan["width"], &plan["height"], &plan["input_side"]), (&json!(640), &json!(480), &json!(224)));
    assert_eq!(plan["sub_images"][4], json!({"x": 112, "y": 112}));
    let profiles: Vec<(&str, u64)> = plan["profiles"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|cost| (cost["profile"].as_str().expect("text"), cost["passes"].as_u64().expect("a count")))
        .collect();
    assert_eq!(profiles, [("fast", 1), ("nip", 4), ("rnip", 10)]);
    assert!(report.get("what_if").is_none(), "224 is the most that the default chip holds");
}

#[tokio::test]
async fn the_plan_of_an_image_size_is_answered_and_a_size_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let at = |query: &str| app.get(&format!("/v1/chip?{query}"));
    let plan = ok(at("width=1000&height=2000")).await["plan"].clone();
    assert_eq!((&plan["canvas_width"], &plan["canvas_height"]), (&json!(336), &json!(672)));
    assert_eq!((&plan["profiles"][2]["passes"], &plan["sub_images"].as_array().map(Vec::len)), (&json!(14), &Some(10)));
    assert_eq!(ok(at("width=1&height=100000")).await["plan"]["profiles"][2]["passes"], 9);
    for (query, size) in [("width=1000", (1000, 480)), ("height=1000", (640, 1000)), ("width=96.0&height=80", (96, 80))]
    {
        let plan = ok(at(query)).await["plan"].clone();
        assert_eq!((&plan["width"], &plan["height"]), (&json!(size.0), &json!(size.1)), "{query}");
    }
    for (query, code) in [
        ("width=0&height=480", "out_of_range"),
        ("width=640&height=100001", "out_of_range"),
        ("width=-1&height=480", "out_of_range"),
        ("width=1.5&height=480", "out_of_range"),
        ("width=9999999999&height=480", "out_of_range"),
        ("width=wide&height=480", "invalid_request"),
        ("width=1&width=2&height=3", "duplicate_field"),
        ("size=640x480", "unknown_field"),
    ] {
        assert_eq!(refused(at(query)).await, (400, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn an_upload_and_a_search_cost_what_the_plan_says() {
    let app = TestApp::start().await;
    let plan = ok(app.get("/v1/chip?width=96&height=80")).await["plan"].clone();
    let upload = app.post("/v1/collections/default/images").query(&[("include", "cost")]);
    let record = ok(upload.header("content-type", "image/png").body(pictures::png(1))).await;
    assert_eq!((&record["width"], &record["height"]), (&plan["width"], &plan["height"]));
    let same = |cost: &Value, planned: &Value| {
        for key in ["passes", "cycles", "macs", "chip_milliseconds", "energy_millijoules"] {
            assert!(!cost[key].is_null(), "{key}");
            assert_eq!(cost[key], planned[key], "{key}");
        }
    };
    same(&record["cost"], &plan["profiles"][2]);
    let found = ok(app.post(&search()).header("content-type", "image/png").body(pictures::png(1))).await;
    same(&found["cost"], &plan["profiles"][0]);
}

#[tokio::test]
async fn an_upload_says_what_it_cost_where_it_is_asked_to_and_something_was_described() {
    let app = TestApp::start().await;
    let form = |image: Vec<u8>| Form::new().part("image", Part::bytes(image));
    let as_json = |n: u32| json!({"image": STANDARD.encode(pictures::png(n)), "include": ["cost"]});
    for request in [
        app.post(&images("")).multipart(form(pictures::png(1)).text("include", "cost")),
        app.post(&images("")).json(&as_json(2)),
        app.put(&images("/a")).multipart(form(pictures::png(3)).text("include", "cost")),
        app.put(&images("/a")).json(&as_json(4)),
        app.put(&images("/b")).header("if-none-match", "*").json(&as_json(5)),
    ] {
        assert_eq!(ok(request).await["cost"]["passes"], 1);
    }
    assert!(ok(app.post(&images("")).json(&as_json(1))).await.get("cost").is_none(), "it was there");
    assert!(ok(app.put(&images("/a")).json(&as_json(4))).await.get("cost").is_none(), "it was there");
    assert!(ok(app.post(&images("")).multipart(form(pictures::png(6)))).await.get("cost").is_none(), "not asked for");
    assert!(ok(app.get(&images("/a"))).await.get("cost").is_none(), "it is not stored");
    let before = app.count().await;
    let unknown = app.post(&images("")).multipart(form(pictures::png(7)).text("include", "everything"));
    assert_eq!(refused(unknown).await, (400, "invalid_request".to_owned()));
    assert_eq!(app.count().await, before);
}
