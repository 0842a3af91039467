//! The examples of the document: every request is run, every answer has the shape that is
//! documented, and so has every answer that is shown.

use std::time::Duration;

use boon::{Compiler, Draft, Schemas};
use eyrie::domain::{ApiKey, CollectionName, JobId, JobKind, KeyHash, KeyId, KeyLabel, Quota, Scope};
use eyrie::store::{JobCreation, KeepIn, NewJob, StoredKey};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::http_archives::tar;
use crate::support::app::{TestApp, ok};
use crate::support::archives::{gzip, zip};
use crate::support::pictures;

/// What the examples find on the server.
const COLLECTION: &str = "covers";
const STORED: [(&str, u32); 2] = [("alien-1979", 1979), ("aliens-1986", 1986)];
const KEY: &str = "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10";
const JOB: &str = "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10";
/// What they store.
const NEW: [&str; 2] = ["alien3-1992", "resurrection-1997"];

const JSON: [&str; 2] = ["application/json", "application/merge-patch+json"];
const LINES: &str = "application/x-ndjson";
const FORM: &str = "multipart/form-data";
const RAW: [&str; 2] = ["image/*", "application/octet-stream"];
/// Bodies that are archives of pictures; the tests make those too.
const ARCHIVES: [&str; 3] = ["application/zip", "application/x-tar", "application/gzip"];

/// A call of the document.
struct Call<'a> {
    path: &'a str,
    method: Method,
    operation: &'a Value,
}

impl Call<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Its parameters of one place, with their examples.
    fn parameters(&self, place: &str) -> Vec<(String, Option<Value>)> {
        let all = self.operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let here = all.iter().filter(|parameter| parameter["in"] == place);
        let named = here.map(|parameter| {
            let own = parameter.get("example").cloned();
            let content = || parameter["content"]["application/json"].get("example").cloned();
            (text(&parameter["name"]).to_owned(), own.or_else(content))
        });
        named.collect()
    }

    /// Its bodies by media type.
    fn bodies(&self) -> Vec<(&str, &Value)> {
        members(&self.operation["requestBody"]["content"])
    }

    /// Its answers: status, media type and what is said of it.
    fn answers(&self) -> Vec<(&str, &str, &Value)> {
        let answers = members(&self.operation["responses"]).into_iter();
        answers
            .flat_map(|(status, answer)| {
                members(&answer["content"]).into_iter().map(move |(media, content)| (status, media, content))
            })
            .collect()
    }

    fn is_success(&self, status: u16) -> bool {
        status < 300 && self.operation["responses"].get(status.to_string()).is_some()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn members(value: &Value) -> Vec<(&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect()
}

fn calls(document: &Value) -> Vec<Call<'_>> {
    let paths = members(&document["paths"]).into_iter();
    paths
        .flat_map(|(path, item)| {
            members(item).into_iter().map(move |(method, operation)| {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                Call { path, method, operation }
            })
        })
        .collect()
}

/// The schema that a reference names, or the schema itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} is nowhere")),
        None => schema,
    }
}

/// The examples of a body or an answer: its own, or those of its schema.
fn examples(document: &Value, content: &Value) -> Vec<Value> {
    let named = members(&content["examples"]).into_iter().map(|(_, example)| example["value"].clone());
    let own: Vec<Value> = content.get("example").cloned().into_iter().chain(named).collect();
    if own.is_empty() { of_schema(document, &content["schema"]) } else { own }
}

fn of_schema(document: &Value, schema: &Value) -> Vec<Value> {
    let schema = resolved(document, schema);
    let several = schema["examples"].as_array().cloned().unwrap_or_default();
    let own: Vec<Value> = schema.get("example").cloned().into_iter().chain(several).collect();
    if !own.is_empty() {
        return own;
    }
    let alternatives = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    alternatives.iter().flat_map(|schema| of_schema(document, schema)).collect()
}

