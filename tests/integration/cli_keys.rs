//! `eyrie keys`, and what a server says about keys.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::program::{Program, Server, text};

fn get(address: &str, path: &str, key: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Request-Id: r-1\r\n")
        .expect("writes");
    if !key.is_empty() {
        write!(stream, "Authorization: Bearer {key}\r\n").expect("writes");
    }
    write!(stream, "\r\n").expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[test]
fn a_key_is_made_listed_and_revoked() {
    let program = Program::new();
    let add = |more: &[&str]| program.run(&[&["keys", "add"], more].concat());
    let made =
        add(&["--label", "shop", "--scope", "search", "--collection", "covers", "--origin", "https://shop.example"]);
    let made = made.expect_code(0);
    let key = made.stdout().trim_end();
    assert!(key.starts_with("eyrie_") && key.len() == 49, "nothing but the key: {:?}", made.stdout());
    assert!(!made.stderr().contains(key) && made.stderr().contains("not shown again"), "{}", made.stderr());
    let second = add(&["--label", "importer", "--scope", "write", "--expires", "90d", "--json"]).expect_code(0).json();
    assert_eq!((&second["key"]["label"], &second["key"]["scope"]), (&"importer".into(), &"write".into()));

    let list = program.run(&["keys", "list", "--json"]).expect_code(0);
    assert!(!list.stdout().contains(key));
    let list = list.json();
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!(list[0]["origins"][0], "https://shop.example");
    assert_eq!(list[1], second["key"]);
    let id = list[0]["id"].as_str().expect("an id");
    program.run(&["keys", "revoke", id]).expect_code(0);
    program.run(&["keys", "revoke", "nobody"]).expect_code(1);
    let table = program.run(&["keys", "list"]).expect_code(0);
    let row = |label: &str| table.stdout().lines().find(|line| line.contains(label)).expect(label).to_owned();
    assert!(row("shop").contains("revoked") && row("importer").contains("live"), "{}", table.stdout());

    add(&["--label", "tenant", "--scope", "write", "--max-images", "12000", "--max-bytes", "0"]).expect_code(0);
    let table = program.run(&["keys", "list"]).expect_code(0);
    let tenant = table.stdout().lines().find(|line| line.contains("tenant")).expect("a row").to_owned();
    assert!(tenant.contains("0 of 12,000") && tenant.contains("0 of 0"), "{tenant}");
    let list = program.run(&["keys", "list", "--json"]).expect_code(0).json();
    assert_eq!((&list[2]["max_images"], &list[2]["images"]), (&12_000.into(), &0.into()), "{list}");

    for (wrong, code) in [
        (&["--label", "x", "--scope", "all"][..], 2),
        (&["--label", "x", "--scope", "read", "--max-images", "1"], 1),
        (&["--label", "x", "--scope", "write", "--max-bytes", "-1"], 2),
        (&["--label", "", "--scope", "read"], 2),
        (&["--label", "x", "--scope", "read", "--expires", "soon"], 2),
        (&["--label", "x", "--scope", "read", "--expires", "4000d"], 1),
        (&["--label", "x", "--scope", "write", "--origin", "https://a.example"], 1),
        (&["--label", "x", "--scope", "search", "--origin", "a.example"], 2),
        (&["--label", "x", "--scope", "admin", "--collection", "covers"], 1),
        (&["--scope", "read"], 2),
    ] {
        add(wrong).expect_code(code);
    }
}

#[test]
fn a_running_server_knows_of_keys_that_the_command_makes() {
    let program = Program::new();
    let server = Server::start(&program);
    assert!(get(&server.address, "/v1/jobs", "").starts_with("HTTP/1.1 200 "));
    let made = program.run(&["keys", "add", "--label", "first", "--scope", "read", "--json"]).expect_code(0).json();
    let key = made["secret"].as_str().expect("a key");
    // The program that made it ran for longer than the server believes what it read.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(2);
    while get(&server.address, "/v1/jobs", "").starts_with("HTTP/1.1 200 ") {
        assert!(std::time::Instant::now() < until, "two seconds are over");
    }
    assert!(get(&server.address, "/v1/jobs", "").starts_with("HTTP/1.1 401 "));
    assert!(get(&server.address, "/v1/jobs", key).starts_with("HTTP/1.1 200 "));
}

#[cfg(unix)]
#[test]
fn refusals_are_in_the_log_with_key_peer_and_route_and_no_key_ever_is() {
    let program = Program::new();
    let made = program.run(&["keys", "add", "--label", "reader", "--scope", "search", "--json"]).expect_code(0).json();
    let key = made["secret"].as_str().expect("a key");
    let server = Server::start(&program);
    assert!(get(&server.address, "/v1/jobs", "").starts_with("HTTP/1.1 401 "));
    assert!(get(&server.address, "/v1/jobs", "eyrie_forged-and-not-to-be-seen").starts_with("HTTP/1.1 401 "));
    assert!(get(&server.address, "/v1/jobs/x", key).starts_with("HTTP/1.1 403 "));
    server.signal("TERM");
    let (_, log) = server.wait();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let audited: Vec<&Value> = lines.iter().filter(|line| line["target"] == "eyrie::audit").collect();
    let reasons: Vec<&str> = audited.iter().filter_map(|line| line["reason"].as_str()).collect();
    assert_eq!(reasons, ["missing_key", "wrong_key", "scope"], "{log}");
    for line in &audited {
        assert_eq!(
            (&line["peer"], &line["method"], &line["request_id"]),
            (&"127.0.0.1".into(), &"GET".into(), &"r-1".into())
        );
    }
    assert_eq!((&audited[2]["route"], &audited[2]["key_label"]), (&"/v1/jobs/{id}".into(), &"reader".into()));
    assert_eq!(audited[2]["key_id"], made["key"]["id"]);
    assert!(!log.contains(key) && !log.contains("not-to-be-seen"), "{log}");
}

#[test]
fn secrets_come_from_files_and_are_shown_nowhere() {
    let mut program = Program::new();
    let file = program.path("admin-key");
    std::fs::write(&file, "an-admin-key-that-nobody-may-see-1\n").expect("written");
    program.set("EYRIE_ADMIN_KEY_FILE", text(&file));
    let server = Server::start_on(&program, "0.0.0.0:0");
    let address = server.address.replace("0.0.0.0", "127.0.0.1");
    assert!(get(&address, "/v1/keys", "an-admin-key-that-nobody-may-see-1").starts_with("HTTP/1.1 200 "));
    assert!(get(&address, "/v1/keys", "").starts_with("HTTP/1.1 401 "));
    assert!(!server.said.contains("nobody-may-see"), "{}", server.said);
    for arguments in [&["config", "show"][..], &["config", "show", "--json"]] {
        let shown = program.run(arguments).expect_code(0);
        assert!(shown.stdout().contains("EYRIE_ADMIN_KEY_FILE") && !shown.stdout().contains("nobody-may-see"));
    }
    std::fs::write(&file, "too-short").expect("written");
    let refused = program.run(&["config", "check"]).expect_code(2);
    assert!(
        refused.stderr().contains("server.admin_key") && !refused.stderr().contains("too-short"),
        "{}",
        refused.stderr()
    );
}
