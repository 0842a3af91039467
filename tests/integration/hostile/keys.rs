//! Keys that are forged, dead, somebody else's, in the wrong place, or no keys.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Answer, Case, limit, request, with_pictures, withstands};
use crate::support::app::{COLLECTION, TestApp, ok, search};
use crate::support::clock::TestClock;

/// The keys that the cases are about. The table for people needs none.
#[derive(Default)]
pub(super) struct Keys {
    admin: String,
    read: String,
    search: String,
    published: String,
    elsewhere: String,
    revoked: String,
    expired: String,
}

const LIST: &str = "/v1/keys";

fn lines(method: &str, target: &str, headers: &[String]) -> Vec<u8> {
    let headers: Vec<&[u8]> = headers.iter().map(String::as_bytes).collect();
    request(method, target, &headers, b"")
}

fn asking(name: &str, headers: &[String], status: u16, code: &'static str) -> Case {
    Case::refused(name, lines("GET", LIST, headers), status, code)
}

/// A key that is not taken.
fn forged(name: &str, key: &str) -> Case {
    asking(name, &[format!("authorization: Bearer {key}")], 401, "invalid_key")
}

pub(super) fn cases(keys: &Keys) -> Vec<Case> {
    let mut cases = wrong(keys);
    cases.extend(elsewhere(keys));
    cases.extend(weak(keys));
    cases
}