/// What is wrong with a value where it shall be one of a schema.
fn fault(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    const PLACE: &str = "https://eyrie.example/schema.json";
    let mut root = schema.clone();
    root["components"] = document["components"].clone();
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.add_resource(PLACE, root).expect("a schema");
    let index = compiler.compile(PLACE, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    schemas.validate(value, index).err().map(|error| format!("{error:#}"))
}

/// What calls lack: a sentence each that says what to add.
fn missing(document: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    for call in calls(document) {
        let name = call.name();
        for (parameter, example) in call.parameters("path") {
            if example.is_none() {
                missing.push(format!("{name}: the path's `{parameter}` has no example; `path_parameter` takes one"));
            }
        }
        let bodies = call.bodies();
        let query = call.parameters("query");
        if bodies.is_empty() && !query.is_empty() && query.iter().all(|(_, example)| example.is_none()) {
            missing.push(format!("{name}: no parameter has an example; `FieldDoc::example` gives it one"));
        }
        for (media, content) in bodies {
            let is_bytes = RAW.contains(&media) || ARCHIVES.contains(&media);
            if !is_bytes && examples(document, content).is_empty() {
                missing.push(format!(
                    "{name}: its request as {media} has no example; `.examples([json!(…)])` of the body's schema gives it one"
                ));
            }
        }
        for (status, media, content) in call.answers() {
            // The files of the page, pictures and this document say themselves what they are.
            let is_shown = JSON.contains(&media) || media == LINES || media.starts_with("text/plain");
            if is_shown && status.starts_with('2') && examples(document, content).is_empty() {
                missing.push(format!(
                    "{name}: its answer {status} has no example; `#[schema(example = json!(…))]` of the DTO gives it one"
                ));
            }
        }
    }
    missing
}

async fn document(app: &TestApp) -> Value {
    let served = app.get("/openapi.yaml").send().await.expect("answer").text().await.expect("text");
    yaml_serde::from_str(&served).expect("YAML")
}

/// Puts on the server what the examples name, and takes away what they store.
async fn prepare(app: &TestApp) {
    let status = async |request: RequestBuilder| request.send().await.expect("answer").status().as_u16();
    let collection = format!("/v1/collections/{COLLECTION}");
    if status(app.get(&collection)).await == 404 {
        let created = app.put(&collection).json(&json!({"profile": "rnip", "description": "DVD covers"}));
        assert_eq!(status(created).await, 201);
    }
    for (id, year) in STORED {
        let path = format!("{collection}/images/{id}");
        if status(app.get(&path)).await == 404 {
            let metadata = json!({"year": year}).to_string();
            let request = app.put(&path).query(&[("metadata", metadata)]).header("content-type", "image/png");
            assert_eq!(status(request.body(pictures::png(year))).await, 201);
        }
    }
    for id in NEW {
        assert!([204, 404].contains(&status(app.delete(&format!("{collection}/images/{id}"))).await), "{id}");
    }
    if status(app.get(&format!("/v1/keys/{KEY}"))).await == 404 {
        let key = ApiKey {
            id: KeyId::new(KEY).expect("an id"),
            label: KeyLabel::new("of an example").expect("a label"),
            scope: Scope::Search,
            collections: None,
            origins: Vec::new(),
            quota: Quota::default(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        };
        let stored = StoredKey { hash: KeyHash([1; 32]), key };
        app.store.add_key(&stored, 10).await.expect("the store answers");
    }
    let id = JobId::new(JOB).expect("an id");
    if app.store.job(&id).await.expect("the store answers").is_none() {
        let params = json!({"verdict": "same", "min_score": null, "candidates": 5});
        let collection = CollectionName::new(COLLECTION).expect("a name");
        let job = NewJob { id: id.clone(), kind: JobKind::Duplicates, collection, params };
        let created = app.store.create_job(&job, 10).await.expect("the store answers");
        assert!(matches!(created, JobCreation::Created(_)), "{created:?}");
    }
    app.service.job(&id, Duration::from_secs(600)).await.expect("it ends");
}

/// A picture that goes by a name.
fn picture(name: &str) -> Vec<u8> {
    pictures::png(name.bytes().fold(7, |seed, byte| seed * 31 % 65_521 + u32::from(byte)))
}

/// Whether a field of a form is a picture, or a list of them.
fn is_picture(document: &Value, schema: &Value, field: &str) -> bool {
    let schema = resolved(document, schema);
    let property = &schema["properties"][field];
    let is_file = |schema: &Value| schema.get("contentMediaType").is_some();
    let alternatives = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    is_file(property)
        || is_file(&property["items"])
        || alternatives.iter().any(|schema| is_picture(document, schema, field))
}

/// A value as a query string or a form has it.
fn plain(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    match value.as_array() {
        Some(items) if !items.iter().any(Value::is_object) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Some(_) | None => value.to_string(),
    }
}

fn form(document: &Value, schema: &Value, fields: &Map<String, Value>) -> Form {
    fields.iter().fold(Form::new(), |form, (name, value)| {
        if !is_picture(document, schema, name) {
            return form.text(name.clone(), plain(value));
        }
        let files = value.as_array().map_or_else(|| vec![value], |files| files.iter().collect());
        files.into_iter().fold(form, |form, file| {
            let part = Part::bytes(picture(text(file))).file_name(text(file).to_owned());
            form.part(name.clone(), part)
        })
    })
}

/// An archive of one picture.
fn archive(media: &str) -> Vec<u8> {
    let entries = vec![("one.png", pictures::png(1))];
    match media {
        "application/zip" => zip(&entries),
        "application/x-tar" => tar(&entries),
        _ => gzip(&tar(&entries)),
    }
}

/// Exports in the background, and where the result is.
async fn result_of_an_export(app: &TestApp) -> String {
    let job = ok(app.post(&format!("/v1/collections/{COLLECTION}/export")).json(&json!({}))).await;
    let id = text(&job["id"]);
    ok(app.get(&format!("/v1/jobs/{id}?wait=20"))).await;
    format!("/v1/jobs/{id}/result")
}

/// The requests that a call's examples make, each with its media type.
async fn requests(app: &TestApp, document: &Value, call: &Call<'_>) -> Vec<(String, RequestBuilder)> {
    let path = call.parameters("path").into_iter().fold(call.path.to_owned(), |path, (name, example)| {
        path.replace(&format!("{{{name}}}"), text(&example.expect("looked for before")))
    });
    // Which job has a result is not written down: it is made here.
    let path = if call.path == "/v1/jobs/{id}/result" { result_of_an_export(app).await } else { path };
    let query = call.parameters("query").into_iter();
    let query: Vec<_> = query.filter_map(|(name, example)| example.map(|value| (name, plain(&value)))).collect();
    let request = || app.request(call.method.clone(), &path);
    let bodies = call.bodies();
    if bodies.is_empty() {
        return vec![("no body".to_owned(), request().query(&query))];
    }
    let mut requests = Vec::new();
    for (media, content) in bodies {
        let schema = &content["schema"];
        // The other fields of a picture that is the body are in the query string.
        if RAW.contains(&media) {
            let request = request().query(&query).header("content-type", media.replace('*', "png"));
            requests.push((media.to_owned(), request.body(picture(media))));
        }
        if ARCHIVES.contains(&media) {
            let request = request().query(&query).header("content-type", media);
            requests.push((media.to_owned(), request.body(archive(media))));
        }
        for example in examples(document, content) {
            let request = request();
            let request = match media {
                _ if JSON.contains(&media) => {
                    assert_eq!(fault(document, schema, &example), None, "{}: {example}", call.name());
                    request.header("content-type", media).body(example.to_string())
                }
                FORM => {
                    assert_eq!(fault(document, schema, &example), None, "{}: {example}", call.name());
                    request.multipart(form(document, schema, example.as_object().expect("fields")))
                }
                // Descriptors are the model's: the example shows the lines, and these are some.
                LINES if call.operation["operationId"] == "import_collection" => {
                    let lines = app.get(&format!("/v1/collections/{COLLECTION}/export")).send().await.expect("answer");
                    let lines = lines.text().await.expect("text");
                    request.query(&query).header("content-type", media).body(lines)
                }
                LINES => request.header("content-type", media).body(text(&example).to_owned()),
                _ => panic!("{}: tell this test how an example is sent as {media}", call.name()),
            };
            requests.push((media.to_owned(), request));
        }
    }
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_request_has_the_answer_that_is_documented() {
    // With a key, which the first example of one would ask for.
    let mut builder = TestApp::builder().with_admin_key();
    builder.config.storage.originals.keep_in = KeepIn::Database;
    let app = builder.start().await;
    let document = document(&app).await;
    assert_eq!(missing(&document), [""; 0], "calls lack examples");
    let mut run = 0;
    for call in calls(&document) {
        // One after the other: a request may take away what the next one names.
        let count = requests(&app, &document, &call).await.len();
        for index in 0..count {
            prepare(&app).await;
            let (media, request) = requests(&app, &document, &call).await.swap_remove(index);
            let name = format!("{} ({media})", call.name());
            let response = request.send().await.expect("answer");
            let status = response.status().as_u16();
            let answered = response.headers().get("content-type").map(|value| value.to_str().expect("text").to_owned());
            let body = response.bytes().await.expect("body");
            let shown = String::from_utf8_lossy(&body);
            assert!(call.is_success(status), "{name}: {status} {}", shown.chars().take(500).collect::<String>());
            let documented = &call.operation["responses"][status.to_string()]["content"];
            let base = |media: &str| media.split(';').next().unwrap_or_default().trim().to_owned();
            let answered = answered.as_deref().map(base);
            if documented.is_null() {
                assert!(body.is_empty(), "{name}: an answer without a body has one");
                continue;
            }
            let found = members(documented).into_iter().find(|(media, _)| Some(base(media)) == answered);
            let (media, content) = found.unwrap_or_else(|| panic!("{name}: {answered:?} is not documented"));
            if JSON.contains(&media) {
                let answer: Value = serde_json::from_slice(&body).expect("JSON");
                assert_eq!(fault(&document, &content["schema"], &answer), None, "{name}: {answer}");
            }
            run += 1;
        }
    }
    assert!(run >= 40, "only {run} examples were found: the reader is broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_that_is_shown_is_one_of_its_schema() {
    let document = document(&TestApp::start().await).await;
    let mut shown = 0;
    for call in calls(&document) {
        for (status, media, content) in call.answers() {
            for example in examples(&document, content) {
                let fault = fault(&document, &content["schema"], &example);
                assert_eq!(fault, None, "{}: {status} {media}: {example}", call.name());
                shown += 1;
            }
        }
    }
    assert!(shown >= 40, "only {shown} examples were found: the reader is broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_names_a_call_and_takes_from_the_answer_what_is_there() {
    let document = document(&TestApp::start().await).await;
    let calls = calls(&document);
    let mut links = 0;
    for call in &calls {
        for (status, answer) in members(&call.operation["responses"]) {
            for (link, said) in members(&answer["links"]) {
                let name = format!("{}: {status}: {link}", call.name());
                let target = calls.iter().find(|call| call.operation["operationId"] == said["operationId"]);
                let known = target.unwrap_or_else(|| panic!("{name}: there is no such call")).parameters("path");
                let given = members(&said["parameters"]);
                assert_eq!(given.len(), known.len(), "{name}");
                let shown = examples(&document, &answer["content"]["application/json"]);
                for (parameter, expression) in given {
                    assert!(known.iter().any(|(known, _)| known == parameter), "{name}: {parameter}");
                    let pointer = text(expression).strip_prefix("$response.body#").expect("a part of the answer");
                    assert!(shown[0].pointer(pointer).is_some_and(Value::is_string), "{name}: {expression}");
                }
                links += 1;
            }
        }
    }
    assert!(links >= 12, "only {links} links were found: the reader is broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_examples_is_told_what_it_lacks() {
    let app = TestApp::start().await;
    let mut document = document(&app).await;
    document["paths"]["/v1/new/{id}"] = json!({"post": {
        "parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {"201": {"content": {"application/json": {"schema": {"type": "object"}}}}},
    }, "get": {
        "parameters": [{"name": "k", "in": "query", "schema": {"type": "integer"}}],
        "responses": {"204": {}},
    }});
    let missing = missing(&document);
    for (sentence, begin) in missing.iter().zip([
        "GET /v1/new/{id}: no parameter has an example",
        "POST /v1/new/{id}: the path's `id` has no example",
        "POST /v1/new/{id}: its request as application/json has no example",
        "POST /v1/new/{id}: its answer 201 has no example",
    ]) {
        assert!(sentence.starts_with(begin), "{sentence}");
    }
    assert_eq!(missing.len(), 4, "{missing:?}");
}
