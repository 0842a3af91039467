//! How the thread of the upkeep and those that wait for it tell each other what they do.

use std::thread::JoinHandle;

/// Who does what.
#[derive(Default)]
pub(crate) struct Control {
    /// Whether the thread runs.
    pub(crate) running: bool,
    /// Whether it is changing the graph.
    pub(crate) working: bool,
    /// Whether a snapshot is being written, or about to be.
    pub(crate) saving: bool,
    /// Threads that may not have ended yet: the one that runs, and perhaps those before it.
    pub(crate) threads: Vec<JoinHandle<()>>,
}
