//! `eyrie import` and `eyrie search`.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Ended, Program};
use crate::support::pictures::{scene, side_by_side};

/// Imports the folder `pictures` into a collection of the cheapest profile.
fn import(program: &Program, more: &[&str]) -> Ended {
    let mut command = program.command(&["import", "pictures", "--collection", "fast", "--profile", "fast"]);
    Ended(command.args(more).output().expect("the program runs"))
}

fn search(program: &Program, file: &str, more: &[&str]) -> Value {
    let mut command = program.command(&["search", file, "--collection", "fast", "--json"]);
    Ended(command.args(more).output().expect("the program runs")).expect_code(0).json()
}

fn with_pictures(count: u32) -> Program {
    let program = Program::new();
    for seed in 0..count {
        program.picture(&format!("pictures/{}/{seed:02}.png", seed % 3), seed);
    }
    program
}

#[test]
fn a_second_import_skips_everything() {
    let program = with_pictures(5);
    let first = import(&program, &["--json"]).expect_code(0).json();
    assert_eq!((&first["stored"], &first["already_there"], &first["files"]), (&5.into(), &0.into(), &5.into()));
    let second = import(&program, &["--json"]).expect_code(0).json();
    assert_eq!((&second["stored"], &second["already_there"]), (&0.into(), &5.into()));
    assert_eq!(second["failed"], Value::Array(Vec::new()));
}

#[test]
fn an_imported_picture_is_found_again_with_its_path() {
    let program = with_pictures(5);
    import(&program, &[]).expect_code(0);
    let found = search(&program, "pictures/1/04.png", &[]);
    let results = found["results"].as_array().expect("a list");
    assert_eq!(results.len(), 5);
    assert_eq!(results[0]["metadata"], serde_json::json!({"filename": "04.png", "path": "1/04.png"}));
    assert!(results[0]["score"].as_f64().expect("a score") > 0.999, "{found}");
    assert!(results[1]["score"].as_f64().expect("a score") < 0.999, "{found}");

    assert!(results.iter().all(|r| r["verified"].is_boolean() && r["inliers"].is_u64()), "{found}");
    let unverified = search(&program, "pictures/1/04.png", &["--verify", "never"]);
    let unverified = unverified["results"].as_array().expect("a list");
    assert!(unverified.iter().all(|r| r.get("verified").is_none() && r.get("inliers").is_none()), "{unverified:?}");

    let few = search(&program, "pictures/1/04.png", &["-k", "2"]);
    assert_eq!(few["results"].as_array().expect("a list").len(), 2);
    let same = search(&program, "pictures/1/04.png", &["--min-score", "0.999"]);
    assert_eq!(same["results"].as_array().expect("a list").len(), 1);
    let filter = r#"{"field": "path", "prefix": "0/"}"#;
    let filtered = search(&program, "pictures/1/04.png", &["--filter", filter]);
    let paths: BTreeSet<_> =
        filtered["results"].as_array().expect("a list").iter().map(|r| r["metadata"]["path"].to_string()).collect();
    assert_eq!(paths, BTreeSet::from(["\"0/00.png\"".to_owned(), "\"0/03.png\"".to_owned()]));

    let table = program.run(&["search", "pictures/1/04.png", "--collection", "fast", "-k", "1"]).expect_code(0);
    let lines: Vec<&str> = table.stdout().lines().collect();
    assert_eq!(lines.len(), 2, "{}", table.stdout());
    assert!(lines[0].contains("VERIFIED") && lines[0].contains("INLIERS"), "{}", table.stdout());
    assert!(lines[1].contains("1.0000") && lines[1].contains("1/04.png"), "{}", table.stdout());
}

