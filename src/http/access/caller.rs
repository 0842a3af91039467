//! Who sent a request, for those that handle it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::refusal::{self, Reason};
use crate::domain::{ApiKey, CollectionName, JobId, KeyId};
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::service::ServiceError;

/// Who sent a request that is let in: somebody with a key, or anybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller(Option<Arc<ApiKey>>);

impl Caller {
    /// Somebody with this key.
    pub(super) fn with(key: Arc<ApiKey>) -> Self {
        Self(Some(key))
    }

    /// The key.
    pub(super) fn key(&self) -> Option<&Arc<ApiKey>> {
        self.0.as_ref()
    }

    /// The name of the key, for noting who stored what.
    pub(crate) fn key_id(&self) -> Option<KeyId> {
        self.0.as_ref().map(|key| key.id.clone())
    }

    /// Whether there are collections that do not exist for the caller.
    pub(crate) fn is_limited(&self) -> bool {
        self.0.as_ref().is_some_and(|key| key.collections.is_some())
    }

    /// Whether a collection exists for the caller.
    pub(crate) fn sees(&self, collection: &CollectionName) -> bool {
        self.0.as_ref().is_none_or(|key| key.sees(collection))
    }

    /// Refuses a collection that does not exist for the caller, as one that does not exist.
    pub(crate) fn check(&self, collection: &CollectionName, head: &Parts) -> Result<(), ApiError> {
        if self.sees(collection) {
            return Ok(());
        }
        refusal::audit(Reason::Collection, &head.method, &head.extensions);
        Err(ServiceError::UnknownCollection(collection.to_string()).into())
    }

    /// Refuses the job of a collection that does not exist for the caller, as one that does not
    /// exist.
    pub(crate) fn check_job(&self, id: &JobId, collection: &CollectionName, head: &Parts) -> Result<(), ApiError> {
        if self.sees(collection) {
            return Ok(());
        }
        refusal::audit(Reason::Collection, &head.method, &head.extensions);
        Err(ServiceError::UnknownJob(id.to_string()).into())
    }

    /// Who sent this request.
    pub(crate) fn of(head: &Parts) -> Result<Self, ApiError> {
        let caller = head.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::internal("a request came past the gate"))
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        Self::of(parts)
    }
}
