//! What calls about images take beside the image itself.

use serde_json::{Map, Value, json};
use utoipa::openapi::ObjectBuilder;

use super::cursor;
use crate::domain::{Filter, ImageId, Order, OrderBy, Position};
use crate::http::error::Code;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{
    Documented, EXAMPLE_PICTURE, FieldDoc, any_text, body_schema, filter_reference, form_object, id_schema, integer,
    json_object, metadata_reference, one_of,
};
use crate::service::{OnDuplicate, OnSimilar};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 1000;

const SORTS: [(&str, Order); 6] = [
    ("id", Order { by: OrderBy::Id, descending: false }),
    ("-id", Order { by: OrderBy::Id, descending: true }),
    ("created", Order { by: OrderBy::Created, descending: false }),
    ("-created", Order { by: OrderBy::Created, descending: true }),
    ("updated", Order { by: OrderBy::Updated, descending: false }),
    ("-updated", Order { by: OrderBy::Updated, descending: true }),
];

/// Which page of the images.
pub(crate) struct ListQuery {
    /// The order of the list.
    pub(crate) order: Order,
    /// Where the page begins.
    pub(crate) after: Option<Position>,
    /// The most images of a page.
    pub(crate) limit: u32,
    /// Only images whose metadata match.
    pub(crate) filter: Option<Filter>,
}

impl FromFields for ListQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        let order = fields.choice("sort", &SORTS).unwrap_or_default();
        let cursor = fields.text("cursor");
        let after = cursor.as_deref().and_then(|cursor| cursor::read(order.by, cursor));
        if cursor.is_some() && after.is_none() {
            fields.fail(Code::InvalidCursor, "the cursor is not one that a page of this list in this order gave");
        }
        let limit = fields.number("limit", 1..=MAX_PAGE).unwrap_or(DEFAULT_PAGE);
        Self { order, after, limit, filter: fields.filter("filter") }
    }
}

impl Documented for ListQuery {
    fn fields() -> Vec<FieldDoc> {
        let limit = integer(1..=MAX_PAGE).default(Some(Value::from(DEFAULT_PAGE)));
        vec![
            FieldDoc::plain(
                "sort",
                one_of(SORTS.map(|(name, _)| name)).default(Some(Value::from("id"))),
                "The order: by id, by the time of storing or by the time of the last change; with `-` the last one first.",
            )
            .example("-created"),
            FieldDoc::plain("cursor", cursor::schema(), "`next_cursor` of the page before, in the same order."),
            FieldDoc::plain("limit", limit, "The most images of a page.").example(20),
            filter_doc(),
        ]
    }
}

/// Which images to count.
pub(crate) struct CountQuery {
    /// Only images whose metadata match.
    pub(crate) filter: Option<Filter>,
}

impl FromFields for CountQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { filter: fields.filter("filter") }
    }
}

impl Documented for CountQuery {
    fn fields() -> Vec<FieldDoc> {
        vec![filter_doc()]
    }
}

/// The filter of lists and searches.
pub(crate) fn filter_doc() -> FieldDoc {
    FieldDoc::json("filter", filter_reference(), "Only images whose metadata match this filter.")
        .example(json!({"field": "year", "gte": 1979}))
}

/// Which revision the client expects.
pub(crate) struct ThumbnailQuery {
    /// The revision that the URL was made for.
    pub(crate) revision: Option<String>,
}

impl FromFields for ThumbnailQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { revision: fields.text("v") }
    }
}

impl Documented for ThumbnailQuery {
    fn fields() -> Vec<FieldDoc> {
        let text = "The revision that the URL was made for. An answer that has it may be cached for ever.";
        vec![FieldDoc::plain("v", any_text(), text).example("17")]
    }
}

/// What goes with an image to add.
pub(crate) struct AddFields {
    /// The id it shall have.
    pub(crate) id: Option<ImageId>,
    /// Its metadata.
    pub(crate) metadata: Option<Value>,
    /// What to do when the same bytes are there.
    pub(crate) on_duplicate: OnDuplicate,
    /// What to do when the collection shows the same thing.
    pub(crate) on_similar: OnSimilar,
    /// Whether the answer tells the cost.
    pub(crate) with_cost: bool,
}

/// The names of what to do.
pub(crate) const ON_DUPLICATE: [(&str, OnDuplicate); 3] =
    [("return", OnDuplicate::Return), ("reject", OnDuplicate::Reject), ("allow", OnDuplicate::Allow)];

impl FromFields for AddFields {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            id: fields.id("id"),
            metadata: fields.metadata("metadata"),
            on_duplicate: fields.choice("on_duplicate", &ON_DUPLICATE).unwrap_or_default(),
            on_similar: on_similar(fields).unwrap_or_default(),
            with_cost: with_cost(fields),
        }
    }
}

