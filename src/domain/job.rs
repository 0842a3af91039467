//! Work in the background, which outlives the request that asked for it.

use std::fmt;

use serde_json::Value;
use time::OffsetDateTime;

use super::{CollectionName, ImageKey, JobId, Verdict};

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$variant_doc])* $variant,)* }

        impl $type {
            /// Every one.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Its name in answers and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.as_str() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// What a job does.
    JobKind {
        /// Groups the images of a collection that show the same thing.
        Duplicates = "duplicates",
        /// Adds the lines of an export, or the pictures of an archive, to a collection.
        Import = "import",
        /// Writes down what is stored of a collection.
        Export = "export",
    }
}

names! {
    /// How far a job is.
    JobState {
        /// It waits for a process that has time.
        Queued = "queued",
        /// A process works on it.
        Running = "running",
        /// It has its result.
        Done = "done",
        /// It ended with an error.
        Failed = "failed",
        /// Somebody ended it.
        Cancelled = "cancelled",
    }
}

impl JobState {
    /// Whether something is still to be done.
    #[must_use]
    pub fn is_active(self) -> bool {
        match self {
            Self::Queued | Self::Running => true,
            Self::Done | Self::Failed | Self::Cancelled => false,
        }
    }
}

/// How much of a job is done.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JobProgress {
    /// Steps that are done.
    pub done: u64,
    /// Steps there are, where that is known.
    pub total: Option<u64>,
    /// Steps a second, lately.
    pub rate: Option<f64>,
}

impl JobProgress {
    /// How many seconds are left at this rate.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.total?.saturating_sub(self.done) as f64;
        self.rate.filter(|rate| *rate > 0.0).map(|rate| left / rate)
    }
}

/// A job as it is in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id; ids grow with time.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// In which collection.
    pub collection: CollectionName,
    /// How: a JSON object.
    pub params: Value,
    /// How far it is.
    pub state: JobState,
    /// How far it is, in steps.
    pub progress: JobProgress,
    /// What it came to, once it is done.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When a process first began with it.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// Two images that show the same thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarPair {
    /// The one with the smaller key.
    pub a: ImageKey,
    /// The other one.
    pub b: ImageKey,
    /// The cosine of their descriptors.
    pub score: f32,
    /// What score and comparison come to.
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_the_time_left_follows_from_the_rate() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_name(state.as_str()), Some(state));
        }
        assert_eq!(JobKind::from_name("cleaning"), None);
        let progress = |total, rate| JobProgress { done: 25, total, rate };
        assert_eq!(progress(Some(100), Some(5.0)).seconds_left(), Some(15.0));
        assert_eq!(progress(Some(20), Some(5.0)).seconds_left(), Some(0.0));
        for unknown in [progress(None, Some(5.0)), progress(Some(100), None), progress(Some(100), Some(0.0))] {
            assert_eq!(unknown.seconds_left(), None);
        }
    }
}
