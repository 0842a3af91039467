//! `eyrie compare`.

use image::imageops::crop_imm;

use crate::program::{Program, text};
use crate::support::pictures::scene;

#[test]
fn a_picture_and_its_crop_are_near_duplicates_and_the_overlay_shows_both() {
    let program = Program::new();
    let (whole, crop) = (program.path("whole.png"), program.path("crop.png"));
    scene(1).save(&whole).expect("picture");
    crop_imm(&scene(1), 120, 60, 300, 240).to_image().save(&crop).expect("picture");
    let files = [text(&whole), text(&crop), "--profile", "fast"];
    let arguments = [&["compare"], &files[..], &["--overlay", "both.png", "--json"]].concat();
    let found = program.run(&arguments).expect_code(0).json();
    assert_eq!((&found["verdict"], &found["verified"]), (&"near_duplicate".into(), &true.into()), "{found}");
    let corner = found["b"]["outline_in_other"][0].as_array().expect("a corner");
    let [x, y] = [0, 1].map(|i| corner[i].as_f64().expect("a number"));
    assert!((x - 120.0).abs() < 8.0 && (y - 60.0).abs() < 8.0, "{found}");
    let drawn = image::open(program.path("both.png")).expect("a picture");
    assert!(drawn.width() > 480 + 300 && drawn.height() == 360, "{}x{}", drawn.width(), drawn.height());
    let shown = program.run(&[&["compare"], &files[..]].concat()).expect_code(0);
    for part in ["verdict   near duplicate", "480x360 png", "300x240 png", "they show the same thing", "b in a    1"] {
        assert!(shown.stdout().contains(part), "{part:?} is missing in {}", shown.stdout());
    }
    assert!(!program.path("data").exists(), "no database is opened");
}

#[test]
fn different_pictures_are_no_failure_and_files_that_are_none_are() {
    let program = Program::new();
    let good = program.picture("good.png", 1);
    std::fs::write(program.path("bad.png"), "no image").expect("file");
    let ended = program.run(&["compare", text(&good), "bad.png", "--profile", "fast"]).expect_code(1);
    assert!(ended.stderr().contains("bad.png: the data is not an image"), "{}", ended.stderr());
    let ended = program.run(&["compare", "missing.png", text(&good), "--profile", "fast"]).expect_code(1);
    assert!(ended.stderr().contains("missing.png: cannot be read"), "{}", ended.stderr());
    program.run(&["compare", text(&good)]).expect_code(2);
    scene(5).save(program.path("other.png")).expect("picture");
    scene(6).save(program.path("another.png")).expect("picture");
    let found = program.run(&["compare", "other.png", "another.png", "--profile", "fast", "--json"]).expect_code(0);
    let found = found.json();
    assert_eq!((&found["verified"], found["a"].get("outline_in_other")), (&false.into(), None), "{found}");
}
