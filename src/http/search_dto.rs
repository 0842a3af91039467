//! What goes over the wire in searches.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{Array, ArrayBuilder, Object};
use utoipa::openapi::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::dto::{CostDto, ImageDto, one_of, thumbnail_path};
use super::upload::UploadFields;
use crate::domain::{ImageId, QueryRegion, Verdict, Verify};
use crate::service::{MatchedRegion, Quad, SearchHit, Verification};

/// The results of a search that says nothing else.
pub(super) const DEFAULT_K: u32 = 10;

/// A part of the answer that can be left out or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Include {
    /// The metadata of each result.
    Metadata,
    /// The whole record of each result.
    Record,
    /// What describing the query image cost.
    Cost,
}

impl Include {
    /// What an answer has where the request does not say.
    pub(super) const DEFAULT: [Self; 2] = [Self::Metadata, Self::Cost];
}

fn verify_schema() -> Object {
    one_of(Verify::ALL.map(Verify::as_str))
        .description(Some(
            "Whether the first results are compared with the query spot by spot; those that show the same thing come first. \
             `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; \
             `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.",
        ))
        .build()
}

fn region_schema() -> Array {
    let number = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)).maximum(Some(1));
    ArrayBuilder::new()
        .items(number)
        .min_items(Some(4))
        .max_items(Some(4))
        .description(Some(
            "Search for this box of the image only: x, y, width and height in fractions of the image's width and height, \
             from its upper left corner, upright as its EXIF data say. Not with `id` or `descriptor`.",
        ))
        .build()
}

fn quad_schema(description: &str) -> Array {
    let corner = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::Number));
    let corner = corner.min_items(Some(2)).max_items(Some(2));
    ArrayBuilder::new().items(corner).min_items(Some(4)).max_items(Some(4)).description(Some(description)).build()
}

fn quad_in_query_schema() -> Array {
    quad_schema(
        "In the query, the whole image also where a region of it was searched for. It may reach beyond the border.",
    )
}

fn quad_in_result_schema() -> Array {
    quad_schema("In the result: an upright rectangle, clockwise from its upper left corner.")
}

/// How to search.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchOptions {
    /// How many results.
    #[param(minimum = 1, default = 10)]
    pub(super) k: Option<u32>,
    /// How many of the best to leave out first, for paging.
    #[param(default = 0)]
    pub(super) offset: Option<u32>,
    /// Leave out results below this score (cosine).
    #[param(minimum = -1, maximum = 1)]
    pub(super) min_score: Option<f32>,
    /// Only images whose metadata match this filter (JSON text).
    #[param(value_type = Option<String>, example = json!("{\"field\": \"year\", \"gte\": 1979}"))]
    pub(super) filter: Option<Value>,
    /// Scan everything instead of searching the graph.
    #[param(default = false)]
    pub(super) exact: Option<bool>,
    /// Breadth of the graph search: more finds more and takes longer.
    #[param(minimum = 1)]
    pub(super) ef: Option<u32>,
    /// Whether the first results are compared with the query spot by spot; as configured where it is left out.
    #[param(schema_with = verify_schema)]
    pub(super) verify: Option<Verify>,
    /// Parts of the answer, separated by commas.
    #[param(value_type = Option<String>, example = "metadata,record,cost")]
    pub(super) include: Option<Vec<Include>>,
}

