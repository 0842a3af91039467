//! The names in a path.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::error::{ApiError, Code};
use super::routes::App;
use crate::domain::{CollectionName, ImageId, InvalidId};

/// The collection that a path names as `{collection}`.
pub(super) struct InCollection(pub(super) CollectionName);

/// The image that a path names as `{collection}` and `{id}`.
pub(super) struct OfImage(pub(super) CollectionName, pub(super) ImageId);

impl FromRequestParts<App> for InCollection {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = path_params(parts, app).await?;
        collection(&params).map(Self)
    }
}

impl FromRequestParts<App> for OfImage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = path_params(parts, app).await?;
        let collection = collection(&params)?;
        let id = param(&params, "id")?;
        let id = ImageId::new(id).map_err(|e: InvalidId| ApiError::new(Code::InvalidImageId, e.to_string()))?;
        Ok(Self(collection, id))
    }
}

async fn path_params(parts: &mut Parts, app: &App) -> Result<RawPathParams, ApiError> {
    RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|_| ApiError::new(Code::InvalidPath, "the path has percent-encoded bytes that are not valid UTF-8"))
}

fn collection(params: &RawPathParams) -> Result<CollectionName, ApiError> {
    CollectionName::new(param(params, "collection")?)
        .map_err(|e| ApiError::new(Code::InvalidCollectionName, e.to_string()))
}

fn param<'a>(params: &'a RawPathParams, name: &str) -> Result<&'a str, ApiError> {
    params
        .iter()
        .find_map(|(key, value)| (key == name).then_some(value))
        .ok_or_else(|| ApiError::internal(format!("the route has no parameter {name}")))
}
