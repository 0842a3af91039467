//! How requests ended that named themselves, where the database was away and does not know.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::domain::{CollectionName, IdempotencyKey, KeptAnswer};

/// How many are noted. The others look as if they were under way until their hour is over.
const MOST: usize = 256;

/// The end of a request, which the database does not know.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// When it was begun.
    pub(super) begun: OffsetDateTime,
    /// The answer to keep; `None` where it is to be forgotten.
    pub(super) answer: Option<KeptAnswer>,
}

/// What a request is called, and where.
pub(super) type Name = (CollectionName, IdempotencyKey);

/// The ends that the database does not know.
#[derive(Debug, Default)]
pub(super) struct Owed(Mutex<HashMap<Name, End>>);

impl Owed {
    fn ends(&self) -> MutexGuard<'_, HashMap<Name, End>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an end.
    pub(super) fn note(&self, name: Name, end: End) {
        let mut ends = self.ends();
        if ends.len() < MOST || ends.contains_key(&name) {
            ends.insert(name, end);
        }
    }

    /// The end of a request.
    pub(super) fn get(&self, name: &Name) -> Option<End> {
        self.ends().get(name).cloned()
    }

    /// The names of all.
    pub(super) fn names(&self) -> Vec<Name> {
        self.ends().keys().cloned().collect()
    }

    /// The database knows the end of the request that was begun then.
    pub(super) fn settled(&self, name: &Name, begun: OffsetDateTime) {
        let mut ends = self.ends();
        if ends.get(name).is_some_and(|end| end.begun == begun) {
            ends.remove(name);
        }
    }
}
