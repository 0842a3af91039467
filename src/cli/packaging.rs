//! `eyrie completions` and `eyrie man`: what the shell and the manual know of the commands.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use eyrie_terminal::CliError;
use eyrie_terminal::output;

const COMPLETIONS: &str = "\
Examples:
  eyrie completions bash > ~/.local/share/bash-completion/completions/eyrie
  eyrie completions zsh > ~/.zfunc/_eyrie                        with ~/.zfunc in fpath, before compinit
  eyrie completions fish > ~/.config/fish/completions/eyrie.fish
  eyrie completions powershell >> $PROFILE

A new shell has them.";

const MANUAL: &str = "\
Examples:
  eyrie man | man -l -                          the page of eyrie itself
  eyrie man --out ~/.local/share/man/man1       a page for each command: man eyrie-import

The container image has these pages in /usr/local/share/man/man1.";

/// Print what a shell needs to complete the commands and flags
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints them for `program`.
    pub(super) fn run(self, mut program: Command) -> Result<(), CliError> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut program, "eyrie", &mut text);
        output::results(|out| out.write_all(&text))
    }
}

/// Write the manual pages (for packages)
#[derive(Debug, Args)]
#[command(after_help = MANUAL)]
pub(super) struct Manual {
    /// Write a page for each command to this folder, which is created; without it the page of eyrie
    /// itself is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Manual {
    /// Writes those of `program`.
    pub(super) fn run(self, program: Command) -> Result<(), CliError> {
        let mut program = program.disable_help_subcommand(true);
        program.build();
        let Some(folder) = &self.out else {
            let page = page(&program).map_err(CliError::Output)?;
            return output::results(|out| out.write_all(&page));
        };
        let failed = |e: io::Error| CliError::Failed(format!("cannot write to {}: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut commands = vec![&program];
        while let Some(command) = commands.pop() {
            let name = command.get_display_name().unwrap_or_else(|| command.get_name());
            std::fs::write(folder.join(format!("{name}.1")), page(command).map_err(failed)?).map_err(failed)?;
            commands.extend(command.get_subcommands().filter(|command| !command.is_hide_set()));
        }
        Ok(())
    }
}

/// The page of a command.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let source = format!("eyrie {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("Eyrie");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.get_subcommands().any(|command| !command.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(help) = command.get_after_help() {
        let mut roff = Roff::new();
        sections(&help.to_string(), &mut roff);
        roff.to_writer(&mut page)?;
    }
    Ok(page)
}

/// What follows the flags in the help: lines that end with a colon head a section, indented lines
/// stay as they are, everything else is a paragraph.
fn sections(help: &str, roff: &mut Roff) {
    let mut is_heading_due = true;
    let mut is_verbatim = false;
    for line in help.lines() {
        let indented = line.starts_with("  ");
        if is_verbatim && !indented {
            roff.control("fi", []);
        }
        if indented && !is_verbatim {
            roff.control("nf", []);
        }
        is_verbatim = indented;
        if line.is_empty() {
            if !is_heading_due {
                roff.control("PP", []);
            }
        } else if let Some(heading) = line.strip_suffix(':').filter(|_| !indented) {
            roff.control("SH", [heading.to_uppercase().as_str()]);
            is_heading_due = false;
        } else {
            if is_heading_due {
                roff.control("SH", ["NOTES"]);
                is_heading_due = false;
            }
            roff.text([roman(line)]);
        }
    }
    if is_verbatim {
        roff.control("fi", []);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines_and_what_follows_them_is_text() {
        let mut roff = Roff::new();
        sections("Examples:\n  eyrie a   one\n  eyrie b\n\nIt is safe.\n\nExit codes:\n  0  done", &mut roff);
        let page = roff.to_roff();
        let expected = [
            ".SH EXAMPLES",
            ".nf",
            "  eyrie a   one",
            "  eyrie b",
            ".fi",
            ".PP",
            "It is safe.",
            ".PP",
            ".SH \"EXIT CODES\"",
            ".nf",
            "  0  done",
            ".fi",
        ];
        assert_eq!(page.lines().collect::<Vec<_>>(), expected, "{page}");
    }
}
