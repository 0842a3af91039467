//! What exports and imports take beside their lines.

use serde_json::{Value, json};
use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::domain::ImageId;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::images::requests::ON_DUPLICATE;
use crate::http::schema::{Documented, FieldDoc, body_schema, id_schema, json_object, one_of};
use crate::service::{ArchiveRequest, ExportFormat, IdFrom};

/// Where an export begins, and how it is written.
pub(crate) struct ExportQuery {
    /// The image behind which it does.
    pub(crate) after: Option<ImageId>,
    /// Lines or a tar.
    pub(crate) format: ExportFormat,
}

impl FromFields for ExportQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { after: fields.id("after"), format: format(fields) }
    }
}

fn format(fields: &mut Fields) -> ExportFormat {
    fields.choice("format", &ExportFormat::ALL).unwrap_or_default()
}

fn format_doc() -> FieldDoc {
    let names = one_of(ExportFormat::ALL.map(|(name, _)| name)).default(Some(Value::from("ndjson")));
    let text =
        "`ndjson`: lines of JSON. `tar`: the same lines in files of a tar, and the thumbnails beside them as pictures.";
    FieldDoc::plain("format", names, text)
}

/// How a collection is exported in the background.
pub(crate) struct ExportLater(pub(crate) ExportFormat);

impl FromFields for ExportLater {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(format(fields))
    }
}

impl Documented for ExportLater {
    fn fields() -> Vec<FieldDoc> {
        vec![format_doc()]
    }
}

body_schema! {
    /// How a collection is exported in the background.
    ExportLaterBody, "ExportLater",
    json_object(ExportLater::fields()).examples([json!({"format": "tar"})])
}

impl Documented for ExportQuery {
    fn fields() -> Vec<FieldDoc> {
        let text = "Begin behind this image in order of id: the last one that came, where an export was cut.";
        vec![FieldDoc::plain("after", id_schema(), text).example("a"), format_doc()]
    }
}

/// How lines, or the pictures of an archive, are imported.
pub(crate) struct ImportQuery {
    /// How the pictures of an archive, or the images of an export, are stored.
    pub(crate) pictures: ArchiveRequest,
    /// Whether it is done in the background.
    pub(crate) job: bool,
}

impl FromFields for ImportQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        let replace = fields.switch("replace").unwrap_or(false);
        let id_from = fields.choice("id_from", &IdFrom::ALL).unwrap_or_default();
        let on_duplicate = fields.choice("on_duplicate", &ON_DUPLICATE).unwrap_or_default();
        let job = fields.switch("job").unwrap_or(false);
        Self { pictures: ArchiveRequest { id_from, on_duplicate, replace }, job }
    }
}

impl Documented for ImportQuery {
    fn fields() -> Vec<FieldDoc> {
        let switch = || ObjectBuilder::new().schema_type(Type::Boolean).default(Some(Value::from(false)));
        let text = "Of an export: an image takes the place of another one of its id; without this its line fails (`id_taken`).";
        let id_from = one_of(IdFrom::ALL.map(|(name, _)| name)).default(Some(Value::from("random")));
        let on_duplicate = one_of(ON_DUPLICATE.map(|(name, _)| name)).default(Some(Value::from("return")));
        vec![
            FieldDoc::plain("replace", switch(), text),
            FieldDoc::plain(
                "job",
                switch(),
                "Take the body in, answer with a job (202), and import in the background. Its result is that of an import, with \
                 `complete` and, where that is false, a `reason`.",
            ),
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
    .examples([json!(EXAMPLE)])
}

/// An export of a collection that is empty.
const EXAMPLE: &str = r#"{"type":"header","format_version":1,"collection":"covers","description":"","version":"0123456789abcdef/rnip","images":0,"after":null}
{"type":"end","images":0}
"#;

body_schema! {
    /// An archive of pictures.
    PictureArchive, "PictureArchive",
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).description(Some(
        "A zip, a tar, or a tar that is compressed with gzip: which one is told by its bytes.",
    ))
}

body_schema! {
    /// An export as a tar.
    ExportArchive, "ExportArchive",
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).description(Some(
        "A tar with the lines of the export in files `records/00000000.ndjson` and so on, which joined in this order are an export as \
         lines, and with `thumbnails/ID.jpeg` beside them.",
    ))
}

body_schema! {
    /// Some bytes of an export.
    ExportPart, "ExportPart",
    ObjectBuilder::new().schema_type(Type::String).description(Some("Some bytes of the lines of an export."))
        .examples([json!("{\"type\":\"end\",\"images\":0}\n")])
}
