//! A whole server over a fresh database, on a port of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eyrie::app::App;
use eyrie::config::{self, Config};
use eyrie::domain::{Clock, CollectionName, Profile, Quota, Secret, SystemClock};
use eyrie::service::{Isolation, RetrievalService};
use eyrie::store::Store;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The collection that every app has beside `default`; its profile is `fast`.
pub(crate) const COLLECTION: &str = "pictures";

/// The key of [`Builder::with_admin_key`].
pub(crate) const ADMIN_KEY: &str = "the-admin-key-of-the-tests-0123456789";

/// What a [`TestApp`] is made with.
pub(crate) struct Builder {
    /// The defaults, but for what [`TestApp::builder`] says.
    pub(crate) config: Config,
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    worker_program: Option<PathBuf>,
    data_dir: TempDir,
}

/// The program's own [`App`], running.
pub(crate) struct TestApp {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its service.
    pub(crate) service: Arc<RetrievalService>,
    /// Its database.
    pub(crate) store: Arc<dyn Store>,
    /// The key of its requests; empty for none.
    key: String,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    _data_dir: TempDir,
}

impl Builder {
    /// Over this database instead of a fresh SQLite.
    pub(crate) fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// With this program's workers, where the configuration says that they are processes.
    pub(crate) fn worker_program(mut self, program: PathBuf) -> Self {
        self.worker_program = Some(program);
        self
    }

    /// By this clock instead of the machine's.
    pub(crate) fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With a key in the configuration that may do everything; requests have it, but for
    /// [`TestApp::bare`] ones.
    pub(crate) fn with_admin_key(mut self) -> Self {
        self.config.server.admin_key = Secret::new(ADMIN_KEY);
        self
    }

    /// Starts it, with [`COLLECTION`] beside what the database has.
    pub(crate) async fn start(self) -> TestApp {
        let key = self.config.server.admin_key.reveal().to_owned();
        let builder = App::builder(self.config).clock(self.clock);
        let builder = match self.store {
            Some(store) => builder.store(store),
            None => builder,
        };
        let builder = match self.worker_program {
            Some(program) => builder.worker_program(program),
            None => builder,
        };
        let app = builder.start().await.expect("the app starts");
        let address = app.address();
        let service = Arc::clone(&app.backend().service);
        let store = Arc::clone(&app.backend().store);
        service.index_built().await.expect("index");

        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(app.serve(async {
            // A dropped sender stops the server as well.
            let _ = stopped.await;
        }));
        let app = TestApp {
            address,
            service,
            store,
            key,
            client: super::client(),
            stop: Some(stop),
            server,
            _data_dir: self.data_dir,
        };
        let name = CollectionName::new(COLLECTION).expect("a name");
        app.service
            .create_collection(name, Some(Profile::Fast), String::new(), Quota::default())
            .await
            .expect("created");
        app
    }
}

impl TestApp {
    /// On a free port and over a folder of its own, with one thread, small limits and no hurry.
    pub(crate) fn builder() -> Builder {
        let data_dir = tempfile::tempdir().expect("temporary folder");
        let mut config = config::load(None, [], &[]).expect("the defaults").config;
        config.server.bind = "127.0.0.1:0".to_owned();
        // Ten minutes: a machine that is busy with other things must not fail a test.
        config.server.http.request_timeout = Duration::from_secs(600);
        config.server.http.body_timeout = Duration::from_secs(600);
        config.storage.data_dir = data_dir.path().to_owned();
        // The program of this process is that of the tests.
        config.extractor.pool.isolation = Isolation::Thread;
        config.extractor.describer.threads = 1;
        config.extractor.describer.max_pixels = 1_000_000;
        config.limits.max_results = 100;
        config.limits.metadata_max_bytes = 1000;
        config.limits.metadata_max_depth = 4;
        Builder { config, store: None, clock: Arc::new(SystemClock), worker_program: None, data_dir }
    }

    /// Starts one with the usual limits.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// A request.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.bare(method, path);
        if self.key.is_empty() { request } else { request.bearer_auth(&self.key) }
    }

    /// A request without a key.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// Makes a key, and returns it with its id.
    pub(crate) async fn make_key(&self, new: Value) -> (String, String) {
        let made = ok(self.post("/v1/keys").json(&new)).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&made["secret"]), text(&made["key"]["id"]))
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
        self.ended().await;
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

/// Sends a request that must fail, checks the shape of the problem document, and returns status and
/// code.
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
