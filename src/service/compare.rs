//! Comparing two pictures, uploaded or stored.

use bytes::Bytes;

use super::collections::DEFAULT_PROFILE;
use super::core::Core;
use super::lanes::Lane;
use super::pool::WhenFull;
use super::{RetrievalService, ServiceError};
use crate::domain::{
    Collection, CollectionName, Descriptor, DescriptorVersion, ExtractionCost, ImageId, ImageRecord, Levels, Profile,
};
use eyrie_vision::compare::{Comparison, Subject, VIEW_SIDE, compare, overlay};
use eyrie_vision::describe::Request;
use eyrie_vision::local::{LocalFeatures, QUERY_FEATURES, STORED_FEATURES};
use eyrie_vision::picture::{Decoded, encode_png, thumbnail_pixels};

/// A picture to compare.
#[derive(Debug, Clone)]
pub enum Pictured {
    /// An encoded image.
    Image(Bytes),
    /// A stored image.
    Stored(CollectionName, ImageId),
}

/// Two pictures to compare.
#[derive(Debug, Clone)]
pub struct CompareRequest {
    /// The first one, which takes the place of a search's query.
    pub a: Pictured,
    /// The second one, which takes the place of a stored image.
    pub b: Pictured,
    /// How they are described; `None` for the profile of a stored one.
    pub profile: Option<Profile>,
    /// Whether a picture of the comparison is drawn.
    pub overlay: bool,
}

/// One of the pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedImage {
    /// Width in pixels after EXIF orientation.
    pub width: u32,
    /// Height in pixels after EXIF orientation.
    pub height: u32,
    /// What describing it cost; `None` for a stored one.
    pub cost: Option<ExtractionCost>,
}

/// What comparing gave.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareResponse {
    /// What the two have in common.
    pub comparison: Comparison,
    /// The first picture.
    pub a: ComparedImage,
    /// The second picture.
    pub b: ComparedImage,
    /// The version of both descriptors.
    pub version: DescriptorVersion,
    /// The comparison as a PNG, where it was asked for.
    pub overlay: Option<Vec<u8>>,
}

/// Where a picture comes from, as far as it is known before it is described.
enum Source {
    Image(Bytes),
    Stored(Collection, Box<ImageRecord>),
}

/// What is compared of a picture.
struct Side {
    image: ComparedImage,
    descriptor: Descriptor,
    parts: Vec<Descriptor>,
    features: Option<LocalFeatures>,
    /// What a search compares.
    thumbnail: Vec<u8>,
    /// The picture to draw, of an upload; a stored one is drawn as its thumbnail.
    view: Option<Decoded>,
}

impl Side {
    fn subject<'a>(&'a self, thumbnail: Option<&'a Decoded>) -> Subject<'a> {
        let Self { descriptor, parts, features, .. } = self;
        Subject { descriptor, parts, features: features.as_ref(), thumbnail }
    }
}

impl RetrievalService {
    /// Compares two pictures as a search by the first compares it with the second, so that both say
    /// the same about them.
    ///
    /// # Errors
    /// [`ServiceError`]: unknown collection or image, a picture that is none, [`ServiceError::NotComparable`], overload, the
    /// database.
    pub async fn compare(&self, request: CompareRequest) -> Result<CompareResponse, ServiceError> {
        let core = &self.core;
        let _running = core.gate.enter()?;
        let (a, b) = (core.source(request.a).await?, core.source(request.b).await?);
        let profile = request.profile.or_else(|| a.profile()).or_else(|| b.profile()).unwrap_or(DEFAULT_PROFILE);
        let (a, b) = tokio::try_join!(
            core.side(a, profile, QUERY_FEATURES, request.overlay),
            core.side(b, profile, STORED_FEATURES, request.overlay),
        )?;
        let facts = core.catalogue.profile(profile);
        let levels = facts.levels;
        let (image_a, image_b) = (a.image.clone(), b.image.clone());
        let admission = core.slots.admit()?;
        let (comparison, overlay) = admission.run(move || compared(a, b, &levels, request.overlay)).await??;
        Ok(CompareResponse { comparison, a: image_a, b: image_b, version: facts.version.clone(), overlay })
    }
}

