//! `eyrie bench`: how fast this machine is.

mod extract;
mod index;

use clap::{Args, Subcommand};

use eyrie_terminal::CliError;

use crate::commands::machine::Machine;

/// Measure how fast this machine describes and searches images
#[derive(Debug, Args)]
pub struct Bench<M: Machine> {
    #[command(subcommand)]
    what: What<M>,
}

#[derive(Debug, Subcommand)]
enum What<M: Machine> {
    Extract(extract::Extract<M>),
    Index(index::Index<M>),
}

impl<M: Machine> Bench<M> {
    /// Runs it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self) -> Result<(), CliError> {
        match self.what {
            What::Extract(extract) => extract.run(),
            What::Index(index) => index.run(),
        }
    }
}
