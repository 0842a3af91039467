//! The command line: results to the standard output, logs and progress to the standard error
//! output.

mod answers;
mod backup;
mod chip;
mod compare;
mod config;
mod describe;
mod doctor;
mod duplicates;
mod export;
mod health;
mod import;
mod jobs;
mod keys;
#[cfg(feature = "lab")]
mod load;
mod model;
mod packaging;
mod reindex;
mod remote;
mod restore;
mod search;
mod serve;
mod settings;
mod signals;
mod upgrade;
#[cfg(target_os = "linux")]
mod worker;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};

use eyrie_terminal::CliError;
use eyrie_terminal::output::note;

#[cfg(feature = "lab")]
use settings::Settings;

const EXAMPLES: &str = "\
Examples:
  eyrie serve                                    serve on 127.0.0.1:8080, data in ./eyrie-data
  eyrie import ~/photos                          add every image below a folder
  eyrie search query.jpg -k 5                    the five most similar images
  eyrie export --output backup.ndjson            everything that is stored of a collection
  eyrie duplicates                               groups of pictures that show the same thing
  eyrie reindex                                  describe everything anew after a change of the model
  eyrie keys add --label shop --scope search     a key for a program or a page
  eyrie describe query.jpg                       the descriptor, and what it costs on the chip
  eyrie compare a.jpg b.jpg                      do they show the same thing, and where?
  eyrie chip                                     what describing images costs, and why
  eyrie doctor                                   does the saved index hold what the database holds?
  eyrie backup eyrie.backup                      a copy of the database, beside a running server
  eyrie upgrade --check                          what would this version change on the database?
  eyrie config show                              every setting, and where it comes from
  eyrie completions bash                         what the shell completes; zsh, fish, powershell, elvish, too

import, export, search, compare, duplicates and jobs work with the database of this machine or, given --server URL (or
EYRIE_SERVER), with a server.

Exit codes:
  0  everything was done
  1  some of it failed (the reasons are on the standard error output)
  2  wrong usage, or a wrong configuration
  3  could not start: a port in use, a folder that cannot be written, a database or server out of reach, a
     bad model or chip
  4  there is something to do (`eyrie upgrade --check`)

`eyrie COMMAND --help` explains a command with its flags and examples.";

/// The commands of the laboratory, which a build may lack.
const LAB_COMMANDS: [&str; 5] = ["bench", "eval", "load", "quantize", "whiten"];

/// Finds images by what they show. One process, one binary: a 2-bit VGG-16 on a simulated chip
/// describes the images, SQLite or Postgres keeps them, a graph index searches them.
#[derive(Debug, Parser)]
#[command(name = "eyrie", version, about = "Finds images by what they show", long_about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Health(health::Health),
    Import(import::Import),
    Export(export::Export),
    Search(search::Search),
    Duplicates(duplicates::Duplicates),
    Jobs(jobs::Jobs),
    Reindex(reindex::Reindex),
    Keys(keys::Keys),
    Describe(describe::Describe),
    Compare(compare::Compare),
    #[cfg(feature = "lab")]
    Bench(eyrie_lab::commands::Bench<Settings>),
    #[cfg(feature = "lab")]
    Eval(eyrie_lab::commands::Eval<Settings>),
    #[cfg(feature = "lab")]
    Load(load::Load),
    #[cfg(feature = "lab")]
    Quantize(eyrie_lab::commands::Quantize),
    #[cfg(feature = "lab")]
    Whiten(eyrie_lab::commands::Whiten),
    Doctor(doctor::Doctor),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Upgrade(upgrade::UpgradeCommand),
    Model(model::Model),
    Chip(chip::ChipCommand),
    Config(config::ConfigCommand),
    Completions(packaging::Completions),
    #[command(name = "man", hide = true)]
    Manual(packaging::Manual),
    #[cfg(target_os = "linux")]
    Worker(worker::Worker),
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe behind `eyrie --help | head` is no failure.
            let _closed = error.print();
            if names_lab_command(&error) {
                note(
                    "note: this build has no laboratory; bench, eval, load, quantize and whiten need the cargo feature lab",
                );
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match cli.command {
        None => Cli::command().print_help().map_err(CliError::Output),
        Some(Command::Serve(command)) => command.run(),
        Some(Command::Health(command)) => command.run(),
        Some(Command::Import(command)) => command.run(),
        Some(Command::Export(command)) => command.run(),
        Some(Command::Search(command)) => command.run(),
        Some(Command::Duplicates(command)) => command.run(),
        Some(Command::Jobs(command)) => command.run(),
        Some(Command::Reindex(command)) => command.run(),
        Some(Command::Keys(command)) => command.run(),
        Some(Command::Describe(command)) => command.run(),
        Some(Command::Compare(command)) => command.run(),
        #[cfg(feature = "lab")]
        Some(Command::Bench(command)) => command.run(),
        #[cfg(feature = "lab")]
        Some(Command::Eval(command)) => command.run(),
        #[cfg(feature = "lab")]
        Some(Command::Load(command)) => command.run(),
        #[cfg(feature = "lab")]
        Some(Command::Quantize(command)) => command.run(),
        #[cfg(feature = "lab")]
        Some(Command::Whiten(command)) => command.run(),
        Some(Command::Doctor(command)) => command.run(),
        Some(Command::Backup(command)) => command.run(),
        Some(Command::Restore(command)) => command.run(),
        Some(Command::Upgrade(command)) => command.run(),
        Some(Command::Model(command)) => command.run(),
        Some(Command::Chip(command)) => command.run(),
        Some(Command::Config(command)) => command.run(),
        Some(Command::Completions(command)) => command.run(Cli::command()),
        Some(Command::Manual(command)) => command.run(Cli::command()),
        #[cfg(target_os = "linux")]
        Some(Command::Worker(command)) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

/// Whether the arguments name a command of the laboratory in a build without it.
fn names_lab_command(error: &clap::Error) -> bool {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => LAB_COMMANDS.contains(&name.as_str()),
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_of_the_laboratory_is_there_or_is_known_to_be_missing() {
        for name in LAB_COMMANDS {
            let error = Cli::try_parse_from(["eyrie", name, "--no-such-flag"]).expect_err("a wrong flag");
            assert_eq!(names_lab_command(&error), !cfg!(feature = "lab"), "{error}");
        }
        assert!(!names_lab_command(&Cli::try_parse_from(["eyrie", "evaluate"]).expect_err("no such command")));
    }
}
