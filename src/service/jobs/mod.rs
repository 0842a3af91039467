//! Work in the background: `calls` (what is asked), `runner` (who does it), `board` (what both
//! share), `work` (how far a job is), and what there is to do: `duplicates` with `groups`,
//! `reindex`, `import` and `export`, which `transfers` asks for.

mod board;
mod calls;
mod duplicates;
mod export;
mod groups;
mod import;
mod reindex;
mod runner;
mod transfers;
mod work;

pub(super) use board::Board;
pub use calls::{DuplicateGroup, DuplicateMember, GroupPage, Started};
pub use duplicates::{DuplicatesRequest, MOST_CANDIDATES};
pub use import::ImportRequest;
pub use reindex::ReindexRequest;
pub use transfers::JobResult;
