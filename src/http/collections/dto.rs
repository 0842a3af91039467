//! What goes over the wire about collections.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::{Collection, CollectionChange, Profile, Quota};
use crate::http::error::Code;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{
    Documented, FieldDoc, PROFILES, any_text, body_schema, json_object, limit, profile, profile_schema,
};
use crate::service::CollectionSummary;

const MAX_IMAGES: &str = "max_images";
const MAX_BYTES: &str = "max_bytes";

/// The collection that examples show.
fn collection_example() -> Value {
    json!({
        "name": "covers", "profile": "rnip", "description": "DVD covers", "created_at": "2026-11-24T12:00:00Z",
        "max_images": 100000, "images": 1200, "bytes": 103219204, "stale_images": 0, "originals": 1200, "original_bytes": 103219204
    })
}

/// A collection with its counts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(collection_example()))]
#[schema(as = Collection)]
pub(crate) struct CollectionDto {
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
    /// The most images that it may have; not there where that has no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_images: Option<u64>,
    /// The most bytes that their uploads may have; not there where that has no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_bytes: Option<u64>,
    /// How many images it has; not in the answer to a creation or change.
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<u64>,
    /// How many bytes their uploads have, kept or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// How many of them were described by another model than the one that runs, and so are not
    /// found by searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_images: Option<u64>,
    /// Of how many of them the originals are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    originals: Option<u64>,
    /// How many bytes these originals have.
    #[serde(skip_serializing_if = "Option::is_none")]
    original_bytes: Option<u64>,
}

impl From<Collection> for CollectionDto {
    fn from(collection: Collection) -> Self {
        Self {
            name: collection.name.into(),
            profile: collection.profile.as_str(),
            description: collection.description,
            created_at: collection.created_at,
            max_images: collection.quota.max_images,
            max_bytes: collection.quota.max_bytes,
            images: None,
            bytes: None,
            stale_images: None,
            originals: None,
            original_bytes: None,
        }
    }
}

impl From<CollectionSummary> for CollectionDto {
    fn from(summary: CollectionSummary) -> Self {
        Self {
            images: Some(summary.images),
            bytes: Some(summary.bytes),
            stale_images: Some(summary.stale),
            originals: Some(summary.originals),
            original_bytes: Some(summary.original_bytes),
            ..summary.collection.into()
        }
    }
}

/// Every collection by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CollectionList, example = json!({"collections": [collection_example()]}))]
pub(crate) struct CollectionListDto {
    /// The collections.
    pub(crate) collections: Vec<CollectionDto>,
}

/// A collection to create.
pub(crate) struct CreateCollection {
    /// How its images are described; the configured default where it is left out.
    pub(crate) profile: Option<Profile>,
    /// A sentence for people.
    pub(crate) description: String,
    /// The most that it may have.
    pub(crate) quota: Quota,
}

impl FromFields for CreateCollection {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            profile: fields.choice("profile", &Profile::ALL.map(|profile| (profile.as_str(), profile))),
            description: fields.text("description").unwrap_or_default(),
            quota: Quota { max_images: fields.limit(MAX_IMAGES), max_bytes: fields.limit(MAX_BYTES) },
        }
    }
}

impl Documented for CreateCollection {
    fn fields() -> Vec<FieldDoc> {
        let description = format!("{PROFILES} `rnip` where it is left out. It cannot be changed later.");
        vec![
            FieldDoc::plain("profile", profile(), description),
            FieldDoc::plain("description", any_text(), "A sentence for people."),
            FieldDoc::plain(MAX_IMAGES, limit(), "The most images that it may have; no limit where it is left out."),
            FieldDoc::plain(
                MAX_BYTES,
                limit(),
                "The most bytes that the uploads of its images may have; no limit where it is left out.",
            ),
        ]
    }
}

/// A change to a collection.
pub(crate) struct PatchCollection(pub(crate) CollectionChange);

impl FromFields for PatchCollection {
    fn from_fields(fields: &mut Fields) -> Self {
        if !["description", MAX_IMAGES, MAX_BYTES].into_iter().any(|name| fields.contains(name)) {
            fields.fail(
                Code::InvalidRequest,
                "nothing is to be changed: send `description`, `max_images` or `max_bytes`",
            );
        }
        Self(CollectionChange {
            description: fields.text("description"),
            max_images: fields.limit_change(MAX_IMAGES),
            max_bytes: fields.limit_change(MAX_BYTES),
        })
    }
}

impl Documented for PatchCollection {
    fn fields() -> Vec<FieldDoc> {
        vec![
            FieldDoc::plain("description", any_text(), "The new sentence for people."),
            FieldDoc::plain(
                MAX_IMAGES,
                limit(),
                "The most images that it may have; `null` takes the limit away. Where there are more, nothing is deleted.",
            ),
            FieldDoc::plain(
                MAX_BYTES,
                limit(),
                "The most bytes that the uploads of its images may have; `null` takes the limit away.",
            ),
        ]
    }
}

body_schema! {
    /// The body of a creation.
    CreateCollectionBody, "CreateCollection",
    json_object(CreateCollection::fields()).examples([json!({"profile": "rnip", "description": "DVD covers"})])
}

body_schema! {
    /// The body of a change.
    PatchCollectionBody, "PatchCollection",
    json_object(PatchCollection::fields())
        .min_properties(Some(1))
        .examples([json!({"description": "DVD covers, 2010 to 2020"}), json!({"max_images": 100_000, "max_bytes": null})])
}