/// A search, as JSON: exactly one of `image`, `id` and `descriptor`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "alien-1979", "k": 5, "min_score": 0.3, "filter": {"field": "year", "gte": 1979}}))]
#[schema(as = Search)]
pub(super) struct SearchDto {
    /// The encoded query image as base64.
    #[schema(content_encoding = "base64")]
    image: Option<String>,
    /// The part of the image to search for.
    #[schema(schema_with = region_schema)]
    pub(super) region: Option<QueryRegion>,
    /// The id of an image of the collection; it is not among the results.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    pub(super) id: Option<ImageId>,
    /// The values of a descriptor; they need not have unit norm.
    pub(super) descriptor: Option<Vec<f32>>,
    /// The version that made the descriptor; a search by a descriptor of another version is refused.
    #[schema(example = "0123456789abcdef/rnip")]
    pub(super) version: Option<String>,
    /// How many results.
    #[schema(minimum = 1, default = 10)]
    k: Option<u32>,
    /// How many of the best to leave out first, for paging.
    #[schema(default = 0)]
    offset: Option<u32>,
    /// Leave out results below this score (cosine).
    #[schema(minimum = -1, maximum = 1)]
    min_score: Option<f32>,
    /// Only images whose metadata match: `{"all": [...]}`, `{"any": [...]}` or `{"not": ...}` over
    /// `{"field": "brand", "eq"|"in"|"gt"|"gte"|"lt"|"lte"|"prefix"|"exists": ...}`.
    #[schema(value_type = Option<Object>)]
    filter: Option<Value>,
    /// Scan everything instead of searching the graph.
    #[schema(default = false)]
    exact: Option<bool>,
    /// Breadth of the graph search: more finds more and takes longer.
    #[schema(minimum = 1)]
    ef: Option<u32>,
    /// Whether the first results are verified.
    #[schema(schema_with = verify_schema)]
    verify: Option<Verify>,
    /// Parts of the answer; `metadata` and `cost` where it is left out.
    include: Option<Vec<Include>>,
}

impl SearchDto {
    /// How to search, apart from what for.
    pub(super) fn take_options(&mut self) -> SearchOptions {
        SearchOptions {
            k: self.k,
            offset: self.offset,
            min_score: self.min_score,
            filter: self.filter.take(),
            exact: self.exact,
            ef: self.ef,
            verify: self.verify,
            include: self.include.take(),
        }
    }
}

impl UploadFields for SearchDto {
    const PARTS: &'static [&'static str] = &[
        "image",
        "region",
        "params",
        "id",
        "descriptor",
        "version",
        "k",
        "offset",
        "min_score",
        "filter",
        "exact",
        "ef",
        "verify",
        "include",
    ];

    fn take_image(&mut self) -> Option<String> {
        self.image.take()
    }
}

/// A search, as a form. Every field of the JSON form can be a part of its own, or be in `params`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read part by part")]
pub(super) struct SearchForm {
    /// The encoded query image.
    #[schema(value_type = String, content_media_type = "application/octet-stream")]
    image: Vec<u8>,
    /// Search for this box of the image only: `x,y,width,height` in fractions of its width and height, from the upper left
    /// corner of the upright image.
    #[schema(example = "0.5,0,0.5,1")]
    region: Option<String>,
    /// A JSON object with any of the other fields of the JSON form.
    #[schema(value_type = Option<Object>)]
    params: Option<Value>,
    /// How many results.
    #[schema(minimum = 1, default = 10)]
    k: Option<u32>,
    /// Leave out results below this score (cosine).
    #[schema(minimum = -1, maximum = 1)]
    min_score: Option<f32>,
    /// A filter over the metadata.
    #[schema(value_type = Option<Object>)]
    filter: Option<Value>,
    /// Whether the first results are verified.
    #[schema(schema_with = verify_schema)]
    verify: Option<Verify>,
}

/// Where query and result show the same thing: four corners in order around it, (x, y) in fractions of the picture's
/// width and height from its upper left corner, upright as its EXIF data say. The corners of one picture
/// correspond to those of the other, in the same order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Match)]
pub(super) struct MatchDto {
    /// In the query, the whole image also where a region of it was searched for. It may reach beyond the border.
    #[schema(schema_with = quad_in_query_schema)]
    quad_in_query: Quad,
    /// In the result: an upright rectangle, clockwise from its upper left corner.
    #[schema(schema_with = quad_in_result_schema)]
    quad_in_result: Quad,
}

