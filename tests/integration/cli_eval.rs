//! `eyrie eval` on small pictures.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Ended, Program, text};

/// Folders of references, queries (the same pictures, scaled) and distractors.
fn folders(program: &Program) {
    for seed in 1..=4_u32 {
        let reference = program.picture(&format!("ref/{seed}.png"), seed);
        let picture = image::open(reference).expect("picture");
        std::fs::create_dir_all(program.path("near")).expect("folder");
        picture.thumbnail(100, 75).save(program.path(&format!("near/{seed}.png"))).expect("picture");
    }
    (10..16).for_each(|seed| drop(program.picture(&format!("other/{seed}.png"), seed)));
    std::fs::write(program.path("other/README.txt"), "not a picture").expect("file");
}

fn instance(program: &Program, more: &[&str]) -> Ended {
    let usual = ["eval", "instance", "--references", "ref", "--queries", "near", "--distractors", "other"];
    program.run(&[&usual[..], &["--cache", "cache", "--threads", "1"], more].concat())
}

fn figure(report: &Value, system: usize, name: &str) -> f64 {
    report["systems"][system]["all"][name].as_f64().expect("a number")
}

#[test]
fn scaled_pictures_are_found_among_distractors_and_a_second_run_needs_no_pass() {
    let program = Program::new();
    folders(&program);
    let fast = ["--profile", "fast", "--json", "-"];
    let first = instance(&program, &fast).expect_code(0);
    let report = first.json();
    assert_eq!((&report["protocol"], &report["references"]), (&json!("instance"), &json!(4)));
    assert_eq!(report["systems"][0]["all"]["queries"], 4);
    assert!(figure(&report, 0, "mAP") > 0.8, "{report}");
    assert!(
        first.stderr().contains("files that are no images: 0 references, 0 queries, 1 distractors"),
        "{}",
        first.stderr()
    );

    let vectors = cached(&program);
    let size = std::fs::metadata(&vectors).expect("the cache").len();
    // 14 pictures of one pass each, 1,024 values.
    assert_eq!(size, 12 + 14 * (32 + 4 + 4 * 1024 + 4));
    assert_eq!(instance(&program, &fast).expect_code(0).json(), report);
    // Another whitening of the same vectors.
    let unwhitened = instance(&program, &["--profile", "fast", "--whitening", "model", "none", "--json", "-"]).json();
    assert_eq!(unwhitened["systems"][0], report["systems"][0]);
    assert_eq!(unwhitened["systems"][1]["dimension"], 1024);
    assert_eq!(unwhitened["comparisons"].as_array().expect("a list").len(), 1);
    assert_eq!(std::fs::metadata(&vectors).expect("the cache").len(), size);
}

#[test]
fn verified_results_come_first_and_their_verdicts_are_counted() {
    let program = Program::new();
    folders(&program);
    let ended = instance(&program, &["--profile", "fast", "--verify", "0", "5", "--json", "r.json"]).expect_code(0);
    let report: Value = serde_json::from_slice(&std::fs::read(program.path("r.json")).expect("file")).expect("JSON");
    let [plain, verified] = [0, 1].map(|system| &report["systems"][system]);
    assert_eq!((&plain["name"], &verified["name"]), (&json!("fast"), &json!("fast, first 5 verified, expanded")));
    assert!(plain.get("verdicts").is_none(), "{plain}");
    let verdicts = verified["verdicts"].as_array().expect("a list");
    let names: Vec<&str> = verdicts.iter().map(|v| v["verdict"].as_str().expect("text")).collect();
    assert_eq!(names, ["same", "near_duplicate", "similar", "different"]);
    let pairs = verdicts.iter().flat_map(|v| [&v["right"], &v["wrong"]]).filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(pairs, 4 * 5);
    assert!(figure(&report, 1, "mAP") >= figure(&report, 0, "mAP"), "{report}");
    assert!(ended.stdout().contains("| fast, first 5 verified, expanded | near_duplicate | "), "{}", ended.stdout());
}

fn cached(program: &Program) -> PathBuf {
    let mut files = std::fs::read_dir(program.path("cache")).expect("the cache");
    files.next().expect("a file").expect("readable").path()
}

