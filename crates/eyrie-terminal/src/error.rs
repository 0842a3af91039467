//! Why a command ends without success, and with which exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// Why a command ends without success.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Some of what was asked for failed and the user has been told so. Exit code 1.
    #[error("not everything was done")]
    Reported,
    /// What was asked for failed. Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The same with what the user can do about it, where there is something to say. Exit code 1.
    #[error("{message}")]
    Refused {
        /// What failed.
        message: String,
        /// What helps.
        hint: Option<&'static str>,
    },
    /// The arguments make no sense together. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A part could not be started. Exit code 3.
    #[error("{message}")]
    Start {
        /// A sentence that names the part.
        message: String,
        /// What the user can do about it, where there is something to say.
        hint: Option<&'static str>,
    },
    /// The results cannot be written. Exit code 1, or 0 where the reader has simply gone (`|
    /// head`).
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

impl CliError {
    /// Tells the user, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Reported => ExitCode::from(1),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(_) | Self::Failed(_) => self.tell(1),
            Self::Usage(_) => self.tell(2),
            Self::Refused { hint, .. } => self.tell_with(1, *hint),
            Self::Start { hint, .. } => self.tell_with(3, *hint),
        }
    }

    fn tell_with(&self, code: u8, hint: Option<&str>) -> ExitCode {
        let code = self.tell(code);
        if let Some(hint) = hint {
            note(&format!("hint: {hint}"));
        }
        code
    }

    fn tell(&self, code: u8) -> ExitCode {
        note(&format!("error: {self}"));
        ExitCode::from(code)
    }
}

/// A line for people on the standard error output. When that is closed there is nobody to tell.
pub fn note(line: &str) {
    let _closed = writeln!(io::stderr(), "{line}");
}
