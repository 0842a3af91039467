//! What a search compares images with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Descriptor, ExtractionCost, ImageKey, Neighbor, QueryRegion, Thumbnail};
use eyrie_vision::local::{LocalFeatures, Verification, rerank};
use eyrie_vision::picture::Decoded;

/// A picture that images are compared with.
pub(super) struct View {
    /// What the first results are compared with; `None` where they are not.
    pub(super) features: Option<Arc<LocalFeatures>>,
    /// A small picture of it: what the pixels of verified results are compared with.
    pub(super) thumbnail: Option<Thumbnail>,
    /// The pixels of that, as soon as something was verified.
    pub(super) pixels: Option<Arc<Decoded>>,
    /// The part of the query image that this is; `None` for all of it.
    pub(super) region: Option<QueryRegion>,
}

/// What comparing an image with a subject gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    /// With the view that it has most in common with.
    pub(super) found: Verification,
    /// Which of the subject's views that is.
    pub(super) view: usize,
}

/// What images are compared with.
pub(super) struct Subject {
    /// What it is searched by: its descriptor first, then those that lean towards a part of it.
    pub(super) looks: Vec<Descriptor>,
    /// The pictures of it: none of a descriptor, several where the query has several.
    pub(super) views: Vec<View>,
    /// Time to look for their features.
    pub(super) features_time: Duration,
    /// The image that must not be among its own results.
    pub(super) itself: Option<ImageKey>,
    pub(super) cost: Option<ExtractionCost>,
    /// What comparing images with it gave so far.
    pub(super) matches: HashMap<ImageKey, Match>,
    /// The pixels of the thumbnails of those that were looked at.
    pub(super) pixels: HashMap<ImageKey, Arc<Decoded>>,
}

impl Subject {
    /// A subject of which nothing more than these looks is known.
    pub(super) fn new(looks: Vec<Descriptor>) -> Self {
        Self {
            looks,
            views: Vec::new(),
            features_time: Duration::ZERO,
            itself: None,
            cost: None,
            matches: HashMap::new(),
            pixels: HashMap::new(),
        }
    }

    /// The features of its views, with their numbers.
    pub(super) fn features(&self) -> Vec<(usize, Arc<LocalFeatures>)> {
        let views = self.views.iter().enumerate();
        views.filter_map(|(number, view)| Some((number, Arc::clone(view.features.as_ref()?)))).collect()
    }

    /// Whether images can be compared with it spot by spot.
    pub(super) fn has_features(&self) -> bool {
        self.views.iter().any(|view| view.features.is_some())
    }

    /// Sorts neighbours by their scores and what comparing gave.
    pub(super) fn sort(&self, neighbors: &mut [Neighbor]) {
        let found = |neighbor: &Neighbor| self.matches.get(&neighbor.key).map(|compared| compared.found);
        rerank(neighbors, |neighbor| (neighbor.score, found(neighbor)));
    }

    /// Whether none of the images that were compared with it shows the same thing.
    pub(super) fn is_unverified(&self) -> bool {
        !self.matches.values().any(|compared| compared.found.verified())
    }
}
