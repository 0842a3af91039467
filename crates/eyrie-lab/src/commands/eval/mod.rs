//! `eyrie eval`: how well pictures are found again.

mod copy;
mod features;
mod instance;
mod measure;
mod protocol;
mod run;

use clap::{Args, Subcommand};

use eyrie_terminal::CliError;

use crate::commands::machine::Machine;

/// Measure retrieval on your own pictures: mAP, recall, intervals, paired tests
#[derive(Debug, Args)]
pub struct Eval<M: Machine> {
    #[command(subcommand)]
    what: What<M>,
}

#[derive(Debug, Subcommand)]
enum What<M: Machine> {
    Instance(Box<instance::Instance<M>>),
    Copy(Box<copy::Copy<M>>),
}

impl<M: Machine> Eval<M> {
    /// Runs it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self) -> Result<(), CliError> {
        match self.what {
            What::Instance(instance) => instance.run(),
            What::Copy(copy) => copy.run(),
        }
    }
}
