//! `eyrie serve` as a process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::program::{Program, Server};

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[test]
fn the_server_says_where_it_listens_and_with_what() {
    let program = Program::new();
    let server = Server::start(&program);
    assert!(!server.address.ends_with(":0"), "the real port: {}", server.address);
    for key in ["database", "isa", "threads", "workers", "model", "collections", "images"] {
        assert!(!server.listening[key].is_null(), "{key} is missing in {}", server.listening);
    }
    assert_eq!(server.listening["database"], "sqlite");
    assert!(get(&server.address, "/livez").starts_with("HTTP/1.1 200 "));
    let metrics = get(&server.address, "/metrics");
    assert!(metrics.contains("eyrie_build_info{"), "{metrics}");
}

#[cfg(unix)]
#[test]
fn sigterm_and_ctrl_c_end_the_server_with_exit_code_0() {
    let program = Program::new();
    for signal in ["TERM", "INT"] {
        let server = Server::start(&program);
        server.signal(signal);
        let (code, log) = server.wait();
        assert_eq!(code, Some(0), "{signal}: {log}");
        assert!(log.contains("stopped"), "{signal}: {log}");
    }
}

#[test]
fn a_server_that_others_reach_starts_with_a_key_or_with_a_word_about_what_is_open() {
    let program = Program::new();
    let ended = program.run(&["serve", "--bind", "0.0.0.0:0"]).expect_code(3);
    assert!(ended.stderr().contains("can be reached from other machines, and there is no key"), "{}", ended.stderr());
    for way_out in ["eyrie keys add", "EYRIE_ADMIN_KEY", "--bind 127.0.0.1", "EYRIE_SERVER__ALLOW_ANONYMOUS"] {
        assert!(ended.stderr().contains(way_out), "{way_out}: {}", ended.stderr());
    }
    for (name, value, warned) in [
        ("EYRIE_ADMIN_KEY", "0123456789abcdef0123456789abcdef", false),
        ("EYRIE_SERVER__ALLOW_ANONYMOUS", "search", false),
        ("EYRIE_SERVER__ALLOW_ANONYMOUS", "admin", true),
    ] {
        let mut program = Program::new();
        program.set(name, value);
        let server = Server::start_on(&program, "0.0.0.0:0");
        let warning = "everybody who reaches this address can change what is stored";
        assert_eq!(server.said.contains(warning), warned, "{name}={value}: {}", server.said);
    }
    program.run(&["keys", "add", "--label", "first", "--scope", "search"]).expect_code(0);
    Server::start_on(&program, "0.0.0.0:0");
}

#[test]
fn a_port_in_use_is_exit_code_3_with_a_hint() {
    let program = Program::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended = program.run(&["serve", "--bind", &address]).expect_code(3);
    assert!(ended.stderr().contains(&format!("cannot listen on {address}: ")), "{}", ended.stderr());
    assert!(ended.stderr().contains("--bind chooses another port"), "{}", ended.stderr());
}

#[test]
fn a_data_folder_that_cannot_be_made_is_exit_code_3_with_a_hint() {
    let program = Program::new();
    std::fs::write(program.path("file"), "in the way").expect("file");
    let ended = program.run(&["serve", "--bind", "127.0.0.1:0", "--data-dir", "file/data"]).expect_code(3);
    assert!(ended.stderr().contains("cannot open the SQLite database in file/data: "), "{}", ended.stderr());
    assert!(ended.stderr().contains("--data-dir chooses another"), "{}", ended.stderr());
}

#[test]
fn a_postgres_out_of_reach_is_exit_code_3_without_its_password() {
    let program = Program::new();
    // A port that was free a moment ago: nothing answers there.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let url = format!("postgres://eyrie:hunter2@127.0.0.1:{port}/eyrie");
    let ended = program.run(&["serve", "--bind", "127.0.0.1:0", "--database-url", &url]).expect_code(3);
    assert!(ended.stderr().contains("cannot open the Postgres database: "), "{}", ended.stderr());
    assert!(ended.stderr().contains("EYRIE_DATABASE_URL"), "{}", ended.stderr());
    assert!(!ended.stderr().contains("hunter2"), "{}", ended.stderr());
}
