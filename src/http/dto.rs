//! What goes over the wire, apart from failures.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::openapi::schema::Object;
use utoipa::openapi::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::upload::UploadFields;
use crate::domain::{Collection, ExtractionCost, ImageFormat, ImageId, ImageRecord, Profile};
use crate::service::{CollectionSummary, OnDuplicate};

pub(super) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.into_iter().map(str::to_owned)))
}

pub(super) fn profile_schema() -> Object {
    one_of(Profile::ALL.map(Profile::as_str))
        .description(Some(
            "How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, \
             `rnip` overlapping sub-images of a larger version plus `nip`.",
        ))
        .build()
}

fn format_schema() -> Object {
    one_of(ImageFormat::ALL.map(ImageFormat::as_str)).build()
}

fn on_duplicate_schema() -> Object {
    one_of(["return", "reject", "allow"])
        .description(Some(
            "What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store them once more.",
        ))
        .default(Some(Value::from("return")))
        .build()
}

/// The path of an image.
pub(super) fn image_path(collection: &str, id: &str) -> String {
    format!("/v1/collections/{collection}/images/{id}")
}

/// The path of an image's thumbnail at its revision, which may be cached for ever.
pub(super) fn thumbnail_path(record: &ImageRecord) -> String {
    format!("{}/thumbnail?v={}", image_path(record.collection.as_str(), record.id.as_str()), record.revision)
}

// ---------------------------------------------------------------- collections

/// A collection with its counts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "covers", "profile": "rnip", "description": "DVD covers", "created_at": "2026-11-24T12:00:00Z",
    "images": 1200, "stale_images": 0
}))]
#[schema(as = Collection)]
pub(super) struct CollectionDto {
    /// Its unique name.
    name: String,
    /// How its images are described; fixed at creation.
    #[schema(schema_with = profile_schema)]
    profile: &'static str,
    /// A sentence for people.
    description: String,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// How many images it has; not in the answer to a creation or change.
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<u64>,
    /// How many of them were described by another model than the one that runs, and so are not found by searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_images: Option<u64>,
}

impl From<Collection> for CollectionDto {
    fn from(collection: Collection) -> Self {
        Self {
            name: collection.name.into(),
            profile: collection.profile.as_str(),
            description: collection.description,
            created_at: collection.created_at,
            images: None,
            stale_images: None,
        }
    }
}

impl From<CollectionSummary> for CollectionDto {
    fn from(summary: CollectionSummary) -> Self {
        Self { images: Some(summary.images), stale_images: Some(summary.stale), ..summary.collection.into() }
    }
}

/// Every collection by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CollectionList)]
pub(super) struct CollectionListDto {
    /// The collections.
    pub(super) collections: Vec<CollectionDto>,
}

/// A collection to create.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"profile": "rnip", "description": "DVD covers"}))]
#[schema(as = CreateCollection)]
pub(super) struct CreateCollectionDto {
    /// How its images are described; the configured default where it is left out.
    #[schema(schema_with = profile_schema)]
    pub(super) profile: Option<Profile>,
    /// A sentence for people.
    #[serde(default)]
    pub(super) description: String,
}

/// A change to a collection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"description": "DVD covers, 2010 to 2020"}))]
#[schema(as = PatchCollection)]
pub(super) struct PatchCollectionDto {
    /// The new sentence for people.
    pub(super) description: String,
}

// --------------------------------------------------------------------- images

/// A stored image.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "collection": "covers", "id": "alien-1979", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "format": "jpeg", "width": 480, "height": 640, "byte_size": 83412, "metadata": {"title": "Alien", "year": 1979},
    "version": "0123456789abcdef/rnip", "revision": 17, "created_at": "2026-11-24T12:00:00Z",
    "updated_at": "2026-11-24T12:00:00Z", "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17"
}))]
#[schema(as = Image)]
pub(super) struct ImageDto {
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
    /// What describing it cost; in the answer to an upload that asks for it with `include`, unless nothing had to be
    /// described.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cost: Option<CostDto>,
}

/// A part of the answer to an upload that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum UploadInclude {
    /// What describing the image cost on the simulated chip.
    Cost,
}

impl ImageDto {
    /// A record, and what describing it cost.
    pub(super) fn with_cost(record: ImageRecord, cost: Option<ExtractionCost>) -> Self {
        Self { cost: cost.map(CostDto::from), ..Self::from(record) }
    }
}

impl From<ImageRecord> for ImageDto {
    fn from(record: ImageRecord) -> Self {
        Self {
            cost: None,
            thumbnail_url: thumbnail_path(&record),
            collection: record.collection.into(),
            id: record.id.into(),
            sha256: record.content_hash.to_string(),
            format: record.format.as_str(),
            width: record.width,
            height: record.height,
            byte_size: record.byte_size,
            metadata: record.metadata.as_map().clone(),
            version: record.version.to_string(),
            revision: record.revision,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A page of images in order of id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageList)]
pub(super) struct ImageListDto {
    /// The images.
    pub(super) images: Vec<ImageDto>,
    /// Give it as `cursor` to get the next page; not there on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

/// Which page of the images.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
    /// The most images of a page.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    pub(super) limit: Option<u32>,
    /// Only images whose metadata match this filter (JSON text).
    #[param(value_type = Option<String>, example = json!("{\"field\": \"year\", \"gte\": 1979}"))]
    pub(super) filter: Option<Value>,
}

/// Which revision the client expects.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ThumbnailQuery {
    /// The revision that the URL was made for. An answer that has it may be cached for ever.
    pub(super) v: Option<String>,
}

