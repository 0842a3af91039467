//! Every route, with the layers around them.
//!
//! Routes are added with `routes!` alone, which takes path and method from the handler's OpenAPI
//! description: a route that is not in the document, or the other way round, cannot be written.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Uri;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::gate::{Gate, admit, identify};
use super::error::{ApiError, Code};
use super::links::PublicPath;
use super::options::HttpOptions;
use super::pages::{self, PageRule};
use super::state::AppState;
use super::{
    batch, chip, collections, compare, deadline, descriptors, docs, health, images, jobs, keys, observe, openapi,
    search, transfer, web,
};

/// The whole HTTP interface.
pub fn router(state: AppState) -> Router {
    let options = state.options.clone();
    let gate = Gate::of(&state);
    let (router, _) = described_routes().split_for_parts();
    let router = router.fallback(no_route).with_state(state);
    below_public_path(layered(router, &options, gate), options.public_path)
}

/// Puts around the routes what every request goes through.
fn layered(router: Router, options: &HttpOptions, gate: Gate) -> Router {
    let rule = PageRule::new(&options.cors_origins, options.trusted_proxies.clone());
    router
        .method_not_allowed_fallback(no_method)
        // Bodies are read by `intake.rs` under the limit of their call.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(options.request_timeout, deadline::deadline))
        .layer(middleware::from_fn_with_state(gate.clone(), admit))
        // Around all that fails, so that pages may read why.
        .layer(middleware::from_fn_with_state(rule, pages::pages))
        .layer(middleware::from_fn_with_state(gate, identify))
        .layer(middleware::from_fn(observe::observe))
}

/// Takes requests with the public path and without it: some proxies strip it and others do not.
fn below_public_path(router: Router, public_path: PublicPath) -> Router {
    if public_path == PublicPath::default() {
        return router;
    }
    Router::new().fallback_service(router.map_request(move |mut request: Request| {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        if let Some(Ok(stripped)) = public_path.strip(target).map(str::parse::<Uri>) {
            *request.uri_mut() = stripped;
        }
        request
    }))
}

/// The routes with their description.
pub(crate) fn described_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::preamble())
        .routes(routes!(collections::handlers::list_collections))
        .routes(routes!(
            collections::handlers::get_collection,
            collections::handlers::put_collection,
            collections::handlers::patch_collection,
            collections::handlers::delete_collection
        ))
        .routes(routes!(transfer::handlers::export_collection, transfer::handlers::export_later))
        .routes(routes!(transfer::handlers::import_collection))
        .routes(routes!(images::handlers::list_images, images::handlers::add_image))
        .routes(routes!(
            images::handlers::get_image,
            images::handlers::put_image,
            images::handlers::patch_image,
            images::handlers::delete_image
        ))
        .routes(routes!(images::handlers::count_images))
        .routes(routes!(batch::handlers::add_images))
        .routes(routes!(batch::handlers::delete_images))
        .routes(routes!(images::handlers::get_thumbnail))
        .routes(routes!(search::handlers::similar_images))
        .routes(routes!(search::handlers::search))
        .routes(routes!(batch::handlers::search_batch))
        .routes(routes!(compare::handlers::compare))
        .routes(routes!(descriptors::handlers::describe))
        .routes(routes!(jobs::handlers::find_duplicates))
        .routes(routes!(jobs::handlers::list_jobs))
        .routes(routes!(jobs::handlers::get_job, jobs::handlers::delete_job))
        .routes(routes!(jobs::handlers::cancel_job))
        .routes(routes!(jobs::handlers::list_groups))
        .routes(routes!(keys::handlers::list_keys, keys::handlers::add_key))
        .routes(routes!(keys::handlers::get_key, keys::handlers::revoke_key))
        .routes(routes!(transfer::handlers::job_result))
        .routes(routes!(chip::handlers::chip))
        .routes(routes!(health::handlers::livez))
        .routes(routes!(health::handlers::readyz))
        .routes(routes!(health::handlers::metrics))
        .routes(routes!(openapi::document))
        .routes(routes!(web::page))
        .routes(routes!(web::asset))
        .routes(routes!(docs::reference))
        .routes(routes!(docs::reference_part))
}

