//! What a search answers.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use super::query::{HitField, Include, Parts};
use crate::domain::Verdict;
use crate::http::chip::dto::{CostDto, thousandths};
use crate::http::images::dto::ImageDto;
use crate::http::links::{PublicPath, data_url};
use crate::http::schema::{quad_schema, verdict_schema};
use crate::service::{Quad, SearchHit, SearchResponse, Verification};

fn quad_in_query_schema() -> Array {
    quad_schema(
        "In the query, the whole image also where a region of it was searched for. It may reach beyond the border.",
    )
}

fn quad_in_result_schema() -> Array {
    quad_schema("In the result: an upright rectangle, clockwise from its upper left corner.")
}

/// Where query and result show the same thing: four corners in order around it, (x, y) in fractions
/// of the picture's width and height from its upper left corner, upright as its EXIF data say. The
/// corners of one picture correspond to those of the other, in the same order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Match)]
pub(crate) struct MatchDto {
    /// In the query, the whole image also where a region of it was searched for. It may reach
    /// beyond the border.
    #[schema(schema_with = quad_in_query_schema)]
    quad_in_query: Quad,
    /// In the result: an upright rectangle, clockwise from its upper left corner.
    #[schema(schema_with = quad_in_result_schema)]
    quad_in_result: Quad,
    /// Whether the two show it mirrored, left and right exchanged. Only there where they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mirrored: Option<bool>,
    /// Which image of the query it is, 1 for the first: the one that has most in common with the
    /// result. Only there where the query has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    query_image: Option<usize>,
}

impl MatchDto {
    fn new(found: Verification, query_image: Option<usize>) -> Option<Self> {
        let region = found.region?;
        // A tenth of a pixel of a picture of 1,000; the match itself is no finer.
        let rounded = |quad: Quad| quad.map(|corner| corner.map(|x| (x * 1e4).round() / 1e4));
        Some(Self {
            quad_in_query: rounded(region.quad_in_query),
            quad_in_result: rounded(region.quad_in_candidate),
            mirrored: found.mirrored.then_some(true),
            query_image,
        })
    }
}

/// One result.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Hit)]
pub(crate) struct HitDto {
    /// 1 for the best of all; with an offset the first result has a higher rank.
    rank: usize,
    /// The image's id.
    id: String,
    /// Cosine of the image's descriptor and the query's, -1 to 1; 1 is identical. Of a query image
    /// under `rnip` it is the largest of several: that of the whole, and that of the whole together
    /// with each of its sub-images. Not there, as any other member but `id` and `rank`, where
    /// `fields` leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    score: Option<f32>,
    /// What score and comparison come to: `same` (the same picture, frame to frame),
    /// `near_duplicate` (one is in the other: cropped, turned, written over, photographed),
    /// `similar` (they share a part or look alike) or `different`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = verdict_schema)]
    verdict: Option<Verdict>,
    /// Whether the query shows the same thing as this image: some spots of both look alike and lie
    /// alike. Not there when the two were not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verified: Option<bool>,
    /// How many spots look alike and lie alike; 9 are needed. Not there when the two were not
    /// compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    inliers: Option<usize>,
    /// How likely both show one and the same thing, and not variants of it, 0 to 1: from the inliers,
    /// their place, and the pixels of both. In a search, results that are variants of one design are
    /// weighed against each other too, so it may differ from what `compare` says of the two alone. Not
    /// there where they are not verified, nor beyond the 24 results with the most inliers (of each
    /// image of the query).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    confidence: Option<f64>,
    /// Where they lie, for a verified result.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region: Option<MatchDto>,
    /// How many cells of the network's middle map look alike and lie alike in both, 2 to 256: less
    /// sure than `inliers`, so that no verdict follows from it, but it puts what is not verified in
    /// order, before others of a higher score. Only there where the two were compared and not
    /// verified, and have such cells (profile `rnip`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cells: Option<usize>,
    /// Width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    width: Option<u32>,
    /// Height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    height: Option<u32>,
    /// Where its small picture is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    thumbnail_url: Option<String>,
    /// Where the upload itself is, where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    original_url: Option<String>,
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
    fn new(hit: SearchHit, parts: &Parts, links: &PublicPath) -> Self {
        let (record, found) = (hit.record, hit.verification);
        let has = |field| parts.has(field);
        Self {
            rank: hit.rank,
            id: record.id.as_str().to_owned(),
            score: has(HitField::Score).then_some(hit.score),
            verdict: has(HitField::Verdict).then_some(hit.verdict),
            verified: found.as_ref().filter(|_| has(HitField::Verified)).map(Verification::verified),
            inliers: found.filter(|_| has(HitField::Inliers)).map(|found| found.inliers),
            confidence: found.filter(|_| has(HitField::Confidence)).and_then(|found| found.confidence()),
            region: found.filter(|_| has(HitField::Match)).and_then(|found| MatchDto::new(found, hit.query_image)),
            cells: found.filter(|found| has(HitField::Cells) && found.cells > 0).map(|found| found.cells),
            width: has(HitField::Width).then_some(record.width),
            height: has(HitField::Height).then_some(record.height),
            thumbnail_url: has(HitField::ThumbnailUrl).then(|| links.thumbnail(&record)),
            original_url: if has(HitField::OriginalUrl) { links.original(&record) } else { None },
            metadata: has(HitField::Metadata).then(|| record.metadata.as_map().clone()),
            record: has(HitField::Record).then(|| ImageDto::new(record, links)),
        }
    }
}

