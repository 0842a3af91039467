//! Originals in the program as it runs: kills, full disks, `eyrie doctor`.

use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use crate::program::{Program, Server, picture, text};
use crate::support::client;

fn png(picture: &image::RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    bytes.into_inner()
}

/// The files below a folder, but for those that are still being written: these have a `#` in their
/// name and get the right one when they are whole.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| !text(path).contains('#'));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn add(address: &str, id: &str, bytes: Vec<u8>) -> Result<(StatusCode, Value), reqwest::Error> {
    let url = format!("http://{address}/v1/collections/c/images");
    let request = client().post(url).query(&[("id", id)]).header("content-type", "image/png").body(bytes);
    let response = request.send().await?;
    Ok((response.status(), response.json().await?))
}

/// A server that keeps originals in a folder, with a collection of which little is described.
async fn server(program: &Program) -> Server {
    let server = Server::start(program);
    let url = format!("http://{}/v1/collections/c", server.address);
    let created = client().put(url).json(&json!({"profile": "fast"})).send().await.expect("an answer");
    assert!(created.status().is_success());
    server
}

fn doctor(program: &Program, flags: &[&str], code: i32) -> Value {
    let arguments = [&["doctor", "--json"], flags].concat();
    program.run(&arguments).expect_code(code).json()["originals"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_object_and_the_commit_leaves_an_orphan_that_doctor_finds() {
    let mut program = Program::new();
    program.set("EYRIE_STORAGE__ORIGINALS", "directory");
    let folder = program.path("data/originals");
    let running = server(&program).await;
    let (status, record) = add(&running.address, "kept", png(&picture(1))).await.expect("an answer");
    assert_eq!(status, StatusCode::CREATED, "{record}");
    let kept = files(&folder);
    assert_eq!(kept.len(), 1);

    // Nobody else can write to the database from here on: the next upload comes as far as its object.
    let file = SqliteConnectOptions::new().filename(program.path("data/eyrie.db"));
    let mut lock = SqliteConnection::connect_with(&file).await.expect("opens");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut lock).await.expect("locked");
    let address = running.address.clone();
    let upload = tokio::spawn(async move { add(&address, "lost", png(&picture(2))).await.is_ok() });
    while files(&folder).len() < 2 {
        tokio::task::yield_now().await;
    }
    running.signal("KILL");
    assert!(!upload.await.expect("no panic"), "there was an answer");
    drop(running);
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.expect("unlocked");
    lock.close().await.expect("closes");

    // It may belong to an upload under way, for an hour.
    let young = doctor(&program, &[], 0);
    assert_eq!((&young["kept"], &young["young"], &young["orphans"]), (&json!(1), &json!(1), &json!([])));
    let ill = doctor(&program, &["--grace", "0"], 1);
    assert_eq!(ill["orphans"].as_array().map(Vec::len), Some(1), "{ill}");
    let words = program.run(&["doctor", "--grace", "0"]).expect_code(1);
    assert!(words.stdout().contains("  orphan: "), "{}", words.stdout());
    assert!(words.stderr().contains("objects that no image has: 1"), "{}", words.stderr());
    doctor(&program, &["--grace", "0", "--repair"], 0);
    assert_eq!(files(&folder), kept);
    assert_eq!(doctor(&program, &["--grace", "0"], 0)["sound"], true);

    // What was acknowledged is there after the restart, to the byte.
    let running = server(&program).await;
    let url = format!("http://{}{}", running.address, record["original_url"].as_str().expect("it is kept"));
    let original = client().get(url).send().await.expect("an answer").bytes().await.expect("a body");
    assert!(original == png(&picture(1)));
    running.signal("TERM");
    assert_eq!(running.wait().0, Some(0));

    // And what somebody else removed is missing, until the image is said to have none.
    std::fs::remove_file(&kept[0]).expect("removed");
    let missing = doctor(&program, &[], 1);
    assert_eq!(missing["missing"][0]["image"], "c/kept", "{missing}");
    doctor(&program, &["--repair"], 0);
    let sound = doctor(&program, &[], 0);
    assert_eq!((&sound["kept"], &sound["discarded"]), (&json!(0), &json!(0)));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn where_no_larger_file_can_be_written_an_upload_is_a_507_and_stores_nothing() {
    let mut program = Program::with_file_limit(2048);
    program.set("EYRIE_STORAGE__ORIGINALS", "directory");
    let running = server(&program).await;
    let mut state = 1_u32;
    let noise = image::RgbImage::from_fn(1200, 900, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(state >> 8) as u8, (state >> 16) as u8, (state >> 24) as u8])
    });
    let (status, problem) = add(&running.address, "large", png(&noise)).await.expect("an answer");
    assert_eq!((status.as_u16(), &problem["code"]), (507, &json!("originals_full")), "{problem}");
    let images = format!("http://{}/v1/collections/c/images:count", running.address);
    let count: Value = client().get(images).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(count, json!({"count": 0}));
    assert_eq!(files(&program.path("data/originals")), [] as [PathBuf; 0]);
    let (status, record) = add(&running.address, "small", png(&picture(1))).await.expect("an answer");
    assert_eq!(status, StatusCode::CREATED, "{record}");
}

#[tokio::test]
async fn reindex_describes_anew_what_has_an_original_and_lists_what_has_none() {
    let mut program = Program::new();
    for seed in 1..=3 {
        program.picture(&format!("{seed}.png"), seed);
    }
    program.run(&["import", "3.png"]).expect_code(0);
    program.set("EYRIE_STORAGE__ORIGINALS", "database");
    program.run(&["import", "1.png", "2.png"]).expect_code(0);
    let all = program.run(&["reindex", "--all", "--json"]).expect_code(0).json();
    assert_eq!((&all["job"]["result"]["described"], &all["stale"]), (&json!(2), &json!([])), "{all}");

    // As if another model had described them.
    let file = SqliteConnectOptions::new().filename(program.path("data/eyrie.db"));
    let mut database = SqliteConnection::connect_with(&file).await.expect("opens");
    let statement = "UPDATE images SET version = '0123456789abcdef/rnip'";
    sqlx::raw_sql(statement).execute(&mut database).await.expect("changed");
    database.close().await.expect("closes");
    let done = program.run(&["reindex"]).expect_code(0);
    assert!(done.stdout().contains("not kept") && done.stdout().contains("3.png"), "{}", done.stdout());
    let counts =
        "described anew: 2, without an original: 1, with one that cannot be described: 0, changed meanwhile: 0";
    assert!(done.stderr().contains(counts), "{}", done.stderr());
    // Imported again, it is current and has an original.
    program.run(&["import", "3.png"]).expect_code(0);
    let done = program.run(&["reindex", "--json"]).expect_code(0).json();
    assert_eq!((&done["job"]["result"]["looked_at"], &done["stale"]), (&json!(0), &json!([])), "{done}");
}
