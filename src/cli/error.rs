//! Why a command ends without success, and with which exit code.

use std::io;
use std::process::ExitCode;

use crate::app::StartError;
use crate::config::ConfigError;

use super::output;

/// Why a command ends without success.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Some of what was asked for failed and the user has been told so. Exit code 1.
    #[error("not everything was done")]
    Reported,
    /// What was asked for failed. Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The arguments make no sense together. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong. Exit code 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A part could not be started. Exit code 3.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The results cannot be written. Exit code 1, or 0 where the reader has simply gone (`| head`).
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

impl CliError {
    /// Tells the user, and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        match self {
            Self::Reported => ExitCode::from(1),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(_) | Self::Failed(_) => self.tell(1),
            Self::Usage(_) | Self::Config(_) => self.tell(2),
            Self::Start(error) => {
                let code = self.tell(3);
                if let Some(hint) = error.hint() {
                    output::note(&format!("hint: {hint}"));
                }
                code
            }
        }
    }

    fn tell(&self, code: u8) -> ExitCode {
        output::note(&format!("error: {self}"));
        ExitCode::from(code)
    }
}
