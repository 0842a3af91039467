//! `eyrie describe` and `eyrie model info`.

use crate::program::{Program, text};

#[test]
fn a_descriptor_has_unit_norm_and_comes_with_the_cost_of_the_chip() {
    let program = Program::new();
    let file = program.picture("a.png", 1);
    let run = || program.run(&["describe", text(&file), "--profile", "fast", "--json"]).expect_code(0).json();
    let described = run();
    let one = &described[0];
    let values: Vec<f64> =
        one["descriptor"].as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect();
    assert_eq!(one["dimension"], values.len());
    assert!((values.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-5);
    assert!(one["version"].as_str().expect("text").ends_with("/fast"));
    assert_eq!((&one["width"], &one["height"], &one["format"]), (&120.into(), &90.into(), &"png".into()));
    assert_eq!(one["cost"]["passes"], 1);
    assert!(one["cost"]["cycles"].as_u64().expect("a count") > 0);
    assert_eq!(run()[0]["descriptor"], one["descriptor"]);
    assert!(!program.path("data").exists(), "no database is opened");
}

#[test]
fn people_get_the_same_facts_as_text() {
    let program = Program::new();
    let file = program.picture("a.png", 1);
    let ended = program.run(&["describe", text(&file), "--profile", "fast"]).expect_code(0);
    for part in ["120x90 png", "1 pass,", "cycles", "mJ", "/fast"] {
        assert!(ended.stdout().contains(part), "{part:?} is missing in {}", ended.stdout());
    }
}

#[test]
fn a_file_that_is_no_image_fails_alone_and_is_named() {
    let program = Program::new();
    let good = program.picture("good.png", 1);
    std::fs::write(program.path("bad.png"), "no image").expect("file");
    let ended =
        program.run(&["describe", "bad.png", "missing.png", text(&good), "--profile", "fast", "--json"]).expect_code(1);
    assert_eq!(ended.json().as_array().expect("a list").len(), 1);
    assert!(ended.stderr().contains("bad.png: the data is not an image"), "{}", ended.stderr());
    assert!(ended.stderr().contains("missing.png: cannot be read"), "{}", ended.stderr());
}

#[test]
fn an_unknown_instruction_set_is_a_wrong_configuration() {
    let program = Program::new();
    let file = program.picture("a.png", 1);
    let ended = program.run(&["describe", text(&file), "--isa", "mmx"]).expect_code(2);
    assert!(ended.stderr().contains("extractor.isa is \"mmx\" (flag --isa)"), "{}", ended.stderr());
}

#[test]
fn the_model_that_is_built_in_names_itself() {
    let program = Program::new();
    let model = program.run(&["model", "info", "--json"]).expect_code(0).json();
    assert_eq!(model["layers"].as_array().expect("a list").len(), 13);
    assert_eq!(model["weights"], 14_710_464);
    let file = program.picture("a.png", 1);
    let described = program.run(&["describe", text(&file), "--profile", "fast", "--json"]).json();
    let fingerprint = model["fingerprint"].as_str().expect("text");
    assert_eq!(described[0]["version"], format!("{fingerprint}/fast"));
    let shown = program.run(&["model", "info"]).expect_code(0);
    assert!(shown.stdout().contains(fingerprint) && shown.stdout().contains("conv5_3"), "{}", shown.stdout());
}

#[test]
fn a_file_that_is_no_model_is_refused_with_a_reason() {
    let program = Program::new();
    std::fs::write(program.path("bad.eyrie"), "no model").expect("file");
    let info = program.run(&["model", "info", "bad.eyrie"]).expect_code(1);
    assert!(info.stderr().contains("bad.eyrie: not a usable model file"), "{}", info.stderr());
    let file = program.picture("a.png", 1);
    let mut command = program.command(&["describe", text(&file)]);
    let ended = crate::program::Ended(command.env("EYRIE_EXTRACTOR__MODEL", "bad.eyrie").output().expect("runs"));
    let ended = ended.expect_code(3);
    assert!(ended.stderr().contains("cannot use the model bad.eyrie"), "{}", ended.stderr());
    assert!(ended.stderr().contains("hint: "), "{}", ended.stderr());
}
