//! What a search compares images with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Descriptor, ExtractionCost, ImageKey, QueryRegion, Thumbnail};
use eyrie_vision::local::{LocalFeatures, Verification};

/// What images are compared with.
pub(super) struct Subject {
    pub(super) descriptor: Descriptor,
    /// What the first results are compared with; `None` where they are not.
    pub(super) features: Option<Arc<LocalFeatures>>,
    /// Time to look for these.
    pub(super) features_time: Duration,
    /// The part of the query image that this is; `None` for all of it.
    pub(super) region: Option<QueryRegion>,
    /// The image that must not be among its own results.
    pub(super) itself: Option<ImageKey>,
    pub(super) cost: Option<ExtractionCost>,
    /// A small picture of it: what the pixels of verified results are compared with.
    pub(super) thumbnail: Option<Thumbnail>,
    /// What comparing images with it gave so far.
    pub(super) matches: HashMap<ImageKey, Verification>,
}

impl Subject {
    /// Whether none of the images that were compared with it shows the same thing.
    pub(super) fn is_unverified(&self) -> bool {
        !self.matches.values().any(Verification::verified)
    }
}
