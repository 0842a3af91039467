//! What a comparison takes: two pictures, each uploaded or stored, and the options.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::json;
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{ObjectBuilder, Schema};

use crate::domain::{CollectionName, ImageId, Profile};
use crate::http::access::caller::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::extract::json_body::{media_type, require_identity_encoding};
use crate::http::extract::upload::{IMAGE, form_limit, images_and_fields, json_limit, sized};
use crate::http::extract::{json, multipart};
use crate::http::intake::Permit;
use crate::http::schema::{
    Documented, EXAMPLE_PICTURE, FieldDoc, PROFILES, body_schema, collection_schema, form_object, id_schema,
    json_object, profile,
};
use crate::http::state::AppState;
use crate::service::Pictured;

/// A part of the answer that is left out unless it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    /// What describing the pictures cost.
    Cost,
    /// The picture of the comparison.
    Overlay,
}

const INCLUDES: [(&str, Include); 2] = [("cost", Include::Cost), ("overlay", Include::Overlay)];

/// How to compare.
pub(crate) struct CompareOptions {
    /// How the pictures are described.
    pub(crate) profile: Option<Profile>,
    /// Parts of the answer.
    pub(crate) include: Vec<Include>,
}

impl FromFields for CompareOptions {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            profile: fields.choice("profile", &Profile::ALL.map(|profile| (profile.as_str(), profile))),
            include: fields.choices("include", &INCLUDES).unwrap_or_default(),
        }
    }
}

impl Documented for CompareOptions {
    fn fields() -> Vec<FieldDoc> {
        let of_pictures = format!("{PROFILES} Where it is left out, that of a stored image, or `rnip`.");
        vec![
            FieldDoc::plain("profile", profile(), of_pictures),
            FieldDoc::names(
                "include",
                &INCLUDES.map(|(name, _)| name),
                "Parts of the answer: `cost`, what describing each picture took; `overlay`, a picture of the comparison.",
            ),
        ]
    }
}

/// The fields of a form: the options, and the names of stored images.
struct FormFields {
    options: CompareOptions,
    a: StoredImage,
    b: StoredImage,
}

impl FromFields for FormFields {
    fn from_fields(fields: &mut Fields) -> Self {
        let a = StoredImage { id: fields.id("a_id"), collection: fields.collection("a_collection") };
        let b = StoredImage { id: fields.id("b_id"), collection: fields.collection("b_collection") };
        Self { options: CompareOptions::from_fields(fields), a, b }
    }
}

/// The name of a stored image.
struct StoredImage {
    id: Option<ImageId>,
    collection: Option<CollectionName>,
}

impl FromFields for StoredImage {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { id: fields.id("id"), collection: fields.collection("collection") }
    }
}

impl StoredImage {
    /// The picture that this name or `image` gives.
    fn or(self, image: Option<Bytes>, limit: usize) -> Result<Pictured, ApiError> {
        match (image, self.id) {
            (Some(image), None) if self.collection.is_none() => Ok(Pictured::Image(sized(image, limit)?)),
            (None, Some(id)) => {
                Ok(Pictured::Stored(self.collection.unwrap_or_else(CollectionName::default_collection), id))
            }
            (Some(_), Some(_)) => Err(ApiError::new(Code::AmbiguousQuery, "give either an image or an id")),
            (Some(_), None) => Err(ApiError::new(Code::InvalidRequest, "a collection goes with an id only")),
            (None, None) => Err(ApiError::new(Code::MissingImage, "give an image, or the id of a stored one")),
        }
    }
}

/// Two pictures, and how to compare them. The permit to have them in memory is in their bytes.
pub(crate) struct TwoPictures {
    /// The first one.
    pub(crate) a: Pictured,
    /// The second one.
    pub(crate) b: Pictured,
    /// How.
    pub(crate) options: CompareOptions,
}

impl FromRequest<AppState> for TwoPictures {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        require_identity_encoding(&head.headers)?;
        let fields = Fields::from_query(head.uri.query())?;
        let caller = Caller::of(&head)?;
        let pictures = match media_type(&head.headers).as_deref() {
            Some("multipart/form-data") => from_form(state, &head, body, fields).await,
            Some("application/json") => from_json(state, &head, body, fields).await,
            Some(_) | None => Err(ApiError::new(
                Code::UnsupportedMediaType,
                "send the pictures as multipart/form-data, or as base64 or by their ids in application/json",
            )),
        }?;
        for side in [&pictures.a, &pictures.b] {
            if let Pictured::Stored(collection, _) = side {
                caller.check(collection, &head)?;
            }
        }
        Ok(pictures)
    }
}

