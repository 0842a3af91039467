//! The page in a real browser: chromium, driven through chromedriver's WebDriver interface.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use axum::http::StatusCode;
use axum::response::IntoResponse;
use image::imageops::crop_imm;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::program::picture;
use crate::support::app::{COLLECTION, TestApp};
use crate::support::pictures::{as_png, scene, side_by_side};

/// The name of an element in WebDriver's JSON (W3C WebDriver, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser window of the test's own.
struct Browser {
    driver: Child,
    session: String,
    client: Client,
    _profile: tempfile::TempDir,
}

impl Browser {
    async fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed; ./scripts/test does that");
        let lines = BufReader::new(driver.stdout.take().expect("piped")).lines();
        // "ChromeDriver was started successfully on port 12345."
        let port = lines
            .map(|line| line.expect("text"))
            .find_map(|line| {
                line.split("successfully on port ").nth(1).map(|rest| rest.trim_end_matches('.').to_owned())
            })
            .and_then(|port| port.parse::<u16>().ok())
            .expect("chromedriver names its port");
        let profile = tempfile::tempdir().expect("folder");
        let arguments = [
            "--headless=new",
            // Needed where the tests run as root, as in containers.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1100,900",
        ];
        let mut arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let client = crate::support::client();
        let asked = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 60_000},
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, session: base, client, _profile: profile };
        let session = browser.post("", asked).await;
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().expect("a session"));
        browser
    }

    async fn answer(request: reqwest::RequestBuilder) -> Value {
        let answer: Value = request.send().await.expect("chromedriver answers").json().await.expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{answer}");
        answer["value"].clone()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        Self::answer(self.client.post(format!("{}{path}", self.session)).json(&body)).await
    }

    async fn open(&self, url: &str) {
        self.post("/url", json!({"url": url})).await;
    }

    async fn element(&self, css: &str) -> String {
        let found = self.post("/element", json!({"using": "css selector", "value": css})).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    async fn click(&self, css: &str) {
        self.post(&format!("/element/{}/click", self.element(css).await), json!({})).await;
    }

    /// Drags with a `mouse` or by `touch` over an element between two points, given in fractions of
    /// its width and height.
    async fn drag(&self, pointer: &str, css: &str, from: [f64; 2], to: [f64; 2]) {
        let element = self.element(css).await;
        let frame = Self::answer(self.client.get(format!("{}/element/{element}/rect", self.session))).await;
        // WebDriver counts whole pixels from the middle of the element.
        let at =
            |fraction: f64, side: &str| ((fraction - 0.5) * frame[side].as_f64().expect("a length")).round() as i64;
        let move_to = |[x, y]: [f64; 2]| {
            let origin = json!({ELEMENT: element});
            json!({"type": "pointerMove", "duration": 0, "origin": origin, "x": at(x, "width"), "y": at(y, "height")})
        };
        let half_way = [(from[0] + to[0]) / 2.0, (from[1] + to[1]) / 2.0];
        let actions = json!([
            move_to(from), {"type": "pointerDown", "button": 0}, move_to(half_way), move_to(to), {"type": "pointerUp", "button": 0},
        ]);
        let parameters = json!({"pointerType": pointer});
        let pointer = json!({"type": "pointer", "id": pointer, "parameters": parameters, "actions": actions});
        self.post("/actions", json!({"actions": [pointer]})).await;
    }

    /// Types into a field; into a file field, the paths of the files.
    async fn type_into(&self, css: &str, text: &str) {
        self.post(&format!("/element/{}/value", self.element(css).await), json!({"text": text})).await;
    }

    /// Waits until a JavaScript expression is true, looking whenever the page changes or a picture
    /// is there, and returns its value.
    async fn until(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; const look = () => {{ const value = ({expression}); if (value) {{ \
             watch.disconnect(); document.removeEventListener('load', look, true); done(value); }} }}; const watch = new MutationObserver(look); \
             watch.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}}); \
             document.addEventListener('load', look, true); look();"
        );
        self.post("/execute/async", json!({"script": script, "args": []})).await
    }

    /// What the page wrote to the console, failures to load something included.
    async fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a list").iter();
        entries.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn screenshot(&self, path: &Path) {
        use base64::Engine as _;
        let picture = Self::answer(self.client.get(format!("{}/screenshot", self.session))).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().expect("text")).expect("base64");
        std::fs::write(path, bytes).expect("the screenshot is written");
    }

    async fn quit(self) {
        Self::answer(self.client.delete(&self.session)).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.driver.kill();
        let _ended = self.driver.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_adds_pictures_and_finds_one_again_on_the_page() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let files: Vec<String> = (1..=4)
        .map(|seed| {
            let path = folder.path().join(format!("picture-{seed}.png"));
            picture(seed).save(&path).expect("picture");
            path.display().to_string()
        })
        .collect();
    let broken = folder.path().join("broken.png");
    std::fs::write(&broken, b"this is no picture").expect("file");

    let browser = Browser::start().await;
    browser.open(&format!("http://{}/", app.address)).await;
    browser.until(&format!("document.querySelector('#collection option[value={COLLECTION}]')?.value")).await;
    browser.click(&format!("#collection option[value={COLLECTION}]")).await;

    browser.click("#tab-add").await;
    browser.type_into("#add-files", &format!("{}\n{}", files.join("\n"), broken.display())).await;
    browser
        .until("document.querySelectorAll('#add-list li').length === 5 && document.getElementById('add-stop').hidden")
        .await;
    assert_eq!(app.count().await, 4);
    let failed = browser.until("document.getElementById('add-list').innerText").await;
    assert!(failed.as_str().expect("text").contains("broken.png"), "{failed}");
    assert!(failed.as_str().expect("text").contains("not an image"), "the reason is shown: {failed}");

    browser.click("#tab-search").await;
    browser.type_into("#search-file", &files[2]).await;
    let first = browser.until("document.querySelector('#results .card .score b')?.textContent").await;
    assert_eq!(first, "1.000");
    browser.until("document.querySelectorAll('#results .card').length === 4").await;
    let name = browser.until("document.querySelector('#results .card .name').textContent").await;
    assert_eq!(name, "picture-3.png");
    browser.until("[...document.querySelectorAll('#results img')].every(i => i.complete && i.naturalWidth > 0)").await;
    let shot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.png");
    browser.screenshot(&shot).await;

    browser.click("#results .card:nth-child(2) .picture").await;
    browser.until("document.querySelectorAll('#results .card').length === 3").await;

    let complaints = browser.complaints().await;
    let unexpected: Vec<_> = complaints.iter().filter(|line| !line.contains("/images")).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_which_result_is_verified_and_where() {
    let app = TestApp::start().await;
    for seed in 1..=4 {
        app.add(&format!("scene-{seed}"), as_png(scene(seed)), json!({})).await;
    }
    let folder = tempfile::tempdir().expect("folder");
    let crop = folder.path().join("crop.png");
    // The middle of the third picture: 0.25 to 0.85 of its width, 0.2 to 0.9 of its height.
    crop_imm(&scene(3), 120, 72, 288, 252).to_image().save(&crop).expect("picture");

    let browser = Browser::start().await;
    browser.open(&format!("http://{}/?collection={COLLECTION}", app.address)).await;
    browser.until("document.querySelector('#collection option')").await;
    browser.type_into("#search-file", crop.to_str().expect("a path")).await;
    browser.until("document.querySelectorAll('#results .card').length === 4").await;

    let badge = browser.until("document.querySelector('#results .card:first-child .verified').innerText").await;
    let badge = badge.as_str().expect("text");
    assert!(
        badge.contains("Near duplicate") && badge.contains("verified:") && badge.contains("spots match"),
        "{badge}"
    );
    let others = browser.until("[...document.querySelectorAll('.card .verified')].filter(v => !v.hidden).length").await;
    assert_eq!(others, 1);
    let status = browser.until("document.getElementById('search-status').textContent").await;
    assert!(status.as_str().expect("text").contains("1 verified (4 compared in "), "{status}");

    // Where the outline lies on the picture as it is drawn, in fractions of it: on a thumbnail in
    // the middle of its square.
    browser
        .until("[...document.querySelectorAll('#panel-search img')].every(i => i.complete && i.naturalWidth > 0)")
        .await;
    let outline = |scope: &str| {
        format!(
            "(() => {{ const box = document.querySelector('{scope} .match polygon').getBoundingClientRect(); \
             const image = document.querySelector('{scope} img'), frame = image.getBoundingClientRect(); \
             const scale = Math.min(frame.width / image.naturalWidth, frame.height / image.naturalHeight); \
             const [w, h] = [image.naturalWidth * scale, image.naturalHeight * scale]; \
             const [x, y] = [frame.x + (frame.width - w) / 2, frame.y + (frame.height - h) / 2]; \
             return [(box.left - x) / w, (box.top - y) / h, (box.right - x) / w, (box.bottom - y) / h]; }})()"
        )
    };
    let corners = |value: Value| -> [f64; 4] { serde_json::from_value(value).expect("four numbers") };
    let on_result = corners(browser.until(&outline("#results .card:first-child")).await);
    let on_query = corners(browser.until(&outline("#search-figure")).await);
    let expected =
        [on_query[0] * 0.6 + 0.25, on_query[1] * 0.7 + 0.2, on_query[2] * 0.6 + 0.25, on_query[3] * 0.7 + 0.2];
    for (found, expected) in on_result.iter().zip(expected) {
        assert!((found - expected).abs() < 0.03, "{on_result:?} on the result, {on_query:?} on the query");
    }
    assert!(on_query[2] - on_query[0] > 0.6 && on_query[3] - on_query[1] > 0.6, "{on_query:?}");
    let label = browser.until("document.getElementById('search-match').getAttribute('aria-label')").await;
    assert_eq!(label, "Outlined: what scene-3 shows too");

    let shot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-verified.png");
    browser.screenshot(&shot).await;

    // A search by a stored picture shows nothing the same, and the outline is gone.
    browser.click("#results .card:nth-child(2) .picture").await;
    browser.until("document.querySelectorAll('#results .card').length === 3").await;
    browser.until("document.querySelectorAll('.match polygon').length === 0").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_draws_a_box_and_finds_what_is_in_it() {
    let app = TestApp::start().await;
    for seed in 1..=3 {
        app.add(&format!("scene-{seed}"), as_png(scene(seed)), json!({})).await;
    }
    let folder = tempfile::tempdir().expect("folder");
    let both = folder.path().join("both.png");
    side_by_side(&scene(1), &scene(2)).save(&both).expect("picture");

    let browser = Browser::start().await;
    browser.open(&format!("http://{}/?collection={COLLECTION}", app.address)).await;
    browser.until("document.querySelector('#collection option')").await;
    assert_eq!(browser.until("String(document.getElementById('region').hidden)").await, "true", "no picture, no box");
    browser.type_into("#search-file", both.to_str().expect("a path")).await;
    let verified = |count: usize| {
        format!(
            "document.getElementById('search-status').textContent.includes(' {count} verified') && \
             document.querySelector('#results .card .id').textContent"
        )
    };
    browser.until(&verified(2)).await;
    // As the service saw it.
    browser.until("document.getElementById('search-preview').src.startsWith('data:image/jpeg')").await;
    browser.until("document.getElementById('search-preview').naturalWidth > 0").await;

    // By mouse from the lower right to the upper left of the right half, by touch the other way in
    // the left half.
    let figure = "#search-figure";
    for (pointer, from, to, found) in
        [("mouse", [0.98, 0.96], [0.52, 0.04], "scene-2"), ("touch", [0.03, 0.05], [0.47, 0.95], "scene-1")]
    {
        browser.drag(pointer, figure, from, to).await;
        browser
            .until(&format!(
                "document.getElementById('search-box').hidden === false && ({}) === '{found}'",
                verified(1)
            ))
            .await;
        let fields =
            "['left', 'top', 'width', 'height'].map((side) => document.getElementById(`region-${side}`).valueAsNumber)";
        let sides: [f64; 4] = serde_json::from_value(browser.until(fields).await).expect("four numbers");
        let [left, top] = [from[0].min(to[0]), from[1].min(to[1])];
        let expected = [left, top, from[0].max(to[0]) - left, from[1].max(to[1]) - top];
        for (side, expected) in sides.into_iter().zip(expected) {
            // A pixel of the picture on the screen is a third to a whole percent of it.
            assert!((side - expected * 100.0).abs() < 1.5, "{sides:?} for {expected:?}");
        }
        // The match lies in the box that is shown.
        let inside = "(() => { const [box, match] = ['#search-box', '#search-match polygon'].map((css) => \
             document.querySelector(css).getBoundingClientRect()); return match.left > box.left - 3 && match.top > box.top - 3 && \
             match.right < box.right + 3 && match.bottom < box.bottom + 3 && match.width > box.width / 2; })()";
        browser.until(inside).await;
    }
    let shot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-region.png");
    browser.screenshot(&shot).await;

    // A click draws nothing and changes nothing.
    browser.drag("mouse", figure, [0.7, 0.5], [0.7, 0.5]).await;
    assert_eq!(browser.until(&verified(1)).await, "scene-1");

    // Without drawing: the fields take a box as well.
    browser
        .post("/execute/sync", json!({"script": "document.getElementById('region-left').value = ''", "args": []}))
        .await;
    browser.type_into("#region-left", "50\n").await;
    browser.until(&format!("({}) === 'scene-2'", verified(1))).await;

    browser.click("#region-clear").await;
    browser.until(&verified(2)).await;
    assert_eq!(browser.until("String(document.getElementById('search-box').hidden)").await, "true");

    // Of a stored picture there is nothing to cut a part from.
    browser.click("#results .card:nth-child(2) .picture").await;
    browser.until("document.querySelectorAll('#results .card').length === 2").await;
    assert_eq!(browser.until("String(document.getElementById('region').hidden)").await, "true");
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_filters_by_metadata_and_deletes_what_is_too_much() {
    let app = TestApp::start().await;
    for seed in 1..=3 {
        app.add(
            &format!("scene-{seed}"),
            as_png(scene(seed)),
            json!({"title": format!("Scene {seed}"), "year": 1990 + seed}),
        )
        .await;
    }
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/?collection={COLLECTION}", app.address)).await;
    browser.until("document.querySelector('#collection option')").await;
    browser.click("#tab-browse").await;
    browser.until("document.querySelectorAll('#browse .card').length === 3").await;

    // A year that is a number in the metadata is found as it is typed.
    browser.click("#browse-filter summary").await;
    browser.type_into("#browse-filter [name=field]", "year").await;
    browser.type_into("#browse-filter [name=value]", "1992\n").await;
    browser.until("document.querySelectorAll('#browse .card').length === 1").await;
    assert_eq!(browser.until("document.querySelector('#browse .card .name').textContent").await, "Scene 2");

    // The whole of it on demand; nothing is deleted before it is confirmed.
    let press = |text: &str| {
        let script = format!(
            "[...document.querySelectorAll('dialog[open] button')].find((b) => b.textContent === '{text}').click()"
        );
        browser.post("/execute/sync", json!({"script": script, "args": []}))
    };
    browser.click("#browse .card .details").await;
    browser.until("document.querySelector('#details[open] dl')?.innerText.includes('scene-2')").await;
    press("Delete…").await;
    browser.until("document.querySelector('#confirm[open]')?.innerText.includes('scene-2')").await;
    press("Keep").await;
    assert_eq!(app.count().await, 3);
    browser.click("#browse .card .details").await;
    browser.until("document.querySelector('#details[open] dl')").await;
    press("Delete…").await;
    browser.until("document.querySelector('#confirm[open]')").await;
    press("Delete").await;
    browser.until("document.querySelectorAll('#browse .card').length === 0").await;
    browser.until("document.getElementById('collection-facts').textContent.startsWith('2 pictures')").await;
    assert_eq!(app.count().await, 2);

    // The search has a filter of its own.
    browser.click("#browse-filter .condition button").await;
    browser.until("document.querySelectorAll('#browse .card').length === 2").await;
    browser.click("#browse .card .picture").await;
    browser.until("document.querySelectorAll('#results .card').length === 1").await;
    browser.click("#search-filter summary").await;
    browser.type_into("#search-filter [name=field]", "title").await;
    browser.type_into("#search-filter [name=value]", "Scene 1\n").await;
    browser.until("document.getElementById('search-status').textContent.includes('passes the filter')").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.quit().await;
}

/// Passes everything below `/eyrie/` on to the server without that path and under the server's own
/// name, as nginx does with `location /eyrie/ { proxy_pass http://SERVER/; }`.
async fn proxy(server: SocketAddr) -> SocketAddr {
    let client = crate::support::client();
    let pass = async move |request: axum::extract::Request| {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().expect("a target").as_str();
        let Some(below) = target.strip_prefix("/eyrie/") else { return StatusCode::NOT_FOUND.into_response() };
        let mut headers = head.headers;
        headers.remove("host");
        let body = axum::body::to_bytes(body, 1 << 24).await.expect("a body");
        let request = client.request(head.method, format!("http://{server}/{below}")).headers(headers).body(body);
        let answer = request.send().await.expect("the server answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, answer.bytes().await.expect("a body")).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(pass)).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_under_a_path_of_a_proxy_that_changes_the_host() {
    let mut builder = TestApp::builder();
    builder.config.server.http.public_path = "/eyrie".to_owned().try_into().expect("a path");
    let app = builder.start().await;
    let outside = proxy(app.address).await;
    let folder = tempfile::tempdir().expect("folder");
    let files: Vec<String> = (1..=2)
        .map(|seed| {
            let path = folder.path().join(format!("picture-{seed}.png"));
            picture(seed).save(&path).expect("picture");
            path.display().to_string()
        })
        .collect();

    let browser = Browser::start().await;
    browser.open(&format!("http://{outside}/eyrie/?collection={COLLECTION}")).await;
    browser.until("document.querySelector('#collection option')").await;
    browser.click("#tab-add").await;
    browser.type_into("#add-files", &files.join("\n")).await;
    browser
        .until("document.querySelectorAll('#add-list li').length === 2 && document.getElementById('add-stop').hidden")
        .await;
    assert_eq!(app.count().await, 2);
    browser.click("#tab-search").await;
    browser.type_into("#search-file", &files[1]).await;
    browser.until("document.querySelectorAll('#results .card').length === 2").await;
    browser.until("[...document.querySelectorAll('#results img')].every(i => i.complete && i.naturalWidth > 0)").await;
    browser.click("#results .card:nth-child(2) .picture").await;
    browser.until("document.querySelectorAll('#results .card').length === 1").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_names_every_call_and_tries_one_out_below_the_path_of_a_proxy() {
    // The server knows nothing of the path, which the proxy strips.
    let app = TestApp::start().await;
    let outside = proxy(app.address).await;
    let document: Value = yaml_serde::from_str(eyrie::http::OPENAPI_YAML).expect("YAML");
    let paths = document["paths"].as_object().expect("paths");
    let calls: usize = paths.values().map(|path| path.as_object().expect("calls").len()).sum();

    let browser = Browser::start().await;
    browser.open(&format!("http://{outside}/eyrie/docs")).await;
    browser.until(&format!("document.querySelectorAll('.opblock').length === {calls}")).await;
    let shown =
        browser.until("[...document.querySelectorAll('.opblock-summary-path')].map((path) => path.dataset.path)").await;
    for path in paths.keys() {
        assert!(shown.as_array().expect("a list").iter().any(|shown| shown == path), "{path}");
    }
    let shot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs.png");
    browser.screenshot(&shot).await;

    let call = "#operations-collections-get_collection";
    browser.click(&format!("{call} .opblock-summary-control")).await;
    // The example is what is sent unless another name is written over it.
    browser
        .until(&format!("document.querySelector('{call} [data-param-name=collection] input')?.value === 'covers'"))
        .await;
    browser.click(&format!("{call} .try-out__btn")).await;
    let field = format!("{call} [data-param-name=collection] input");
    browser.until(&format!("!document.querySelector('{field}').disabled")).await;
    browser.type_into(&field, "-of-films").await;
    browser.until("document.querySelector('.execute')").await;
    browser.click(&format!("{call} .execute")).await;
    browser
        .until(&format!(
            "document.querySelector('{call} .live-responses-table tbody .response-col_status')?.innerText.includes('404')"
        ))
        .await;
    let asked = browser.until(&format!("document.querySelector('{call} .request-url pre')?.innerText")).await;
    assert_eq!(asked, format!("http://{outside}/eyrie/v1/collections/covers-of-films"));
    // That the answer was a 404 is all that there is to complain about.
    let complaints = browser.complaints().await;
    let unexpected: Vec<_> = complaints.iter().filter(|line| !line.contains("/covers-of-films")).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    browser.quit().await;
}
