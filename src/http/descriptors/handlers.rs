//! Descriptors.

use axum::Json;
use axum::extract::State;

use super::dto::DescriptorDto;
use super::requests::{DescribeBody, DescribeFields, DescribeForm};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::query::Query;
use crate::http::extract::upload::{Upload, required};
use crate::http::schema::RawImage;
use crate::http::state::AppState;
use crate::service::DescribeRequest;

/// Describe a picture without storing it.
///
/// The answer's `descriptor` and `version` are what a search by descriptor takes: to search several
/// collections of one profile, or later again, without sending the picture.
#[utoipa::path(post, path = "/v1/descriptors", tag = "search",
    params(Query<DescribeFields>),
    request_body(content(
        (DescribeForm = "multipart/form-data"), (DescribeBody = "application/json"), (RawImage = "image/*"), (RawImage = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "The descriptor", body = DescriptorDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn describe(
    State(state): State<AppState>,
    Upload { images, fields: DescribeFields { profile, region } }: Upload<DescribeFields>,
) -> Result<Json<DescriptorDto>, ApiError> {
    let request = DescribeRequest { image: required(images)?, profile, region };
    Ok(Json(state.service.describe(request).await?.into()))
}
