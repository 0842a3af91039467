//! What the README says can be done.

use std::path::Path;

use crate::program::Program;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md")
}

/// The words after each occurrence of a text, up to the end of a word.
fn words_after(text: &str, before: &str) -> Vec<String> {
    text.match_indices(before)
        .map(|(at, _)| text[at + before.len()..].chars().take_while(char::is_ascii_lowercase).collect::<String>())
        .filter(|word: &String| !word.is_empty())
        .collect()
}

#[test]
fn every_command_of_the_readme_is_one() {
    let readme = readme();
    let mut commands = words_after(&readme, "`eyrie ");
    commands.extend(words_after(&readme, "\n    eyrie "));
    commands.extend(words_after(&readme, "-- "));
    assert!(commands.len() >= 5, "only {commands:?} were found: the reader is broken");
    let program = Program::new();
    for command in commands {
        program.run(&[&command, "--help"]).expect_code(0);
    }
}

#[test]
fn every_file_that_the_readme_links_to_is_there() {
    let readme = readme();
    let links: Vec<&str> =
        readme.match_indices("](").filter_map(|(at, _)| readme[at + 2..].split(')').next()).collect();
    assert!(links.len() >= 8, "only {links:?} were found: the reader is broken");
    for link in links.iter().filter(|link| !link.contains("://")) {
        let file = link.split('#').next().unwrap_or(link);
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "{link} is not there");
    }
}
