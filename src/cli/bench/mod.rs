//! `eyrie bench`: how fast this machine is.

mod extract;

use clap::{Args, Subcommand};

use super::error::CliError;

/// Measure how fast this machine describes images
#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Extract(extract::Extract),
}

impl Bench {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.what {
            What::Extract(extract) => extract.run(),
        }
    }
}