/// An image to add, as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"image": "iVBORw0KGgo...", "id": "alien-1979", "metadata": {"title": "Alien", "year": 1979}}))]
#[schema(as = AddImage)]
pub(super) struct AddImageDto {
    /// The encoded image as base64.
    #[schema(content_encoding = "base64", required = true, nullable = false)]
    image: Option<String>,
    /// The id it shall have: 1 to 128 of `A-Z a-z 0-9 . _ - :`. A fresh one where it is left out.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    pub(super) id: Option<ImageId>,
    /// Any JSON object; searches can filter by it and results carry it.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Value>,
    /// What to do when the same bytes are there.
    #[schema(schema_with = on_duplicate_schema)]
    #[serde(default)]
    pub(super) on_duplicate: OnDuplicate,
    /// Parts of the answer beside the record.
    #[serde(default)]
    pub(super) include: Vec<UploadInclude>,
}

impl UploadFields for AddImageDto {
    const PARTS: &'static [&'static str] = &["image", "id", "metadata", "on_duplicate", "include"];

    fn take_image(&mut self) -> Option<String> {
        self.image.take()
    }
}

/// An image to add, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read part by part")]
pub(super) struct AddImageForm {
    /// The encoded image.
    #[schema(value_type = String, content_media_type = "application/octet-stream")]
    image: Vec<u8>,
    /// The id it shall have; a fresh one where it is left out.
    id: Option<String>,
    /// A JSON object as text.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// What to do when the same bytes are there.
    #[schema(schema_with = on_duplicate_schema)]
    on_duplicate: Option<String>,
    /// Parts of the answer beside the record, separated by commas.
    #[schema(example = "cost")]
    include: Option<String>,
}

/// An image to store under the id in the path, as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"image": "iVBORw0KGgo...", "metadata": {"title": "Alien", "year": 1979}}))]
#[schema(as = PutImage)]
pub(super) struct PutImageDto {
    /// The encoded image as base64.
    #[schema(content_encoding = "base64", required = true, nullable = false)]
    image: Option<String>,
    /// Any JSON object; replaces the metadata that are there.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Value>,
    /// Parts of the answer beside the record.
    #[serde(default)]
    pub(super) include: Vec<UploadInclude>,
}

impl UploadFields for PutImageDto {
    const PARTS: &'static [&'static str] = &["image", "metadata", "include"];

    fn take_image(&mut self) -> Option<String> {
        self.image.take()
    }
}

/// An image to store under the id in the path, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read part by part")]
pub(super) struct PutImageForm {
    /// The encoded image.
    #[schema(value_type = String, content_media_type = "application/octet-stream")]
    image: Vec<u8>,
    /// A JSON object as text.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// Parts of the answer beside the record, separated by commas.
    #[schema(example = "cost")]
    include: Option<String>,
}

/// A change to an image.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"metadata": {"year": 1980, "draft": null}}))]
#[schema(as = PatchImage)]
pub(super) struct PatchImageDto {
    /// A merge patch (RFC 7396): a null removes a key, an object merges, anything else replaces.
    #[schema(value_type = Object)]
    pub(super) metadata: Map<String, Value>,
}

/// What describing an image costs on the simulated chip. Time and energy are estimates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "passes": 10, "cycles": 5570560, "macs": 153466306560_u64, "buffer_bytes": 4014080, "chip_milliseconds": 69.632,
    "energy_millijoules": [21.485, 32.995], "host_milliseconds": 376.995
}))]
#[schema(as = Cost)]
pub(super) struct CostDto {
    /// Passes through the network.
    passes: u32,
    /// Chip cycles of all passes.
    cycles: u64,
    /// Multiply-accumulates of all passes.
    macs: u64,
    /// Largest use of the image buffer, in bytes.
    buffer_bytes: u64,
    /// Time at the chip's clock, in milliseconds.
    chip_milliseconds: f64,
    /// Energy in millijoules, low and high estimate.
    energy_millijoules: [f64; 2],
    /// Time on this machine, decoding included, in milliseconds.
    host_milliseconds: f64,
}

/// Times and energies are answered to the thousandth: what comes after it is noise.
pub(super) fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl From<ExtractionCost> for CostDto {
    fn from(cost: ExtractionCost) -> Self {
        Self {
            passes: cost.passes,
            cycles: cost.cycles,
            macs: cost.macs,
            buffer_bytes: cost.buffer_bytes,
            chip_milliseconds: thousandths(cost.chip_milliseconds),
            energy_millijoules: cost.energy_millijoules.map(thousandths),
            host_milliseconds: thousandths(cost.host_milliseconds),
        }
    }
}
