//! API keys.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::dto::{KeyDto, KeyListDto, MadeKeyDto};
use super::requests::{NewKey, NewKeyBody};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::path::OfKey;
use crate::http::state::AppState;

/// List the API keys, the oldest first.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", responses(
    (status = 200, description = "Every key, without the keys themselves", body = KeyListDto),
    (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_keys(State(state): State<AppState>) -> Result<Json<KeyListDto>, ApiError> {
    let keys = state.service.keys().await?;
    Ok(Json(KeyListDto { keys: keys.into_iter().map(Into::into).collect() }))
}

/// Make an API key.
///
/// The answer is the only place where the key itself is shown. As soon as there is a key, nobody may
/// do anything without one but what `server.allow_anonymous` lists.
#[utoipa::path(post, path = "/v1/keys", tag = "keys",
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "Made", body = MadeKeyDto, headers(("Location" = String, description = "The key's path"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add_key(
    State(state): State<AppState>,
    JsonBody(NewKey(new)): JsonBody<NewKey>,
) -> Result<Response, ApiError> {
    let new = new.ok_or_else(|| ApiError::internal("a new key without its label or scope came through"))?;
    let made = state.service.add_key(new).await?;
    let location = format!("{}/v1/keys/{}", state.options.public_path, made.key.id);
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".to_owned())];
    Ok((StatusCode::CREATED, headers, Json(MadeKeyDto::from(made))).into_response())
}

/// Describe one API key.
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "keys",
    params(OfKey),
    responses(
        (status = 200, description = "The key, without the key itself", body = KeyDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_key(State(state): State<AppState>, OfKey(id): OfKey) -> Result<Json<KeyDto>, ApiError> {
    Ok(Json(state.service.key(&id).await?.into()))
}

/// Take an API key back.
///
/// All instances refuse it within two seconds. The same call again changes nothing. To revoke the
/// last key opens nothing.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys",
    params(OfKey),
    responses(
        (status = 204, description = "Revoked"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn revoke_key(State(state): State<AppState>, OfKey(id): OfKey) -> Result<StatusCode, ApiError> {
    state.service.revoke_key(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
