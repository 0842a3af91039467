//! From pixels to a descriptor: plan the sub-images, run the network, pool, whiten, normalise.

mod combine;
mod cost;
mod describer;
mod descriptor;
mod extractor;
#[cfg(test)]
mod extractor_tests;
mod model;
mod pooling;
mod profile;
mod regions;

pub use combine::{Level, Pooled, Projections, WHOLE_PASSES, combine, flattened, of_level};
pub use cost::ExtractionCost;
pub use describer::{Describer, DescriberError, DescriberOptions};
pub use descriptor::{Descriptor, DescriptorVersion, InvalidDescriptor, InvalidVersion};
pub use extractor::{AsicExtractor, StepTimes};
pub use model::{Model, PIPELINE_REVISION};
pub use pooling::{MAP_SIDE, WINDOWS, Whitener, Window, pool};
pub use profile::{Profile, UnknownProfile};
pub use regions::{Region, RegionPlan};

use crate::local::Levels;
use crate::picture::{ImageFormat, PictureError, QueryRegion, Thumbnail};

/// What an extraction yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The model and profile that made it.
    pub version: DescriptorVersion,
    /// The format that was found.
    pub format: ImageFormat,
    /// The part of the image that was described, its borders rounded to whole pixels; `None` for all of it.
    pub region: Option<QueryRegion>,
    /// Width in pixels of what was described, after EXIF orientation.
    pub width: u32,
    /// Height in pixels of what was described, after EXIF orientation.
    pub height: u32,
    /// What was described, as a picture of at most 256x256 pixels.
    pub thumbnail: Thumbnail,
    /// The luma of every pixel of what was described, row by row; for local features, which are no part of a descriptor.
    pub luma: Vec<u8>,
    /// What it cost.
    pub cost: ExtractionCost,
}

/// Describes images. One lives in each worker thread and owns the memory that a pass needs.
pub trait Extractor: Send {
    /// The version of the descriptors that `profile` yields.
    fn version(&self, profile: Profile) -> DescriptorVersion;

    /// The number of values of the descriptors that `profile` yields.
    fn dimension(&self, profile: Profile) -> usize;

    /// What cosines between descriptors of `profile` mean.
    fn levels(&self, profile: Profile) -> Levels;

    /// Bytes of memory that are kept between two images.
    fn memory_bytes(&self) -> usize;

    /// Describes an encoded image.
    ///
    /// # Errors
    /// [`PictureError`].
    fn extract(&mut self, bytes: &[u8], profile: Profile) -> Result<Extraction, PictureError> {
        self.extract_region(bytes, None, profile)
    }

    /// Describes the part of an encoded image that lies in `region`, as if it were an image of its own; all of it where
    /// there is none.
    ///
    /// # Errors
    /// [`PictureError`].
    fn extract_region(
        &mut self,
        bytes: &[u8],
        region: Option<QueryRegion>,
        profile: Profile,
    ) -> Result<Extraction, PictureError>;
}
