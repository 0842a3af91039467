//! What became of an import.

use std::collections::BTreeMap;

use serde::Serialize;

use eyrie_terminal::output;

/// Files that are named for each reason; the JSON has all of them.
const NAMED_FOR_EACH_REASON: usize = 20;

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileOutcome {
    /// Stored under this id.
    Stored(String),
    /// The same bytes are there (where another model had described them, they are described again
    /// by now).
    AlreadyThere,
    /// No image.
    NotAnImage,
    /// Not stored, and why.
    Failed(String),
    /// Not stored because the database or the service is gone: the rest would fail as well.
    Fatal(String),
}

/// A file and why it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    /// Where the file is.
    pub path: String,
    /// Why it was not stored.
    pub reason: String,
}

/// The counts and the failures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Summary {
    /// The collection.
    pub collection: String,
    /// Files found.
    pub files: usize,
    /// Images stored.
    pub stored: usize,
    /// Images that were there already.
    pub already_there: usize,
    /// Files that are no images.
    pub not_images: usize,
    /// Files that failed, in the order of their paths.
    pub failed: Vec<Failure>,
    /// Whether it ended before every file was looked at.
    pub stopped: bool,
    /// Whether it was told to stop twice and left images under way.
    #[serde(skip)]
    pub aborted: bool,
    /// Time it took.
    pub seconds: f64,
}

impl Summary {
    pub(super) fn new(collection: &str, files: usize) -> Self {
        Self {
            collection: collection.to_owned(),
            files,
            stored: 0,
            already_there: 0,
            not_images: 0,
            failed: Vec::new(),
            stopped: false,
            aborted: false,
            seconds: 0.0,
        }
    }

    /// Counts a file.
    pub(super) fn count(&mut self, path: &str, outcome: FileOutcome) {
        match outcome {
            FileOutcome::Stored(_) => self.stored += 1,
            FileOutcome::AlreadyThere => self.already_there += 1,
            FileOutcome::NotAnImage => self.not_images += 1,
            FileOutcome::Failed(reason) => self.failed.push(Failure { path: path.to_owned(), reason }),
            FileOutcome::Fatal(reason) => {
                self.failed.push(Failure { path: path.to_owned(), reason });
                self.stopped = true;
            }
        }
    }

    /// Whether every file was looked at and none failed.
    pub(super) fn complete(&self) -> bool {
        self.failed.is_empty() && !self.stopped
    }

    /// Writes the summary for people.
    pub(super) fn tell(&self) {
        self.lines().iter().for_each(|line| output::note(line));
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} files: {} stored, {} already there, {} not an image, {} failed ({:.1} s)",
            self.files,
            self.stored,
            self.already_there,
            self.not_images,
            self.failed.len(),
            self.seconds
        )];
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for failure in &self.failed {
            by_reason.entry(&failure.reason).or_default().push(&failure.path);
        }
        for (reason, paths) in by_reason {
            lines.push(format!("{} failed: {reason}", paths.len()));
            lines.extend(paths.iter().take(NAMED_FOR_EACH_REASON).map(|path| format!("  {path}")));
            if paths.len() > NAMED_FOR_EACH_REASON {
                lines.push(format!("  ... and {} more (--json lists all)", paths.len() - NAMED_FOR_EACH_REASON));
            }
        }
        if self.stopped {
            lines.push("stopped before the end; the same command goes on from here".to_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_grouped_by_reason_and_counted() {
        let mut summary = Summary::new("default", 5);
        summary.count("a", FileOutcome::Stored("1".to_owned()));
        summary.count("b", FileOutcome::Failed("the image is truncated".to_owned()));
        summary.count("c", FileOutcome::Failed("the image is empty".to_owned()));
        summary.count("d", FileOutcome::Failed("the image is truncated".to_owned()));
        summary.count("e", FileOutcome::NotAnImage);
        assert!(!summary.complete());
        assert_eq!(
            summary.lines(),
            [
                "5 files: 1 stored, 0 already there, 1 not an image, 3 failed (0.0 s)",
                "1 failed: the image is empty",
                "  c",
                "2 failed: the image is truncated",
                "  b",
                "  d",
            ]
        );
    }

    #[test]
    fn a_stopped_import_is_not_complete() {
        let mut summary = Summary::new("default", 9);
        summary.count("a", FileOutcome::Fatal("the database is not available".to_owned()));
        assert!(summary.stopped && !summary.complete());
    }
}
