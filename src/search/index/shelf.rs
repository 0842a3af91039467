//! The folder that keeps the indexes of all collections: a folder for each, and a list of what they
//! hold.
//!
//! An index is written as a whole, so one that has not changed is not written again: the list says
//! up to which change each holds everything, and is replaced after the indexes were saved. What the
//! list does not name, or names for another collection of that name, is built anew.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{GraphIndex, GraphParams, IndexMaker, Indexed, SaveError, Saved, VectorIndex, unsaved_index};
use crate::domain::{CollectionName, Seq};
use eyrie_index::OpenError;

const LIST: &str = "indexes.json";

/// Of the list, so that another version of the program can tell.
const FORMAT: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    format: u32,
    indexes: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    collection: String,
    /// What [`text`] says of it.
    holds: String,
    /// The change up to which it holds everything.
    through: i64,
}

/// Keeps graph indexes in a folder, which no other process uses meanwhile.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    params: GraphParams,
    /// The collections whose folders this process has used. Held while the list is written.
    used: Mutex<HashSet<CollectionName>>,
    /// Who follows the change log for these indexes. It is in the lock's file, so that it goes with
    /// the folder.
    follower: Uuid,
    _lock: File,
}

/// What is in an index, in a line that differs for everything that must not be mistaken for it.
fn text(of: &Indexed) -> String {
    format!("collection {} of {}, descriptors {}", of.name, of.created_at, of.version)
}

/// Reads who follows, or decides it.
fn follower(lock: &mut File) -> io::Result<Uuid> {
    let mut text = String::new();
    lock.take(64).read_to_string(&mut text)?;
    if let Ok(follower) = text.trim_end().parse() {
        return Ok(follower);
    }
    let follower = Uuid::now_v7();
    lock.set_len(0)?;
    writeln!(lock, "{follower}")?;
    Ok(follower)
}

impl Shelf {
    /// In this folder, which is made where it is missing; `None` while another process uses it.
    ///
    /// # Errors
    /// The system's, where the folder or its lock cannot be made.
    pub fn open(folder: PathBuf, params: GraphParams) -> io::Result<Option<Self>> {
        fs::create_dir_all(&folder)?;
        let mut lock = File::options().create(true).read(true).append(true).open(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {
                let follower = follower(&mut lock)?;
                Ok(Some(Self { folder, params, used: Mutex::default(), follower, _lock: lock }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> List {
        let path = self.folder.join(LIST);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return List::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the list of saved indexes cannot be read: they are built anew");
                return List::default();
            }
        };
        match serde_json::from_slice::<List>(&bytes) {
            Ok(list) if list.format == FORMAT => list,
            Ok(List { format, .. }) => {
                tracing::info!(format, "the indexes were saved by another version: they are built anew");
                List::default()
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the list of saved indexes is damaged: they are built anew");
                List::default()
            }
        }
    }

    /// The index that was saved, and the change up to which it holds everything.
    ///
    /// # Errors
    /// [`OpenError`]: it is to be built anew.
    pub fn find(&self, of: &Indexed) -> Result<(GraphIndex, Seq), OpenError> {
        self.used().insert(of.name.clone());
        let mut entries = self.list().indexes.into_iter();
        let entry = entries.find(|entry| entry.collection == of.name.as_str() && entry.holds == text(of));
        let through = entry.ok_or(OpenError::Missing)?.through;
        let folder = self.folder.join(of.name.as_str());
        let (index, saved_at) = GraphIndex::open(&folder, &text(of), of.dimension, self.params)?;
        Ok((index, saved_at.max(Seq(through))))
    }

    /// Whether a start would read the index that was saved: `false` where there is none.
    ///
    /// # Errors
    /// Why there is one that would be built anew, in words.
    pub fn would_read(&self, of: &Indexed) -> Result<bool, String> {
        let of_this_name = |entry: &Entry| entry.collection == of.name.as_str();
        match self.find(of) {
            Ok(_) => Ok(true),
            Err(OpenError::Missing) if self.list().indexes.iter().any(of_this_name) => {
                Err("it was saved for other descriptors, or is gone".to_owned())
            }
            Err(OpenError::Missing) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    fn write(&self, list: &List) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let aside = self.folder.join("indexes.tmp");
        let mut file = File::create(&aside)?;
        file.write_all(&serde_json::to_vec_pretty(list)?)?;
        file.sync_all()?;
        fs::rename(aside, self.folder.join(LIST))?;
        File::open(&self.folder)?.sync_all()
    }

    fn used(&self) -> MutexGuard<'_, HashSet<CollectionName>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a collection off the list, before its folder is used for another index or removed.
    fn forget(&self, name: &CollectionName) -> io::Result<()> {
        let mut used = self.used();
        used.insert(name.clone());
        let mut list = self.list();
        let before = list.indexes.len();
        list.indexes.retain(|entry| entry.collection != name.as_str());
        if list.indexes.len() == before { Ok(()) } else { self.write(&list) }
    }

    /// Removes every index, as after a change of the database that the change log does not tell of.
    ///
    /// # Errors
    /// The system's.
    pub fn clear(&self) -> io::Result<()> {
        let mut used = self.used();
        used.clear();
        self.write(&List { format: FORMAT, indexes: Vec::new() }).and_then(|()| self.sweep(&used))
    }

    /// Removes the folders of collections that were deleted while this process did not run.
    fn sweep(&self, used: &HashSet<CollectionName>) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let is_used = used.iter().any(|name| entry.file_name().to_str() == Some(name.as_str()));
            if entry.file_type()?.is_dir() && !is_used {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

impl IndexMaker for Shelf {
    fn empty(&self, of: &Indexed) -> Arc<dyn VectorIndex> {
        let folder = self.folder.join(of.name.as_str());
        let forgotten =
            self.forget(&of.name).map_err(|source| SaveError::Io { what: "the list of saved indexes", source });
        match forgotten.and_then(|()| GraphIndex::create(&folder, &text(of), of.dimension, self.params)) {
            Ok(index) => return Arc::new(index),
            Err(error) => tracing::warn!(folder = %folder.display(), %error,
                "the index cannot be kept on disk: it is built anew at each start"),
        }
        unsaved_index(of.dimension, self.params)
    }

    fn saved(&self, of: &Indexed) -> Option<Saved> {
        match self.find(of) {
            Ok((index, through)) => Some((Arc::new(index), through)),
            Err(OpenError::Missing) => None,
            Err(error) => {
                tracing::warn!(collection = %of.name, folder = %self.folder.display(), %error,
                    "the saved index is not used: it is built anew");
                None
            }
        }
    }

    fn note(&self, indexes: &[(Indexed, Seq)]) -> Result<(), SaveError> {
        let entry = |(of, through): &(Indexed, Seq)| Entry {
            collection: of.name.as_str().to_owned(),
            holds: text(of),
            through: through.0,
        };
        let used = self.used();
        self.write(&List { format: FORMAT, indexes: indexes.iter().map(entry).collect() })
            .and_then(|()| self.sweep(&used))
            .map_err(|source| SaveError::Io { what: "the list of saved indexes", source })
    }

    fn discard(&self, name: &CollectionName) {
        let folder = self.folder.join(name.as_str());
        let removed = self.forget(name).and_then(|()| match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        });
        if let Err(error) = removed {
            tracing::warn!(folder = %folder.display(), %error, "the index of a deleted collection cannot be removed");
        }
    }

    fn follower(&self) -> Option<Uuid> {
        Some(self.follower)
    }
}
