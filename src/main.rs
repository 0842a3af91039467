//! The `eyrie` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    eyrie::cli::main()
}
