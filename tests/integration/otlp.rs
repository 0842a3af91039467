//! Traces and metrics of the program, as a collector gets them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use eyrie::domain::Profile;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::program::{Program, Server};
use crate::support;

const ADMIN_KEY: &str = "the-admin-key-of-the-tests-0123456789";
const COLLECTOR_KEY: &str = "what-the-collector-wants-to-see";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A post that came to the collector.
struct Posted {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A collector on a port of its own.
struct Collector {
    endpoint: String,
    posts: UnboundedReceiver<Posted>,
    /// While this is set it takes no metrics.
    is_away: Arc<AtomicBool>,
}

impl Collector {
    async fn start() -> Self {
        let (sender, posts) = unbounded_channel();
        let is_away = Arc::new(AtomicBool::new(false));
        let away = Arc::clone(&is_away);
        let take = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
            if uri.path().ends_with("/metrics") && away.load(Ordering::SeqCst) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            // A test that has ended reads no more.
            let _unread = sender.send(Posted { path: uri.path().to_owned(), headers, body });
            StatusCode::OK
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}/below", listener.local_addr().expect("an address"));
        let router = Router::new().route("/below/v1/{signal}", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, posts, is_away }
    }

    /// A program that pushes to it.
    fn program(&self, protocol: &str) -> Program {
        let mut program = Program::new();
        program.set("EYRIE_TELEMETRY__OTLP_ENDPOINT", &self.endpoint);
        program.set("EYRIE_TELEMETRY__OTLP_PROTOCOL", protocol);
        program.set("EYRIE_TELEMETRY__OTLP_HEADERS", format!("x-collector-key={COLLECTOR_KEY}"));
        program.set("EYRIE_TELEMETRY__METRICS_INTERVAL_MS", "100");
        program.set("EYRIE_ADMIN_KEY", ADMIN_KEY);
        program
    }

    /// What has come so far.
    fn posted(&mut self) -> Vec<Posted> {
        std::iter::from_fn(|| self.posts.try_recv().ok()).collect()
    }
}

/// What a client sends to a running program.
struct Sender {
    client: Client,
    address: String,
}

impl Sender {
    async fn new(server: &Server) -> Self {
        let sender = Self { client: support::client(), address: server.address.clone() };
        let profile = json!({"profile": Profile::Fast.as_str()});
        ok(sender.with_key(sender.client.put(sender.url("/v1/collections/covers")).json(&profile))).await;
        sender
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(ADMIN_KEY)
    }

    fn picture(&self, path: &str, program: &Program, seed: u32) -> RequestBuilder {
        let file = program.picture("the-name-of-the-file.png", seed);
        let part = reqwest::multipart::Part::bytes(std::fs::read(file).expect("a picture"));
        let form = reqwest::multipart::Form::new().part("image", part.file_name("the-name-of-the-file.png"));
        self.with_key(self.client.post(self.url(path)).multipart(form))
    }
}

async fn ok(request: RequestBuilder) -> String {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("text");
    assert!(status.is_success(), "{status}: {text}");
    text
}

