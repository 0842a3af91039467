//! What Eyrie's commands share: results on the standard output, notes and progress on the standard
//! error output, exit codes, and the files below folders.

mod error;
pub mod files;
pub mod output;
mod progress;

pub use error::CliError;
pub use progress::Progress;