#[test]
fn a_broken_image_is_exit_code_1_and_named_and_the_others_are_stored() {
    let program = with_pictures(2);
    let whole = std::fs::read(program.path("pictures/0/00.png")).expect("picture");
    std::fs::write(program.path("pictures/broken.png"), &whole[..whole.len() / 2]).expect("file");
    std::fs::write(program.path("pictures/notes.png"), "a text with the name of a picture").expect("file");
    std::fs::copy(program.path("pictures/1/01.png"), program.path("pictures/copy-without-extension")).expect("copy");
    let ended = import(&program, &["--json"]).expect_code(1);
    let report = ended.json();
    assert_eq!(report["stored"], 2, "{report}");
    assert_eq!(report["already_there"], 1, "the copy: {report}");
    assert_eq!(report["not_images"], 1, "{report}");
    assert_eq!(report["failed"][0]["path"], "pictures/broken.png", "{report}");
    assert_eq!(report["failed"][0]["reason"], "the image is truncated", "{report}");
    assert!(ended.stderr().contains("1 failed: the image is truncated\n  pictures/broken.png"), "{}", ended.stderr());
}

#[test]
fn a_file_above_the_upload_limit_fails_with_the_limit() {
    let program = with_pictures(1);
    let mut large = std::fs::read(program.path("pictures/0/00.png")).expect("picture");
    large.resize(200_000, 0);
    std::fs::write(program.path("pictures/large.png"), large).expect("file");
    let mut command = program.command(&["import", "pictures", "--collection", "fast", "--profile", "fast"]);
    let ended = Ended(command.env("EYRIE_SERVER__MAX_UPLOAD_BYTES", "100000").output().expect("runs")).expect_code(1);
    assert!(ended.stderr().contains("larger than server.max_upload_bytes (100000 bytes)"), "{}", ended.stderr());
}

#[test]
fn files_that_show_what_is_there_are_named_or_left_out() {
    let program = Program::new();
    std::fs::create_dir_all(program.path("pictures")).expect("folder");
    scene(1).save(program.path("pictures/a.png")).expect("picture");
    import(&program, &[]).expect_code(0);
    let cut = image::imageops::crop_imm(&scene(1), 100, 60, 300, 240).to_image();
    cut.save(program.path("pictures/b.png")).expect("picture");
    let left_out = import(&program, &["--on-similar", "reject", "--json"]).expect_code(0).json();
    assert_eq!((&left_out["stored"], &left_out["already_there"]), (&0.into(), &1.into()), "{left_out}");
    let [similar] = &left_out["similar"].as_array().expect("a list")[..] else { panic!("{left_out}") };
    assert_eq!((&similar["path"], &similar["stored"]), (&"pictures/b.png".into(), &false.into()));
    assert!(similar["what"].as_str().expect("a text").starts_with("near_duplicate of "), "{similar}");
    let told = import(&program, &["--on-similar", "report"]).expect_code(0);
    assert!(
        told.stderr().contains("1 stored though similar to what is there\n  pictures/b.png: near_dup"),
        "{}",
        told.stderr()
    );
    import(&program, &["--on-similar", "perhaps"]).expect_code(2);
}

#[test]
fn ids_can_come_from_the_names() {
    let program = with_pictures(4);
    let ended = import(&program, &["--id-from", "stem", "--limit", "3", "--print-ids"]).expect_code(0);
    let lines: BTreeSet<&str> = ended.stdout().lines().collect();
    assert_eq!(
        lines,
        BTreeSet::from(["00\tpictures/0/00.png", "03\tpictures/0/03.png", "01\tpictures/1/01.png"]),
        "the first three in the order of names"
    );
    // The same id for other bytes is a failure of that file, and what was stored stays.
    program.picture("pictures/0/03.png", 99);
    let again = import(&program, &["--id-from", "stem", "--json"]).expect_code(1).json();
    assert_eq!((&again["stored"], &again["already_there"]), (&1.into(), &2.into()), "{again}");
    assert_eq!(again["failed"][0]["path"], "pictures/0/03.png");
}

#[test]
fn the_profile_of_a_collection_is_fixed_when_it_is_created() {
    let program = with_pictures(1);
    import(&program, &[]).expect_code(0);
    let ended = program.run(&["import", "pictures", "--collection", "fast", "--profile", "nip"]).expect_code(2);
    assert!(ended.stderr().contains("the collection fast has profile fast, not nip"), "{}", ended.stderr());
}

