//! docs/API.md is true: its commands are run one after the other, and their answers are compared
//! with those that it states.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use image::imageops::crop_imm;
use serde_json::Value;

use crate::program::{Program, Server};
use crate::support::pictures::{scene, side_by_side};

/// Stands for what an answer has besides.
const MORE: &str = "…";

/// A block between fences.
struct Block {
    /// The line of the guide on which it begins.
    line: usize,
    language: String,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in guide.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                blocks.push(Block { line: number + 1, language: language.to_owned(), text: String::new() });
                inside = true;
            }
            None if inside => {
                let block = blocks.last_mut().expect("inside one");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!inside, "the last block has no end");
    blocks
}

/// Whether a text is one with `…` in the place of anything.
fn fits(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split(MORE);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Where an answer is another one than stated. It may have more members, and more items where a
/// list ends with `…`.
fn difference(stated: &Value, found: &Value, place: &str) -> Option<String> {
    let differ = || Some(format!("{place}: {stated} is stated, {found} was answered"));
    match (stated, found) {
        (Value::Object(stated), Value::Object(found)) => stated.iter().find_map(|(name, stated)| {
            difference(stated, found.get(name).unwrap_or(&Value::Null), &format!("{place}/{name}"))
        }),
        (Value::Array(stated), Value::Array(found)) => {
            let open = stated.last().is_some_and(|last| last == MORE);
            let stated = if open { &stated[..stated.len() - 1] } else { &stated[..] };
            if found.len() < stated.len() || (!open && found.len() > stated.len()) {
                return differ();
            }
            let mut pairs = stated.iter().zip(found).enumerate();
            pairs.find_map(|(index, (stated, found))| difference(stated, found, &format!("{place}/{index}")))
        }
        (Value::String(stated), Value::String(found)) if fits(found, stated) => None,
        (Value::Number(stated), Value::Number(found)) => {
            let (stated, found) = (stated.as_f64().expect("finite"), found.as_f64().expect("finite"));
            if (stated - found).abs() <= 0.0005 { None } else { differ() }
        }
        _ if stated == found => None,
        _ => differ(),
    }
}

/// What is wrong with what a block printed.
fn fault(stated: &Block, printed: &str) -> Option<String> {
    if stated.language == "json" {
        let found = serde_json::from_str(printed).map_err(|error| error.to_string());
        let stated = serde_json::from_str(&stated.text).unwrap_or_else(|error| panic!("line {}: {error}", stated.line));
        return found.map_or_else(Some, |found| difference(&stated, &found, ""));
    }
    let mut printed = printed.lines().map(str::trim_end);
    let lost = stated.text.lines().find(|stated| !printed.any(|line| fits(line, stated)));
    lost.map(|line| format!("the line {line:?} is not there, or not behind the one before"))
}

#[test]
fn every_command_of_the_guide_answers_as_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/API.md");
    let blocks = blocks(&std::fs::read_to_string(path).expect("docs/API.md"));
    let (commands, answers): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block.language == "sh");
    assert!(commands.len() >= 30, "only {} commands were found: the reader is broken", commands.len());

    let mut program = Program::new();
    program.set("EYRIE_SERVER__CORS_ORIGINS", "https://shop.example");
    for (name, picture) in [
        ("cat", scene(1)),
        ("boat", scene(2)),
        ("cup", scene(3)),
        ("photo", crop_imm(&scene(1), 120, 60, 300, 240).to_image()),
        ("room", side_by_side(&scene(2), &scene(3))),
    ] {
        picture.save(program.path(&format!("{name}.png"))).expect("picture");
    }
    let server = Server::start(&program);

    // One shell for all, since later commands use what earlier ones have set.
    let mut script = String::from("set -euo pipefail\ncurl() { command curl -sS \"$@\"; }\n");
    for (index, command) in commands.iter().enumerate() {
        writeln!(script, "{{\n{}}} >out-{index}", command.text).expect("a text");
    }
    let ended = Command::new("bash")
        .args(["-c", &script])
        .current_dir(program.path(""))
        .env("EYRIE", format!("http://{}", server.address))
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let mut faults = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        let printed = std::fs::read_to_string(program.path(&format!("out-{index}"))).unwrap_or_default();
        let next = commands.get(index + 1).map_or(usize::MAX, |next| next.line);
        let mut own = answers.iter().filter(|answer| (command.line..next).contains(&answer.line));
        match (own.next(), own.next()) {
            (Some(stated), None) => {
                faults.extend(fault(stated, &printed).map(|fault| (command, fault, printed)));
            }
            (None, _) => faults.push((command, "no answer is stated".to_owned(), printed)),
            (Some(_), Some(_)) => faults.push((command, "two answers are stated".to_owned(), printed)),
        }
    }
    let faults: Vec<String> = faults
        .into_iter()
        .map(|(command, fault, printed)| {
            let printed: String = printed.chars().take(3000).collect();
            format!("docs/API.md, line {}: {fault}\n{}printed: {printed}\n", command.line, command.text)
        })
        .collect();
    assert!(faults.is_empty(), "{}\n{said}", faults.join("\n"));
    assert!(ended.status.success(), "{said}");
}

#[test]
fn a_stated_answer_is_a_part_of_the_whole_one() {
    let differ = |stated: &str, found: &str| {
        let value = |text: &str| serde_json::from_str(text).expect("JSON");
        difference(&value(stated), &value(found), "").is_some()
    };
    for (stated, found) in [
        (r#"{"a": 1}"#, r#"{"a": 1.0001, "b": 2}"#),
        (r#"[{"a": "x…z"}, "…"]"#, r#"[{"a": "xyz"}, 2, 3]"#),
        (r#"{"a": "…"}"#, r#"{"a": ""}"#),
    ] {
        assert!(!differ(stated, found), "{stated} {found}");
    }
    for (stated, found) in [
        (r#"{"a": 1}"#, r#"{"a": 1.01}"#),
        (r#"{"a": 1}"#, "{}"),
        ("[1]", "[1, 2]"),
        (r#"[1, 2, "…"]"#, "[1]"),
        (r#"{"a": "x…z"}"#, r#"{"a": "xy"}"#),
        (r#"{"a": "x"}"#, r#"{"a": "xy"}"#),
    ] {
        assert!(differ(stated, found), "{stated} {found}");
    }
}