/// Ends a server in order; its log since it listened.
fn ended(server: Server) -> Vec<Value> {
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// All that is called `name` anywhere in a document.
fn all<'a>(document: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| all(item, name, found)),
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_array().filter(|_| key == name) {
                    Some(items) => found.extend(items),
                    None => all(value, name, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Everything called `name` in the posts to `path`.
fn everything(posts: &[Posted], path: &str, name: &str) -> Vec<Value> {
    let of = posts.iter().filter(|post| post.path == path);
    let documents: Vec<Value> = of.map(|post| serde_json::from_slice(&post.body).expect("JSON")).collect();
    let mut found = Vec::new();
    documents.iter().for_each(|document| all(document, name, &mut found));
    found.into_iter().cloned().collect()
}

/// The attributes of a span or a point by name.
fn attributes(of: &Value) -> HashMap<String, String> {
    let pairs = of["attributes"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_object().and_then(|kinds| kinds.values().next()).cloned().unwrap_or_default();
    let plain = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    pairs.map(|pair| (pair["key"].as_str().expect("a name").to_owned(), plain(text(&pair["value"])))).collect()
}

fn children<'a>(spans: &'a [Value], parent: &Value) -> Vec<&'a Value> {
    spans.iter().filter(|span| span["parentSpanId"] == parent["spanId"]).collect()
}

fn names(spans: &[&Value]) -> BTreeSet<String> {
    spans.iter().map(|span| span["name"].as_str().expect("a name").to_owned()).collect()
}

fn nanoseconds(span: &Value) -> u64 {
    let at = |name: &str| span[name].as_str().expect("a time").parse::<u64>().expect("a number");
    at("endTimeUnixNano").checked_sub(at("startTimeUnixNano")).expect("no span ends before it begins")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_a_span_of_its_callers_trace_with_its_stages_below_and_metrics_are_pushed_too() {
    let mut collector = Collector::start().await;
    let program = collector.program("json");
    let server = Server::start(&program);
    let sender = Sender::new(&server).await;
    ok(sender.picture("/v1/collections/covers/images?id=the-id-of-the-image", &program, 1)).await;
    let search = sender.picture("/v1/collections/covers/search?k=1&verify=auto", &program, 1);
    let search = search.header("traceparent", format!("00-{TRACE}-{CALLER}-01")).header("tracestate", "theirs=1");
    let answer = ok(search.header("x-request-id", "the-search")).await;
    assert!(answer.contains("the-id-of-the-image"), "{answer}");
    ok(sender.with_key(sender.client.get(sender.url("/v1/collections/covers/images/the-id-of-the-image")))).await;
    let log = ended(server);
    let posts = collector.posted();

    let spans = everything(&posts, "/below/v1/traces", "spans");
    let ours: Vec<Value> = spans.iter().filter(|span| span["traceId"] == TRACE).cloned().collect();
    let request = ours.iter().find(|span| span["parentSpanId"] == CALLER).expect("the span of the search");
    assert_eq!(request["name"], "POST /v1/collections/{collection}/search");
    assert_eq!((&request["kind"], &request["traceState"]), (&json!(2), &json!("theirs=1")));
    let about = attributes(request);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/collections/{collection}/search"),
        ("http.response.status_code", "200"),
        ("eyrie.request_id", "the-search"),
    ] {
        assert_eq!(about.get(name).map(String::as_str), Some(value), "{about:?}");
    }
    assert!(about.contains_key("eyrie.key"), "{about:?}");
    let stages = children(&ours, request);
    assert_eq!(names(&stages), ["describe", "index", "queue", "store", "verification"].map(str::to_owned).into());
    let describe = stages.iter().find(|span| span["name"] == "describe").expect("there");
    let steps = children(&ours, describe);
    assert_eq!(names(&steps), ["decode", "features", "network"].map(str::to_owned).into());
    assert_eq!(ours.len(), 1 + stages.len() + steps.len(), "nothing else belongs to the trace");
    assert!(nanoseconds(describe) <= nanoseconds(request));
    assert!(steps.iter().all(|step| (1..=nanoseconds(describe)).contains(&nanoseconds(step))), "{steps:?}");
    // The others began traces of their own.
    let upload = spans.iter().find(|span| span["name"] == "POST /v1/collections/{collection}/images").expect("there");
    assert!(upload["traceId"] != TRACE && upload["parentSpanId"].as_str().is_none_or(str::is_empty), "{upload}");
    // What is written goes on in a task of its own.
    let writes = children(&spans, upload);
    assert!(writes.iter().any(|span| attributes(span).get("eyrie.access").is_some_and(|access| access == "write")));

    let answered = log.iter().find(|line| line["spans"][0]["request_id"] == "the-search").expect("a line");
    assert_eq!(answered["spans"][0]["trace_id"], TRACE, "{answered}");
    assert_eq!(answered["spans"].as_array().map(Vec::len), Some(1), "what is exported is not in the log: {answered}");

    let resource = everything(&posts, "/below/v1/traces", "resourceSpans");
    let resource = attributes(&resource.first().expect("a resource")["resource"]);
    assert_eq!(resource["service.name"], "eyrie");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert!(!resource["service.instance.id"].is_empty());

    let metrics = everything(&posts, "/below/v1/metrics", "metrics");
    let last = |name: &str| metrics.iter().rfind(|metric| metric["name"] == name).unwrap_or_else(|| panic!("{name}"));
    let described = &last("eyrie_extractions_total")["sum"];
    assert_eq!((&described["isMonotonic"], &described["aggregationTemporality"]), (&json!(true), &json!(2)));
    let points = described["dataPoints"].as_array().expect("points");
    let point = points.iter().find(|point| attributes(point)["outcome"] == "described").expect("a point");
    assert_eq!(point["asInt"], "2", "{point}");
    assert_eq!(last("eyrie_build_info")["gauge"]["dataPoints"][0]["asDouble"], 1.0);
    assert_eq!(last("eyrie_extraction_workers_busy")["gauge"]["dataPoints"][0]["asDouble"], 0.0);
    let network = last("eyrie_extraction_step_seconds");
    assert_eq!(network["unit"], "s");
    assert!(network["description"].as_str().is_some_and(|text| text.contains("step")), "{network}");
    let point = &network["histogram"]["dataPoints"][0];
    assert_eq!((&point["count"], &point["explicitBounds"][0]), (&json!("2"), &json!(0.0005)), "{point}");

    assert!(posts.iter().any(|post| post.headers["x-collector-key"] == COLLECTOR_KEY));
    assert!(posts.iter().all(|post| !post.headers.contains_key("traceparent")));
    let secrets =
        [ADMIN_KEY, COLLECTOR_KEY, "the-name-of-the-file", "the-id-of-the-image", "verify=auto", "127.0.0.1", "covers"];
    for post in &posts {
        let text = std::str::from_utf8(&post.body).expect("JSON");
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    for secret in [ADMIN_KEY, COLLECTOR_KEY] {
        assert!(!log.iter().any(|line| line.to_string().contains(secret)), "{secret} in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protobuf_is_the_default_and_a_request_that_says_so_is_traced_where_others_are_not() {
    let mut collector = Collector::start().await;
    let mut program = collector.program("protobuf");
    program.set("EYRIE_TELEMETRY__TRACE_PERCENT", "0");
    let server = Server::start(&program);
    let sender = Sender::new(&server).await;
    for flags in ["00", "01"] {
        let request = sender.with_key(sender.client.get(sender.url("/v1/collections")));
        ok(request.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"))).await;
    }
    ended(server);
    let posts = collector.posted();
    let traces: Vec<&Posted> = posts.iter().filter(|post| post.path == "/below/v1/traces").collect();
    assert_eq!(traces.len(), 1, "one request was to be traced");
    assert_eq!(traces[0].headers["content-type"], "application/x-protobuf");
    let id = u128::from_str_radix(TRACE, 16).expect("a number").to_be_bytes();
    let found = |bytes: &[u8]| traces[0].body.windows(bytes.len()).filter(|window| *window == bytes).count();
    assert!(found(&id) >= 1, "the trace");
    assert_eq!(found(b"GET /v1/collections"), 1, "the request");
    assert!(posts.iter().any(|post| post.path == "/below/v1/metrics"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_no_metrics_is_told_of_once_and_once_when_it_does_and_gets_traces_meanwhile() {
    let mut collector = Collector::start().await;
    collector.is_away.store(true, Ordering::SeqCst);
    let mut program = collector.program("json");
    program.set("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut server = Server::start(&program);
    let sender = Sender::new(&server).await;
    let says = |line: &Value, what: &str| line["message"].as_str().is_some_and(|text| text.contains(what));
    let is_away = |line: &Value| says(line, "collector does not take what is pushed");
    let is_back = |line: &Value| says(line, "collector takes what is pushed again");
    while !server.said.contains("collector does not take what is pushed") {
        server.log_until(is_away);
    }
    for _ in 0..50 {
        ok(sender.with_key(sender.client.get(sender.url("/v1/collections")))).await;
    }
    let meanwhile = collector.posts.recv().await.expect("a post");
    assert_eq!(meanwhile.path, "/below/v1/traces");
    collector.is_away.store(false, Ordering::SeqCst);
    server.log_until(is_back);
    let said = server.said.clone();
    let mut lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines.extend(ended(server));
    for (is_such, level) in [(&is_away as &dyn Fn(&Value) -> bool, "WARN"), (&is_back, "INFO")] {
        let such: Vec<&Value> = lines.iter().filter(|line| is_such(line)).collect();
        assert_eq!(such.len(), 1, "{such:?}");
        assert_eq!((&such[0]["signal"], &such[0]["level"]), (&json!("metrics"), &json!(level)));
    }
    assert!(collector.posted().iter().any(|post| post.path == "/below/v1/metrics"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_up_no_request_and_no_end_and_gets_what_fits_into_the_queue() {
    const REQUESTS: usize = 400;
    let (sender, mut posts) = unbounded_channel();
    let take = move |body: Bytes| async move {
        let _unread = sender.send(body);
        std::future::pending::<StatusCode>().await
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().route("/v1/{signal}", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let mut program = Program::new();
    program.set("EYRIE_TELEMETRY__OTLP_ENDPOINT", endpoint);
    program.set("EYRIE_TELEMETRY__OTLP_PROTOCOL", "json");
    program.set("EYRIE_TELEMETRY__METRICS_INTERVAL_MS", "0");
    program.set("EYRIE_ADMIN_KEY", ADMIN_KEY);
    program.set("EYRIE_SERVER__SHUTDOWN_GRACE_MS", "2000");
    // Small, so that few requests fill them.
    program.set("OTEL_BSP_MAX_QUEUE_SIZE", "32");
    program.set("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8");
    let server = Server::start(&program);
    let client = Sender::new(&server).await;
    for _ in 0..REQUESTS {
        ok(client.with_key(client.client.get(client.url("/v1/collections")))).await;
    }
    let log = ended(server);
    let late = |line: &Value| line["message"].as_str().is_some_and(|text| text.contains("in time"));
    assert_eq!(log.iter().filter(|line| late(line)).count(), 1, "{log:?}");
    assert!(log.iter().any(|line| line["message"] == "stopped"), "the server itself ended in order");
    let mut spans = BTreeSet::new();
    while let Ok(body) = posts.try_recv() {
        let document: Value = serde_json::from_slice(&body).expect("JSON");
        let mut found = Vec::new();
        all(&document, "spans", &mut found);
        assert!(!found.is_empty(), "no metrics were asked for: {document}");
        spans.extend(found.iter().map(|span| span["spanId"].to_string()));
    }
    assert!((1..REQUESTS).contains(&spans.len()), "{} spans of at least {REQUESTS}", spans.len());
}
