//! What goes over the wire about keys.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::domain::{Origin, Scope};
use crate::http::schema::one_of;
use crate::service::{MadeKey, UsedKey};

fn scope_schema() -> Object {
    let description = "What it may do. Each scope may do what those before it may: search, read, write, admin.";
    one_of(Scope::ALL.map(Scope::as_str)).description(Some(description)).build()
}

/// An API key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10", "label": "shop front end", "scope": "search", "collections": ["covers"],
    "origins": ["https://shop.example"], "images": 0, "bytes": 0, "created_at": "2026-11-24T12:00:00Z", "expires_at": "2027-02-22T12:00:00Z",
    "last_used_at": "2026-11-27T09:41:00Z"
}))]
#[schema(as = ApiKey)]
pub(crate) struct KeyDto {
    /// Its public name.
    id: String,
    /// What people call it.
    label: String,
    /// What it may do.
    #[schema(schema_with = scope_schema)]
    scope: &'static str,
    /// The collections that exist for it; not there where all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    collections: Option<Vec<String>>,
    /// The origins of the pages that may use it; with none it is a secret of programs.
    origins: Vec<String>,
    /// The most images of those that it stored that may be there; not there where that has no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_images: Option<u64>,
    /// The most bytes that their uploads may have; not there where that has no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_bytes: Option<u64>,
    /// How many images that it stored are there.
    images: u64,
    /// How many bytes their uploads have.
    bytes: u64,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// From when on it is not taken any more.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<OffsetDateTime>,
    /// When it was last used, to the minute.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_used_at: Option<OffsetDateTime>,
    /// When it was taken back.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<OffsetDateTime>,
}

impl From<UsedKey> for KeyDto {
    fn from(UsedKey { key, used }: UsedKey) -> Self {
        Self {
            id: key.id.into(),
            label: key.label.to_string(),
            scope: key.scope.as_str(),
            collections: key.collections.map(|names| names.into_iter().map(Into::into).collect()),
            origins: key.origins.iter().map(Origin::to_string).collect(),
            max_images: key.quota.max_images,
            max_bytes: key.quota.max_bytes,
            images: used.images,
            bytes: used.bytes,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "secret": "eyrie_k2VfB0T1ZbqF0d9m3mYwJxW5r8n7c6s4a1p0o9i8u7y", "key": {
        "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10", "label": "shop front end", "scope": "search", "collections": ["covers"],
        "origins": ["https://shop.example"], "images": 0, "bytes": 0, "created_at": "2026-11-24T12:00:00Z"
    }
}))]
#[schema(as = MadeKey)]
pub(crate) struct MadeKeyDto {
    /// The key itself. It is shown this once: only its checksum is stored.
    #[schema(pattern = "^eyrie_[A-Za-z0-9_-]{43}$")]
    secret: String,
    /// All else of it.
    key: KeyDto,
}

impl From<MadeKey> for MadeKeyDto {
    fn from(made: MadeKey) -> Self {
        Self { secret: made.secret.reveal().to_owned(), key: UsedKey::new(made.key).into() }
    }
}

/// Every key, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"keys": [{
    "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10", "label": "importer", "scope": "write", "origins": [],
    "max_images": 10000, "images": 1200, "bytes": 103219204, "created_at": "2026-11-24T12:00:00Z"
}]}))]
#[schema(as = ApiKeyList)]
pub(crate) struct KeyListDto {
    /// The keys; those that expired or were revoked are among them for a while.
    pub(crate) keys: Vec<KeyDto>,
}
