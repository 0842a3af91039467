//! Every route, with the layers around them.
//!
//! Routes are added with `routes!` alone, which takes path and method from the handler's OpenAPI description: a route
//! that is not in the document, or the other way round, cannot be written.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, Code};
use super::{chip, collections, health, images, observe, openapi, search, web};
use crate::service::RetrievalService;

/// Bounds on what one client, and all of them together, can ask of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// The most bytes of one uploaded image.
    pub max_upload_bytes: usize,
    /// How long a call may take, its body included, in milliseconds.
    pub request_timeout_ms: u64,
    /// How long a body may take to arrive, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long the head of a request may take to arrive, and how long a connection may be idle, in milliseconds.
    pub header_timeout_ms: u64,
    /// How many bodies may be in memory at a time; each takes up to twice `max_upload_bytes`.
    pub max_concurrent_uploads: usize,
    /// How many connections may be open at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// How long requests under way may take to end after the shutdown began, in milliseconds.
    pub shutdown_timeout_ms: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            max_upload_bytes: 20 << 20,
            request_timeout_ms: 60_000,
            body_timeout_ms: 30_000,
            header_timeout_ms: 30_000,
            max_concurrent_uploads: 16,
            max_connections: 1024,
            shutdown_timeout_ms: 20_000,
        }
    }
}

impl HttpLimits {
    /// How long a call may take, its body included.
    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// How long a body may take to arrive.
    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    /// How long the head of a request may take to arrive.
    pub(super) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// How long requests under way may take to end after the shutdown began.
    pub(super) fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(self.shutdown_timeout_ms)
    }
}

/// What the routes are made of.
#[derive(Clone)]
pub struct HttpState {
    /// The use cases.
    pub service: Arc<RetrievalService>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Bounds on requests.
    pub limits: HttpLimits,
}

/// What handlers get: the state and the permits for bodies in memory.
#[derive(Clone)]
pub(super) struct App(Arc<AppParts>);

/// Inside of [`App`].
pub(super) struct AppParts {
    pub(super) service: Arc<RetrievalService>,
    pub(super) metrics: PrometheusHandle,
    pub(super) limits: HttpLimits,
    pub(super) uploads: Arc<Semaphore>,
}

impl Deref for App {
    type Target = AppParts;
    fn deref(&self) -> &AppParts {
        &self.0
    }
}

/// The whole HTTP interface.
pub fn router(state: HttpState) -> Router {
    let app = App(Arc::new(AppParts {
        service: state.service,
        metrics: state.metrics,
        uploads: Arc::new(Semaphore::new(state.limits.max_concurrent_uploads)),
        limits: state.limits,
    }));
    let request_timeout = app.limits.request_timeout();
    let (router, _) = described_routes().split_for_parts();
    layered(router.with_state(app), request_timeout)
}

/// Puts around the routes what every request goes through.
fn layered(router: Router, request_timeout: Duration) -> Router {
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        // Bodies are read by `body.rs` under the limit of their call.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CsrfLayer::new().with_rejection_response(cross_origin))
        .layer(middleware::from_fn_with_state(request_timeout, observe::deadline))
        .layer(middleware::from_fn(observe::observe))
}

/// The routes with their description.
pub(super) fn described_routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::preamble())
        .routes(routes!(collections::list_collections))
        .routes(routes!(
            collections::get_collection,
            collections::put_collection,
            collections::patch_collection,
            collections::delete_collection
        ))
        .routes(routes!(images::list_images, images::add_image))
        .routes(routes!(images::get_image, images::put_image, images::patch_image, images::delete_image))
        .routes(routes!(images::get_thumbnail))
        .routes(routes!(search::similar_images))
        .routes(routes!(search::search))
        .routes(routes!(chip::chip))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::document))
        .routes(routes!(web::page))
        .routes(routes!(web::script))
        .routes(routes!(web::style))
}

async fn no_route() -> ApiError {
    ApiError::new(Code::RouteNotFound, "there is no such path; /openapi.yaml lists them")
}

async fn no_method() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "the path does not know this method; the header Allow lists those it knows")
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text");
    ApiError::internal(format!("panic: {text}")).into_response()
}

/// Without this, a page of another web site that someone has open could change the collections of a service on their
/// own machine: browsers send forms anywhere.
fn cross_origin(_: ProtectionError) -> Response {
    ApiError::new(Code::CrossOrigin, "changes are not taken from pages of other web sites").into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Method, Request, StatusCode, header};
    use axum::routing::{get, post};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn sabotaged() {
        panic!("secret of the inside");
    }

    fn test_router() -> Router {
        let router = Router::new()
            .route("/panic", get(sabotaged))
            .route("/stuck", get(std::future::pending::<()>))
            .route("/bare", get(|| async { StatusCode::IM_A_TEAPOT }))
            .route("/change", post(|| async { StatusCode::NO_CONTENT }));
        layered(router, Duration::from_millis(20))
    }

    async fn problem(request: Request<Body>) -> (StatusCode, Value) {
        let response = test_router().oneshot(request).await.expect("infallible");
        let status = response.status();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
        let body = to_bytes(response.into_body(), 1 << 16).await.expect("body");
        let problem: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["request_id"], id);
        (status, problem)
    }

    fn get_request(path: &str) -> Request<Body> {
        Request::get(path).body(Body::empty()).expect("request")
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_without_its_text() {
        let (status, problem) = problem(get_request("/panic")).await;
        assert_eq!((status.as_u16(), &problem["code"]), (500, &Value::from("internal_error")));
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }

    #[tokio::test]
    async fn a_call_that_takes_too_long_is_a_503() {
        let (status, problem) = problem(get_request("/stuck")).await;
        assert_eq!((status.as_u16(), &problem["code"]), (503, &Value::from("request_timeout")));
    }

    #[tokio::test]
    async fn a_bare_failure_becomes_a_problem() {
        let (status, problem) = problem(get_request("/bare")).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &Value::from("invalid_request")));
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems() {
        assert_eq!(problem(get_request("/nowhere")).await.1["code"], "route_not_found");
        let request = Request::builder().method(Method::DELETE).uri("/bare").body(Body::empty()).expect("request");
        assert_eq!(problem(request).await.1["code"], "method_not_allowed");
    }

    #[tokio::test]
    async fn a_page_of_another_site_cannot_change_anything() {
        let from = |origin: &'static str| {
            Request::post("/change")
                .header(header::HOST, "127.0.0.1:8080")
                .header(header::ORIGIN, origin)
                .body(Body::empty())
                .expect("request")
        };
        assert_eq!(problem(from("https://evil.example")).await.1["code"], "cross_origin");
        let own = test_router().oneshot(from("http://127.0.0.1:8080")).await.expect("infallible");
        assert_eq!(own.status(), StatusCode::NO_CONTENT);
    }
}
