//! `eyrie worker`: what `eyrie serve` starts to describe pictures.

use std::io::{self, IsTerminal};

use clap::Args;
use eyrie_terminal::CliError;

use crate::worker;

/// Describe pictures for a service that started this process, which talks to it through pipes
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Worker;

impl Worker {
    pub(super) fn run(self) -> Result<(), CliError> {
        if io::stdin().is_terminal() {
            return Err(CliError::Usage("`eyrie serve` starts workers by itself".to_owned()));
        }
        worker::run().map_err(|e| CliError::Failed(format!("the service is gone: {e}")))
    }
}
