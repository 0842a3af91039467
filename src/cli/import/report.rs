//! What became of an import.

use std::collections::BTreeMap;

use serde::Serialize;

use eyrie_terminal::output;

/// Files that are named for each reason; the JSON has all of them.
const NAMED_FOR_EACH_REASON: usize = 20;

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Stored under this id.
    Stored(String),
    /// The same bytes are there (where another model had described them, they are described again by now).
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
pub(super) struct Report {
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

impl Report {
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
    pub(super) fn count(&mut self, path: &str, outcome: Outcome) {
        match outcome {
            Outcome::Stored(_) => self.stored += 1,
            Outcome::AlreadyThere => self.already_there += 1,
            Outcome::NotAnImage => self.not_images += 1,
            Outcome::Failed(reason) => self.failed.push(Failure { path: path.to_owned(), reason }),
            Outcome::Fatal(reason) => {
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
        let mut report = Report::new("default", 5);
        report.count("a", Outcome::Stored("1".to_owned()));
        report.count("b", Outcome::Failed("the image is truncated".to_owned()));
        report.count("c", Outcome::Failed("the image is empty".to_owned()));
        report.count("d", Outcome::Failed("the image is truncated".to_owned()));
        report.count("e", Outcome::NotAnImage);
        assert!(!report.complete());
        assert_eq!(
            report.lines(),
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
        let mut report = Report::new("default", 9);
        report.count("a", Outcome::Fatal("the database is not available".to_owned()));
        assert!(report.stopped && !report.complete());
    }
}
