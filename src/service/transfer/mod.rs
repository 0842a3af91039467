//! Whole collections out of the database and into one, without their pictures: `format` (the
//! lines), `export`, `import`; and pictures out of an archive (`archive`) into one: `pictures`,
//! with ids from `ids`. `spool` keeps what arrives until it is worked off.

mod archive;
mod export;
mod format;
mod ids;
mod import;
mod pictures;
mod spool;

pub use archive::{Archive, ArchiveKind, Entry, EntryContent, SkipReason};
pub(in crate::service) use export::{Export, ExportPlace};
pub use export::{ExportFormat, ExportPart};
pub use format::{ExportHeader, MAX_LINE_BYTES};
pub use ids::IdFrom;
pub use import::{Import, ImportReport, LineFailure, Skipped};
pub use pictures::ArchiveRequest;
pub(in crate::service) use pictures::{Pictures, Place};
pub use spool::Spool;
pub(in crate::service) use spool::{not_kept, temporary_file};
