//! A whole server over a fresh database, on a port of its own.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use eyrie::domain::{MetadataLimits, Verify};
use eyrie::http::{AppState, HttpOptions};
use eyrie::index::{HnswIndex, HnswParams, VectorIndex};
use eyrie::service::{RetrievalService, ServiceOptions, ServiceParts};
use eyrie::store::{DescriptorStore, SqliteStore};
use eyrie::telemetry;
use eyrie_chip::{Kernels, Team};
use eyrie_vision::cost::{Chip, CostModel};
use eyrie_vision::describe::{AsicExtractor, Extractor, Model};
use eyrie_vision::picture::DecodeLimits;
use metrics_exporter_prometheus::PrometheusHandle;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The collection that every app has beside `default`; its profile is `fast`.
pub(crate) const COLLECTION: &str = "pictures";

/// What a [`TestApp`] is made with.
pub(crate) struct Builder {
    /// How the server is configured.
    pub(crate) http: HttpOptions,
    /// Limits of the decoder.
    pub(crate) decode: DecodeLimits,
    /// Bounds on metadata.
    pub(crate) metadata: MetadataLimits,
    /// How many of the first results are verified.
    pub(crate) verify_candidates: usize,
    store: Option<Arc<dyn DescriptorStore>>,
}

/// A running server.
pub(crate) struct TestApp {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its service.
    pub(crate) service: Arc<RetrievalService>,
    /// Its database.
    pub(crate) store: Arc<dyn DescriptorStore>,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    _data_dir: tempfile::TempDir,
}

/// One recorder serves every app of the test program.
fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| telemetry::install_metrics().expect("the first recorder")).clone()
}

fn model() -> Arc<Model> {
    static MODEL: OnceLock<Arc<Model>> = OnceLock::new();
    MODEL.get_or_init(|| Arc::new(Model::embedded().expect("the embedded model"))).clone()
}

impl Builder {
    /// Over this database instead of a fresh SQLite.
    pub(crate) fn store(mut self, store: Arc<dyn DescriptorStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Starts it, with [`COLLECTION`] beside what the database has.
    pub(crate) async fn start(self) -> TestApp {
        let data_dir = tempfile::tempdir().expect("temporary folder");
        let store: Arc<dyn DescriptorStore> = match self.store {
            Some(store) => store,
            None => Arc::new(SqliteStore::open(data_dir.path()).await.expect("SQLite")),
        };
        let extractor = AsicExtractor::new(model(), Kernels::detect(), Arc::new(Team::ALONE), self.decode);
        let params = HnswParams { m: 16, ef_construction: 100, ef_search: 64, exact_below: 1000 };
        let parts = ServiceParts {
            store: Arc::clone(&store),
            extractors: vec![Box::new(extractor) as Box<dyn Extractor>],
            queue_length: 64,
            new_index: Box::new(move |dimension| {
                Arc::new(HnswIndex::new(dimension, params).expect("valid parameters")) as Arc<dyn VectorIndex>
            }),
            costs: Arc::new(CostModel::new(Chip::load("default").expect("built in"), &model()).expect("it fits")),
        };
        let options = ServiceOptions {
            metadata_limits: self.metadata,
            max_results: 100,
            follow_interval_ms: 1000,
            verify: Verify::Auto,
            verify_candidates: self.verify_candidates,
        };
        let service = RetrievalService::start(parts, options).expect("service");
        service.index_built().await.expect("index");

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("address");
        let state = AppState::new(Arc::clone(&service), metrics(), self.http.clone());
        let router = eyrie::http::router(state);
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let shutdown = async {
                // A dropped sender stops the server as well.
                let _ = stopped.await;
            };
            eyrie::http::serve(listener, router, &self.http, shutdown).await
        });
        let app = TestApp {
            address,
            service,
            store,
            client: reqwest::Client::new(),
            stop: Some(stop),
            server,
            _data_dir: data_dir,
        };
        ok(app.put(&format!("/v1/collections/{COLLECTION}")).json(&json!({"profile": "fast"}))).await;
        app
    }
}

impl TestApp {
    /// With limits that no test of good input meets.
    pub(crate) fn builder() -> Builder {
        let mut http = eyrie::config::load(None, [], &[]).expect("the defaults").config.server.http;
        // Ten minutes: a machine that is busy with other things must not fail a test.
        http.request_timeout = Duration::from_secs(600);
        http.body_timeout = Duration::from_secs(600);
        Builder {
            http,
            decode: DecodeLimits { max_pixels: 1_000_000, max_aspect_ratio: 20 },
            metadata: MetadataLimits { max_bytes: 1000, max_depth: 4 },
            verify_candidates: 100,
            store: None,
        }
    }

    /// Starts one with the usual limits.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// A request.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A GET request.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A POST request.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// A PUT request.
    pub(crate) fn put(&self, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path)
    }

    /// A PATCH request.
    pub(crate) fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    /// A DELETE request.
    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Adds an image under an id, with metadata, and returns its record.
    pub(crate) async fn add(&self, id: &str, image: Vec<u8>, metadata: Value) -> Value {
        let metadata = metadata.to_string();
        let response = self
            .post(&images(""))
            .query(&[("id", id), ("metadata", &metadata)])
            .header("content-type", "image/png")
            .body(image)
            .send()
            .await
            .expect("answer");
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json().await.expect("JSON")
    }

    /// How many images [`COLLECTION`] has.
    pub(crate) async fn count(&self) -> u64 {
        let collection = ok(self.get(&format!("/v1/collections/{COLLECTION}"))).await;
        collection["images"].as_u64().expect("a count")
    }

    /// Begins an orderly shutdown.
    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("not stopped before").send(()).expect("the server runs");
    }

    /// Stops all of it in order, as the program does.
    pub(crate) async fn close(mut self) {
        self.stop();
        let (service, store) = (Arc::clone(&self.service), Arc::clone(&self.store));
        self.ended().await;
        service.shutdown().await;
        store.close().await;
    }

    /// Waits until the server has ended.
    pub(crate) async fn ended(self) {
        self.server.await.expect("no panic");
    }
}

/// A path below the images of [`COLLECTION`].
pub(crate) fn images(rest: &str) -> String {
    format!("/v1/collections/{COLLECTION}/images{rest}")
}

/// The path of searches in [`COLLECTION`].
pub(crate) fn search() -> String {
    format!("/v1/collections/{COLLECTION}/search")
}

/// Sends a request that must succeed, and returns its JSON.
pub(crate) async fn ok(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("answer");
    let status = response.status();
    let text = response.text().await.expect("body");
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// Sends a request that must fail, checks the shape of the problem document, and returns status and code.
pub(crate) async fn refused(request: RequestBuilder) -> (u16, String) {
    let problem = problem(request.send().await.expect("answer")).await;
    (problem["status"].as_u64().expect("a status") as u16, problem["code"].as_str().expect("a code").to_owned())
}

/// The problem document of a failure, whose shape is checked.
pub(crate) async fn problem(response: Response) -> Value {
    let status = response.status();
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "application/problem+json");
    let id = header("x-request-id");
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], status.as_u16(), "{problem}");
    assert_eq!(problem["request_id"], id, "{problem}");
    assert_eq!(problem["type"], format!("urn:eyrie:problem:{}", problem["code"].as_str().expect("a code")));
    for member in ["title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    }
    problem
}