#[test]
fn a_search_in_an_unknown_collection_or_for_no_image_fails_with_a_reason() {
    let program = with_pictures(1);
    let unknown = program.run(&["search", "pictures/0/00.png", "--collection", "nowhere"]).expect_code(1);
    assert!(unknown.stderr().contains("there is no collection \"nowhere\""), "{}", unknown.stderr());
    std::fs::write(program.path("text"), "no image").expect("file");
    let no_image = program.run(&["search", "text"]).expect_code(1);
    assert!(no_image.stderr().contains("text: the data is not an image"), "{}", no_image.stderr());
}

#[cfg(unix)]
#[test]
fn an_import_that_is_stopped_says_so_and_goes_on_later() {
    let program = with_pictures(12);
    let mut child = program
        .command(&["import", "pictures", "--collection", "fast", "--profile", "fast", "--print-ids"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    lines.next().expect("a first image").expect("text");
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    let stored = 1 + lines.count();
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(stored < 12, "it stops before the end");
    assert!(said.contains(&format!("12 files: {stored} stored")) && said.contains("stopped before the end"), "{said}");

    let rest = import(&program, &["--json"]).expect_code(0).json();
    assert_eq!(rest["already_there"], stored);
    assert_eq!(rest["stored"], 12 - stored);
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_exactly_once() {
    let program = with_pictures(12);
    let mut child = program
        .command(&["import", "pictures", "--collection", "fast", "--profile", "fast", "--print-ids"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut acknowledged: Vec<String> = (0..3).map(|_| lines.next().expect("an image").expect("text")).collect();
    child.kill().expect("SIGKILL");
    child.wait().expect("it ends");
    acknowledged.extend(lines.map(|line| line.expect("text")));

    let rest = import(&program, &["--json"]).expect_code(0).json();
    let there = rest["already_there"].as_u64().expect("a count");
    assert!(there >= acknowledged.len() as u64, "{rest}");
    assert_eq!(there + rest["stored"].as_u64().expect("a count"), 12, "{rest}");

    let all = search(&program, "pictures/0/00.png", &["-k", "100"]);
    let all = all["results"].as_array().expect("a list");
    let paths: BTreeSet<String> = all.iter().map(|r| r["metadata"]["path"].to_string()).collect();
    assert_eq!((all.len(), paths.len()), (12, 12), "each picture exactly once");
    for line in acknowledged {
        let (id, path) = line.split_once('\t').expect("ID<TAB>PATH");
        let relative = path.strip_prefix("pictures/").expect("below the folder");
        assert!(all.iter().any(|r| r["id"] == id && r["metadata"]["path"] == relative), "{line} in {all:?}");
    }
}

#[test]
fn a_search_with_a_crop_says_that_it_is_verified_and_where() {
    let program = Program::new();
    std::fs::create_dir_all(program.path("pictures")).expect("folder");
    for seed in [1, 2] {
        scene(seed).save(program.path(&format!("pictures/{seed}.png"))).expect("picture");
    }
    image::imageops::crop_imm(&scene(2), 100, 50, 320, 260).to_image().save(program.path("crop.png")).expect("picture");
    import(&program, &[]).expect_code(0);
    let found = search(&program, "crop.png", &["--verify", "always"]);
    let [first, second] = &found["results"].as_array().expect("a list")[..] else { panic!("{found}") };
    assert_eq!((&first["metadata"]["path"], &first["verified"]), (&"2.png".into(), &true.into()), "{found}");
    assert!(first["match"]["quad_in_query"].is_array() && first["match"]["quad_in_result"].is_array(), "{found}");
    assert_eq!((&second["verified"], second.get("match")), (&false.into(), None), "{found}");

    let table = |more: &[&str]| {
        let mut command = program.command(&["search", "crop.png", "--collection", "fast", "-k", "1"]);
        Ended(command.args(more).output().expect("the program runs")).expect_code(0).stdout().to_owned()
    };
    let inliers = first["inliers"].to_string();
    let shown = table(&[]);
    assert!(shown.contains("yes") && shown.contains(&inliers), "{shown}");
    let shown = table(&["--verify", "never"]);
    let row = shown.lines().nth(1).expect("a result");
    assert_eq!(row.split_whitespace().filter(|cell| *cell == "-").count(), 3, "{shown}");
    let wrong = program.run(&["search", "crop.png", "--verify", "perhaps"]).expect_code(2);
    assert!(wrong.stderr().contains("known are auto, always and never"), "{}", wrong.stderr());
}

#[test]
fn a_search_for_a_region_finds_what_is_in_it() {
    let program = Program::new();
    std::fs::create_dir_all(program.path("pictures")).expect("folder");
    for seed in [1, 2] {
        scene(seed).save(program.path(&format!("pictures/{seed}.png"))).expect("picture");
    }
    side_by_side(&scene(1), &scene(2)).save(program.path("both.png")).expect("picture");
    import(&program, &[]).expect_code(0);
    for (region, path) in [("0,0,0.5,1", "1.png"), ("0.5,0,0.5,1", "2.png")] {
        let found = search(&program, "both.png", &["--region", region]);
        let [first, second] = &found["results"].as_array().expect("a list")[..] else { panic!("{found}") };
        assert_eq!((&first["metadata"]["path"], &first["verdict"]), (&path.into(), &"same".into()), "{found}");
        assert_eq!((&first["verified"], &second["verified"]), (&true.into(), &false.into()), "{found}");
    }
    for (region, reason) in [
        ("0,0,1", "four numbers are needed"),
        ("0,0,x,1", "\"x\" is not a number"),
        ("NaN,0,1,1", "must be finite"),
        ("-0.5,0,1,1", "must lie in the picture"),
        ("0,0,1,0", "must be greater than 0"),
    ] {
        let wrong = program.run(&["search", "both.png", "--region", region]).expect_code(2);
        assert!(wrong.stderr().contains("--region") && wrong.stderr().contains(reason), "{}", wrong.stderr());
    }
    let thin = program.run(&["search", "both.png", "--collection", "fast", "--region", "0,0,1,0.001"]).expect_code(1);
    assert!(thin.stderr().contains("the region has 960x0 pixels"), "{}", thin.stderr());
}

#[test]
fn archives_are_imported_as_folders_are() {
    let program = with_pictures(4);
    let pack = |name: &str, gzip: bool| {
        let file = std::fs::File::create(program.path(name)).expect("file");
        let out: Box<dyn std::io::Write> = match gzip {
            true => Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast())),
            false => Box::new(file),
        };
        let mut archive = tar::Builder::new(out);
        archive.append_dir_all("album", program.path("pictures")).expect("packed");
        archive.into_inner().expect("packed").flush().expect("written");
    };
    std::fs::write(program.path("pictures/notes.txt"), "no picture").expect("file");
    pack("album.tar.gz", true);
    let archive = |more: &[&str]| {
        let mut command = program.command(&["import", "--collection", "fast", "--profile", "fast"]);
        Ended(command.args(more).output().expect("the program runs"))
    };
    let first = archive(&["album.tar.gz", "--id-from", "path", "--json"]).expect_code(0).json();
    assert_eq!((&first["files"], &first["stored"], &first["not_images"]), (&5.into(), &4.into(), &1.into()), "{first}");
    let found = search(&program, "pictures/1/01.png", &[]);
    let best = &found["results"][0];
    assert_eq!(best["id"], "album:1:01.png", "{found}");
    assert_eq!(best["metadata"], serde_json::json!({"filename": "01.png", "path": "album/1/01.png"}));

    // The same pictures in another archive and in a folder, with a new one.
    program.picture("pictures/new.png", 9);
    pack("album.tar", false);
    let again = archive(&["album.tar", "pictures", "--json"]).expect_code(0).json();
    assert_eq!((&again["stored"], &again["already_there"]), (&1.into(), &9.into()), "{again}");
    let few = archive(&["album.tar", "--limit", "2", "--print-ids"]).expect_code(0);
    assert!(few.stderr().contains("2 files: 0 stored"), "{}", few.stderr());

    let whole = std::fs::read(program.path("album.tar")).expect("there");
    std::fs::write(program.path("cut.tar"), &whole[..whole.len() / 2]).expect("written");
    let cut = archive(&["cut.tar"]).expect_code(1);
    assert!(cut.stderr().contains("1 failed: the archive: behind entry "), "{}", cut.stderr());
}
