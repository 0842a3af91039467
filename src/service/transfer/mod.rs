//! Whole collections out of the database and into one, without their pictures: `format` (the
//! lines), `export`, `import`.

mod export;
mod format;
mod import;

pub use export::ExportPart;
pub use format::{ExportHeader, MAX_LINE_BYTES};
pub use import::{Import, ImportReport, LineFailure};
