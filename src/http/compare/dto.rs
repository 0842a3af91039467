//! What a comparison answers.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use crate::domain::{Thumbnail, Verdict};
use crate::http::chip::dto::CostDto;
use crate::http::links::data_url;
use crate::http::schema::{quad_schema, verdict_schema};
use crate::service::{CompareResponse, ComparedImage, Quad, Verification};

fn outline_schema() -> Array {
    quad_schema(
        "The outline of this picture in pixels of the other one: its upper left, upper right, lower right and lower left \
         corner. It may reach beyond the other picture.",
    )
}

/// One of the two pictures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ComparedImage)]
pub(crate) struct ComparedImageDto {
    /// Width in pixels, upright as its EXIF data say.
    width: u32,
    /// Height in pixels, upright as its EXIF data say.
    height: u32,
    /// The outline of this picture in pixels of the other one. Not there where the two show nothing
    /// the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = outline_schema)]
    outline_in_other: Option<Quad>,
    /// What describing it cost, where `include` asks for it; not there for a stored image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cost: Option<CostDto>,
}

/// What two pictures have in common.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "score": 0.874, "verdict": "near_duplicate", "verified": true, "inliers": 61, "confidence": 0.998,
    "a": {"width": 480, "height": 640, "outline_in_other": [[-160.2, -96.1], [640.3, -95.8], [640.1, 704.0], [-159.9, 704.3]]},
    "b": {"width": 480, "height": 640, "outline_in_other": [[96.1, 76.8], [384.0, 76.7], [384.2, 588.8], [95.9, 589.1]]},
    "version": "0123456789abcdef/rnip"
}))]
#[schema(as = Comparison)]
pub(crate) struct ComparisonDto {
    /// The score that the second picture has in a search by the first, -1 to 1; 1 is identical.
    score: f32,
    /// What score and comparison come to, as in the results of a search: `same` (the same picture,
    /// frame to frame), `near_duplicate` (one is in the other: cropped, turned, written over,
    /// photographed), `similar` (they share a part or look alike) or `different`.
    #[schema(schema_with = verdict_schema)]
    verdict: Verdict,
    /// Whether the two show the same thing: some spots of both look alike and lie alike. Not there
    /// where a stored image has no local features.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verified: Option<bool>,
    /// How many spots look alike and lie alike; 9 are needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    inliers: Option<usize>,
    /// How likely both show one and the same thing, and not variants of it, 0 to 1: from the inliers,
    /// their place, and the pixels of both. Not there where they are not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    confidence: Option<f64>,
    /// Whether the two show it mirrored, left and right exchanged. Only there where they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mirrored: Option<bool>,
    /// The first picture.
    a: ComparedImageDto,
    /// The second picture.
    b: ComparedImageDto,
    /// Model and profile of the descriptors that were compared.
    version: String,
    /// A PNG as a `data:` URL: both pictures side by side, the outline of each in the other, and a
    /// line for each spot that both show. Where `include` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    overlay: Option<String>,
}

impl ComparisonDto {
    /// The answer, with costs where they are asked for.
    pub(crate) fn new(response: CompareResponse, with_cost: bool) -> Self {
        let CompareResponse { comparison, a, b, version, overlay } = response;
        let size = |image: &ComparedImage| (image.width, image.height);
        let (a_in_b, b_in_a) = (comparison.outline_of_a(size(&b)), comparison.outline_of_b(size(&a)));
        let side = |image: ComparedImage, outline_in_other| ComparedImageDto {
            width: image.width,
            height: image.height,
            outline_in_other,
            cost: image.cost.filter(|_| with_cost).map(CostDto::from),
        };
        Self {
            score: comparison.score,
            verdict: comparison.verdict,
            verified: comparison.verification.as_ref().map(Verification::verified),
            inliers: comparison.verification.map(|found| found.inliers),
            confidence: comparison.verification.and_then(|found| found.confidence()),
            mirrored: comparison.verification.filter(|found| found.mirrored).map(|_| true),
            a: side(a, a_in_b),
            b: side(b, b_in_a),
            version: version.to_string(),
            overlay: overlay.map(|bytes| data_url(&Thumbnail { bytes, media_type: "image/png".to_owned() })),
        }
    }
}
