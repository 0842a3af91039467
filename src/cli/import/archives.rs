//! Archives whose pictures are imported like the files of a folder.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::service::{Archive, ArchiveKind};
use eyrie_terminal::CliError;

/// Those of the paths that are archives by their first bytes, and the others.
///
/// # Errors
/// [`CliError::Usage`] where a file cannot be read.
pub(super) fn apart(paths: Vec<PathBuf>) -> Result<(Vec<PathBuf>, Vec<PathBuf>), CliError> {
    let (mut archives, mut others) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_file() && is_archive(&path)? { archives.push(path) } else { others.push(path) }
    }
    Ok((archives, others))
}

fn is_archive(path: &Path) -> Result<bool, CliError> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut head));
    read.map_err(|e| CliError::Usage(format!("cannot read {}: {e}", path.display())))?;
    Ok(ArchiveKind::of(&head).is_some())
}

/// Opens an archive.
///
/// # Errors
/// A sentence.
pub(super) fn open(path: &Path, max_entry_bytes: u64) -> Result<Archive, String> {
    let file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    Archive::open(file, max_entry_bytes).map_err(|e| e.to_string())
}
