//! `eyrie whiten`: a model whose descriptors are learned anew.

use serde_json::Value;

use crate::program::Program;

#[test]
fn a_model_is_whitened_anew_and_its_descriptors_carry_another_version() {
    let program = Program::new();
    for seed in 0..3 {
        program.picture(&format!("calibration/{seed}.png"), seed);
    }
    let sizes = ["--middle-dimensions", "8", "--last-dimensions", "4"];
    let arguments = [&["whiten", "--images", "calibration", "--vectors", "kept"][..], &sizes].concat();
    let whiten = |out: &str| program.run(&[&arguments[..], &["--out", out]].concat()).expect_code(0);
    let told = whiten("first.eyrie");
    assert!(told.stdout().starts_with("first.eyrie: 3,7"), "{}", told.stdout());
    // The second run takes the vectors that the first one kept.
    assert!(std::fs::metadata(program.path("kept")).expect("kept").len() > 3 * 2 * 10 * 1024 * 4);
    whiten("again.eyrie");
    let read = |name: &str| std::fs::read(program.path(name)).expect("a model");
    assert!(read("first.eyrie") == read("again.eyrie"), "the same images give the same model");

    let info = program.run(&["model", "info", "first.eyrie", "--json"]).expect_code(0).json();
    let card = &info["card"];
    assert_eq!((&card["whitening_images"], &card["whitening_views"]), (&Value::from(3), &Value::from(1)), "{info}");
    for profile in ["fast", "nip", "rnip"] {
        let level = |name: &str| card["levels"][profile][name].as_f64().expect("a level");
        assert!(-1.0 < level("similar") && level("similar") <= level("near_duplicate"), "{card}");
        assert!(level("near_duplicate") <= 1.0, "{card}");
    }
    let describe = |model: &str| {
        let mut command = program.command(&["describe", "calibration/2.png", "--profile", "fast", "--json"]);
        let output = command.env("EYRIE_EXTRACTOR__MODEL", model).output().expect("runs");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (answer[0]["version"].clone(), answer[0]["descriptor"].as_array().expect("values").len())
    };
    let (whitened, built_in) = (describe("first.eyrie"), describe(""));
    assert_eq!((whitened.1, built_in.1), (12, 768));
    assert_ne!(whitened.0, built_in.0);
}

#[test]
fn what_cannot_be_learned_is_refused_and_leaves_no_file() {
    let program = Program::new();
    program.picture("one/0.png", 0);
    for (arguments, reason) in [
        (&["--images", "one"][..], "1 image is too few, 3 are the least"),
        (&["--images", "one", "--shrinkage", "0"], "a shrinkage of 0 is not above 0"),
        (&["--images", "one", "--last-dimensions", "513"], "513 dimensions of 512"),
        (&["--images", "one", "--discriminant-shrinkage", "1.5"], "a discriminant shrinkage of 1.5 is not above 0"),
        (&["--images", "one", "--views", "0"], "without a view of each image there is nothing to tell it by"),
        (&["--images", "nowhere"], "cannot read nowhere"),
    ] {
        let ended = program.run(&[&["whiten", "--out", "out.eyrie"], arguments].concat());
        assert!(ended.code() != 0 && ended.stderr().contains(reason), "{arguments:?}: {}", ended.stderr());
        assert!(!program.path("out.eyrie").exists());
    }
}
