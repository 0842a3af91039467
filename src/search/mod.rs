//! Searching: what the service sees of it ([`SearchBackend`]), and the search in memory behind that
//! ([`MemorySearch`]).

mod backend;
pub mod doctor;
mod index;
mod memory;
mod off;
mod slots;

pub use backend::{Effort, Nearest, Ranked, SearchBackend, SearchError, SearchState};
pub use index::{
    FlatIndex, Found, GraphIndex, GraphParams, IndexError, IndexMaker, IndexOptions, Indexed, Memory, SaveError, Saved,
    SearchParams, Shelf, VectorIndex, memory_parts, unsaved_index,
};
pub use memory::{MemoryOptions, MemorySearch};
pub use off::NoSearch;
pub use slots::{Admission, SearchSlots};
