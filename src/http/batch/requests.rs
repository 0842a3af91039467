//! What calls about many things take.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::openapi::schema::{AdditionalProperties, Array, ArrayBuilder, OneOfBuilder};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::domain::{Filter, ImageId};
use crate::http::error::{ApiError, Code};
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::extract::json_body::{media_type, require_identity_encoding};
use crate::http::extract::upload::{IMAGE, form_limit, images_and_fields, json_limit, required, sized, sized_each};
use crate::http::extract::{json, multipart};
use crate::http::images::requests::{
    ON_DUPLICATE, filter_doc, include_doc, on_duplicate_doc, on_similar, on_similar_doc, with_cost,
};
use crate::http::intake::Permit;
use crate::http::schema::{
    ANOTHER_PICTURE, Documented, EXAMPLE_PICTURE, FieldDoc, body_schema, form_object, id_schema, json_object,
};
use crate::http::search::query::SearchFields;
use crate::http::state::AppState;
use crate::service::{AddImage, OnDuplicate, OnSimilar, Selection};

/// What `limits.max_batch` is by default.
const DOCUMENTED_BATCH: usize = 100;

/// Lines of JSON.
const LINES: [&str; 2] = ["application/x-ndjson", "application/ndjson"];

/// Refuses more than a call may have.
fn bounded(count: usize, what: &str, state: &AppState) -> Result<(), ApiError> {
    let most = state.service.max_batch();
    if count <= most {
        return Ok(());
    }
    Err(ApiError::new(Code::OutOfRange, format!("{what}: at most {most} in one call, not {count}")))
}

// -------------------------------------------------------------- images to add

/// What holds for all images of a batch that do not say otherwise.
#[derive(Clone, Copy)]
pub(crate) struct BatchOptions {
    /// What to do when the same bytes are there.
    on_duplicate: OnDuplicate,
    /// What to do when something similar is there.
    on_similar: OnSimilar,
    /// Whether the answer tells the costs.
    with_cost: bool,
}

impl FromFields for BatchOptions {
    fn from_fields(fields: &mut Fields) -> Self {
        let on_duplicate = fields.choice("on_duplicate", &ON_DUPLICATE).unwrap_or_default();
        Self { on_duplicate, on_similar: on_similar(fields).unwrap_or_default(), with_cost: with_cost(fields) }
    }
}

impl Documented for BatchOptions {
    fn fields() -> Vec<FieldDoc> {
        vec![on_duplicate_doc(), on_similar_doc(), include_doc()]
    }
}

/// The fields of a form beside the images.
struct FormFields {
    options: BatchOptions,
    items: Vec<Box<RawValue>>,
}

impl FromFields for FormFields {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { items: fields.objects("items").unwrap_or_default(), options: BatchOptions::from_fields(fields) }
    }
}

/// What goes with one image.
struct ItemFields {
    id: Option<ImageId>,
    metadata: Option<Value>,
    on_duplicate: Option<OnDuplicate>,
    on_similar: Option<OnSimilar>,
}

impl FromFields for ItemFields {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            id: fields.id("id"),
            metadata: fields.metadata("metadata"),
            on_duplicate: fields.choice("on_duplicate", &ON_DUPLICATE),
            on_similar: on_similar(fields),
        }
    }
}

impl ItemFields {
    fn with(self, bytes: Bytes, options: BatchOptions) -> AddImage {
        AddImage {
            id: self.id,
            bytes,
            metadata: self.metadata.unwrap_or(Value::Null),
            on_duplicate: self.on_duplicate.unwrap_or(options.on_duplicate),
            on_similar: self.on_similar.unwrap_or(options.on_similar),
            stored_by: None,
            named: None,
        }
    }
}

/// Images to add, each of which may be wrong on its own. The permit to have them in memory is in
/// their bytes.
pub(crate) struct ImageBatch {
    /// In the order in which they came.
    pub(crate) images: Vec<Result<AddImage, ApiError>>,
    /// Whether the answer tells the costs.
    pub(crate) with_cost: bool,
}

impl FromRequest<AppState> for ImageBatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        require_identity_encoding(&head.headers)?;
        let fields = Fields::from_query(head.uri.query())?;
        let batch = match media_type(&head.headers).as_deref() {
            Some("multipart/form-data") => from_form(state, &head, body, fields).await,
            Some(lines) if LINES.contains(&lines) => from_lines(state, &head, body, fields).await,
            Some(_) | None => Err(ApiError::new(
                Code::UnsupportedMediaType,
                "send the images as multipart/form-data, or as base64 in application/x-ndjson, a JSON object on each line",
            )),
        }?;
        if batch.images.is_empty() {
            return Err(ApiError::new(Code::MissingImage, "there is no image in the batch"));
        }
        Ok(batch)
    }
}

