//! `eyrie backup` and `eyrie restore`, beside a real server and without one.

use std::fs;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::program::{Program, Server, picture, text};
use crate::support::client;
use crate::support::postgres::fresh_database;

fn png(seed: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture(seed).write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    bytes.into_inner()
}

/// Starts a server, waits until its index is there, and ends it, so that the index is saved.
fn serve_once(program: &Program) {
    let server = Server::start(program);
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
}

/// A program with a collection of two images, and a backup of it.
fn backed_up() -> Program {
    let program = Program::new();
    for seed in 1..=2 {
        program.picture(&format!("pictures/{seed}.png"), seed);
    }
    program.run(&["import", "pictures", "--collection", "c", "--profile", "fast", "--id-from", "stem"]).expect_code(0);
    program.run(&["backup", "eyrie.backup"]).expect_code(0);
    program
}

fn exported(program: &Program, data: &str) -> String {
    program.run(&["export", "--collection", "c", "--data-dir", data]).expect_code(0).stdout().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_writes_holds_everything_that_was_acknowledged_before_it() {
    let program = Program::new();
    let server = Server::start(&program);
    let client = client();
    let collection = format!("http://{}/v1/collections/c", server.address);
    let created = client.put(&collection).json(&json!({"profile": "fast"})).send().await.expect("an answer");
    assert_eq!(created.status(), StatusCode::CREATED);

    // Two clients write until the backup is there; it begins after the first few are acknowledged.
    let acknowledged = Mutex::new(Vec::new());
    let done = AtomicBool::new(false);
    let write = async |number: u32| {
        for seed in number * 1000.. {
            if done.load(Ordering::Relaxed) {
                break;
            }
            let request = client.post(format!("{collection}/images")).query(&[("id", format!("p{seed}"))]);
            let sent = request.header("content-type", "image/png").body(png(seed)).send().await.expect("an answer");
            assert_eq!(sent.status(), StatusCode::CREATED);
            acknowledged.lock().expect("whole").push(seed);
        }
    };
    let back_up = async {
        loop {
            let before = acknowledged.lock().expect("whole").clone();
            if before.len() >= 6 {
                let mut command = program.command(&["backup", "eyrie.backup", "--json"]);
                let output =
                    tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("runs");
                done.store(true, Ordering::Relaxed);
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                return (before, serde_json::from_slice::<Value>(&output.stdout).expect("JSON"));
            }
            tokio::task::yield_now().await;
        }
    };
    let ((before, manifest), _) = tokio::join!(back_up, join_all([write(1), write(2)]));
    server.signal("KILL");
    drop(server);

    assert!(manifest["images"].as_u64().expect("a number") >= before.len() as u64, "{manifest}");
    assert!(!program.path("eyrie.backup.partial").exists());
    let line = fs::read(program.path("eyrie.backup")).expect("there");
    let line = line.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().expect("a line").to_vec();
    assert_eq!(serde_json::from_slice::<Value>(&line).expect("its last line is JSON"), manifest);
    program.run(&["restore", "eyrie.backup", "--check", "--data-dir", "nowhere"]).expect_code(0);
    assert!(!program.path("nowhere").exists());

    let mut elsewhere = Program::new();
    elsewhere.set("EYRIE_INDEX__EXACT_BELOW", "0");
    let restored = elsewhere.run(&["restore", text(&program.path("eyrie.backup"))]).expect_code(0);
    let count = format!("images: {}", manifest["images"]);
    assert!(restored.stdout().contains(&count), "{}", restored.stdout());
    serve_once(&elsewhere);
    let found = elsewhere.run(&["doctor", "--json"]).expect_code(0).json();
    let c = found["collections"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["collection"] == "c")
        .expect("it is there");
    assert_eq!((&c["index"], &c["images"]), (&json!("ok"), &manifest["images"]), "{found}");
    let lines = exported(&elsewhere, text(&elsewhere.path("data")));
    for seed in before {
        assert!(lines.contains(&format!("\"p{seed}\"")), "p{seed} was acknowledged and is not in the backup");
    }
}

#[test]
fn a_restore_replaces_only_with_force_and_keeps_the_database_before() {
    let program = backed_up();
    let backup = exported(&program, "data");
    program.picture("more/3.png", 3);
    program.run(&["import", "more", "--collection", "c", "--id-from", "stem"]).expect_code(0);
    serve_once(&program);
    let later = exported(&program, "data");
    assert_ne!(later, backup);

    let refused = program.run(&["restore", "eyrie.backup"]).expect_code(1);
    assert!(refused.stderr().contains("--force replaces it"), "{}", refused.stderr());
    assert_eq!(exported(&program, "data"), later);
    let forced = program.run(&["restore", "eyrie.backup", "--force"]).expect_code(0);
    assert!(forced.stdout().contains("eyrie.db.replaced"), "{}", forced.stdout());
    assert_eq!(exported(&program, "data"), backup);
    // An index of the database before would find what is not there.
    let found = program.run(&["doctor", "--json"]).expect_code(0).json();
    let none = "none; it is built at the next start";
    assert!(found["collections"].as_array().expect("a list").iter().all(|one| one["index"] == none), "{found}");

    fs::create_dir(program.path("before")).expect("folder");
    fs::rename(program.path("data/eyrie.db.replaced"), program.path("before/eyrie.db")).expect("kept");
    assert_eq!(exported(&program, "before"), later);
}

#[test]
fn a_backup_is_not_written_over_a_file_or_the_database() {
    let program = backed_up();
    let before = fs::read(program.path("eyrie.backup")).expect("there");
    let refused = program.run(&["backup", "eyrie.backup"]).expect_code(1);
    assert!(refused.stderr().contains("eyrie.backup is there already; --force replaces it"), "{}", refused.stderr());
    assert_eq!(fs::read(program.path("eyrie.backup")).expect("there"), before);
    program.run(&["backup", "eyrie.backup", "--force"]).expect_code(0);
    for name in ["data/eyrie.db", "./data/../data/eyrie.db"] {
        let refused = program.run(&["backup", name, "--force"]).expect_code(1);
        assert!(refused.stderr().contains("is the database itself"), "{}", refused.stderr());
    }
    let none = program.run(&["backup", "other.backup", "--data-dir", "nowhere"]).expect_code(1);
    assert!(none.stderr().contains("there is no database in nowhere"), "{}", none.stderr());
    assert!(!program.path("nowhere").exists() && !program.path("other.backup").exists());
    program.run(&["doctor"]).expect_code(0);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_backup() {
    use std::os::unix::fs::PermissionsExt;
    let program = backed_up();
    let mode = fs::metadata(program.path("eyrie.backup")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn nothing_is_restored_while_a_server_runs() {
    let program = backed_up();
    let server = Server::start(&program);
    let refused = program.run(&["restore", "eyrie.backup", "--force"]).expect_code(3);
    assert!(refused.stderr().contains("is in use: stop the server"), "{}", refused.stderr());
    // A second server on the same folder keeps no index there, and holds the database all the same.
    let second = Server::start(&program);
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    let refused = program.run(&["restore", "eyrie.backup", "--force"]).expect_code(3);
    assert!(refused.stderr().contains("is in use: stop the server"), "{}", refused.stderr());
    second.signal("TERM");
    assert_eq!(second.wait().0, Some(0));
    program.run(&["restore", "eyrie.backup", "--force"]).expect_code(0);
}

/// A copy of the backup, changed.
fn changed(program: &Program, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(program.path("eyrie.backup")).expect("there");
    change(&mut bytes);
    fs::write(program.path(name), bytes).expect("written");
}

/// Replaces a part of the last line.
fn with_line(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Value)) {
    let begin = bytes.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').expect("a line") + 1;
    let mut line: Value = serde_json::from_slice(&bytes[begin..]).expect("JSON");
    change(&mut line);
    bytes.truncate(begin);
    writeln!(bytes, "{line}").expect("memory");
}

#[test]
fn what_is_no_whole_backup_is_refused_and_the_database_stays() {
    let program = backed_up();
    let stays = exported(&program, "data");
    changed(&program, "cut", |bytes| bytes.truncate(bytes.len() / 2));
    changed(&program, "flipped", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    changed(&program, "holed", |bytes| drop(bytes.drain(4096..8192)));
    changed(&program, "newer", |bytes| with_line(bytes, |line| line["schema"] = json!(9999)));
    changed(&program, "lying", |bytes| with_line(bytes, |line| line["images"] = json!(3)));
    changed(&program, "foreign", |bytes| with_line(bytes, |line| line["eyrie_backup"] = json!(2)));
    fs::write(program.path("empty"), "").expect("written");
    for (name, reason) in [
        ("cut", "is no whole backup"),
        ("empty", "is no whole backup"),
        ("data/eyrie.db", "is no whole backup"),
        ("holed", "a part of it is missing"),
        ("foreign", "made by another version"),
        ("flipped", "its checksum is another one"),
        ("lying", "it holds something else than it says"),
        ("newer", "has schema 9999, this program knows up to"),
        ("nowhere", "No such file"),
    ] {
        for arguments in [["restore", name, "--check"], ["restore", name, "--force"]] {
            let refused = program.run(&arguments).expect_code(1);
            assert!(refused.stderr().contains(reason), "{name}: {}", refused.stderr());
        }
        program.run(&["restore", name, "--data-dir", "fresh"]).expect_code(1);
        assert!(!program.path("fresh/eyrie.db").exists(), "{name}");
    }
    assert_eq!(exported(&program, "data"), stays);
    assert!(!program.path("data/eyrie.db.restoring").exists());
}

#[test]
fn a_checksum_that_fits_does_not_save_a_database_that_is_damaged() {
    use sha2::Digest;
    let program = backed_up();
    changed(&program, "damaged", |bytes| {
        let length = bytes.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').expect("a line");
        // The root page of a table.
        bytes[4096..4096 + 64].fill(0xff);
        let hash = sha2::Sha256::digest(&bytes[..length]);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        with_line(bytes, |line| line["sha256"] = json!(hash));
    });
    let refused = program.run(&["restore", "damaged", "--force"]).expect_code(1);
    assert!(refused.stderr().contains("damaged is damaged: "), "{}", refused.stderr());
    program.run(&["doctor"]).expect_code(0);
}

#[test]
fn a_database_that_is_none_any_more_can_be_replaced_and_is_kept() {
    let program = backed_up();
    let backup = exported(&program, "data");
    let broken = vec![7; 100_000];
    fs::write(program.path("data/eyrie.db"), &broken).expect("written");
    program.run(&["export", "--collection", "c"]).expect_code(3);
    // Were it left there, SQLite would look into it for the new database's newest pages.
    fs::write(program.path("data/eyrie.db-wal"), &broken).expect("written");
    program.run(&["restore", "eyrie.backup", "--force"]).expect_code(0);
    assert_eq!(exported(&program, "data"), backup);
    assert!(fs::read(program.path("data/eyrie.db.replaced")).expect("kept") == broken);
    program.run(&["doctor"]).expect_code(0);
}

#[tokio::test]
async fn postgres_is_left_to_its_own_tools() {
    let database = fresh_database().await;
    let mut program = Program::new();
    program.set("EYRIE_DATABASE_URL", database.url.clone());
    fs::write(program.path("eyrie.backup"), "").expect("written");
    for arguments in [["backup", "other.backup"], ["restore", "eyrie.backup"]] {
        let refused = program.run(&arguments).expect_code(2);
        assert!(refused.stderr().contains("pg_dump --format=custom"), "{}", refused.stderr());
    }
}
