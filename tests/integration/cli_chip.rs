//! `eyrie chip`, and the chip of the configuration.

use crate::program::{Program, text};

#[test]
fn people_get_the_layers_the_plan_and_the_word_estimate() {
    let ended = Program::new().run(&["chip"]).expect_code(0);
    for part in [
        "chip           default: 16 engines of 14x14 pixels, 28,224 multiply-accumulates a cycle, 80 MHz",
        "largest input  224x224 pixels in 4,014,080 bytes of image buffer",
        "14,710,464 weights of 2 bits, 3,702,960 of 4,194,304 bytes of weight memory",
        "conv5_3",
        "557,056",
        "97.6 %",
        "An image of 640x480, as Eyrie describes it",
        "rnip: four turns of the whole image and 6 sub-images of 224x224, cut from the image at 448x336 at x 0, 112, 224 and \
         y 0, 112",
        "energies are estimates",
    ] {
        assert!(ended.stdout().contains(part), "{part:?} is missing in {}", ended.stdout());
    }
    assert!(!ended.stdout().contains("WHAT IF"), "{}", ended.stdout());
    assert_eq!(ended.stderr(), "");
}

#[test]
fn a_plan_costs_what_describing_such_an_image_costs() {
    let program = Program::new();
    let file = program.picture("a.png", 1);
    let described = program.run(&["describe", text(&file), "--json"]).expect_code(0).json();
    let chip = program.run(&["chip", "--image", "120x90", "--profile", "rnip", "--json"]).expect_code(0).json();
    let planned = &chip["plan"]["profiles"];
    assert_eq!(planned.as_array().expect("a list").len(), 1);
    for key in ["passes", "cycles", "macs"] {
        assert_eq!(planned[0][key], described[0]["cost"][key], "{key}");
    }
    let fingerprint = chip["model"]["fingerprint"].as_str().expect("text");
    assert_eq!(described[0]["version"], format!("{fingerprint}/rnip"));
}

#[test]
fn a_larger_and_a_smaller_chip_say_what_if() {
    let program = Program::new();
    let large = program.run(&["chip", "--chip", "large"]).expect_code(0);
    assert!(
        large.stdout().contains("WHAT IF the same image were described by passes of 448x448"),
        "{}",
        large.stdout()
    );
    assert!(large.stdout().contains("An image of 640x480, as Eyrie describes it"), "{}", large.stdout());
    let small = program.run(&["chip", "--chip", "small"]).expect_code(0);
    assert!(small.stdout().contains("cannot give Eyrie's descriptors"), "{}", small.stdout());
    assert!(small.stdout().contains("passes of 112x112") && !small.stdout().contains("as Eyrie describes it"));
}

#[test]
fn a_drawing_is_written_where_it_is_asked_for() {
    let program = Program::new();
    let ended = program.run(&["chip", "--svg", "cost.svg"]).expect_code(0);
    assert!(ended.stderr().contains("drawing written to cost.svg"), "{}", ended.stderr());
    let drawing = std::fs::read_to_string(program.path("cost.svg")).expect("written");
    assert!(drawing.starts_with("<svg ") && drawing.contains("estimate"), "{drawing}");
    let nowhere = program.run(&["chip", "--svg", "no/such/folder/cost.svg"]).expect_code(1);
    assert!(nowhere.stderr().starts_with("error: cannot write no/such/folder/cost.svg: "), "{}", nowhere.stderr());
}

#[test]
fn a_chip_that_is_none_or_holds_too_little_is_refused_with_what_would_do() {
    let program = Program::new();
    let file = program.picture("a.png", 1);
    let refused = |arguments: &[&str], expected: &str| {
        let ended = program.run(arguments).expect_code(3);
        assert!(ended.stderr().contains(expected), "{expected:?} is missing in {}", ended.stderr());
        assert!(ended.stderr().contains("hint: "), "{}", ended.stderr());
        assert_eq!(ended.stdout(), "");
    };
    refused(&["chip", "--chip", "tiny"], "error: there is no chip \"tiny\"; built in are default, small, large");
    refused(&["chip", "--chip", "./tiny"], "error: cannot read the chip file ./tiny: ");
    let default = include_str!("../../config/chips/default.toml");
    let spoil =
        |from: &str, to: &str| std::fs::write(program.path("mine.toml"), default.replace(from, to)).expect("file");
    spoil("tile = 14", "tiles = 14");
    refused(&["chip", "--chip", "mine.toml"], "tiles");
    spoil("weight_memory_bytes = 4194304", "weight_memory_bytes = 1000000");
    refused(&["chip", "--chip", "mine.toml"], "weight_memory_bytes = 3702960 would do");
    spoil("image_buffer_bytes = 4014080", "image_buffer_bytes = 50000");
    refused(&["chip", "--chip", "mine.toml"], "32x32 pixels, needs 81920");

    let mut describe = program.command(&["describe", text(&file)]);
    let ended = crate::program::Ended(describe.env("EYRIE_EXTRACTOR__CHIP", "small").output().expect("runs"));
    let ended = ended.expect_code(3);
    assert!(ended.stderr().contains("which need 4014080 bytes of image buffer"), "{}", ended.stderr());
}

#[test]
fn an_image_size_that_is_none_is_wrong_usage() {
    let ended = Program::new().run(&["chip", "--image", "640"]).expect_code(2);
    assert!(ended.stderr().contains("for example 640x480"), "{}", ended.stderr());
}
