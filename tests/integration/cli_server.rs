//! The commands against a server: the same answers as from the database, and clear words where
//! there is no answer.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::thread::JoinHandle;

use image::imageops::crop_imm;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::program::{Ended, Program, Server, text};
use crate::support::pictures::scene;

/// A certificate for 127.0.0.1 that nobody else uses, valid for a hundred years, and its key.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbTCCARSgAwIBAgIUQWuf0wWk6jhUejdKgnoXVD5nbpYwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKRXlyaWUgdGVzdDAgFw0yNjExMjcwNTIzNDlaGA8yMTI2MTEw
MzA1MjM0OVowFTETMBEGA1UEAwwKRXlyaWUgdGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABNAVTEsUaH1PWuFzyVockdueiV+qJfH8XMHF8TzYdcxxtmOIwzoM
/GvbKILcAAtAxqMkf4JQXeBIMy7Hg4xgReGjQDA+MAwGA1UdEwEB/wQCMAAwDwYD
VR0RBAgwBocEfwAAATAdBgNVHQ4EFgQUKB4EKfSA3SsWC/aWub6T85zzoHwwCgYI
KoZIzj0EAwIDRwAwRAIgMhDVAw4Y1HJq6EuEyhtRVA/s1Nub99gqBgB0JUUhOQkC
IBULUL3cAlGEY/ZZ6+mBCzFjkZOoQyRAB437C5RuJEdi
-----END CERTIFICATE-----
";
const KEY_OF_CERTIFICATE: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNK2PBHY1OQ5JM0y/
IjiKtMkSXSNRf8RhhZ68bE1jnLyhRANCAATQFUxLFGh9T1rhc8laHJHbnolfqiXx
/FzBxfE82HXMcbZjiMM6DPxr2yiC3AALQMajJH+CUF3gSDMux4OMYEXh
-----END PRIVATE KEY-----
";

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

/// A server over the program's database, whose index is built, and its URL.
fn serving(program: &Program) -> (Server, String) {
    let server = Server::start(program);
    while program.run(&["health", "--bind", &server.address]).code() != 0 {}
    let url = format!("http://{}", server.address);
    (server, url)
}

/// Removes what differs from run to run: times of this machine.
fn timeless(mut value: Value) -> Value {
    for pointer in ["/cost", "/a/cost", "/b/cost"] {
        if let Some(cost) = value.pointer_mut(pointer) {
            cost["host_milliseconds"] = Value::Null;
        }
    }
    if let Some(map) = value.as_object_mut() {
        map.remove("seconds");
    }
    value
}

