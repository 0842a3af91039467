//! What goes over the wire about images.

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::domain::{ExtractionCost, ImageFormat, ImageRecord, Verdict};
use crate::http::chip::dto::CostDto;
use crate::http::links::PublicPath;
use crate::http::schema::{one_of, verdict_schema};
use crate::service::SearchHit;

/// The names of formats.
pub(crate) fn format_schema() -> Object {
    one_of(ImageFormat::ALL.map(ImageFormat::as_str)).build()
}

/// The record that examples show.
pub(crate) fn image_example() -> Value {
    json!({
        "collection": "covers", "id": "alien-1979", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "format": "jpeg", "width": 480, "height": 640, "byte_size": 83412, "metadata": {"title": "Alien", "year": 1979},
        "version": "0123456789abcdef/rnip", "revision": 17, "created_at": "2026-11-24T12:00:00Z",
        "updated_at": "2026-11-24T12:00:00Z", "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17"
    })
}

/// A stored image.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(image_example()))]
#[schema(as = Image)]
pub(crate) struct ImageDto {
    /// The collection it belongs to.
    collection: String,
    /// Its id, unique in the collection.
    id: String,
    /// SHA-256 of the uploaded bytes in hexadecimal.
    sha256: String,
    /// The format that was found.
    #[schema(schema_with = format_schema)]
    format: &'static str,
    /// Width in pixels.
    width: u32,
    /// Height in pixels.
    height: u32,
    /// Size of the upload in bytes.
    byte_size: u64,
    /// The client's own data.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Model and profile of the stored descriptor.
    version: String,
    /// Grows with every change; the entity tag is this number in quotes.
    revision: i64,
    /// When it was first stored.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    /// Where its small picture is.
    thumbnail_url: String,
    /// What describing it cost; in the answer to an upload that asks for it with `include`, unless
    /// nothing had to be described.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cost: Option<CostDto>,
    /// What the collection had that is similar, at most 10 images in the order of a search; in the
    /// answer to an upload that asks for it with `on_similar` and was stored anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    similar: Option<Vec<SimilarDto>>,
}

/// An image that was there and is similar to an upload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimilarImage)]
pub(crate) struct SimilarDto {
    /// Its id.
    id: String,
    /// Cosine of the descriptors, -1 to 1; 1 is identical.
    score: f32,
    /// What score and comparison come to, as in a search.
    #[schema(schema_with = verdict_schema)]
    verdict: Verdict,
    /// Where its small picture is.
    thumbnail_url: String,
}

impl SimilarDto {
    fn new(hit: &SearchHit, links: &PublicPath) -> Self {
        let (score, verdict) = (hit.score, hit.verdict);
        Self { id: hit.record.id.to_string(), score, verdict, thumbnail_url: links.thumbnail(&hit.record) }
    }
}

impl ImageDto {
    /// A record.
    pub(crate) fn new(record: ImageRecord, links: &PublicPath) -> Self {
        Self {
            cost: None,
            similar: None,
            thumbnail_url: links.thumbnail(&record),
            collection: record.collection.into(),
            id: record.id.into(),
            sha256: record.content_hash.to_string(),
            format: record.format.as_str(),
            width: record.width,
            height: record.height,
            byte_size: record.byte_size,
            metadata: record.metadata.as_map().clone(),
            version: record.version.to_string(),
            revision: record.revision.0,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }

    /// The same with what describing it cost.
    pub(crate) fn with_cost(self, cost: Option<ExtractionCost>) -> Self {
        Self { cost: cost.map(CostDto::from), ..self }
    }

    /// The same with what was similar.
    pub(crate) fn with_similar(self, similar: Option<&[SearchHit]>, links: &PublicPath) -> Self {
        let similar = similar.map(|hits| hits.iter().map(|hit| SimilarDto::new(hit, links)).collect());
        Self { similar, ..self }
    }
}

/// How many images there are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageCount, example = json!({"count": 40912}))]
pub(crate) struct ImageCountDto {
    /// Images of the collection, of those that match the filter where there is one.
    pub(crate) count: u64,
}

/// A page of images.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageList, example = json!({"images": [image_example()], "next_cursor": "616c69656e2d31393739"}))]
pub(crate) struct ImageListDto {
    /// The images.
    pub(crate) images: Vec<ImageDto>,
    /// Give it as `cursor` to get the next page; not there on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}
