//! `eyrie export`, `eyrie import --records`, `eyrie duplicates` and `eyrie jobs`.

use image::imageops::crop_imm;
use serde_json::{Value, json};

use crate::program::{Ended, Program};
use crate::support::pictures::scene;

/// A collection of the cheapest profile with a picture, a part of it and another one.
fn filled() -> Program {
    let program = Program::new();
    std::fs::create_dir(program.path("pictures")).expect("folder");
    for (name, picture) in
        [("part", crop_imm(&scene(1), 120, 60, 300, 240).to_image()), ("whole", scene(1)), ("other", scene(2))]
    {
        picture.save(program.path(&format!("pictures/{name}.png"))).expect("picture");
    }
    let arguments = ["import", "pictures", "--collection", "c", "--profile", "fast", "--id-from", "stem"];
    program.run(&arguments).expect_code(0);
    program
}

#[test]
fn what_is_exported_is_found_after_its_import_in_another_database() {
    let program = filled();
    let exported = program.run(&["export", "--collection", "c", "--output", "c.ndjson"]).expect_code(0);
    assert!(exported.stderr().contains("3 images of the collection c are exported"), "{}", exported.stderr());
    assert!(!program.path("c.ndjson.partial").exists());
    let text = std::fs::read_to_string(program.path("c.ndjson")).expect("there");
    assert_eq!(program.run(&["export", "--collection", "c"]).expect_code(0).stdout(), text);

    let import = ["import", "--records", "c.ndjson", "--data-dir", "other", "--json"];
    let first = program.run(&import).expect_code(0);
    assert!(first.stderr().contains("created the collection c (profile fast)"), "{}", first.stderr());
    let first = first.json();
    assert_eq!((&first["collection"], &first["stored"], &first["complete"]), (&json!("c"), &json!(3), &json!(true)));
    let again = program.run(&import).expect_code(0).json();
    assert_eq!((&again["stored"], &again["unchanged"]), (&json!(0), &json!(3)));
    let search = |data: &str| {
        let found = program.run(&["search", "pictures/part.png", "--collection", "c", "--json", "--data-dir", data]);
        found.expect_code(0).json()["results"].to_string()
    };
    assert_eq!(search("data"), search("other"));

    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(program.path("cut.ndjson"), lines[..2].join("\n")).expect("written");
    let cut = program.run(&["import", "--records", "cut.ndjson", "--collection", "d"]).expect_code(1);
    assert!(cut.stderr().contains("1 stored") && cut.stderr().contains("is missing"), "{}", cut.stderr());
    let broken = [lines[0], "{", lines[2], lines[4]].join("\n").replace("\"images\":3}", "\"images\":2}");
    std::fs::write(program.path("broken.ndjson"), broken).expect("written");
    let broken = program.run(&["import", "--records", "broken.ndjson", "--collection", "d"]).expect_code(1);
    assert!(broken.stderr().contains("1 failed\n  line 2: "), "{}", broken.stderr());
    let none = program.run(&["import", "--records", "pictures/part.png"]).expect_code(1);
    assert!(none.stderr().contains("is not the header of an export"), "{}", none.stderr());
    program.run(&["import", "--records", "c.ndjson", "pictures"]).expect_code(2);
    program.run(&["import"]).expect_code(2);
}

