//! What a comparison of two pictures comes to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How two pictures belong together, from what was measured on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same picture, frame to frame: compressed, scaled or lit anew at most, or with small
    /// additions.
    Same,
    /// One picture is in the other: cropped, turned, framed, written over, or a photograph of the
    /// same thing.
    NearDuplicate,
    /// They share a part, a logo for example, or look more alike than pictures of different things
    /// mostly do.
    Similar,
    /// Nothing of the kind was found.
    Different,
}

impl Verdict {
    /// Every verdict, the closest first.
    pub const ALL: [Self; 4] = [Self::Same, Self::NearDuplicate, Self::Similar, Self::Different];

    /// Its name in answers and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::NearDuplicate => "near_duplicate",
            Self::Similar => "similar",
            Self::Different => "different",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What cosines of one profile's descriptors mean: from which score on a pair gets a verdict by its
/// score alone. Learned with the model on pictures that no benchmark uses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// Pictures of different things do not reach this score.
    pub near_duplicate: f32,
    /// Pictures of different things seldom reach this score.
    pub similar: f32,
}

impl Levels {
    /// No score means anything: for descriptors of which nothing was learned.
    pub const NONE: Self = Self { near_duplicate: f32::INFINITY, similar: f32::INFINITY };
}
