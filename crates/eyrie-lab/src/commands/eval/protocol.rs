//! What a protocol measures: references, distractors and questions.

use std::path::{Path, PathBuf};

use super::features::Picture;
use eyrie_terminal::{CliError, files};

/// A file below one of the folders that were named.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// The path relative to its folder, parts joined by `/`.
    pub name: String,
    pub path: PathBuf,
}

impl Named {
    pub(super) fn picture(&self) -> Picture {
        Picture { path: self.path.clone(), region: None, transform: None }
    }

    /// The file's name without folder and extension.
    pub(super) fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The files below a folder in the order of names, the first `limit` of them.
///
/// # Errors
/// [`CliError::Usage`] when there is none, or one cannot be read.
pub(super) fn list(folder: &Path, limit: Option<usize>) -> Result<Vec<Named>, CliError> {
    let found = files::find(&[folder.to_owned()], limit)?;
    if let Some(reason) = found.iter().find_map(|f| f.unreadable.as_ref().map(|r| format!("{}: {r}", f.relative))) {
        return Err(CliError::Usage(format!("cannot read below {}: {reason}", folder.display())));
    }
    if found.is_empty() {
        return Err(CliError::Usage(format!("there are no files in {}", folder.display())));
    }
    Ok(found.into_iter().map(|f| Named { name: f.relative, path: f.path }).collect())
}

/// A query of the protocol, before it is known which references are images.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub name: String,
    pub group: String,
    /// What is searched with together: pictures of one thing, mostly one.
    pub pictures: Vec<Picture>,
    /// Positions of the right answers among the references.
    pub right: Vec<usize>,
    /// Positions of references that are neither right nor wrong.
    pub junk: Vec<usize>,
}

/// What a protocol measures.
pub(super) struct Protocol {
    pub name: &'static str,
    pub references: Vec<Named>,
    pub distractors: Vec<Named>,
    pub queries: Vec<Question>,
    /// Pictures that are written as PNG as well, and where.
    pub written: Vec<(Picture, PathBuf)>,
}

impl Protocol {
    /// What is searched: the distractors before the references, so that ties count against the
    /// right answers.
    pub(super) fn gallery(&self) -> impl Iterator<Item = &Named> {
        self.distractors.iter().chain(&self.references)
    }
}

/// Stands before the names of distractors in reports.
pub(super) const DISTRACTOR: &str = "distractor ";
