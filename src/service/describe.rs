//! Descriptors of pictures that are not stored.

use bytes::Bytes;

use super::collections::DEFAULT_PROFILE;
use super::lanes::Lane;
use super::pool::WhenFull;
use super::{RetrievalService, ServiceError};
use crate::domain::{Descriptor, DescriptorVersion, ExtractionCost, ImageFormat, Profile, QueryRegion};
use eyrie_vision::describe::Request;
use eyrie_vision::picture::INPUT_SIDE;

/// A picture to describe.
#[derive(Debug, Clone)]
pub struct DescribeRequest {
    /// The encoded image.
    pub image: Bytes,
    /// How; `None` for the profile of collections that name none.
    pub profile: Option<Profile>,
    /// The part of it that is described; `None` for all of it.
    pub region: Option<QueryRegion>,
}

/// What a client should know of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// What was described has fewer pixels than the network looks at and was enlarged.
    Enlarged,
}

/// A descriptor, and what it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The model and profile that made it.
    pub version: DescriptorVersion,
    /// The format that was found.
    pub format: ImageFormat,
    /// Width in pixels of what was described, after EXIF orientation.
    pub width: u32,
    /// Height in pixels of what was described, after EXIF orientation.
    pub height: u32,
    /// What it cost.
    pub cost: ExtractionCost,
    /// What a client should know of it.
    pub remarks: Vec<Remark>,
}

impl RetrievalService {
    /// The descriptor of a picture, by which a search finds what the picture finds.
    ///
    /// # Errors
    /// [`ServiceError`]: a picture that is none, overload.
    pub async fn describe(&self, request: DescribeRequest) -> Result<Described, ServiceError> {
        let core = &self.core;
        let _running = core.gate.enter()?;
        let profile = request.profile.unwrap_or(DEFAULT_PROFILE);
        let of = Request { region: request.region, ..Request::descriptor(profile) };
        let described = core.pool.describe(request.image, of, Lane::Search, WhenFull::Refuse).await?;
        let is_small = described.width.max(described.height) < INPUT_SIDE as u32;
        Ok(Described {
            descriptor: described.descriptor,
            version: described.version,
            format: described.format,
            width: described.width,
            height: described.height,
            cost: described.cost,
            remarks: if is_small { vec![Remark::Enlarged] } else { Vec::new() },
        })
    }
}