/// Where the time went, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Took)]
pub(crate) struct TookDto {
    /// The whole call after its body had arrived.
    pub(crate) total: f64,
    /// In the index.
    pub(crate) index: f64,
    /// Verifying: looking for spots in the query, reading those of the first results and
    /// comparing; not there when nothing was to be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) verify: Option<f64>,
    /// Describing the query image, or all of them; not there when nothing had to be described.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) describe: Option<f64>,
}

/// The answer that examples show.
pub(crate) fn search_example() -> Value {
    json!({
        "results": [{
            "rank": 1, "id": "alien-1979", "score": 0.874, "verdict": "near_duplicate", "verified": true, "inliers": 61, "confidence": 0.998,
            "match": {
                "quad_in_query": [[0.21, 0.18], [0.76, 0.2], [0.75, 0.83], [0.2, 0.81]],
                "quad_in_result": [[0.05, 0.04], [0.96, 0.04], [0.96, 0.97], [0.05, 0.97]]
            },
            "width": 480, "height": 640,
            "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17", "metadata": {"title": "Alien", "year": 1979}
        }],
        "version": "0123456789abcdef/rnip", "took_ms": {"total": 540.731, "index": 0.033, "describe": 479.139, "verify": 60.342}, "compared": 100
    })
}

/// The answer to a search.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(search_example()))]
#[schema(as = SearchResult)]
pub(crate) struct SearchResultDto {
    /// Best first: what is verified, by falling likelihood, then the rest by falling `score`; ties
    /// in order of score, then id.
    pub(crate) results: Vec<HitDto>,
    /// `true` where images may be missing, since the index is being built and
    /// `index.serve_while_building` lets searches see what is there; otherwise not there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub(crate) partial: bool,
    /// Model and profile of the descriptors that were compared.
    pub(crate) version: String,
    /// Where the time went.
    pub(crate) took_ms: TookDto,
    /// How many of the first results were compared with the query; 0 for a page behind them, and
    /// not there when nothing was to be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) compared: Option<usize>,
    /// What describing the query image cost, or all of them; not there when nothing had to be described.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) cost: Option<CostDto>,
    /// A small JPEG of the query image as it was seen (upright, over its ground, in sRGB, cut to
    /// the region), as a `data:` URL; of several the first one. Where `include` asks for it and the
    /// query is an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) query_thumbnail: Option<String>,
}

impl SearchResultDto {
    /// The answer with the parts that are asked for.
    pub(crate) fn new(found: SearchResponse, parts: &Parts, links: &PublicPath) -> Self {
        Self {
            partial: found.partial,
            results: found.hits.into_iter().map(|hit| HitDto::new(hit, parts, links)).collect(),
            version: found.version.to_string(),
            took_ms: TookDto {
                total: thousandths(found.milliseconds),
                index: thousandths(found.index_milliseconds),
                describe: found.cost.as_ref().map(|cost| thousandths(cost.host_milliseconds)),
                verify: found.verification.map(|effort| thousandths(effort.milliseconds)),
            },
            compared: found.verification.map(|effort| effort.compared),
            cost: found.cost.filter(|_| parts.include.contains(&Include::Cost)).map(CostDto::from),
            query_thumbnail: found.thumbnail.as_ref().map(data_url),
        }
    }
}
