//! The machine that commands run on, as the program's own flags say.

use eyrie_terminal::CliError;
use eyrie_vision::{Describer, DescriberError, DescriberOptions};

/// The program's own flags that say how pictures are described on this machine.
pub trait Machine: clap::Args {
    /// How pictures are described, with this instruction set and so many threads where they are
    /// named.
    ///
    /// # Errors
    /// [`CliError::Usage`] for a wrong configuration.
    fn describer_options(&self, isa: Option<&str>, threads: Option<usize>) -> Result<DescriberOptions, CliError>;
}

/// What describes pictures, as an error of a command where it cannot start.
pub(super) fn load(options: &DescriberOptions) -> Result<Describer, CliError> {
    let start = |error: DescriberError| CliError::Start { hint: error.hint(), message: error.to_string() };
    Describer::load(options).map_err(start)
}