#[test]
fn duplicates_are_shown_and_all_but_the_best_deleted() {
    let program = filled();
    let table = program.run(&["duplicates", "--collection", "c"]).expect_code(0);
    let rows: Vec<&str> = table.stdout().lines().collect();
    assert_eq!(rows.len(), 3, "{}", table.stdout());
    assert!(rows[1].contains("(2 images)") && rows[1].contains("whole (best)"), "{}", table.stdout());
    assert!(rows[2].contains("part") && rows[2].contains("near duplicate"), "{}", table.stdout());
    assert!(
        table.stderr().contains("groups: 1, with images: 2, of them surplus: 1; images looked at: 3"),
        "{}",
        table.stderr()
    );

    let found = program.run(&["duplicates", "--collection", "c", "--json"]).expect_code(0).json();
    assert_eq!((&found["job"]["state"], &found["job"]["result"]["looked_up"]), (&json!("done"), &json!(0)), "{found}");
    let ids = |group: &Value| group["images"].as_array().expect("a list").iter().map(|i| i["id"].clone()).collect();
    let ids: Vec<Value> = ids(&found["groups"][0]);
    assert_eq!(ids, [json!("whole"), json!("part")]);

    let delete = |more: &[&str]| {
        let mut command = program.command(&["duplicates", "--collection", "c", "--delete-all-but-best", "--json"]);
        crate::program::Ended(command.args(more).output().expect("runs"))
    };
    let refused = delete(&[]).expect_code(2);
    assert!(refused.stderr().contains("needs --yes, or --dry-run"), "{}", refused.stderr());
    let count = || program.run(&["export", "--collection", "c"]).expect_code(0).stdout().lines().count() - 2;
    let dry = delete(&["--dry-run"]).expect_code(0).json();
    assert_eq!((&dry["deleted"], &dry["dry_run"], count()), (&json!(["part"]), &json!(true), 3));
    let done = delete(&["--yes"]).expect_code(0).json();
    assert_eq!((&done["deleted"], &done["dry_run"], count()), (&json!(["part"]), &json!(false), 2));
    assert_eq!(delete(&["--yes"]).expect_code(0).json()["deleted"], json!([]));
    program.run(&["duplicates", "--verdict", "different"]).expect_code(2);
    program.run(&["duplicates", "--candidates", "0"]).expect_code(2);
    program.run(&["duplicates", "--collection", "none"]).expect_code(1);

    let jobs = program.run(&["jobs", "--json"]).expect_code(0).json();
    let jobs = jobs.as_array().expect("a list");
    assert_eq!(jobs.len(), 5, "{jobs:?}");
    assert!(jobs.iter().all(|job| job["state"] == "done" && job["kind"] == "duplicates"), "{jobs:?}");
    let id = jobs[0]["id"].as_str().expect("an id");
    let table = program.run(&["jobs"]).expect_code(0);
    assert!(table.stdout().lines().nth(1).is_some_and(|row| row.contains(id)), "{}", table.stdout());
    let cancelled = program.run(&["jobs", "--cancel", id, "--json"]).expect_code(0).json();
    assert_eq!(cancelled[0]["state"], "done", "it had ended");
    program.run(&["jobs", "--delete", id]).expect_code(0);
    program.run(&["jobs", "--delete", id]).expect_code(1);
    assert_eq!(program.run(&["jobs", "--json"]).expect_code(0).json().as_array().map(Vec::len), Some(4));
}

#[test]
fn an_export_that_was_cut_is_resumed_to_the_same_bytes() {
    let program = filled();
    let export = |more: &[&str]| {
        let mut command = program.command(&["export", "--collection", "c", "--output", "c.ndjson"]);
        Ended(command.args(more).output().expect("the program runs"))
    };
    export(&["--resume"]).expect_code(0);
    let whole = std::fs::read(program.path("c.ndjson")).expect("there");
    let lines: Vec<usize> =
        whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    // In the header, behind it, in the first image, behind it, in the last one, behind it, in the end.
    let cuts = [10, lines[0], lines[0] + 50, lines[1], lines[3] - 1, lines[3], lines[3] + 5];
    for (cut, there) in cuts.into_iter().zip([0, 0, 0, 1, 2, 3, 3]) {
        std::fs::write(program.path("c.ndjson.partial"), &whole[..cut]).expect("written");
        std::fs::remove_file(program.path("c.ndjson")).expect("there");
        let ended = export(&["--resume"]).expect_code(0);
        assert!(std::fs::read(program.path("c.ndjson")).expect("there") == whole, "{cut}");
        assert!(!program.path("c.ndjson.partial").exists());
        let told = ended.stderr().contains(&format!("{there} images are in c.ndjson.partial already"));
        assert_eq!(told, there > 0, "{}", ended.stderr());
    }
    // Of another collection.
    let other = String::from_utf8_lossy(&whole).replace("\"collection\":\"c\"", "\"collection\":\"d\"");
    std::fs::write(program.path("c.ndjson.partial"), other).expect("written");
    let refused = export(&["--resume"]).expect_code(2);
    assert!(refused.stderr().contains("has an export of the collection d"), "{}", refused.stderr());
    program.run(&["export", "--resume"]).expect_code(2);
    program.run(&["export", "--resume", "--after", "part", "--output", "x"]).expect_code(2);

    program.run(&["export", "--collection", "c", "--format", "tar", "--output", "c.tar"]).expect_code(0);
    let import = program.run(&["import", "--records", "c.tar", "--data-dir", "other", "--json"]).expect_code(0).json();
    assert_eq!((&import["stored"], &import["complete"]), (&json!(3), &json!(true)), "{import}");
    let other = program.run(&["export", "--collection", "c", "--data-dir", "other"]).expect_code(0);
    assert_eq!(other.stdout().as_bytes(), whole);
    let pictures = program.run(&["import", "c.tar"]).expect_code(1);
    assert!(pictures.stderr().contains("eyrie import --records takes it"), "{}", pictures.stderr());
}
