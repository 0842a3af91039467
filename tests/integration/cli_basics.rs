//! Help, version, configuration and the use of the outputs.

use std::process::Stdio;

use crate::program::Program;

#[test]
fn the_program_alone_prints_its_help() {
    let ended = Program::new().run(&[]).expect_code(0);
    for part in ["eyrie serve", "eyrie import ~/photos", "Exit codes:", "3  could not start"] {
        assert!(ended.stdout().contains(part), "{part:?} is missing in {}", ended.stdout());
    }
    assert_eq!(ended.stderr(), "");
}

#[test]
fn every_command_explains_itself_with_examples() {
    let program = Program::new();
    for command in ["serve", "import", "search", "describe", "quantize"] {
        let ended = program.run(&[command, "--help"]).expect_code(0);
        assert!(ended.stdout().contains("Examples:"), "{command}: {}", ended.stdout());
        assert!(ended.stdout().contains(&format!("eyrie {command} ")), "{command}: {}", ended.stdout());
    }
    for (command, variable) in [("serve", "EYRIE_BIND"), ("import", "EYRIE_DATA_DIR"), ("search", "EYRIE_DATABASE_URL")]
    {
        let help = program.run(&[command, "--help"]);
        assert!(help.stdout().contains(&format!("[env: {variable}]")), "{command}: {}", help.stdout());
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let program = Program::new();
    let unknown = program.run(&["serve", "--prot", "1"]).expect_code(2);
    assert!(unknown.stderr().contains("--prot"), "{}", unknown.stderr());
    assert_eq!(unknown.stdout(), "");
    program.run(&["import"]).expect_code(2);
    program.run(&["search", "x.jpg", "--collection", "No Such"]).expect_code(2);
    program.run(&["search", "x.jpg", "--filter", "{"]).expect_code(2);
}

#[test]
fn the_version_is_the_one_of_the_package() {
    let ended = Program::new().run(&["--version"]).expect_code(0);
    assert_eq!(ended.stdout(), format!("eyrie {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let program = Program::new();
    for arguments in [&["config", "defaults"][..], &["config", "show"], &["model", "info"], &["--help"], &[]] {
        let (reader, writer) = std::io::pipe().expect("pipe");
        drop(reader);
        let child = program.command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().expect("the program runs");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn the_configuration_is_shown_with_its_sources_and_without_secrets() {
    let program = Program::new();
    let file = program.path("eyrie.toml");
    std::fs::write(&file, "[index]\nm = 24\n").expect("file");
    let run = |more: &[&str]| {
        let mut command = program.command(&["config", "show"]);
        command.args(more).env("EYRIE_CONFIG", &file).env("EYRIE_DATABASE_URL", "postgres://u:hunter2@h/d");
        crate::program::Ended(command.output().expect("the program runs")).expect_code(0)
    };
    let json = run(&["--json", "--data-dir", "elsewhere"]).json();
    assert_eq!(json["index.m"]["value"], 24);
    assert_eq!(json["index.m"]["source"], format!("file {}", file.display()));
    assert_eq!(json["storage.data_dir"]["value"], "elsewhere");
    assert_eq!(json["storage.data_dir"]["source"], "flag --data-dir");
    assert_eq!(json["storage.database_url"]["value"], "(hidden)");
    assert_eq!(json["storage.database_url"]["source"], "environment EYRIE_DATABASE_URL");
    assert_eq!(json["index.ef_search"]["source"], "default");
    let table = run(&[]);
    assert!(table.stdout().contains("index.m") && !table.stdout().contains("hunter2"), "{}", table.stdout());
}

#[test]
fn a_wrong_configuration_is_exit_code_2_and_names_the_key() {
    let program = Program::new();
    let file = program.path("eyrie.toml");
    std::fs::write(&file, "[server]\nbnid = \"127.0.0.1:1\"\n").expect("file");
    for command in [&["config", "check"][..], &["serve"], &["import", "."], &["search", "x.png"]] {
        let ended = crate::program::Ended(
            program.command(command).arg("--config").arg(&file).output().expect("the program runs"),
        )
        .expect_code(2);
        assert!(ended.stderr().contains("server.bnid") && ended.stderr().contains("server.bind"), "{}", ended.stderr());
    }
    program.run(&["config", "check"]).expect_code(0);
}

#[test]
fn the_printed_defaults_are_a_valid_configuration_file() {
    let program = Program::new();
    let defaults = program.run(&["config", "defaults"]).expect_code(0);
    std::fs::write(program.path("eyrie.toml"), defaults.stdout()).expect("file");
    program.run(&["config", "check", "--config", "eyrie.toml"]).expect_code(0);
}

#[test]
fn a_variable_that_means_nothing_is_warned_about() {
    let program = Program::new();
    let output =
        program.command(&["config", "check"]).env("EYRIE_DATABSE_URL", "x").output().expect("the program runs");
    let ended = crate::program::Ended(output).expect_code(0);
    assert!(ended.stderr().contains("did you mean EYRIE_DATABASE_URL?"), "{}", ended.stderr());
}