async fn from_form(state: &AppState, head: &Parts, body: Body, mut fields: Fields) -> Result<TwoPictures, ApiError> {
    let limit = state.options.max_upload_bytes;
    let (bytes, permit) = state.intake.read(head, body, form_limit(limit)).await?;
    let (mut a, mut b) = (None, None);
    for part in multipart::parts(&head.headers, &permit.over(bytes))? {
        let side = match part.name.as_str() {
            "a" => &mut a,
            "b" => &mut b,
            _ => {
                fields.insert_bytes(part.name, &part.bytes)?;
                continue;
            }
        };
        if side.replace(part.bytes).is_some() {
            let detail = format!("the form has more than one field `{}`", part.name);
            return Err(ApiError::new(Code::MultipleImages, detail));
        }
    }
    let FormFields { options, a: stored_a, b: stored_b } = fields.read(&["a", "b"])?;
    let a = stored_a.or(a, limit).map_err(|error| error.within("a"))?;
    let b = stored_b.or(b, limit).map_err(|error| error.within("b"))?;
    Ok(TwoPictures { a, b, options })
}

async fn from_json(state: &AppState, head: &Parts, body: Body, mut fields: Fields) -> Result<TwoPictures, ApiError> {
    let limit = state.options.max_upload_bytes;
    let (bytes, permit) = state.intake.read(head, body, json_limit(limit)).await?;
    let parsed = tokio::task::spawn_blocking(move || {
        let (mut a, mut b) = (None, None);
        for (name, value) in json::object(json::utf8(&bytes, "the body")?)? {
            match name.as_str() {
                "a" => a = Some(value.get()),
                "b" => b = Some(value.get()),
                _ => fields.insert_json(name, value)?,
            }
        }
        let options = fields.read(&["a", "b"])?;
        let side = |name: &str, json: Option<&str>| {
            let missing = || ApiError::new(Code::MissingImage, "the picture is missing");
            json.ok_or_else(missing).and_then(|json| picture(json, &permit, limit)).map_err(|error| error.within(name))
        };
        Ok(TwoPictures { a: side("a", a)?, b: side("b", b)?, options })
    });
    parsed.await.unwrap_or_else(|error| Err(ApiError::internal(format!("reading a JSON body: {error}"))))
}

/// A picture as JSON.
fn picture(json: &str, permit: &Permit, limit: usize) -> Result<Pictured, ApiError> {
    let mut fields = Fields::default();
    let image = images_and_fields(json, &mut fields, 1)?.pop();
    let stored: StoredImage = fields.read(&[IMAGE])?;
    stored.or(image.map(|image| permit.clone().over(image)), limit)
}

const OF_IMAGE: &str = "The id of a stored image.";
const OF_COLLECTION: &str = "The collection of the stored image; `default` where it is left out.";

fn by_id(id: &'static str, collection: &'static str) -> [FieldDoc; 2] {
    let id = FieldDoc::plain(id, id_schema(), OF_IMAGE).required();
    [id, FieldDoc::plain(collection, collection_schema(), OF_COLLECTION)]
}

/// One picture as JSON.
fn side() -> Schema {
    let image = json_object(vec![FieldDoc::image()]);
    let stored = json_object(by_id("id", "collection").to_vec());
    OneOfBuilder::new().item(image).item(stored).description(Some("An image, or a stored one.")).build().into()
}

fn as_json() -> ObjectBuilder {
    let picture = |name, description| FieldDoc::json(name, side(), description).required();
    let pictures = [picture("a", "The first picture."), picture("b", "The second picture.")];
    json_object(pictures.into_iter().chain(CompareOptions::fields()).collect())
}

fn form() -> Schema {
    let a = [vec![FieldDoc::picture("a", "The first picture.")], by_id("a_id", "a_collection").to_vec()];
    let b = [vec![FieldDoc::picture("b", "The second picture.")], by_id("b_id", "b_collection").to_vec()];
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| [a.clone(), b.clone(), CompareOptions::fields()].concat()));
    pairs
        .fold(OneOfBuilder::new(), |any, fields| any.item(form_object(fields)))
        .description(Some("Two pictures, each as a file or by the id of a stored one."))
        .examples([json!({"a": "photo.jpg", "b_id": "alien-1979", "b_collection": "covers", "include": "overlay"})])
        .build()
        .into()
}

body_schema! {
    /// Two pictures, as JSON.
    CompareBody, "Compare",
    as_json().examples([json!({"a": {"image": EXAMPLE_PICTURE}, "b": {"id": "alien-1979", "collection": "covers"}})])
}

body_schema! {
    /// Two pictures, as a form.
    CompareForm, "CompareForm", form()
}
