//! Describing pictures in a process of its own.
//!
//! Decoders read the bytes of strangers. The child (`eyrie worker`) loads the model, gives up
//! files, network, other programs and memory beyond a bound, and then takes pictures from its
//! standard input and gives descriptors back. What crashes it or keeps it busy for ever is refused
//! as a damaged picture; the next one finds a new child.
//!
//! | file | what |
//! |---|---|
//! | `parent` | [`IsolatedExtractor`]: an extractor whose work is done by a child |
//! | `child` | what the child does |
//! | `sandbox` | what the child gives up |
//! | `wire` | what they say to each other |

mod child;
mod parent;
mod sandbox;
mod wire;

pub use child::run;
pub use parent::{IsolatedExtractor, IsolationError};
