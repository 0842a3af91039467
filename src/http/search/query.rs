//! What a search takes: the options, which are the same for every search, and what to search for.

use serde_json::{Value, json};
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{ObjectBuilder, Schema, Type};

use crate::domain::{DescriptorVersion, FieldPath, Filter, ImageId, QueryRegion, Verify};
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::images::requests::filter_doc;
use crate::http::schema::{
    Documented, FieldDoc, body_schema, cosine_schema, field_path_schema, form_object, id_schema, integer, json_object,
    one_of, version_schema,
};
use crate::service::MAX_QUERY_IMAGES;

const DEFAULT_K: u32 = 10;

/// The most that `limits.max_results` can be, which bounds `k` and `offset` together.
const MAX_RESULTS: u32 = 100_000;

/// What `limits.max_results` is by default.
const DOCUMENTED_RESULTS: u32 = 1000;

/// The broadest search of the graph.
const MAX_EF: u32 = 4096;

/// A part of the answer that can be left out or chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    /// The metadata of each result.
    Metadata,
    /// The whole record of each result.
    Record,
    /// What describing the query image cost.
    Cost,
    /// The query image as it was seen.
    Thumbnail,
}

const INCLUDES: [(&str, Include); 4] = [
    ("metadata", Include::Metadata),
    ("record", Include::Record),
    ("cost", Include::Cost),
    ("thumbnail", Include::Thumbnail),
];

/// A member of a result that can be chosen; rank and id are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HitField {
    /// The cosine.
    Score,
    /// What score and comparison come to.
    Verdict,
    /// Whether both show the same thing.
    Verified,
    /// How many spots agree.
    Inliers,
    /// How likely it is that both are one and the same thing.
    Confidence,
    /// Where they lie.
    Match,
    /// How many cells of the network's map agree.
    Cells,
    /// Width in pixels.
    Width,
    /// Height in pixels.
    Height,
    /// Where the small picture is.
    ThumbnailUrl,
    /// Where the upload itself is.
    OriginalUrl,
    /// The client's own data.
    Metadata,
    /// The whole record.
    Record,
}

const HIT_FIELDS: [(&str, Option<HitField>); 15] = [
    ("id", None),
    ("rank", None),
    ("score", Some(HitField::Score)),
    ("verdict", Some(HitField::Verdict)),
    ("verified", Some(HitField::Verified)),
    ("inliers", Some(HitField::Inliers)),
    ("confidence", Some(HitField::Confidence)),
    ("match", Some(HitField::Match)),
    ("cells", Some(HitField::Cells)),
    ("width", Some(HitField::Width)),
    ("height", Some(HitField::Height)),
    ("thumbnail_url", Some(HitField::ThumbnailUrl)),
    ("original_url", Some(HitField::OriginalUrl)),
    ("metadata", Some(HitField::Metadata)),
    ("record", Some(HitField::Record)),
];

/// What the answer carries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// Parts of the answer.
    pub(crate) include: Vec<Include>,
    /// Members of a result; `None` for the usual ones.
    fields: Option<Vec<Option<HitField>>>,
}

impl Parts {
    /// Whether a result has this member.
    pub(crate) fn has(&self, field: HitField) -> bool {
        match (&self.fields, field) {
            (Some(fields), field) => fields.contains(&Some(field)),
            (None, HitField::Metadata) => self.include.contains(&Include::Metadata),
            (None, HitField::Record) => self.include.contains(&Include::Record),
            (None, _) => true,
        }
    }
}

/// How to search, whatever for.
pub(crate) struct SearchOptions {
    /// How many results.
    pub(crate) k: u32,
    /// How many of the best to leave out first.
    pub(crate) offset: u32,
    /// The lowest score (cosine) of a result.
    pub(crate) min_score: Option<f32>,
    /// Only images whose metadata match.
    pub(crate) filter: Option<Filter>,
    /// The field whose values make groups.
    pub(crate) group_by: Option<FieldPath>,
    /// Whether everything is scanned instead of the graph searched.
    pub(crate) exact: bool,
    /// Breadth of the graph search.
    pub(crate) ef: Option<u32>,
    /// Whether the first results are compared with the query spot by spot; as configured where
    /// `None`.
    pub(crate) verify: Option<Verify>,
    /// Whether the others are put in order by their likeness to what shows the same thing, too; as
    /// configured where `None`.
    pub(crate) expand: Option<bool>,
    /// What the answer carries.
    pub(crate) parts: Parts,
}

impl FromFields for SearchOptions {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            k: fields.number("k", 1..=MAX_RESULTS).unwrap_or(DEFAULT_K),
            offset: fields.number("offset", 0..=MAX_RESULTS).unwrap_or(0),
            min_score: fields.cosine("min_score"),
            filter: fields.filter("filter"),
            group_by: fields.field_path("group_by"),
            exact: fields.switch("exact").unwrap_or(false),
            ef: fields.number("ef", 1..=MAX_EF),
            verify: fields.choice("verify", &Verify::ALL.map(|verify| (verify.as_str(), verify))),
            expand: fields.switch("expand"),
            parts: Parts {
                include: fields.choices("include", &INCLUDES).unwrap_or_else(|| vec![Include::Metadata, Include::Cost]),
                fields: fields.choices("fields", &HIT_FIELDS),
            },
        }
    }
}

impl Documented for SearchOptions {
    fn fields() -> Vec<FieldDoc> {
        Self::documented(&Verify::ALL.map(Verify::as_str))
    }
}

