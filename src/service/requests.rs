//! What is asked of the service and what it answers.

use serde_json::Value;

use crate::domain::{
    DescriptorVersion, ExtractionCost, FieldPath, Filter, IdempotencyKey, ImageId, ImageRecord, KeyId, QueryRegion,
    Thumbnail, Verdict, Verify,
};
use eyrie_vision::local::Verification;

/// What to do when the same bytes are already in the collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// Answer with the image that is there.
    #[default]
    Return,
    /// Refuse ([`super::ServiceError::DuplicateContent`]).
    Reject,
    /// Store it once more.
    Allow,
}

/// What to do when the collection shows the same thing already, in other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSimilar {
    /// Nobody looks.
    #[default]
    Ignore,
    /// The answer names what is similar.
    Report,
    /// Refuse where the verdict on an image that is there is `same` or `near_duplicate`
    /// ([`super::ServiceError::SimilarExists`]); else as [`OnSimilar::Report`].
    Reject,
}

impl OnSimilar {
    /// Every choice with its name.
    pub const ALL: [(&str, Self); 3] = [("ignore", Self::Ignore), ("report", Self::Report), ("reject", Self::Reject)];
}

/// An image to add.
#[derive(Debug, Clone)]
pub struct AddImage {
    /// The id it shall have; a fresh one where `None`.
    pub id: Option<ImageId>,
    /// The encoded image.
    pub bytes: bytes::Bytes,
    /// The client's data: a JSON object, `Value::Null` for none.
    pub metadata: Value,
    /// What to do when the same bytes are there.
    pub on_duplicate: OnDuplicate,
    /// What to do when the collection shows the same thing.
    pub on_similar: OnSimilar,
    /// The key that stores it.
    pub stored_by: Option<KeyId>,
    /// The name of the request that adds it, and which of that request's images it is.
    pub named: Option<(IdempotencyKey, usize)>,
}

/// An image to put under an id.
#[derive(Debug, Clone)]
pub struct PutImage {
    /// The id.
    pub id: ImageId,
    /// The encoded image.
    pub bytes: bytes::Bytes,
    /// The client's data: a JSON object, `Value::Null` for none.
    pub metadata: Value,
    /// What to do when another image of the collection shows the same thing.
    pub on_similar: OnSimilar,
    /// The key that stores it.
    pub stored_by: Option<KeyId>,
}

/// What became of an addition.
#[derive(Debug, Clone, PartialEq)]
pub enum AddOutcome {
    /// Stored and searchable.
    Created(ImageRecord),
    /// The same bytes were there; this is their record.
    Existing(ImageRecord),
}

/// What became of a put.
#[derive(Debug, Clone, PartialEq)]
pub enum PutOutcome {
    /// Stored as a new image.
    Created(ImageRecord),
    /// Stored over an older one (or equal to it already).
    Updated(ImageRecord),
}

/// An outcome, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// What became of the image.
    pub outcome: T,
    /// The images of the collection that are similar, in the order of a search; `None` where nobody
    /// looked, which is so too for an image that was there already.
    pub similar: Option<Vec<SearchHit>>,
    /// What describing it cost; `None` when it did not have to be described.
    pub cost: Option<ExtractionCost>,
}

/// What is searched for.
#[derive(Debug, Clone)]
pub enum SearchQuery {
    /// An encoded image, or the part of it that lies in the region, as if it were an image of its
    /// own.
    Image(bytes::Bytes, Option<QueryRegion>),
    /// Encoded images of one and the same thing, 1 to [`super::MAX_QUERY_IMAGES`]: what their
    /// descriptors have in common is searched for, and results are compared with each of them.
    Images(Vec<bytes::Bytes>),
    /// An image of the collection; it is not among the results itself.
    Id(ImageId),
    /// The values of a descriptor, with the version that made it where the client knows it.
    Descriptor(Vec<f32>, Option<DescriptorVersion>),
}

/// A search.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// What is searched for.
    pub query: SearchQuery,
    /// How many results, 1 to the configured maximum.
    pub k: usize,
    /// How many of the best to leave out first, for paging.
    pub offset: usize,
    /// Leave out results below this cosine, -1 to 1.
    pub min_score: Option<f32>,
    /// Only images whose metadata match.
    pub filter: Option<Filter>,
    /// Of the images that have the same value there, only the best one is a result; k and offset
    /// count such groups. Images without a value stand each for themselves.
    pub group_by: Option<FieldPath>,
    /// Scan everything instead of searching the graph.
    pub exact: bool,
    /// Breadth of the graph search.
    pub ef: Option<usize>,
    /// Whether the first results are compared with the query by local features; `None` for what is
    /// configured.
    pub verify: Option<Verify>,
    /// Whether what was compared in vain is put in order by its likeness to what shows the same
    /// thing, too; `None` for what is configured.
    pub expand: Option<bool>,
    /// Whether the answer carries a small picture of the query image as it was seen.
    pub thumbnail: bool,
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// 1 for the best.
    pub rank: usize,
    /// Cosine, -1 to 1; 1 is identical.
    pub score: f32,
    /// The image.
    pub record: ImageRecord,
    /// What score and comparison come to; for a part of an image, that of this part.
    pub verdict: Verdict,
    /// What the comparison by local features gave, in coordinates of the whole query image; `None`
    /// where there was none.
    pub verification: Option<Verification>,
    /// Which image of the query it was compared with, 1 for the first: the one that has most in
    /// common with it. `None` where there was no comparison, and where the query has one image at most.
    pub query_image: Option<usize>,
}

/// What the verification of a search took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerificationEffort {
    /// Images that were compared with the query.
    pub compared: usize,
    /// Time to look for features in the query image, read those of the candidates and compare, in
    /// milliseconds.
    pub milliseconds: f64,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResponse {
    /// Best first: verified ones by falling likelihood, then the others that were compared by their
    /// likeness to these and the query, then the rest by falling score.
    pub hits: Vec<SearchHit>,
    /// Whether images may be missing among them, since the index is being built.
    pub partial: bool,
    /// The version that was compared.
    pub version: DescriptorVersion,
    /// What describing the query image cost; `None` when nothing had to be described.
    pub cost: Option<ExtractionCost>,
    /// The query image as it was seen: upright, over its ground, in sRGB, cut to its region. Only
    /// of an image, and where it was asked for.
    pub thumbnail: Option<Thumbnail>,
    /// Time of the whole search, in milliseconds.
    pub milliseconds: f64,
    /// Time to find the candidates, in milliseconds.
    pub index_milliseconds: f64,
    /// `None` when nothing was to be verified.
    pub verification: Option<VerificationEffort>,
}

/// Whether the service can answer, and what it waits for.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Readiness {
    /// Whether requests can be answered now.
    pub ready: bool,
    /// `ok`, or what is wrong with the database.
    pub store: String,
    /// `ok`, or what the index is doing (for example `building, 3000 of 10000`).
    pub index: String,
    /// `ok`, or `shutting down`.
    pub workers: String,
}
