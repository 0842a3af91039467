//! The index on disk: `graph`, written whole and taken at the next start, and `vectors`, written
//! point by point ([`vectors`](crate::vectors)).
//!
//! # What a snapshot holds, and why a crash at any moment is survived
//!
//! The owner keeps a log of changes and calls `save(stamp)` when every change up to `stamp` was
//! applied. After a crash it opens the newest snapshot and applies the changes behind its stamp
//! again, some of them for the second time, which changes nothing.
//!
//! 1. *The cut.* While a snapshot is written, the thread of the index is at rest: links do not
//!    change, and slots are neither linked nor taken out. Keys, flags and checksums are copied
//!    under one lock: the cut. It holds all changes up to the stamp, and perhaps some of later
//!    ones, in the graph or waiting. Codes and links are written piece by piece afterwards. Those
//!    of a slot in use at the cut do not change before the snapshot is complete, for a slot that is
//!    freed meanwhile is not used again until then. Slots that are filled meanwhile were free at
//!    the cut, and the snapshot says so, whatever code it has for them.
//! 2. *The files.* `vectors` is synced, then `graph.tmp`, which is then renamed. So there is always
//!    one whole snapshot, and for each of its points a record was on the disk when it was renamed.
//! 3. *Records newer than the snapshot.* Later a point is removed or replaced, its slot is freed,
//!    used again and its record overwritten; then the crash. The snapshot has the old point, the
//!    file the new one's record. The checksum of every record is in the snapshot, so this record
//!    fails its check: the old point counts as unreadable and is never scored by another's vector.
//!    It was freed behind the cut, so the change that did it is behind the stamp, and applying the
//!    log removes the point. A record torn by the crash fails the check in the same way.
//! 4. *The same change again.* Inserting a key with the vector that it has finds the slot by its
//!    checksum and code. Where the record is sound nothing happens; where it fails its check it is
//!    written again. Inserting one whose vector no slot has takes a slot that is free in the
//!    snapshot, whose record nobody needs.
//!
//! So after the log no point of the store is missing and none is there that is not in the store; if
//! a record is unreadable still, the disk damaged it, and searches that want it say so.
//!
//! # The format
//!
//! A header (magic, format, length, parameters, stamp, counts, the owner's text; for each section
//! its length and CRC-32; its own CRC-32), then the sections, one after another, all little-endian:
//! flags, keys, scales, residuals, checks, codes, links of the lowest layer (each a row a slot),
//! the links above, and the further keys. A reader takes nothing on trust, not even where every
//! checksum is right.

mod header;
mod read;
mod restore;
mod write;

pub(crate) use self::read::{Opened, open};
pub(crate) use self::write::{create, save};

#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(feature = "fuzzing"), expect(unreachable_pub, reason = "the fuzzer alone sees it from outside"))]
pub use self::header::mend_checksums;

/// The current snapshot.
pub(crate) const GRAPH: &str = "graph";
/// The one that is being written.
pub(crate) const UNFINISHED: &str = "graph.tmp";
/// The full-precision vectors.
pub(crate) const VECTORS: &str = "vectors";

/// Bytes that are read or written in one go.
const BUFFER: usize = 1 << 20;
