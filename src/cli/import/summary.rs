//! What became of an import.

use std::collections::BTreeMap;

use serde::Serialize;

use eyrie_terminal::output;

/// Files that are named for each reason; the JSON has all of them.
const NAMED_FOR_EACH_REASON: usize = 20;

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileOutcome {
    /// Stored under this id, and which image of the collection shows the same thing, where that
    /// was asked for.
    Stored { id: String, similar: Option<String> },
    /// Not stored since this image of the collection shows the same thing.
    LeftOut(String),
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

/// A file and what the collection had already that shows the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Similar {
    /// Where the file is.
    pub path: String,
    /// The verdict, the image and the score.
    pub what: String,
    /// Whether the file was stored all the same.
    pub stored: bool,
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
    /// Files that show what is there, in the order in which they were looked at.
    pub similar: Vec<Similar>,
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
            similar: Vec::new(),
            failed: Vec::new(),
            stopped: false,
            aborted: false,
            seconds: 0.0,
        }
    }

    /// Counts a file.
    pub(super) fn count(&mut self, path: &str, outcome: FileOutcome) {
        match outcome {
            FileOutcome::Stored { similar, .. } => {
                self.stored += 1;
                self.similar.extend(similar.map(|what| Similar { path: path.to_owned(), what, stored: true }));
            }
            FileOutcome::LeftOut(what) => {
                self.similar.push(Similar { path: path.to_owned(), what, stored: false });
            }
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
        for (stored, what) in [(true, "stored though similar"), (false, "left out as similar")] {
            let files: Vec<&Similar> = self.similar.iter().filter(|similar| similar.stored == stored).collect();
            if files.is_empty() {
                continue;
            }
            lines.push(format!("{} {what} to what is there", files.len()));
            let named = files.iter().take(NAMED_FOR_EACH_REASON);
            lines.extend(named.map(|similar| format!("  {}: {}", similar.path, similar.what)));
            lines.extend(more(files.len()));
        }
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for failure in &self.failed {
            by_reason.entry(&failure.reason).or_default().push(&failure.path);
        }
        for (reason, paths) in by_reason {
            lines.push(format!("{} failed: {reason}", paths.len()));
            lines.extend(paths.iter().take(NAMED_FOR_EACH_REASON).map(|path| format!("  {path}")));
            lines.extend(more(paths.len()));
        }
        if self.stopped {
            lines.push("stopped before the end; the same command goes on from here".to_owned());
        }
        lines
    }
}

/// How many of so many files are not named.
fn more(files: usize) -> Option<String> {
    let unnamed = files.saturating_sub(NAMED_FOR_EACH_REASON);
    (unnamed > 0).then(|| format!("  ... and {unnamed} more (--json lists all)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_grouped_by_reason_and_counted() {
        let mut summary = Summary::new("default", 5);
        summary.count("a", FileOutcome::Stored { id: "1".to_owned(), similar: None });
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
    fn what_is_similar_is_named_and_no_failure() {
        let mut summary = Summary::new("default", 2);
        let what = "near_duplicate of x (score 0.9000)".to_owned();
        summary.count("a", FileOutcome::Stored { id: "1".to_owned(), similar: Some(what.clone()) });
        summary.count("b", FileOutcome::LeftOut(what));
        assert!(summary.complete());
        assert_eq!(
            summary.lines(),
            [
                "2 files: 1 stored, 0 already there, 0 not an image, 0 failed (0.0 s)",
                "1 stored though similar to what is there",
                "  a: near_duplicate of x (score 0.9000)",
                "1 left out as similar to what is there",
                "  b: near_duplicate of x (score 0.9000)",
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
