//! API keys: making them, taking them back, and knowing them again.

mod calls;
mod ring;

pub use calls::{MOST_COLLECTIONS, MOST_DAYS, MOST_ORIGINS, MadeKey, NewApiKey, UsedKey};
pub(super) use ring::KeyRing;
pub use ring::KnownKeys;
