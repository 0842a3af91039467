//! `eyrie quantize`: from float weights to a model file.

use clap::Args;

use super::error::CliError;

/// Make a 2-bit model from float weights
#[derive(Debug, Args)]
pub(super) struct Quantize {}

impl Quantize {
    pub(super) fn run(self) -> Result<(), CliError> {
        Err(CliError::Failed("not there yet".to_owned()))
    }
}