async fn from_form(state: &AppState, head: &Parts, body: Body, mut fields: Fields) -> Result<ImageBatch, ApiError> {
    let limit = state.options.max_upload_bytes;
    let (bytes, permit) = state.intake.read(head, body, form_limit(limit)).await?;
    let mut images = Vec::new();
    for part in multipart::parts(&head.headers, &permit.over(bytes))? {
        if part.name == IMAGE {
            images.push(part.bytes);
        } else {
            fields.insert_bytes(part.name, &part.bytes)?;
        }
    }
    bounded(images.len(), IMAGE, state)?;
    let FormFields { options, items } = fields.read(&[IMAGE])?;
    if items.len() > images.len() {
        let detail = format!("items: {} for {} images; the first goes with the first image", items.len(), images.len());
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    let mut items = items.into_iter();
    let images = images.into_iter().map(|image| {
        let mut fields = Fields::default();
        if let Some(item) = items.next() {
            for (name, value) in json::object(item.get())? {
                fields.insert_json(name, value)?;
            }
        }
        Ok(fields.read::<ItemFields>(&[])?.with(sized(image, limit)?, options))
    });
    Ok(ImageBatch { images: images.collect(), with_cost: options.with_cost })
}

async fn from_lines(state: &AppState, head: &Parts, body: Body, fields: Fields) -> Result<ImageBatch, ApiError> {
    let limit = state.options.max_upload_bytes;
    let options: BatchOptions = fields.read(&[])?;
    let (bytes, permit) = state.intake.read(head, body, json_limit(limit)).await?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    bounded(lines, "lines", state)?;
    let parsed = tokio::task::spawn_blocking(move || {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.map(|line| image_of(line, &permit, limit, options)).collect()
    });
    let images = parsed.await.map_err(|error| ApiError::internal(format!("reading lines of JSON: {error}")))?;
    Ok(ImageBatch { images, with_cost: options.with_cost })
}

/// The image of a line.
fn image_of(line: &[u8], permit: &Permit, limit: usize, options: BatchOptions) -> Result<AddImage, ApiError> {
    let mut fields = Fields::default();
    let images = images_and_fields(json::utf8(line, "the line")?, &mut fields, ItemFields::MOST_IMAGES)?;
    let fields: ItemFields = fields.read(&[IMAGE])?;
    Ok(fields.with(permit.clone().over(sized(required(images)?, limit)?), options))
}

/// An object whose members are looked at one by one, so that what is wrong with it is told in its
/// place.
fn any_object(description: &str) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
}

fn at_most(items: impl Into<Schema>) -> ArrayBuilder {
    ArrayBuilder::new().items(RefOr::T(items.into())).max_items(Some(DOCUMENTED_BATCH))
}

fn items_doc() -> FieldDoc {
    let item = any_object(
        "What goes with one image: `id`, `metadata` and `on_duplicate` as in an upload. What is wrong with it fails this image alone.",
    );
    let description = "A JSON list of objects: the first goes with the first `image`, and so on. It may be shorter than the images are many.";
    FieldDoc::json("items", Schema::Array(at_most(item.build()).build()), description)
}

fn images_form() -> ObjectBuilder {
    let binary = ObjectBuilder::new().schema_type(Type::String).content_media_type("application/octet-stream").build();
    let images: Array =
        at_most(binary).min_items(Some(1)).description(Some("The encoded images, a part each.")).build();
    let fields = std::iter::once(items_doc()).chain(BatchOptions::fields()).collect();
    form_object(fields).property(IMAGE, Schema::Array(images)).required(IMAGE)
}

body_schema! {
    /// Images to add, as a form.
    ImagesForm, "ImagesForm",
    images_form().examples([json!({
        "image": ["alien3.jpg", "resurrection.jpg"],
        "items": [{"id": "alien3-1992", "metadata": {"year": 1992}}, {"id": "resurrection-1997", "metadata": {"year": 1997}}],
    })])
}

body_schema! {
    /// Images to add, as lines of JSON.
    ImagesLines, "ImagesLines",
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).description(Some(
        "A JSON object on each line, as for one upload: `image` as base64, and `id`, `metadata`, `on_duplicate` and `on_similar`. What is wrong with a \
         line fails this image alone. Empty lines count for nothing.",
    ))
    .examples([Value::from(format!(
        "{}\n{}\n",
        json!({"image": EXAMPLE_PICTURE, "id": "alien3-1992"}),
        json!({"image": ANOTHER_PICTURE, "id": "resurrection-1997", "metadata": {"year": 1997}}),
    ))])
}