impl SearchOptions {
    /// The options, with these choices of `verify`.
    fn documented(verify: &[&'static str]) -> Vec<FieldDoc> {
        let switch = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(Value::from(false)));
        vec![
            FieldDoc::plain(
                "k",
                integer(1..=DOCUMENTED_RESULTS).default(Some(Value::from(DEFAULT_K))),
                "How many results. With `offset` at most what the configuration allows, 1000 by default.",
            )
            .example(5),
            FieldDoc::plain(
                "offset",
                integer(0..=DOCUMENTED_RESULTS - 1).default(Some(Value::from(0))),
                "How many of the best to leave out first, for paging.",
            ),
            FieldDoc::plain("min_score", cosine_schema(), "Leave out results below this score (cosine)."),
            filter_doc(),
            FieldDoc::plain(
                "group_by",
                field_path_schema(),
                "A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` \
                 count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots \
                 between them. The 16,384 best images are looked at.",
            ),
            FieldDoc::plain("exact", switch, "Scan everything instead of searching the graph."),
            FieldDoc::plain(
                "ef",
                integer(1..=MAX_EF),
                "Breadth of the graph search: more finds more and takes longer.",
            ),
            FieldDoc::plain(
                "verify",
                one_of(verify.iter().copied()),
                "Whether the first results are compared with the query spot by spot; those that show the same thing come first. \
                 `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; \
                 `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.",
            ),
            FieldDoc::plain(
                "expand",
                ObjectBuilder::new().schema_type(Type::Boolean),
                "Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other \
                 views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network \
                 sees alike. The configuration says what holds where it is left out, `true` by default.",
            ),
            FieldDoc::names(
                "include",
                &INCLUDES.map(|(name, _)| name),
                "Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen.",
            ),
            FieldDoc::names(
                "fields",
                &HIT_FIELDS.map(|(name, _)| name),
                "What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. \
                 It decides on `metadata` and `record`, too, whatever `include` says.",
            )
            .example(json!(["score", "verdict", "thumbnail_url"])),
        ]
    }
}

/// A search: the options, and what to search for beside an image.
pub(crate) struct SearchFields {
    /// How to search.
    pub(crate) options: SearchOptions,
    /// The part of the image to search for.
    pub(crate) region: Option<QueryRegion>,
    /// The id of an image of the collection.
    pub(crate) id: Option<ImageId>,
    /// The values of a descriptor.
    pub(crate) descriptor: Option<Vec<f32>>,
    /// The version that made the descriptor.
    pub(crate) version: Option<DescriptorVersion>,
}

impl FromFields for SearchFields {
    const MOST_IMAGES: usize = MAX_QUERY_IMAGES;

    fn from_fields(fields: &mut Fields) -> Self {
        fields.spread("params");
        Self {
            region: fields.region("region"),
            id: fields.id("id"),
            descriptor: fields.descriptor("descriptor"),
            version: fields.version("version"),
            options: SearchOptions::from_fields(fields),
        }
    }
}

/// What can be in the query string of a search, whose body is an image.
pub(crate) struct WithImage;

impl Documented for WithImage {
    fn fields() -> Vec<FieldDoc> {
        let description = "Search for this box of the image only: x, y, width and height in fractions of the image's width and \
                           height, from its upper left corner, upright as its EXIF data say.";
        let region = FieldDoc::region("region", description);
        std::iter::once(region).chain(SearchOptions::fields()).collect()
    }
}

fn by_image() -> Vec<FieldDoc> {
    std::iter::once(images()).chain(WithImage::fields()).collect()
}

fn images() -> FieldDoc {
    let description = "The encoded image; or up to four of one and the same thing, from several sides: what they have in \
                       common is searched for, and results are compared with each of them. Together they may be as large as one \
                       image; `region` does not go with several.";
    FieldDoc::pictures("image", description, MAX_QUERY_IMAGES)
}

fn by_id() -> Vec<FieldDoc> {
    let description = "The id of an image of the collection; it is not among the results.";
    let id = FieldDoc::plain("id", id_schema(), description).required();
    std::iter::once(id).chain(SearchOptions::fields()).collect()
}

fn by_descriptor() -> Vec<FieldDoc> {
    let version = "The version that made the descriptor; a search by a descriptor of another version is refused.";
    let query = [
        FieldDoc::descriptor("descriptor", "The values of a descriptor; they need not have unit norm.").required(),
        FieldDoc::plain("version", version_schema(), version),
    ];
    // There is nothing to verify the results by.
    let options = SearchOptions::documented(&[Verify::Auto, Verify::Never].map(Verify::as_str));
    query.into_iter().chain(options).collect()
}

fn alternatives(object: fn(Vec<FieldDoc>) -> ObjectBuilder) -> OneOfBuilder {
    [by_image(), by_id(), by_descriptor()].into_iter().fold(OneOfBuilder::new(), |any, fields| any.item(object(fields)))
}

fn form() -> Schema {
    let description = "The other fields as a JSON object.";
    let params = FieldDoc::json("params", json_object(WithImage::fields()).build(), description).required();
    alternatives(form_object)
        .item(form_object(vec![images(), params]))
        .description(Some(
            "By an image, by the id of a stored image, or by a descriptor. `params` may have any of the other fields.",
        ))
        .examples([json!({"image": ["photo.jpg"], "k": 5, "filter": {"field": "year", "gte": 1979}, "region": "0.1,0.1,0.8,0.8"})])
        .build()
        .into()
}

body_schema! {
    /// A search, as JSON.
    SearchBody, "Search",
    Schema::from(
        alternatives(json_object)
            .description(Some("By an image, by the id of a stored image, or by a descriptor."))
            .examples([json!({"id": "alien-1979", "k": 5, "min_score": 0.3, "filter": {"field": "year", "gte": 1979}})])
            .build(),
    )
}

body_schema! {
    /// A search, as a form.
    SearchForm, "SearchForm", form()
}
