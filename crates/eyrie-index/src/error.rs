//! Why the index refuses.

use std::io;

/// Why an index refuses a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A vector of another length than the index holds.
    #[error("the index holds vectors of {expected} values, this one has {actual}")]
    Dimension {
        /// Values of a vector in the index.
        expected: usize,
        /// Values given.
        actual: usize,
    },
    /// A vector with a value that is not finite, or whose norm is not about one.
    #[error("a vector must have finite values and a norm of one")]
    Norm,
    /// A parameter outside its range.
    #[error("{name} is {value}, it must be {allowed}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// The value given.
        value: usize,
        /// The range in words.
        allowed: &'static str,
    },
    /// There are as many points as can be counted.
    #[error("the index is full")]
    Full,
}

/// Why an index could not be made or saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The system refused.
    #[error("cannot write {what}: {source}")]
    Io {
        /// Which file, in words.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The index was made without a folder.
    #[error("the index has no folder to be saved to")]
    NoFolder,
    /// The parameters are impossible.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Why a saved index could not be taken; it must be built anew from the store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no saved index")]
    Missing,
    /// The system refused.
    #[error("cannot read the saved index: {0}")]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("the file is no saved index")]
    Foreign,
    /// Another version of the program saved it.
    #[error("the saved index has format {found}, this program reads {expected}")]
    Format {
        /// The format of the file.
        found: u32,
        /// The format that is read.
        expected: u32,
    },
    /// It was saved with other parameters or for other descriptors.
    #[error("the saved index is another one: {what} is {found}, not {expected}")]
    Other {
        /// What differs.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// Another process, or another index of this one, has it open.
    #[error("the saved index is in use")]
    InUse,
    /// Bytes are missing or wrong.
    #[error("the saved index is damaged: {0}")]
    Damaged(&'static str),
    /// The parameters that were expected are impossible.
    #[error(transparent)]
    Index(#[from] IndexError),
}