impl Source {
    fn profile(&self) -> Option<Profile> {
        match self {
            Self::Image(_) => None,
            Self::Stored(collection, _) => Some(collection.profile),
        }
    }
}

impl Core {
    async fn source(&self, picture: Pictured) -> Result<Source, ServiceError> {
        match picture {
            Pictured::Image(bytes) => Ok(Source::Image(bytes)),
            Pictured::Stored(name, id) => {
                let collection = self.collection(&name).await?;
                let record = self.store.get(&name, &id).await?;
                let record = record.ok_or_else(|| ServiceError::UnknownImage(id.to_string()))?;
                Ok(Source::Stored(collection, Box::new(record)))
            }
        }
    }

    async fn side(
        &self,
        source: Source,
        profile: Profile,
        features: usize,
        with_view: bool,
    ) -> Result<Side, ServiceError> {
        match source {
            Source::Image(bytes) => {
                let view = if with_view { VIEW_SIDE } else { 0 };
                let request = Request { features, view, thumbnail: true, parts: true, ..Request::descriptor(profile) };
                let described = self.pool.describe(bytes, request, Lane::Search, WhenFull::Refuse).await?;
                Ok(Side {
                    image: ComparedImage {
                        width: described.width,
                        height: described.height,
                        cost: Some(described.cost),
                    },
                    descriptor: described.descriptor,
                    parts: described.parts,
                    features: described.features,
                    thumbnail: described.thumbnail.map_or_else(Vec::new, |thumbnail| thumbnail.bytes),
                    view: described.view,
                })
            }
            Source::Stored(collection, record) => {
                let needed = &self.catalogue.profile(profile).version;
                let stored = self.store.get_descriptor(&collection.name, &record.id).await?;
                let Some((key, stored)) = stored else { return Err(self.missing(&collection.name, &record.id).await) };
                if stored.version != *needed {
                    let (image, stored) = (record.id.to_string(), stored.version);
                    return Err(ServiceError::NotComparable { image, stored, needed: needed.clone() });
                }
                let features = self.stored_features(&collection.name, key).await?;
                let thumbnail = self.store.get_thumbnail(&collection.name, &record.id).await?;
                let Some(thumbnail) = thumbnail else {
                    return Err(self.missing(&collection.name, &record.id).await);
                };
                Ok(Side {
                    image: ComparedImage { width: record.width, height: record.height, cost: None },
                    descriptor: stored.descriptor,
                    parts: Vec::new(),
                    features,
                    thumbnail: thumbnail.bytes,
                    view: None,
                })
            }
        }
    }
}

/// The comparison, and what it looks like where that is asked for.
fn compared(
    a: Side,
    b: Side,
    levels: &Levels,
    with_overlay: bool,
) -> Result<(Comparison, Option<Vec<u8>>), ServiceError> {
    let thumbnails = [&a, &b].map(|side| thumbnail_pixels(&side.thumbnail));
    let [of_a, of_b] = thumbnails.each_ref().map(|thumbnail| thumbnail.as_ref().ok());
    let comparison = compare(a.subject(of_a), b.subject(of_b), levels);
    if !with_overlay {
        return Ok((comparison, None));
    }
    let [of_a, of_b] = thumbnails.map(|thumbnail| {
        thumbnail.map_err(|error| ServiceError::Internal(format!("a thumbnail cannot be read: {error}")))
    });
    let drawn = overlay(&a.view.map_or(of_a, Ok)?, &b.view.map_or(of_b, Ok)?, &comparison);
    Ok((comparison, Some(encode_png(&drawn)?)))
}
