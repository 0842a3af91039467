//! The parameters of a query string.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::fields::{Fields, FromFields};
use crate::http::error::ApiError;
use crate::http::schema::{Documented, query_parameters};
use crate::http::state::AppState;

/// What the query string says.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: FromFields> FromRequestParts<AppState> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        Fields::from_query(parts.uri.query())?.read(&[]).map(Self)
    }
}

impl<T: Documented> IntoParams for Query<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        query_parameters(T::fields())
    }
}
