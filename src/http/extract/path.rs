//! The names in a path.

use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::domain::{CollectionName, ImageId, InvalidId, JobId, KeyId};
use crate::http::access::caller::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::schema::{collection_schema, id_schema, job_schema, path_parameter};
use crate::http::state::AppState;

/// The collection that a path names as `{collection}`.
pub(crate) struct InCollection(pub(crate) CollectionName);

/// The image that a path names as `{collection}` and `{id}`.
pub(crate) struct OfImage(pub(crate) CollectionName, pub(crate) ImageId);

/// The API key that a path names as `{id}`.
pub(crate) struct OfKey(pub(crate) KeyId);

/// The job that a path names as `{id}`. It is one that exists for the caller.
pub(crate) struct OfJob(pub(crate) JobId);

impl FromRequestParts<AppState> for OfJob {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        let id = param(&params, "id")?;
        // The service makes these ids: what is none belongs to no job.
        let id = JobId::new(id).map_err(|_| {
            ApiError::new(Code::UnknownJob, "there is no such job; its id is in the answer to its creation")
        })?;
        let caller = Caller::of(parts)?;
        if caller.is_limited() {
            let job = state.service.job(&id, Duration::ZERO).await?;
            caller.check_job(&id, &job.collection, parts)?;
        }
        Ok(Self(id))
    }
}

impl FromRequestParts<AppState> for OfKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        let id = param(&params, "id")?;
        KeyId::new(id).map(Self).map_err(|_| ApiError::new(Code::UnknownKey, "there is no such key"))
    }
}

impl IntoParams for OfKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![path_parameter("id", "The key's id", job_schema(), "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10")]
    }
}

impl IntoParams for OfJob {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![path_parameter("id", "The job's id", job_schema(), "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10")]
    }
}

impl FromRequestParts<AppState> for InCollection {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        collection(&params).map(Self)
    }
}

impl FromRequestParts<AppState> for OfImage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        let collection = collection(&params)?;
        let id = param(&params, "id")?;
        let id = ImageId::new(id).map_err(|e: InvalidId| ApiError::new(Code::InvalidImageId, e.to_string()))?;
        Ok(Self(collection, id))
    }
}

impl IntoParams for InCollection {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The collection's name: 1 to 64 of a-z 0-9 _ -";
        vec![path_parameter("collection", description, collection_schema(), "covers")]
    }
}

impl IntoParams for OfImage {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = InCollection::into_params(parameter_in);
        let description = "The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..";
        parameters.push(path_parameter("id", description, id_schema(), "alien-1979"));
        parameters
    }
}

/// Everything that a path names.
pub(crate) async fn path_params(parts: &mut Parts, state: &AppState) -> Result<RawPathParams, ApiError> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::new(Code::InvalidPath, "the path has percent-encoded bytes that are not valid UTF-8"))
}

fn collection(params: &RawPathParams) -> Result<CollectionName, ApiError> {
    CollectionName::new(param(params, "collection")?)
        .map_err(|e| ApiError::new(Code::InvalidCollectionName, e.to_string()))
}

/// What a path names so.
pub(crate) fn param<'a>(params: &'a RawPathParams, name: &str) -> Result<&'a str, ApiError> {
    params
        .iter()
        .find_map(|(key, value)| (key == name).then_some(value))
        .ok_or_else(|| ApiError::internal(format!("the route has no parameter {name}")))
}
