//! What goes over the wire about collections.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::{Collection, Profile};
use crate::http::error::Code;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{
    Documented, FieldDoc, PROFILES, any_text, body_schema, json_object, profile, profile_schema,
};
use crate::service::CollectionSummary;

/// The collection that examples show.
fn collection_example() -> Value {
    json!({
        "name": "covers", "profile": "rnip", "description": "DVD covers", "created_at": "2026-11-24T12:00:00Z",
        "images": 1200, "stale_images": 0
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
    /// How many images it has; not in the answer to a creation or change.
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<u64>,
    /// How many of them were described by another model than the one that runs, and so are not
    /// found by searches.
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
}

impl FromFields for CreateCollection {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            profile: fields.choice("profile", &Profile::ALL.map(|profile| (profile.as_str(), profile))),
            description: fields.text("description").unwrap_or_default(),
        }
    }
}

impl Documented for CreateCollection {
    fn fields() -> Vec<FieldDoc> {
        let description = format!("{PROFILES} `rnip` where it is left out. It cannot be changed later.");
        vec![
            FieldDoc::plain("profile", profile(), description),
            FieldDoc::plain("description", any_text(), "A sentence for people."),
        ]
    }
}

/// A change to a collection.
pub(crate) struct PatchCollection {
    /// The new sentence for people.
    pub(crate) description: String,
}

impl FromFields for PatchCollection {
    fn from_fields(fields: &mut Fields) -> Self {
        let description = fields.text("description").unwrap_or_else(|| {
            fields.fail(Code::InvalidRequest, "the field `description` is missing");
            String::new()
        });
        Self { description }
    }
}

impl Documented for PatchCollection {
    fn fields() -> Vec<FieldDoc> {
        vec![FieldDoc::plain("description", any_text(), "The new sentence for people.").required()]
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
    json_object(PatchCollection::fields()).examples([json!({"description": "DVD covers, 2010 to 2020"})])
}