/// A summary without the time that it took.
fn without_time(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(" failed (").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_search_prints_the_same_from_a_server_as_from_the_database() {
    let program = filled();
    let (_server, url) = serving(&program);
    for more in [
        &[][..],
        &["-k", "1"],
        &["--verify", "never"],
        &["--region", "0.25,0,0.5,1"],
        &["pictures/other.png"],
        &["--filter", r#"{"field": "path", "prefix": "o"}"#],
        &["--min-score", "0.999", "--group-by", "path"],
        &["--min-score", "1", "--filter", r#"{"field": "path", "prefix": "none"}"#],
    ] {
        let base = [&["search", "pictures/part.png", "--collection", "c"], more].concat();
        let here = program.run(&base).expect_code(0);
        let there = program.run(&[&base[..], &["--server", &url]].concat()).expect_code(0);
        assert_eq!((here.stdout(), here.stderr()), (there.stdout(), there.stderr()), "{more:?}");
        let here = program.run(&[&base[..], &["--json"]].concat()).expect_code(0).json();
        let there = program.run(&[&base[..], &["--json", "--server", &url]].concat()).expect_code(0).json();
        assert_eq!(timeless(here), timeless(there), "{more:?}");
    }
    let unknown = ["search", "pictures/part.png", "--collection", "none", "--server", &url];
    let unknown = program.run(&unknown).expect_code(1);
    let expected = "error: pictures/part.png: There is no such collection: there is no collection \"none\" (unknown_collection)\nhint: ";
    assert!(unknown.stderr().starts_with(expected), "{}", unknown.stderr());
    std::fs::write(program.path("text"), "no image").expect("file");
    let no_image = program.run(&["search", "text", "--server", &url]).expect_code(1);
    assert!(no_image.stderr().contains("text: The data is not an image"), "{}", no_image.stderr());
}

#[test]
fn a_comparison_prints_and_draws_the_same_from_a_server() {
    let program = filled();
    let (_server, url) = serving(&program);
    let compare = |more: &[&str]| {
        let base = ["compare", "pictures/whole.png", "pictures/part.png", "--profile", "fast"];
        program.run(&[&base[..], more].concat()).expect_code(0)
    };
    assert_eq!(compare(&[]).stdout(), compare(&["--server", &url]).stdout());
    let here = compare(&["--json", "--overlay", "here.png"]).json();
    let there = compare(&["--json", "--overlay", "there.png", "--server", &url]).json();
    assert_eq!(timeless(here), timeless(there));
    let drawn = |name: &str| std::fs::read(program.path(name)).expect("a picture");
    assert_eq!(drawn("here.png"), drawn("there.png"));
    std::fs::write(program.path("bad.png"), "no image").expect("file");
    let wrong = program.run(&["compare", "pictures/whole.png", "bad.png", "--server", &url]).expect_code(1);
    assert!(wrong.stderr().contains("bad.png: ") && wrong.stderr().contains("not_an_image"), "{}", wrong.stderr());
}

#[test]
fn an_export_is_the_same_and_its_import_through_a_server_too() {
    let program = filled();
    let (_server, url) = serving(&program);
    let here = program.run(&["export", "--collection", "c"]).expect_code(0);
    let there = program.run(&["export", "--collection", "c", "--server", &url, "--output", "c.ndjson"]).expect_code(0);
    let lines = std::fs::read_to_string(program.path("c.ndjson")).expect("there");
    assert_eq!((here.stdout(), here.stderr()), (lines.as_str(), there.stderr()));
    assert!(!program.path("c.ndjson.partial").exists());
    let after = ["export", "--collection", "c", "--after", "other"];
    let some = program.run(&[&after[..], &["--server", &url]].concat()).expect_code(0);
    assert_eq!(program.run(&after).expect_code(0).stdout(), some.stdout());

    let rows: Vec<&str> = lines.lines().collect();
    std::fs::write(program.path("cut.ndjson"), rows[..2].join("\n")).expect("written");
    let broken = [rows[0], "{", rows[2], rows[4]].join("\n").replace("\"images\":3}", "\"images\":2}");
    std::fs::write(program.path("broken.ndjson"), broken).expect("written");
    for (file, code) in [("c.ndjson", 0), ("c.ndjson", 0), ("cut.ndjson", 1), ("broken.ndjson", 1)] {
        let import = ["import", "--records", file, "--json"];
        let here =
            program.run(&[&import[..], &["--data-dir", "other", "--collection", "d"]].concat()).expect_code(code);
        let there = program.run(&[&import[..], &["--server", &url, "--collection", "d"]].concat()).expect_code(code);
        assert_eq!((here.stdout(), here.stderr()), (there.stdout(), there.stderr()), "{file}");
    }
    let found = |collection: &str| {
        let search = ["search", "pictures/part.png", "--json", "--server", &url, "--collection", collection];
        program.run(&search).expect_code(0).json()["results"].clone()
    };
    assert_eq!(found("c"), found("d"));

    let mut command = program.command(&["import", "--records", "-", "--server", &url, "--json", "--replace"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("written");
    let piped = Ended(child.wait_with_output().expect("it ends")).expect_code(0).json();
    assert_eq!((&piped["collection"], &piped["unchanged"]), (&json!("c"), &json!(3)), "{piped}");
}

#[test]
fn duplicates_are_found_listed_and_deleted_through_a_server() {
    let program = filled();
    let (_server, url) = serving(&program);
    let duplicates = |more: &[&str]| program.run(&[&["duplicates", "--collection", "c"], more].concat());
    let here = duplicates(&[]).expect_code(0);
    let there = duplicates(&["--server", &url]).expect_code(0);
    assert_eq!(here.stdout(), there.stdout());
    assert!(there.stderr().contains("groups: 1, with images: 2, of them surplus: 1"), "{}", there.stderr());
    let (here, there) = (duplicates(&["--json"]).json(), duplicates(&["--json", "--server", &url]).json());
    assert_eq!(here["groups"], there["groups"]);
    assert_eq!(there["job"]["state"], "done");
    let wrong = duplicates(&["--candidates", "0"]).expect_code(2);
    let wrong_there = duplicates(&["--candidates", "0", "--server", &url]).expect_code(2);
    assert!(wrong.stderr().contains("candidates") && wrong_there.stderr().contains("candidates"));
    duplicates(&["--delete-all-but-best", "--server", &url]).expect_code(2);
    let dry = ["--delete-all-but-best", "--dry-run"];
    assert_eq!(
        duplicates(&dry).expect_code(0).stdout(),
        duplicates(&[&dry[..], &["--server", &url]].concat()).stdout()
    );
    let done = duplicates(&["--delete-all-but-best", "--yes", "--json", "--server", &url]).expect_code(0).json();
    assert_eq!((&done["deleted"], &done["dry_run"]), (&json!(["part"]), &json!(false)), "{done}");
    let left = program.run(&["export", "--collection", "c", "--server", &url]).expect_code(0);
    assert_eq!(left.stdout().lines().count(), 2 + 2);

    let (here, there) = (program.run(&["jobs"]), program.run(&["jobs", "--server", &url]));
    assert_eq!((here.stdout(), here.code()), (there.stdout(), 0));
    let here = program.run(&["jobs", "--json"]).expect_code(0).json();
    assert_eq!(here, program.run(&["jobs", "--json", "--server", &url]).expect_code(0).json());
    let id = here[0]["id"].as_str().expect("an id");
    for action in ["--show", "--cancel"] {
        let here = program.run(&["jobs", action, id, "--json"]).expect_code(0).json();
        let there = program.run(&["jobs", action, id, "--json", "--server", &url]).expect_code(0).json();
        assert_eq!((&here, &here[0]["id"]), (&there, &json!(id)), "{action}");
    }
    assert_eq!(program.run(&["jobs", "-n", "1", "--json", "--server", &url]).json().as_array().map(Vec::len), Some(1));
    program.run(&["jobs", "--delete", id, "--server", &url]).expect_code(0);
    let gone = program.run(&["jobs", "--delete", id, "--server", &url]).expect_code(1);
    assert!(
        gone.stderr().contains("There is no such job") && gone.stderr().contains("(unknown_job)"),
        "{}",
        gone.stderr()
    );
}

#[test]
fn an_import_through_a_server_tells_the_same_about_each_file_and_stores_nothing_twice() {
    let program = filled();
    let (_server, url) = serving(&program);
    let whole = std::fs::read(program.path("pictures/whole.png")).expect("picture");
    std::fs::write(program.path("pictures/broken.png"), &whole[..whole.len() / 2]).expect("file");
    std::fs::write(program.path("pictures/notes.png"), "a text with the name of a picture").expect("file");
    std::fs::create_dir(program.path("pictures/deep")).expect("folder");
    scene(3).save(program.path("pictures/deep/a b.png")).expect("picture");
    let import = ["import", "pictures", "--collection", "s", "--profile", "fast", "--id-from", "path"];
    for round in ["all of it is new", "all of it is there"] {
        let here = program.run(&[&import[..], &["--data-dir", "other", "--json"]].concat()).expect_code(1);
        let there = program.run(&[&import[..], &["--server", &url, "--json"]].concat()).expect_code(1);
        assert_eq!(timeless(here.json()), timeless(there.json()), "{round}");
        assert_eq!(without_time(here.stderr()), without_time(there.stderr()), "{round}");
    }
    let report = program.run(&[&import[..], &["--server", &url, "--json"]].concat()).json();
    assert_eq!((&report["stored"], &report["already_there"], &report["not_images"]), (&json!(0), &json!(4), &json!(1)));
    assert_eq!(report["failed"][0]["reason"], "the image is truncated", "{report}");
    let records = program.run(&["export", "--collection", "s", "--server", &url]).expect_code(0);
    let ids: Vec<Value> =
        records.stdout().lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone()).collect();
    assert_eq!(
        ids,
        [json!(null), json!("deep:a_b.png"), json!("other.png"), json!("part.png"), json!("whole.png"), json!(null)]
    );

    let mismatch = program.run(&["import", "pictures", "--collection", "s", "--profile", "nip", "--server", &url]);
    assert!(mismatch.expect_code(2).stderr().contains("the collection s has profile fast, not nip"));
    for on_similar in ["report", "reject"] {
        let (here, there) = (format!("{on_similar}-here"), format!("{on_similar}-there"));
        std::fs::create_dir(program.path(&here)).expect("folder");
        scene(1).save(program.path(&format!("{here}/a.png"))).expect("picture");
        for (collection, place) in [(&here, ["--data-dir", "other"]), (&there, ["--server", &url])] {
            let first = ["import", &here, "--collection", collection, "--profile", "fast", "--id-from", "stem"];
            program.run(&[&first[..], &place].concat()).expect_code(0);
        }
        crop_imm(&scene(1), 100, 60, 300, 240)
            .to_image()
            .save(program.path(&format!("{here}/b.png")))
            .expect("picture");
        let told = [(&here, ["--data-dir", "other"]), (&there, ["--server", &url])].map(|(collection, place)| {
            let second = ["import", &here, "--collection", collection, "--on-similar", on_similar, "--json"];
            let mut told = timeless(program.run(&[&second[..], &place].concat()).expect_code(0).json());
            told["collection"] = Value::Null;
            told
        });
        assert_eq!(told[0], told[1]);
        assert!(told[0]["similar"][0]["what"].as_str().expect("a text").starts_with("near_duplicate of a (score "));
    }
}

#[cfg(unix)]
#[test]
fn an_import_through_a_server_that_is_stopped_says_so_and_goes_on_later() {
    let program = Program::new();
    for seed in 0..16 {
        program.picture(&format!("pictures/{seed:02}.png"), seed);
    }
    let (_server, url) = serving(&program);
    let import = ["import", "pictures", "--collection", "fast", "--profile", "fast", "--server", &url];
    let mut command = program.command(&[&import[..], &["--print-ids"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    lines.next().expect("a first image").expect("text");
    interrupt(child.id());
    let stored = 1 + lines.count();
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(stored < 16, "it stops before the end");
    assert!(said.contains(&format!("16 files: {stored} stored")) && said.contains("stopped before the end"), "{said}");
    let rest = program.run(&[&import[..], &["--json"]].concat()).expect_code(0).json();
    assert_eq!((&rest["already_there"], &rest["stored"]), (&json!(stored), &json!(16 - stored)), "{rest}");
}

#[cfg(unix)]
fn interrupt(process: u32) {
    let sent = std::process::Command::new("kill").args(["-INT", &process.to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// A listener that answers one request after the other as it was told, and hands back what came.
struct Script {
    address: String,
    requests: JoinHandle<Vec<String>>,
}

impl Script {
    fn start(answers: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let answers = answers.to_vec();
        let requests = std::thread::spawn(move || {
            let answer = |answer: String| {
                let (mut stream, _) = listener.accept().expect("a connection");
                let request = request(&mut stream);
                stream.write_all(answer.as_bytes()).expect("written");
                request
            };
            answers.into_iter().map(answer).collect()
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn requests(self) -> Vec<String> {
        self.requests.join().expect("no panic")
    }
}

/// A request with its body, bytes that are no text left out.
fn request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length: Option<usize> =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let whole = match length {
                Some(length) => bytes.len() >= head.len() + 4 + length,
                None => !head.contains("transfer-encoding: chunked") || bytes.ends_with(b"0\r\n\r\n"),
            };
            if whole {
                return text.into_owned();
            }
        }
        let read = stream.read(&mut buffer).expect("a request");
        assert!(read > 0, "the request ended early: {text}");
        bytes.extend_from_slice(&buffer[..read]);
    }
}

fn answer(status: &str, head: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{head}\r\n{body}", body.len())
}

fn json_answer(status: &str, body: &Value) -> String {
    answer(status, "content-type: application/json\r\n", &body.to_string())
}

fn problem(status: u16, more: &str, code: &str, title: &str, detail: &str) -> String {
    let body = json!({"type": format!("urn:eyrie:problem:{code}"), "title": title, "status": status, "detail": detail,
        "code": code, "request_id": "r1"});
    answer(
        &format!("{status} Problem"),
        &format!("content-type: application/problem+json\r\n{more}"),
        &body.to_string(),
    )
}

#[test]
fn what_is_in_the_way_of_a_server_is_told_with_what_helps() {
    let program = Program::new();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let refused = program.run(&["jobs", "--server", &format!("http://{free}")]).expect_code(3);
    assert!(refused.stderr().contains(&format!("error: cannot reach http://{free}: ")), "{}", refused.stderr());
    assert!(refused.stderr().contains("hint: check the address (--server, EYRIE_SERVER)"), "{}", refused.stderr());

    let page = answer("200 OK", "content-type: text/html\r\n", "<h1>It works!</h1>");
    let missing = answer("404 Not Found", "content-type: text/html\r\n", "<h1>Not Found</h1>");
    for (page, shown) in [(page, "200 OK, text/html"), (missing, "404 Not Found, text/html")] {
        let other = Script::start(&[page]);
        let ended = program.run(&["jobs", "--server", &other.url()]).expect_code(3);
        let told = format!("{} answers, but not as Eyrie does: {shown}", other.url());
        assert!(ended.stderr().contains(&told), "{}", ended.stderr());
        assert!(ended.stderr().contains("hint: --server takes the address of Eyrie's page"), "{}", ended.stderr());
    }
    let proxy = Script::start(&[answer("502 Bad Gateway", "content-type: text/html\r\n", "")]);
    let ended = program.run(&["jobs", "--server", &proxy.url()]).expect_code(3);
    assert!(ended.stderr().contains("something in front of the server cannot reach it"), "{}", ended.stderr());
    let moved =
        Script::start(&[answer("301 Moved Permanently", "location: https://elsewhere.example/v1/jobs\r\n", "")]);
    let ended = program.run(&["jobs", "--server", &moved.url()]).expect_code(3);
    assert!(ended.stderr().contains("sends its visitors to https://elsewhere.example/v1/jobs"), "{}", ended.stderr());

    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let ended = program.run(&["jobs", "--server", &url, "--server-timeout", "1"]).expect_code(1);
    assert!(ended.stderr().contains(&format!("{url} did not answer within 1 s\nhint: ")), "{}", ended.stderr());

    for (arguments, reason) in [
        (&["--server", "127.0.0.1:8080"][..], "an address is http://HOST:PORT"),
        (&["--server", "http://u:p@h"], "no user and no password"),
        (&["--server", "http://h", "--data-dir", "d"], "cannot be used with"),
        (&["--api-key", "k"], "--api-key goes with --server"),
        (&["--server", "http://h", "--api-key", "two words"], "characters that no key has"),
        (&["--server", "http://h", "--api-key-file", "none"], "cannot read none"),
        (&["--server", "https://h", "--ca-file", "/dev/null"], "--ca-file holds no certificate"),
    ] {
        let ended = program.run(&[&["jobs"], arguments].concat()).expect_code(2);
        assert!(ended.stderr().contains(reason), "{reason}: {}", ended.stderr());
    }
}

#[test]
fn the_key_goes_to_the_server_and_nowhere_else() {
    const KEY: &str = "k-5b1f0c9a7e";
    let program = Program::new();
    std::fs::write(program.path("key"), format!("{KEY}\n")).expect("file");
    let refusal = || problem(401, "", "unauthenticated", "An API key is needed", "the API key is not known");
    type Ways<'a> = [(&'a [&'a str], &'a [(&'a str, &'a str)]); 4];
    let by: Ways<'_> = [
        (&["--api-key", KEY], &[]),
        (&["--api-key-file", "key"], &[("EYRIE_API_KEY", "another")]),
        (&[], &[("EYRIE_API_KEY", KEY), ("EYRIE_API_KEY_FILE", "none")]),
        (&[], &[("EYRIE_API_KEY_FILE", "key")]),
    ];
    for (flags, variables) in by {
        let script = Script::start(&[refusal()]);
        let mut command = program.command(&[&["jobs"], flags].concat());
        command.envs(variables.iter().copied()).env("EYRIE_SERVER", script.url()).env("EYRIE_LOG__LEVEL", "trace");
        let ended = Ended(command.output().expect("runs")).expect_code(1);
        assert!(
            ended
                .stderr()
                .contains("An API key is needed: the API key is not known (unauthenticated)\nhint: give an API key"),
            "{}",
            ended.stderr()
        );
        assert!(!ended.stderr().contains(KEY) && !ended.stdout().contains(KEY), "{}", ended.stderr());
        assert!(!ended.stderr().contains("means nothing to eyrie"), "{}", ended.stderr());
        let requests = script.requests();
        assert!(requests[0].contains(&format!("authorization: Bearer {KEY}\r\n")), "{}", requests[0]);
    }
    let mut help = program.command(&["import", "--help"]);
    let help = Ended(help.env("EYRIE_API_KEY", KEY).output().expect("runs")).expect_code(0);
    assert!(help.stdout().contains("[env: EYRIE_API_KEY]") && !help.stdout().contains(KEY), "{}", help.stdout());

    // An address of this machine that is not loopback's; nothing listens there.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let plain = program.run(&["jobs", "--api-key", KEY, "--server", &format!("http://0.0.0.0:{free}")]).expect_code(3);
    assert!(plain.stderr().starts_with("warning: the API key goes to 0.0.0.0 over plain http"), "{}", plain.stderr());
    assert!(!plain.stderr().contains(KEY), "{}", plain.stderr());
}

#[test]
fn a_flag_that_names_a_database_beats_the_servers_variable() {
    let program = Program::new();
    let mut command = program.command(&["jobs", "--data-dir", "data"]);
    let ended = Ended(command.env("EYRIE_SERVER", "http://127.0.0.1:1").output().expect("runs")).expect_code(0);
    assert_eq!(ended.stderr(), "there is no job\n");
}

#[test]
fn a_server_that_is_busy_is_asked_again_as_late_as_it_says() {
    let program = Program::new();
    program.picture("pictures/a.png", 1);
    let busy = |after: u32| {
        let head = format!("retry-after: {after}\r\n");
        problem(503, &head, "overloaded", "Too many requests at the moment", "too many requests at the moment")
    };
    let limited = answer("429 Too Many Requests", "retry-after: 0\r\ncontent-type: text/plain\r\n", "slow down");
    let script = Script::start(&[
        busy(0),
        json_answer("200 OK", &json!({"name": "default", "profile": "fast"})),
        busy(1),
        limited,
        json_answer("201 Created", &json!({"id": "x"})),
    ]);
    let ended = program.run(&["import", "pictures", "--server", &script.url(), "--print-ids"]).expect_code(0);
    assert_eq!(ended.stdout(), "x\tpictures/a.png\n");
    let said = ended.stderr();
    assert!(said.contains("importing: the server is busy, asking again in 1 s: too many requests"), "{said}");
    assert!(said.contains("1 files: 1 stored"), "{said}");
    let requests = script.requests();
    assert!(requests[2..].iter().all(|request| request.starts_with("POST /v1/collections/default/images HTTP/1.1")));
    assert!(requests[2..].iter().all(|request| request.contains(r#"{"filename":"a.png","path":"a.png"}"#)));
}

#[cfg(unix)]
#[test]
fn a_wait_for_a_busy_server_ends_when_the_import_is_stopped() {
    let program = Program::new();
    program.picture("pictures/a.png", 1);
    let script = Script::start(&[
        json_answer("200 OK", &json!({"name": "default", "profile": "fast"})),
        problem(503, "retry-after: 500\r\n", "overloaded", "Too many requests at the moment", "too many"),
    ]);
    let mut command = program.command(&["import", "pictures", "--server", &script.url()]);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("text");
    assert!(line.contains("asking again in 500 s"), "{line}");
    interrupt(child.id());
    said.read_to_string(&mut line).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "{line}");
    assert!(line.contains("1 files: 0 stored") && line.contains("stopped before the end"), "{line}");
}

#[test]
fn an_export_that_is_cut_off_leaves_no_file() {
    let program = filled();
    let whole = program.run(&["export", "--collection", "c"]).expect_code(0);
    let lines: Vec<&str> = whole.stdout().split_inclusive('\n').collect();
    let kind = "content-type: application/x-ndjson\r\n";
    for body in
        [lines[..3].concat(), lines[..1].concat(), whole.stdout().trim_end().to_owned(), [lines[0], lines[4]].concat()]
    {
        let script = Script::start(&[answer("200 OK", kind, &body)]);
        let cut = program.run(&["export", "--server", &script.url(), "--output", "x.ndjson"]).expect_code(1);
        assert!(cut.stderr().contains("cut the export off"), "{}", cut.stderr());
        assert!(!program.path("x.ndjson").exists() && !program.path("x.ndjson.partial").exists());
    }
    let broken = format!("HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n{kind}\r\n{}", lines[..2].concat());
    let script = Script::start(&[broken]);
    let cut = program.run(&["export", "--server", &script.url(), "--output", "x.ndjson"]).expect_code(1);
    assert!(cut.stderr().contains(&format!("the connection to {} broke", script.url())), "{}", cut.stderr());
    let other = Script::start(&[answer("200 OK", "content-type: text/html\r\n", "<h1>It works!</h1>")]);
    let none = program.run(&["export", "--server", &other.url(), "--output", "x.ndjson"]).expect_code(1);
    assert!(none.stderr().contains("sends no export"), "{}", none.stderr());
    assert!(!program.path("x.ndjson").exists());
}

#[test]
fn a_certificate_that_is_not_known_is_refused_and_one_that_is_named_is_trusted() {
    let program = Program::new();
    std::fs::write(program.path("ca.pem"), CERTIFICATE).expect("file");
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY_OF_CERTIFICATE.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config =
        config.expect("versions").with_no_client_auth().with_single_cert(vec![certificate], key).expect("a pair");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let served = std::thread::spawn(move || {
        loop {
            let (stream, _) = listener.accept().expect("a connection");
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = rustls::StreamOwned::new(connection, stream);
            // The one that did not trust the certificate went away.
            let Some(request) = tls_request(&mut stream) else { continue };
            let answer = json_answer("200 OK", &json!({"jobs": []}));
            stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).expect("written");
            stream.conn.send_close_notify();
            stream.flush().expect("written");
            return request;
        }
    });
    // Unknown to this machine, whether or not it knows others.
    let strange = program.run(&["jobs", "--server", &format!("{url}/eyrie")]).expect_code(3);
    assert!(strange.stderr().contains("--ca-file"), "{}", strange.stderr());
    let trusted = program.run(&["jobs", "--server", &format!("{url}/eyrie/"), "--ca-file", "ca.pem", "--api-key", "k"]);
    assert_eq!(trusted.expect_code(0).stderr(), "there is no job\n");
    let request = served.join().expect("no panic");
    assert!(request.starts_with("GET /eyrie/v1/jobs?limit=50 HTTP/1.1"), "{request}");
}

fn tls_request(stream: &mut rustls::StreamOwned<rustls::ServerConnection, TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// The commands that the help names.
fn commands(program: &Program) -> BTreeSet<String> {
    let help = program.run(&["--help"]).expect_code(0);
    let listed =
        help.stdout().lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    let commands: BTreeSet<String> = named.filter(|name| !name.is_empty() && name != "help").collect();
    assert!(commands.len() > 10 && commands.contains("import") && !commands.contains("man"), "{commands:?}");
    commands
}

#[test]
fn every_shell_completes_every_command() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let completions = program.run(&["completions", shell]).expect_code(0);
        for command in commands(&program) {
            assert!(completions.stdout().contains(&command), "{shell} does not know {command}");
        }
        assert!(completions.stdout().contains("api-key"), "{shell} does not know --api-key");
    }
    program.run(&["completions", "csh"]).expect_code(2);
}

#[test]
fn every_command_has_a_manual_page_without_an_empty_section() {
    let program = Program::new();
    program.run(&["man", "--out", "pages/man1"]).expect_code(0);
    let page = |name: &str| std::fs::read_to_string(program.path(&format!("pages/man1/{name}.1"))).expect("a page");
    let commands = commands(&program);
    for command in &commands {
        // Those with commands of their own show examples there.
        let has_commands = ["bench", "config", "eval", "keys", "model"].contains(&command.as_str());
        assert!(has_commands || page(&format!("eyrie-{command}")).contains(".SH EXAMPLES"), "{command}");
        assert!(page("eyrie").contains(&format!("eyrie\\-{command}(1)")), "{command} is not in the page of eyrie");
    }
    assert!(page("eyrie-config-show").contains("config"));
    let pages = std::fs::read_dir(program.path("pages/man1")).expect("a folder");
    let mut seen = 0;
    for file in pages {
        let file = file.expect("an entry").path();
        let text = std::fs::read_to_string(&file).expect("a page");
        let rows: Vec<&str> = text.lines().filter(|row| !row.is_empty() && *row != ".PP").collect();
        let is_heading = |row: Option<&&str>| row.is_none_or(|row| row.starts_with(".SH"));
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.starts_with(".SH")) {
            assert!(!is_heading(rows.get(at + 1)), "{}: {row} is empty", file.display());
        }
        seen += 1;
    }
    assert!(seen > commands.len());
    let printed = program.run(&["man"]).expect_code(0);
    assert_eq!(printed.stdout(), page("eyrie"));
    let file = program.picture("a.png", 1);
    program.run(&["man", "--out", text(&file)]).expect_code(1);
}
