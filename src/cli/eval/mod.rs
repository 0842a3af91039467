//! `eyrie eval`: how well pictures are found again.

mod cache;
mod copy;
mod features;
mod instance;
mod run;

use clap::{Args, Subcommand};

use super::error::CliError;

/// Measure retrieval on your own pictures: mAP, recall, intervals, paired tests
#[derive(Debug, Args)]
pub(super) struct Eval {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Instance(Box<instance::Instance>),
    Copy(Box<copy::Copy>),
}

impl Eval {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.what {
            What::Instance(instance) => instance.run(),
            What::Copy(copy) => copy.run(),
        }
    }
}
