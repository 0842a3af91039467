//! Searching: what the service sees of it ([`SearchBackend`]), and the search in memory behind that
//! ([`MemorySearch`]).

mod backend;
mod index;
mod memory;
mod off;
mod slots;

pub use backend::{Effort, Nearest, Ranked, SearchBackend, SearchError, SearchState};
pub use index::{FlatIndex, HnswIndex, HnswParams, IndexError, IndexOptions, SearchParams, VectorIndex};
pub use memory::{MemorySearch, NewIndex};
pub use off::NoSearch;
pub use slots::{Admission, SearchSlots};