/// The document as the handlers describe it, as YAML. It must equal [`super::OPENAPI_YAML`]; a test
/// compares them.
///
/// # Errors
/// When the document cannot be written as YAML.
pub fn generated_openapi() -> Result<String, Box<dyn std::error::Error>> {
    Ok(openapi::secured(described_routes().into_openapi()).to_yaml()?)
}

async fn no_route(State(state): State<AppState>) -> ApiError {
    let document = format!("{}/openapi.yaml", state.options.public_path);
    ApiError::new(Code::RouteNotFound, format!("there is no such path; {document} lists them"))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::http::{Method, Request, StatusCode, header};
    use axum::routing::{get, post};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::http::access::operations::{OPERATIONS, listed};
    use crate::http::intake::Intake;
    use crate::http::options::MetricsAccess;

    async fn sabotaged() {
        panic!("secret of the inside");
    }

    async fn uploaded(request: Request<Body>) -> StatusCode {
        let intake = Intake::new(1, Duration::from_secs(60), None);
        let (head, body) = request.into_parts();
        match intake.read(&head, body, 100).await {
            Ok(_) => StatusCode::NO_CONTENT,
            Err(error) => error.code().status(),
        }
    }

    /// A body that takes four times as long as an answer may.
    fn slow_body() -> Body {
        Body::from_stream(futures::stream::once(async {
            tokio::time::sleep(Duration::from_millis(80)).await;
            Ok::<_, std::convert::Infallible>("image")
        }))
    }

    fn test_router() -> Router {
        let router = Router::new()
            .route("/panic", get(sabotaged))
            .route("/stuck", get(std::future::pending::<()>))
            .route("/bare", get(|| async { StatusCode::IM_A_TEAPOT }))
            .route("/change", post(|| async { StatusCode::NO_CONTENT }))
            .route("/upload", post(uploaded))
            .route(
                "/upload-stuck",
                post(async |request: Request<Body>| {
                    uploaded(request).await;
                    std::future::pending::<()>().await;
                }),
            );
        let options = HttpOptions {
            max_upload_bytes: 100,
            header_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_millis(20),
            shutdown_grace: Duration::ZERO,
            max_concurrent_uploads: 1,
            memory_budget_mib: 0,
            max_connections: 1,
            public_path: PublicPath::default(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            allow_anonymous: Vec::new(),
            metrics: MetricsAccess::Key,
        };
        layered(router, &options, Gate::open())
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
    async fn the_time_of_the_answer_begins_when_the_body_is_there() {
        let upload = Request::post("/upload").body(slow_body()).expect("request");
        assert_eq!(test_router().oneshot(upload).await.expect("infallible").status(), StatusCode::NO_CONTENT);
        let stuck = Request::post("/upload-stuck").body(slow_body()).expect("request");
        assert_eq!(problem(stuck).await.1["code"], "request_timeout");
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

    #[test]
    fn what_pages_may_call_queries_are_routes() {
        let document = described_routes().into_openapi();
        for route in pages::QUERIES {
            assert!(document.paths.paths.get(route).is_some_and(|item| item.post.is_some()), "{route}");
        }
    }

    #[test]
    fn every_operation_says_what_it_needs_and_nothing_else_does() {
        let mut document = openapi::secured(described_routes().into_openapi());
        let mut seen = 0;
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in openapi::operations(item) {
                seen += 1;
                assert!(listed(&method, path).is_some(), "{method} {path} is not in the table");
                assert!(operation.security.is_some(), "{method} {path}");
            }
        }
        assert_eq!(seen, OPERATIONS.len(), "the table has operations that there are not");
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