fn wrong(Keys { admin, revoked, expired, .. }: &Keys) -> Vec<Case> {
    let shortened = admin.get(1..).unwrap_or_default();
    vec![
        asking("no key", &[], 401, "missing_key"),
        forged("an empty key", ""),
        forged("a key that nobody made", "eyrie_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        forged("a key with one character more", &format!("{admin}A")),
        forged("a key with one character less", shortened),
        forged("a key in upper case", &format!("{}.", admin.to_uppercase())),
        forged("a key with `%00` behind it", &format!("{admin}%00")),
        forged("a key with something behind a space", &format!("{admin} x")),
        forged("a key of 500 characters", &"A".repeat(500)),
        forged("a key of 60 000 characters", &"A".repeat(60_000)),
        forged("a key with SQL", "' OR '1'='1' --"),
        forged("a key with a statement", "eyrie_'; DROP TABLE api_keys; --"),
        forged("a key in full-width letters", "\u{ff45}\u{ff59}\u{ff52}\u{ff49}\u{ff45}_AAAA"),
        forged("a key with bidirectional marks", &format!("\u{202e}{admin}")),
        forged("`null`", "null"),
        forged("a token without a signature", "eyJhbGciOiJub25lIn0.eyJzY29wZSI6ImFkbWluIn0."),
        forged("a key that was revoked", revoked),
        forged("a key whose time is over", expired),
    ]
}

fn elsewhere(Keys { admin, .. }: &Keys) -> Vec<Case> {
    let missing = |name: &str, line: String| asking(name, &[line], 401, "missing_key");
    vec![
        missing("a key as a password", format!("authorization: Basic {admin}")),
        missing("a key behind another scheme", format!("authorization: Token {admin}")),
        missing("a key without a space", format!("authorization: Bearer{admin}")),
        missing("a key without a scheme", format!("authorization: {admin}")),
        missing("a key in a cookie", format!("cookie: authorization=Bearer {admin}; x-api-key={admin}")),
        missing("a key for the proxy", format!("proxy-authorization: Bearer {admin}")),
        missing("a key in a header with an underscore", format!("x_api_key: {admin}")),
        missing("a user in a header of a proxy", "x-forwarded-user: admin".to_owned()),
        missing("this machine in a header of a proxy", "x-forwarded-for: 127.0.0.1".to_owned()),
        missing("the path of another request", "x-original-url: /livez".to_owned()),
        Case::refused(
            "a key in the query",
            lines("GET", &format!("{LIST}?key={admin}&access_token={admin}"), &[]),
            401,
            "missing_key",
        ),
        Case::refused(
            "a user in the address",
            lines("GET", &format!("http://admin:{admin}@eyrie{LIST}"), &[]),
            401,
            "missing_key",
        ),
        asking(
            "two keys, the good one first",
            &[format!("authorization: Bearer {admin}"), "x-api-key: x".to_owned()],
            400,
            "ambiguous_key",
        ),
        asking(
            "two keys, the good one last",
            &["x-api-key: x".to_owned(), format!("authorization: Bearer {admin}")],
            400,
            "ambiguous_key",
        ),
        Case::new(
            "a NUL behind a key",
            lines("GET", LIST, &[format!("authorization: Bearer {admin}\0")]),
            Answer::Bare(400),
        ),
    ]
}

fn weak(Keys { read, search: searching, published, elsewhere, .. }: &Keys) -> Vec<Case> {
    let with = |name: &str, method: &str, target: &str, key: &str, status: u16, code: &'static str| {
        Case::refused(name, lines(method, target, &[format!("x-api-key: {key}")]), status, code)
    };
    let record = crate::support::app::images("/p1");
    let list = crate::support::app::images("");
    let collection = format!("/v1/collections/{COLLECTION}");
    vec![
        with("a key that reads makes keys", "POST", LIST, read, 403, "insufficient_scope"),
        with("a key that reads lists keys", "GET", LIST, read, 403, "insufficient_scope"),
        with("a key that reads deletes", "DELETE", &record, read, 403, "insufficient_scope"),
        with("a key that searches lists", "GET", &list, searching, 403, "insufficient_scope"),
        with("a key that searches deletes a collection", "DELETE", &collection, searching, 403, "insufficient_scope"),
        with("a key of another collection reads a record", "GET", &record, elsewhere, 404, "unknown_collection"),
        with("a key of another collection deletes", "DELETE", &record, elsewhere, 404, "unknown_collection"),
        with("a key of another collection searches", "POST", &search(), elsewhere, 404, "unknown_collection"),
        with(
            "a key of another collection with the name encoded",
            "GET",
            "/v1/collections/%70ictures",
            elsewhere,
            404,
            "unknown_collection",
        ),
        with("a published key outside of a page", "POST", &search(), published, 403, "origin_not_allowed"),
        Case::refused(
            "a published key on a page of somebody else",
            lines("POST", &search(), &[format!("x-api-key: {published}"), "origin: https://evil.example".to_owned()]),
            403,
            "origin_not_allowed",
        ),
        Case::refused(
            "a published key on a page whose name begins alike",
            lines(
                "POST",
                &search(),
                &[format!("x-api-key: {published}"), "origin: https://shop.example.evil.example".to_owned()],
            ),
            403,
            "origin_not_allowed",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_keys_are_answered_as_the_table_says() {
    let clock = Arc::new(TestClock::default());
    let mut builder = TestApp::builder().with_admin_key().clock(Arc::clone(&clock) as _);
    limit(&mut builder.config);
    let app = builder.start().await;
    with_pictures(&app).await;
    let make = async |rest: serde_json::Value| {
        let mut new = json!({"label": "a key"});
        new.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        app.make_key(new).await
    };
    let (revoked, id) = make(json!({"scope": "admin"})).await;
    assert!(app.delete(&format!("{LIST}/{id}")).send().await.expect("answer").status().is_success());
    let keys = Keys {
        admin: crate::support::app::ADMIN_KEY.to_owned(),
        read: make(json!({"scope": "read"})).await.0,
        search: make(json!({"scope": "search"})).await.0,
        published: make(json!({"scope": "search", "origins": ["https://shop.example"]})).await.0,
        elsewhere: make(json!({"scope": "write", "collections": ["default"]})).await.0,
        revoked,
        expired: make(json!({"scope": "admin", "expires_in_days": 1})).await.0,
    };
    clock.pass(Duration::from_secs(2 * 86_400));
    let before = ok(app.get(LIST)).await["keys"].as_array().map(Vec::len);
    withstands(&app, &cases(&keys)).await;
    assert_eq!(ok(app.get(LIST)).await["keys"].as_array().map(Vec::len), before, "nobody made a key");
}
