//! What is asked of an extractor, and what it yields.

use std::time::Duration;

use super::cost::ExtractionCost;
use super::descriptor::{Descriptor, DescriptorVersion};
use super::profile::Profile;
use crate::local::LocalFeatures;
use crate::picture::{Decoded, ImageFormat, PictureError, QueryRegion, Thumbnail};

/// What is asked of an extractor, besides the descriptor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// How the image becomes passes of the network.
    pub profile: Profile,
    /// The part of the image that is described, as if it were an image of its own; `None` for all
    /// of it.
    pub region: Option<QueryRegion>,
    /// Whether a thumbnail is made.
    pub thumbnail: bool,
    /// The longer side, in pixels, of a picture for people that is made of it; 0 for none.
    pub view: u32,
    /// How many local features are looked for at most, up to [`crate::local::MAX_FEATURES`]; 0 for
    /// none.
    pub features: usize,
    /// Whether the sub-images are described one by one, too.
    pub parts: bool,
}

impl Request {
    /// The descriptor of the whole image, and nothing else.
    #[must_use]
    pub const fn descriptor(profile: Profile) -> Self {
        Self { profile, region: None, thumbnail: false, view: 0, features: 0, parts: false }
    }
}

/// What an extraction yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The descriptor of each sub-image; none where the request says so, or the profile has none.
    pub parts: Vec<Descriptor>,
    /// The model and profile that made it.
    pub version: DescriptorVersion,
    /// The format that was found.
    pub format: ImageFormat,
    /// The part of the image that was described, its borders rounded to whole pixels; `None` for
    /// all of it.
    pub region: Option<QueryRegion>,
    /// Width in pixels of what was described, after EXIF orientation.
    pub width: u32,
    /// Height in pixels of what was described, after EXIF orientation.
    pub height: u32,
    /// What was described, as a picture of at most 256x256 pixels; `None` where the request says
    /// so.
    pub thumbnail: Option<Thumbnail>,
    /// What was described, as pixels for people; `None` where the request says so.
    pub view: Option<Decoded>,
    /// The local features of what was described; `None` where the request says so.
    pub features: Option<LocalFeatures>,
    /// Time from the bytes of the file to upright pixels.
    pub decode_time: Duration,
    /// Time of the passes of the network, pooling included.
    pub network_time: Duration,
    /// Time that looking for local features took.
    pub features_time: Duration,
    /// What the descriptor cost.
    pub cost: ExtractionCost,
}

/// Describes images. One lives in each worker thread and owns the memory that a pass needs.
pub trait Extractor: Send {
    /// Bytes of memory that are kept between two images.
    fn memory_bytes(&self) -> usize;

    /// Describes an encoded image.
    ///
    /// # Errors
    /// [`PictureError`].
    fn extract(&mut self, bytes: &[u8], request: Request) -> Result<Extraction, PictureError>;
}