impl From<MatchedRegion> for MatchDto {
    fn from(region: MatchedRegion) -> Self {
        // A tenth of a pixel of a picture of 1,000; the match itself is no finer.
        let rounded = |quad: Quad| quad.map(|corner| corner.map(|x| (x * 1e4).round() / 1e4));
        Self { quad_in_query: rounded(region.quad_in_query), quad_in_result: rounded(region.quad_in_candidate) }
    }
}

/// One result.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Hit)]
pub(super) struct HitDto {
    /// 1 for the best of all; with an offset the first result has a higher rank.
    rank: usize,
    /// The image's id.
    id: String,
    /// Cosine of the descriptors, -1 to 1; 1 is identical.
    score: f32,
    /// What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate` (one is in the other:
    /// cropped, turned, written over, photographed), `similar` (they share a part or look alike) or `different`.
    #[schema(value_type = String, pattern = "^(same|near_duplicate|similar|different)$")]
    verdict: Verdict,
    /// Whether the query shows the same thing as this image: some spots of both look alike and lie alike. Not there when
    /// the two were not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verified: Option<bool>,
    /// How many spots look alike and lie alike; 9 are needed. Not there when the two were not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    inliers: Option<usize>,
    /// Where they lie, for a verified result.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region: Option<MatchDto>,
    /// Width in pixels.
    width: u32,
    /// Height in pixels.
    height: u32,
    /// Where its small picture is.
    thumbnail_url: String,
    /// The client's own data, unless left out by `include`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    metadata: Option<Map<String, Value>>,
    /// The whole record, where `include` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    record: Option<ImageDto>,
}

impl HitDto {
    /// One result with the parts that are asked for.
    pub(super) fn new(hit: SearchHit, include: &[Include]) -> Self {
        let record = hit.record;
        Self {
            rank: hit.rank,
            id: record.id.as_str().to_owned(),
            score: hit.score,
            verdict: hit.verdict,
            verified: hit.verification.as_ref().map(Verification::verified),
            inliers: hit.verification.map(|found| found.inliers),
            region: hit.verification.and_then(|found| found.region).map(MatchDto::from),
            width: record.width,
            height: record.height,
            thumbnail_url: thumbnail_path(&record),
            metadata: include.contains(&Include::Metadata).then(|| record.metadata.as_map().clone()),
            record: include.contains(&Include::Record).then(|| record.into()),
        }
    }
}

/// Where the time went, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Took)]
pub(super) struct TookDto {
    /// The whole call after its body had arrived.
    pub(super) total: f64,
    /// In the index.
    pub(super) index: f64,
    /// Verifying: looking for spots in the query image, reading those of the first results and comparing; not there when
    /// nothing was to be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) verify: Option<f64>,
    /// Describing the query image; not there when nothing had to be described.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) describe: Option<f64>,
}

/// The answer to a search.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "results": [{
        "rank": 1, "id": "alien-1979", "score": 0.874, "verdict": "near_duplicate", "verified": true, "inliers": 61,
        "match": {
            "quad_in_query": [[0.21, 0.18], [0.76, 0.2], [0.75, 0.83], [0.2, 0.81]],
            "quad_in_result": [[0.05, 0.04], [0.96, 0.04], [0.96, 0.97], [0.05, 0.97]]
        },
        "width": 480, "height": 640,
        "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17", "metadata": {"title": "Alien", "year": 1979}
    }],
    "version": "0123456789abcdef/rnip", "took_ms": {"total": 540.731, "index": 0.033, "describe": 479.139, "verify": 60.342}, "compared": 100
}))]
#[schema(as = SearchResult)]
pub(super) struct SearchResultDto {
    /// Best first: what is verified, by falling `inliers`, then the rest by falling `score`; ties in order of score, then id.
    pub(super) results: Vec<HitDto>,
    /// Model and profile of the descriptors that were compared.
    pub(super) version: String,
    /// Where the time went.
    pub(super) took_ms: TookDto,
    /// How many of the first results were compared with the query; 0 for a page behind them, and not there when nothing was
    /// to be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) compared: Option<usize>,
    /// What describing the query image cost; not there when nothing had to be described.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) cost: Option<CostDto>,
}
