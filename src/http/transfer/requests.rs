//! What exports and imports take beside their lines.

use serde_json::Value;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::domain::ImageId;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{Documented, FieldDoc, body_schema, id_schema};

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
        vec![FieldDoc::plain("after", id_schema(), text).example("alien-1979")]
    }
}

/// How lines are imported.
pub(crate) struct ImportQuery {
    /// Whether an image takes the place of another one of its id.
    pub(crate) replace: bool,
}

impl FromFields for ImportQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { replace: fields.switch("replace").unwrap_or(false) }
    }
}

impl Documented for ImportQuery {
    fn fields() -> Vec<FieldDoc> {
        let switch = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(Value::from(false)));
        let text = "An image takes the place of another one of its id; without this its line fails (`id_taken`).";
        vec![FieldDoc::plain("replace", switch, text).example(true)]
    }
}

/// An export of one image; the long texts are shortened.
const EXAMPLE: &str = concat!(
    r#"{"type":"header","format_version":1,"collection":"covers","description":"DVD covers","version":"0123456789abcdef/rnip","images":1,"after":null}"#,
    "\n",
    r#"{"type":"image","id":"alien-1979","sha256":"9f86...0a08","format":"jpeg","width":480,"height":640,"byte_size":83412,"#,
    r#""metadata":{"title":"Alien","year":1979},"version":"0123456789abcdef/rnip","created_at":"2026-11-24T12:00:00Z","#,
    r#""updated_at":"2026-11-24T12:00:00Z","descriptor":"PQ0KvQ...","local_features":"AQD0...","#,
    r#""thumbnail":{"media_type":"image/jpeg","bytes":"/9j/4A..."}}"#,
    "\n",
    r#"{"type":"end","images":1}"#,
    "\n",
);

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
    .examples([Value::from(EXAMPLE)])
}
