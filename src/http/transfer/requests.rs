//! What exports and imports take beside their lines.

use serde_json::Value;
use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::domain::ImageId;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::images::requests::ON_DUPLICATE;
use crate::http::schema::{Documented, FieldDoc, body_schema, id_schema, one_of};
use crate::service::{ArchiveRequest, IdFrom};

/// Where an export begins.
pub(crate) struct ExportQuery {
    /// The image behind which it does.
    pub(crate) after: Option<ImageId>,
}

impl FromFields for ExportQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { after: fields.id("after") }
    }
}

impl Documented for ExportQuery {
    fn fields() -> Vec<FieldDoc> {
        let text = "Begin behind this image in order of id: the last one that came, where an export was cut.";
        vec![FieldDoc::plain("after", id_schema(), text)]
    }
}

/// How lines, or the pictures of an archive, are imported.
pub(crate) struct ImportQuery {
    /// Whether an image of an export takes the place of another one of its id.
    pub(crate) replace: bool,
    /// How the pictures of an archive are stored.
    pub(crate) pictures: ArchiveRequest,
}

impl FromFields for ImportQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        let replace = fields.switch("replace").unwrap_or(false);
        let id_from = fields.choice("id_from", &IdFrom::ALL).unwrap_or_default();
        let on_duplicate = fields.choice("on_duplicate", &ON_DUPLICATE).unwrap_or_default();
        Self { replace, pictures: ArchiveRequest { id_from, on_duplicate } }
    }
}

impl Documented for ImportQuery {
    fn fields() -> Vec<FieldDoc> {
        let switch = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(Value::from(false)));
        let text = "Of lines: an image takes the place of another one of its id; without this its line fails (`id_taken`).";
        let id_from = one_of(IdFrom::ALL.map(|(name, _)| name)).default(Some(Value::from("random")));
        let on_duplicate = one_of(ON_DUPLICATE.map(|(name, _)| name)).default(Some(Value::from("return")));
        vec![
            FieldDoc::plain("replace", switch, text),
            FieldDoc::plain(
                "id_from",
                id_from,
                "Of an archive: where the ids come from. `random`: fresh ones, in the order of time. `path`: the path in the archive, \
                 with `:` for `/` and `_` for what an id may not have. `stem`: the file's name without its extension. `hash`: the \
                 SHA-256 of the bytes.",
            ),
            FieldDoc::plain(
                "on_duplicate",
                on_duplicate,
                "Of an archive: a picture whose bytes are there is counted as `unchanged` (`return`), fails (`reject`) or is stored once \
                 more (`allow`).",
            ),
        ]
    }
}

body_schema! {
    /// The lines of an export.
    ExportLines, "Export",
    ObjectBuilder::new().schema_type(Type::String).description(Some(
        "JSON objects, one a line. The first has `type` `header`, `format_version` 1, the `collection` with its `description`, the \
         `version` of its descriptors, how many `images` it has, and `after`. Then comes a line of `type` `image` for each image in \
         order of id: `id`, `sha256`, `format`, `width`, `height`, `byte_size`, `metadata`, `version`, `created_at`, `updated_at`, \
         `descriptor` (little-endian 32-bit floats as base64), `local_features` (base64, or null), and `thumbnail` with `media_type` and \
         `bytes` (base64). The last one has `type` `end` and says how many lines of `images` there are: without it the export was cut.",
    ))
}

body_schema! {
    /// An archive of pictures.
    PictureArchive, "PictureArchive",
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).description(Some(
        "A zip, a tar, or a tar that is compressed with gzip: which one is told by its bytes.",
    ))
}
