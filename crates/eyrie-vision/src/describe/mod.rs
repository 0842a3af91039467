//! From pixels to a descriptor: plan the sub-images, run the network, pool, whiten, normalise.

mod cells;
mod combine;
mod cost;
mod descriptor;
mod expansion;
mod extraction;
mod extractor;
#[cfg(test)]
mod extractor_tests;
mod looks;
mod model;
mod pooling;
mod profile;
mod regions;

pub use combine::{Level, Pooled, Projections, WHOLE_PASSES, combine, flattened, of_level, parts};
pub use cost::ExtractionCost;
pub use descriptor::{Descriptor, DescriptorVersion, InvalidDescriptor, InvalidVersion};
pub use expansion::{Known, expand};
pub use extraction::{Extraction, Extractor, Request};
pub use extractor::{AsicExtractor, StepTimes, local_features};
pub use looks::{likeness, looks};
pub use model::{Model, PIPELINE_REVISION};
pub use pooling::{MAP_SIDE, WINDOWS, Whitener, Window, pool};
pub use profile::{Profile, UnknownProfile};
pub use regions::{RegionPlan, SubImage};