/// Whether the answer tells the cost.
pub(crate) fn with_cost(fields: &mut Fields) -> bool {
    fields.choices("include", &[("cost", ())]).is_some_and(|include| !include.is_empty())
}

/// The field that names one of [`ON_DUPLICATE`].
pub(crate) fn on_duplicate_doc() -> FieldDoc {
    let names = one_of(ON_DUPLICATE.map(|(name, _)| name)).default(Some(Value::from("return")));
    let description = "What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store \
                       them once more.";
    FieldDoc::plain("on_duplicate", names, description)
}

/// What the field that [`on_similar_doc`] describes says.
pub(crate) fn on_similar(fields: &mut Fields) -> Option<OnSimilar> {
    fields.choice("on_similar", &OnSimilar::ALL)
}

/// The field that names one of [`OnSimilar::ALL`].
pub(crate) fn on_similar_doc() -> FieldDoc {
    let choices = one_of(OnSimilar::ALL.map(|(name, _)| name)).default(Some(Value::from("ignore")));
    FieldDoc::plain(
        "on_similar",
        choices,
        "What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the \
         answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or \
         `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for.",
    )
}

/// The field that [`with_cost`] reads.
pub(crate) fn include_doc() -> FieldDoc {
    FieldDoc::names(
        "include",
        &["cost"],
        "Parts of the answer beside the record: `cost`, what describing the image took.",
    )
}

impl Documented for AddFields {
    fn fields() -> Vec<FieldDoc> {
        vec![
            FieldDoc::plain("id", id_schema(), "The id it shall have; a fresh one where it is left out.")
                .example("alien3-1992"),
            FieldDoc::json("metadata", metadata_reference(), "The client's own data.")
                .example(json!({"title": "Alien 3", "year": 1992})),
            on_duplicate_doc(),
            on_similar_doc(),
            include_doc(),
        ]
    }
}

/// What goes with an image to store under the id in the path.
pub(crate) struct PutFields {
    /// Its metadata.
    pub(crate) metadata: Option<Value>,
    /// What to do when another image of the collection shows the same thing.
    pub(crate) on_similar: OnSimilar,
    /// Whether the answer tells the cost.
    pub(crate) with_cost: bool,
}

impl FromFields for PutFields {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            metadata: fields.metadata("metadata"),
            on_similar: on_similar(fields).unwrap_or_default(),
            with_cost: with_cost(fields),
        }
    }
}

impl Documented for PutFields {
    fn fields() -> Vec<FieldDoc> {
        vec![
            FieldDoc::json(
                "metadata",
                metadata_reference(),
                "The client's own data; replaces the metadata that are there.",
            )
            .example(json!({"title": "Alien", "year": 1979})),
            on_similar_doc(),
            include_doc(),
        ]
    }
}

/// A change to an image.
pub(crate) struct PatchImage {
    /// A merge patch (RFC 7396).
    pub(crate) metadata: Map<String, Value>,
}

impl FromFields for PatchImage {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { metadata: fields.merge_patch("metadata") }
    }
}

impl Documented for PatchImage {
    fn fields() -> Vec<FieldDoc> {
        let description = "A merge patch (RFC 7396): a null removes a key, an object merges, anything else replaces.";
        vec![FieldDoc::json("metadata", metadata_reference(), description).required()]
    }
}

fn with_image(mut fields: Vec<FieldDoc>) -> Vec<FieldDoc> {
    fields.insert(0, FieldDoc::image());
    fields
}

fn example(value: Value, object: ObjectBuilder) -> ObjectBuilder {
    object.examples([value])
}

body_schema! {
    /// An image to add, as JSON.
    AddImageBody, "AddImage",
    example(
        json!({"image": EXAMPLE_PICTURE, "id": "alien3-1992", "metadata": {"title": "Alien 3", "year": 1992}}),
        json_object(with_image(AddFields::fields())),
    )
}

body_schema! {
    /// An image to add, as a form.
    AddImageForm, "AddImageForm",
    example(
        json!({"image": "alien3.jpg", "id": "alien3-1992", "metadata": {"title": "Alien 3", "year": 1992}, "on_similar": "report"}),
        form_object(with_image(AddFields::fields())),
    )
}

body_schema! {
    /// An image to store under the id in the path, as JSON.
    PutImageBody, "PutImage",
    example(
        json!({"image": EXAMPLE_PICTURE, "metadata": {"title": "Alien", "year": 1979}}),
        json_object(with_image(PutFields::fields())),
    )
}

body_schema! {
    /// An image to store under the id in the path, as a form.
    PutImageForm, "PutImageForm",
    example(
        json!({"image": "alien.jpg", "metadata": {"title": "Alien", "year": 1979}}),
        form_object(with_image(PutFields::fields())),
    )
}

body_schema! {
    /// A change to an image.
    PatchImageBody, "PatchImage",
    example(json!({"metadata": {"year": 1980, "draft": null}}), json_object(PatchImage::fields()))
}
