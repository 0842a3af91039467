//! docs/HOSTILE.md, the table for people.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{Answer, Case, http, json, keys, multipart, paths, pictures, strings};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/HOSTILE.md");

/// What needs time or many connections: the files of tests and their tests.
const ELSEWHERE: [(&str, &str, &str); 14] = [
    ("a head that does not come", "http_edge", "a_connection_without_a_request_is_closed"),
    ("a body that stops", "http_edge", "a_body_that_does_not_come_is_a_408"),
    ("a body that is slow", "http_edge", "a_slow_body_is_a_408_also_where_an_answer_must_come_sooner"),
    ("a client that goes away", "http_edge", "a_client_that_goes_away_leaves_nothing_behind"),
    ("more connections than there may be", "http_edge", "connections_beyond_the_limit_wait_and_are_served"),
    ("more uploads than there may be", "http_edge", "uploads_beyond_the_limit_are_told_to_come_back"),
    ("more bytes than there is memory", "http_edge", "uploads_beyond_the_memory_are_told_to_come_back"),
    ("requests without end", "http_rates", "a_peer_that_asks_too_often_is_told_when_to_come_back"),
    (
        "requests from a whole network",
        "http_rates",
        "an_ipv6_peer_is_its_network_and_a_made_up_address_in_front_changes_nothing",
    ),
    (
        "keys guessed without end",
        "http_rates",
        "a_peer_that_guesses_keys_is_stopped_and_its_neighbour_with_a_good_one_is_not",
    ),
    (
        "many requests of one key at a time",
        "http_rates",
        "one_key_has_so_many_requests_under_way_and_others_have_their_own",
    ),
    (
        "a key that is told apart by its refusal",
        "http_keys",
        "a_refusal_says_how_to_come_in_and_not_what_is_wrong_with_a_key",
    ),
    (
        "a picture that kills what reads it, or keeps it busy",
        "isolation",
        "a_worker_that_is_killed_is_replaced_and_one_that_hangs_too",
    ),
    ("an archive that is damaged inside", "http_archives", "an_archive_that_is_damaged_or_hostile_is_told"),
];

fn kinds() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Pictures and archives", pictures::cases()),
        ("Forms", multipart::cases()),
        ("JSON", json::cases()),
        ("HTTP", http::cases()),
        ("Paths and queries", paths::cases()),
        ("Text", strings::cases()),
        ("Keys", keys::cases(&keys::Keys::default())),
    ]
}

/// A text of a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn written() -> String {
    let kinds = kinds();
    let cases: usize = kinds.iter().map(|(_, cases)| cases.len()).sum();
    let mut text = format!(
        "# Hostile inputs\n\n\
         {cases} inputs that are meant to break, mislead or stop the service, and what each is answered.\n\
         `tests/integration/hostile` sends them byte by byte to a running server (text to one over SQLite and to one\n\
         over Postgres), while another client searches without a pause and finds the same all the time. After each the\n\
         server is alive and nothing was stored. No answer has a control character or a header of the sender's, and no\n\
         line of the log has such text as it is. Pictures have up to a million pixels there, uploads 1 MiB, archives\n\
         200 KB. `UPDATE_HOSTILE=1 ./scripts/test hostile::document` writes this file.\n"
    );
    for (kind, cases) in kinds {
        write!(text, "\n## {kind}\n\n| input | answer |\n|---|---|\n").expect("memory");
        for case in cases {
            writeln!(text, "| {} | {} |", cell(&case.name), case.answer).expect("memory");
        }
    }
    text.push_str("\n## What needs time or many clients\n\n| input | tested by |\n|---|---|\n");
    for (what, file, test) in ELSEWHERE {
        writeln!(text, "| {what} | `{file}::{test}` |").expect("memory");
    }
    text
}

#[test]
fn the_document_is_the_table() {
    let written = written();
    if std::env::var_os("UPDATE_HOSTILE").is_some() {
        fs::write(DOCUMENT, &written).expect("written");
    }
    let there = fs::read_to_string(DOCUMENT).expect("docs/HOSTILE.md");
    assert!(
        there == written,
        "docs/HOSTILE.md is out of date: UPDATE_HOSTILE=1 cargo test hostile::document rewrites it"
    );
}

#[test]
fn the_table_has_each_case_once_and_none_is_a_failure_of_the_service() {
    let mut seen = BTreeSet::new();
    for (kind, cases) in kinds() {
        for case in cases {
            assert!(seen.insert((kind, case.name.clone())), "{kind}: {} is there twice", case.name);
            match case.answer {
                Answer::Code(status, code) => {
                    let known = eyrie::http::OPENAPI_YAML.contains(&format!("- {code}\n"));
                    assert!(status < 500 && known, "{}: {status} {code}", case.name);
                }
                Answer::Bare(status) | Answer::Fine(status) => assert!(status < 500, "{}", case.name),
                Answer::NothingFound | Answer::Closed => {}
            }
        }
    }
    assert!(seen.len() >= 80, "{} cases", seen.len());
}

#[test]
fn every_test_that_the_document_names_is_there() {
    for (_, file, test) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/integration/{file}.rs"));
        let source = fs::read_to_string(path).expect("a file of tests");
        assert!(source.contains(&format!("fn {test}(")), "{file}::{test}");
    }
}
