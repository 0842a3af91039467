//! `Idempotency-Key`: a request that is sent again gets the answer of the first.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tracing::Instrument;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::error::{ApiError, Code};
use super::schema::{header_parameter, text_schema};
use super::state::AppState;
use crate::domain::{CollectionName, IdempotencyKey, KeptAnswer};
use crate::service::{AddImage, Fingerprint, OnDuplicate, OnSimilar, Once};
use crate::telemetry::Trace;

const KEY: &str = "idempotency-key";
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// What is kept of an answer beside its body.
const KEPT: [HeaderName; 4] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL];

/// The name that the client gave to the request, if it gave one.
pub(crate) struct Named(Option<IdempotencyKey>);

impl FromRequestParts<AppState> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let invalid = |reason: &str| ApiError::new(Code::InvalidIdempotencyKey, format!("Idempotency-Key {reason}"));
        let mut values = parts.headers.get_all(KEY).iter();
        let key = match (values.next(), values.next()) {
            (None, _) => return Ok(Self(None)),
            (Some(_), Some(_)) => return Err(invalid("was given twice")),
            (Some(value), None) => value.to_str().unwrap_or_default(),
        };
        IdempotencyKey::new(key).map(|key| Self(Some(key))).map_err(|error| invalid(&error.to_string()))
    }
}

impl IntoParams for Named {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "A name for this request, such as a UUID. The same request under the same name is done once: for 24 hours it gets \
                           the first one's answer, with the header `Idempotent-Replayed: true`. 409 while the first one runs, 422 where it was \
                           another request. Failures are not kept.";
        vec![header_parameter("Idempotency-Key", description, text_schema("^[!-~]{1,255}$"))]
    }
}

/// Marks an answer that is not to be kept though it is no failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unfinished;

/// Adds what an image to add says.
pub(crate) fn fingerprint(of: &mut Fingerprint, image: &AddImage) {
    of.add(&image.bytes);
    of.add(image.id.as_ref().map_or("", |id| id.as_str()).as_bytes());
    of.add(image.metadata.to_string().as_bytes());
    of.add(match image.on_duplicate {
        OnDuplicate::Return => b"return",
        OnDuplicate::Reject => b"reject",
        OnDuplicate::Allow => b"allow",
    });
    of.add(match image.on_similar {
        OnSimilar::Ignore => b"ignore",
        OnSimilar::Report => b"report",
        OnSimilar::Reject => b"reject",
    });
}

impl Named {
    /// The name.
    pub(crate) fn key(&self) -> Option<IdempotencyKey> {
        self.0.clone()
    }

    /// Does the work of a request, or answers what was answered when it was done before. Named work
    /// is done to its end also when the client goes away. `read` adds what the request asks for.
    pub(crate) async fn once(
        self,
        state: &AppState,
        collection: &CollectionName,
        read: impl FnOnce(&mut Fingerprint) + Send + 'static,
        work: impl Future<Output = Result<Response, ApiError>> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let Some(key) = self.0 else { return work.await };
        let print = tokio::task::spawn_blocking(move || {
            let mut print = Fingerprint::default();
            read(&mut print);
            print
        });
        let print = print.await.map_err(|error| ApiError::internal(format!("a request was not read: {error}")))?;
        let (service, collection) = (Arc::clone(&state.service), collection.clone());
        // It is begun in there too: a begin that nobody waits for would look like work under way.
        let task = async move {
            let begun = match service.begin_once(&collection, &key, print).await? {
                Once::Do(begun) => begun,
                Once::Done(answer) => return replayed(answer),
            };
            let (result, answer) = match work.await {
                Ok(response) => kept(response).await.map_or_else(|error| (Err(error), None), |(r, a)| (Ok(r), a)),
                Err(error) => (Err(error), None),
            };
            if let Err(error) = service.end_once(&collection, &key, begun, answer).await {
                tracing::warn!(%error, "what an Idempotency-Key stands for is not noted yet");
            }
            result
        };
        let done = tokio::spawn(Trace::current().scope(task).in_current_span()).await;
        done.unwrap_or_else(|error| Err(ApiError::internal(format!("a request ended early: {error}"))))
    }
}

/// The answer, and what is kept of it.
async fn kept(response: Response) -> Result<(Response, Option<KeptAnswer>), ApiError> {
    if !response.status().is_success() || response.extensions().get::<Unfinished>().is_some() {
        return Ok((response, None));
    }
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await;
    let bytes = bytes.map_err(|error| ApiError::internal(format!("an answer without its body: {error}")))?;
    let headers = KEPT.iter().filter_map(|name| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let body = String::from_utf8_lossy(&bytes).into_owned();
    let answer = KeptAnswer { status: head.status.as_u16(), headers: headers.collect(), body };
    Ok((Response::from_parts(head, Body::from(bytes)), Some(answer)))
}

fn replayed(answer: KeptAnswer) -> Result<Response, ApiError> {
    let unreadable = |what: &str| ApiError::internal(format!("a kept answer has no {what}"));
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|_| unreadable("status"))?;
    for (name, value) in answer.headers {
        let name: HeaderName = name.parse().map_err(|_| unreadable("header"))?;
        response.headers_mut().insert(name, value.parse().map_err(|_| unreadable("header"))?);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