#[test]
fn the_version_is_that_of_the_service_and_earlier_runs_are_compared() {
    let program = Program::new();
    folders(&program);
    let run = ["--profile", "fast", "--json", "first.json", "--subset", "odd"];
    let table = instance(&program, &run).expect_code(0);
    assert!(
        table.stdout().starts_with("Instance retrieval: 2 queries, 4 references, 6 distractors\n"),
        "{}",
        table.stdout()
    );
    assert!(table.stdout().contains("| fast | all | 2 | "), "{}", table.stdout());
    let first: Value = serde_json::from_slice(&std::fs::read(program.path("first.json")).expect("file")).expect("JSON");
    let described = program.run(&["describe", "ref/1.png", "--profile", "fast", "--json"]).json();
    assert_eq!(first["systems"][0]["version"], described[0]["version"]);

    let page = program.path("page.html");
    let again = ["--profile", "fast", "--compare", "first.json", "--json", "-", "--html", text(&page)];
    let report = instance(&program, &again).expect_code(0).json();
    let comparison = &report["comparisons"][0];
    assert_eq!((&comparison["second"], &comparison["queries"]), (&json!("fast of first.json"), &json!(2)));
    assert_eq!((&comparison["difference"], &comparison["p_value"]), (&json!(0.0), &json!(1.0)));
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("<polyline") && page.ends_with("</html>\n"));
}

#[test]
fn several_right_answers_are_read_from_a_file() {
    let program = Program::new();
    folders(&program);
    let truth = json!({"1.png": ["1.png", "2"], "3.png": ["3.png"]});
    std::fs::write(program.path("truth.json"), truth.to_string()).expect("file");
    let ended =
        instance(&program, &["--profile", "fast", "--ground-truth", "truth.json", "--json", "-"]).expect_code(0);
    let queries = ended.json()["systems"][0]["queries"].clone();
    let ranks: Vec<usize> = (0..2).map(|q| queries[q]["ranks"].as_array().expect("ranks").len()).collect();
    assert_eq!((queries.as_array().expect("a list").len(), ranks), (2, vec![2, 1]));
    assert!(ended.stderr().contains("2 files among the queries have no right answer"), "{}", ended.stderr());

    std::fs::write(program.path("truth.json"), r#"{"1.png": ["9.png"]}"#).expect("file");
    let refused = instance(&program, &["--ground-truth", "truth.json"]).expect_code(2);
    assert!(refused.stderr().contains("there is no reference \"9.png\""), "{}", refused.stderr());
}

#[test]
fn copies_have_a_row_for_each_transform_and_a_failure_its_pictures() {
    let program = Program::new();
    folders(&program);
    let copy =
        ["eval", "copy", "--originals", "ref", "--distractors", "other", "--distractor-count", "6", "--every", "2"];
    let chosen = ["--transforms", "mirror,jpeg-10,crop-30", "--profile", "fast", "--cache", "none", "--threads", "1"];
    let written = ["--write-copies", "copies"];
    let outputs = ["--html", "page.html", "--json", "-"];
    let ended = program.run(&[&copy[..], &chosen, &written, &outputs].concat()).expect_code(0);
    let report = ended.json();
    let size = |path: &str| image::image_dimensions(program.path(path)).expect("a picture");
    let (original, mirrored, cropped) = (size("ref/1.png"), size("copies/mirror/1.png"), size("copies/crop-30/1.png"));
    assert_eq!(mirrored, original);
    assert!(cropped.0 < original.0 && cropped.1 < original.1, "{cropped:?}");
    let groups = report["systems"][0]["groups"].as_array().expect("a list").clone();
    let names: Vec<&str> = groups.iter().map(|g| g["name"].as_str().expect("text")).collect();
    assert_eq!(names, ["jpeg-10", "crop-30", "mirror"]);
    assert!(groups.iter().all(|group| group["queries"] == 2), "{groups:?}");
    assert_eq!(report["systems"][0]["queries"][0]["name"], "1.png jpeg-10");
    assert!(!program.path("cache").exists());
    let page = std::fs::read_to_string(program.path("page.html")).expect("a page");
    let failed = groups.iter().any(|group| group["R@1"] != 1.0);
    assert_eq!(page.contains("src=\"data:image/jpeg;base64,"), failed);

    let refused = program.run(&[&copy[..], &["--transforms", "sepia"]].concat()).expect_code(2);
    assert!(refused.stderr().contains("unknown transform \"sepia\""), "{}", refused.stderr());
}

#[test]
fn a_damaged_picture_or_a_missing_folder_fails_with_its_name() {
    let program = Program::new();
    folders(&program);
    let whole = std::fs::read(program.path("ref/1.png")).expect("file");
    std::fs::write(program.path("ref/1.png"), &whole[..whole.len() / 2]).expect("file");
    let ended = instance(&program, &["--profile", "fast"]).expect_code(1);
    assert!(ended.stderr().contains("1.png: the image is truncated"), "{}", ended.stderr());
    let missing = program.run(&["eval", "copy", "--originals", "nowhere"]).expect_code(2);
    assert!(missing.stderr().contains("cannot read nowhere"), "{}", missing.stderr());
    let network = program.run(&["eval", "copy", "--originals", "ref", "--network", "double"]).expect_code(2);
    assert!(network.stderr().contains("--network is chip or float:FILE"), "{}", network.stderr());
}