// ----------------------------------------------------------- images to delete

/// Which images to delete.
pub(crate) struct DeleteImages {
    /// By id or by filter.
    pub(crate) selection: Selection,
    /// Whether they are only counted.
    pub(crate) dry_run: bool,
}

impl FromFields for DeleteImages {
    fn from_fields(fields: &mut Fields) -> Self {
        let (ids, filter): (_, Option<Filter>) = (fields.ids("ids"), fields.filter("filter"));
        let dry_run = fields.switch("dry_run").unwrap_or(false);
        let selection = match (ids, filter) {
            (Some(ids), None) => Selection::Ids(ids),
            (None, Some(filter)) => Selection::Matching(filter),
            (Some(_), Some(_)) | (None, None) => {
                fields.fail(Code::InvalidRequest, "give either ids or a filter");
                Selection::Ids(Vec::new())
            }
        };
        Self { selection, dry_run }
    }
}

impl DeleteImages {
    /// Refuses more ids than a call may have.
    pub(crate) fn bounded(&self, state: &AppState) -> Result<(), ApiError> {
        match &self.selection {
            Selection::Ids(ids) => bounded(ids.len(), "ids", state),
            Selection::Matching(_) => Ok(()),
        }
    }
}

fn deletions() -> OneOfBuilder {
    let dry_run = || {
        let switch = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(Value::from(false)));
        FieldDoc::plain("dry_run", switch, "Only count what would be deleted.")
    };
    let ids =
        FieldDoc::json("ids", Schema::Array(at_most(id_schema().build()).build()), "The ids of images.").required();
    OneOfBuilder::new()
        .item(json_object(vec![ids, dry_run()]))
        .item(json_object(vec![filter_doc().required(), dry_run()]))
}

body_schema! {
    /// Which images to delete.
    DeleteImagesBody, "DeleteImages",
    Schema::from(
        deletions()
            .description(Some("By their ids, or all that match a filter."))
            .examples([json!({"filter": {"field": "year", "lt": 1979}, "dry_run": true})])
            .build(),
    )
}

// ------------------------------------------------------------------- searches

/// Searches, each of which may be wrong on its own. The permit to have their images in memory is in
/// their bytes.
pub(crate) struct SearchBatch(pub(crate) Vec<Result<(Vec<Bytes>, SearchFields), ApiError>>);

struct Searches(Option<Vec<Box<RawValue>>>);

impl FromFields for Searches {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.objects("searches"))
    }
}

impl FromRequest<AppState> for SearchBatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        require_identity_encoding(&head.headers)?;
        if media_type(&head.headers).as_deref() != Some("application/json") {
            return Err(ApiError::new(Code::UnsupportedMediaType, "the body must be application/json"));
        }
        let limit = state.options.max_upload_bytes;
        let (bytes, permit) = state.intake.read(&head, body, json_limit(limit)).await?;
        let parsed = tokio::task::spawn_blocking(move || {
            let mut fields = Fields::default();
            for (name, value) in json::object(json::utf8(&bytes, "the body")?)? {
                fields.insert_json(name, value)?;
            }
            let Searches(Some(searches)) = fields.read(&[])? else {
                return Err(ApiError::new(Code::MissingQuery, "the field `searches` is missing"));
            };
            Ok(searches.iter().map(|search| search_of(search.get(), &permit, limit)).collect::<Vec<_>>())
        });
        let searches = parsed.await.map_err(|error| ApiError::internal(format!("reading a JSON body: {error}")))??;
        bounded(searches.len(), "searches", state)?;
        Ok(Self(searches))
    }
}

fn search_of(json: &str, permit: &Permit, limit: usize) -> Result<(Vec<Bytes>, SearchFields), ApiError> {
    let mut fields = Fields::default();
    let images = images_and_fields(json, &mut fields, SearchFields::MOST_IMAGES)?;
    let fields = fields.read(&[IMAGE])?;
    let images = sized_each(images, limit)?;
    Ok((images.into_iter().map(|image| permit.clone().over(image)).collect(), fields))
}

fn searches() -> ObjectBuilder {
    let search = any_object(
        "A search as JSON (see `Search`): by `image`, `id` or `descriptor`, with its options. What is wrong with it fails this search alone.",
    );
    let list = Schema::Array(at_most(search.build()).build());
    json_object(vec![FieldDoc::json("searches", list, "The searches.").required()])
}

body_schema! {
    /// Searches of one collection.
    SearchBatchBody, "SearchBatch",
    searches().examples([json!({"searches": [{"id": "alien-1979", "k": 5}, {"id": "aliens-1986", "verify": "never"}]})])
}
