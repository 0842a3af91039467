//! What calls about keys take.

use std::time::Duration;

use serde_json::{Value, json};
use utoipa::openapi::Schema;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder};

use crate::domain::{KeyLabel, Quota, Scope};
use crate::http::error::Code;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{FieldDoc, body_schema, collection_schema, integer, json_object, limit, one_of, text_schema};
use crate::service::{MOST_COLLECTIONS, MOST_DAYS, MOST_ORIGINS, NewApiKey};

/// A key to be made; `None` only beside a failure.
pub(crate) struct NewKey(pub(crate) Option<NewApiKey>);

impl FromFields for NewKey {
    fn from_fields(fields: &mut Fields) -> Self {
        let label = fields.text("label");
        let label = match label.map(KeyLabel::new) {
            Some(Ok(label)) => Some(label),
            Some(Err(error)) => {
                fields.fail(Code::InvalidRequest, format!("label: {error}"));
                None
            }
            None => {
                fields.fail(Code::InvalidRequest, "the field `label` is missing");
                None
            }
        };
        let scope = fields.choice("scope", &Scope::ALL.map(|scope| (scope.as_str(), scope)));
        if scope.is_none() {
            fields.fail(Code::InvalidRequest, "the field `scope` is missing");
        }
        let collections = fields.collections("collections");
        let origins = fields.origins("origins").unwrap_or_default();
        let quota = Quota { max_images: fields.limit("max_images"), max_bytes: fields.limit("max_bytes") };
        let days = fields.number("expires_in_days", 1..=MOST_DAYS);
        let lasts = days.map(|days| Duration::from_secs(24 * 3600) * days);
        Self(label.zip(scope).map(|(label, scope)| NewApiKey { label, scope, collections, origins, quota, lasts }))
    }
}

/// The object of one kind of keys: what may be said depends on the scope.
fn of_kind(scopes: &[Scope], more: Vec<FieldDoc>, example: Value) -> Schema {
    let label = text_schema(r"^[^\u0000-\u001f\u007f-\u009f]{1,100}$");
    let scope = one_of(scopes.iter().map(|scope| scope.as_str()));
    let fields = vec![
        FieldDoc::plain("label", label, "What people call the key.").required(),
        FieldDoc::plain("scope", scope, "What it may do.").required(),
        FieldDoc::plain(
            "expires_in_days",
            integer(1..=MOST_DAYS),
            "How long it is taken; until it is revoked where this is left out.",
        ),
    ];
    json_object(fields.into_iter().chain(more).collect()).examples([example]).into()
}

fn new_key() -> Schema {
    let names = ArrayBuilder::new().items(collection_schema()).min_items(Some(1)).max_items(Some(MOST_COLLECTIONS));
    let names: Schema = names.into();
    let collections = || {
        FieldDoc::json("collections", names.clone(), "The collections that exist for it; all where this is left out.")
    };
    let origin = text_schema(r"^https?://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$");
    let origins: Schema = ArrayBuilder::new().items(origin).max_items(Some(MOST_ORIGINS)).into();
    let origins = FieldDoc::json(
        "origins",
        origins,
        "The origins of the pages that may use it. Such a key may be published: it works from these pages only.",
    );
    let page = json!({"label": "shop front end", "scope": "search", "collections": ["covers"], "origins": ["https://shop.example"]});
    let quota = [
        FieldDoc::plain(
            "max_images",
            limit(),
            "The most images of those that it stores that may be there at a time; no limit where it is left out.",
        ),
        FieldDoc::plain(
            "max_bytes",
            limit(),
            "The most bytes that their uploads may have; no limit where it is left out.",
        ),
    ];
    let writes = [collections()].into_iter().chain(quota).collect();
    let reader = json!({"label": "reports", "scope": "read"});
    let program = json!({"label": "importer", "scope": "write", "collections": ["covers"], "max_images": 10_000, "expires_in_days": 90});
    OneOfBuilder::new()
        .item(of_kind(&[Scope::Search], vec![collections(), origins], page))
        .item(of_kind(&[Scope::Read], vec![collections()], reader))
        .item(of_kind(&[Scope::Write], writes, program))
        .item(of_kind(&[Scope::Admin], Vec::new(), json!({"label": "admin", "scope": "admin"})))
        .description(Some(
            "A key to be made. Only one that searches can have origins, and only one that writes limits; an admin key is for all collections.",
        ))
        .build()
        .into()
}

body_schema! {
    /// The body of a call that makes a key.
    NewKeyBody, "NewApiKey", new_key()
}
