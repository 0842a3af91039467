//! JSON that is deep, huge, double, no JSON, or full of numbers that are none.

use serde_json::json;

use super::{Case, post, server, withstands};
use crate::support::app::{images, search};

const JSON: &str = "application/json";

fn searching(name: &str, body: impl AsRef<[u8]>, status: u16, code: &'static str) -> Case {
    Case::refused(name, post(&search(), JSON, body.as_ref()), status, code)
}

/// A search by an id whose other member is this.
fn with(name: &str, member: &str, status: u16, code: &'static str) -> Case {
    searching(name, format!("{{\"id\": \"p1\", {member}}}"), status, code)
}

fn filtered(name: &str, filter: &serde_json::Value) -> Case {
    with(name, &format!("\"filter\": {filter}"), 400, "invalid_filter")
}

pub(super) fn cases() -> Vec<Case> {
    let deep = |open: &str, close: &str, levels: usize| open.repeat(levels) + "1" + &close.repeat(levels);
    let leaf = json!({"field": "a", "eq": 1});
    let nots = (0..9).fold(leaf.clone(), |inner, _| json!({"not": inner}));
    let utf16: Vec<u8> = "{\"id\": \"p1\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bom = [b"\xef\xbb\xbf".as_slice(), b"{\"id\": \"p1\"}"].concat();
    let patch = |body: &str| {
        super::request(
            "PATCH",
            &images("/p1"),
            &[b"content-type: application/merge-patch+json"],
            format!("{{\"metadata\": {body}}}").as_bytes(),
        )
    };
    vec![
        searching("100 000 open lists", "[".repeat(100_000), 400, "invalid_request"),
        searching("lists 50 000 deep as a body", deep("[", "]", 50_000), 400, "invalid_request"),
        searching("objects 50 000 deep", deep("{\"a\":", "}", 50_000), 400, "unknown_field"),
        with(
            "a filter 10 000 levels deep",
            &format!("\"filter\": {}", deep("{\"not\":", "}", 10_000)),
            400,
            "invalid_filter",
        ),
        with(
            "a descriptor of lists 10 000 deep",
            &format!("\"descriptor\": {}", deep("[", "]", 10_000)),
            400,
            "invalid_descriptor",
        ),
        filtered("a filter with nine `not` around", &nots),
        filtered("a filter with 65 conditions", &json!({"any": vec![leaf.clone(); 65]})),
        filtered("a filter with 257 values", &json!({"field": "a", "in": vec![1; 257]})),
        filtered("a filter with SQL for an operator", &json!({"field": "a", "eq 1; --": 1})),
        filtered("a filter on no key", &json!({"field": "..", "eq": 1})),
        filtered("a filter that is `__proto__`", &json!({"__proto__": {"field": "a", "eq": 1}})),
        searching("an empty body", "", 400, "invalid_json"),
        searching("half an object", "{\"id\": \"p1\"", 400, "invalid_json"),
        searching("two objects", "{\"id\": \"p1\"}{\"id\": \"p2\"}", 400, "invalid_json"),
        searching("a comment", "{\"id\": \"p1\" /* ? */}", 400, "invalid_json"),
        searching("a comma too much", "{\"id\": \"p1\",}", 400, "invalid_json"),
        searching("single quotes", "{'id': 'p1'}", 400, "invalid_json"),
        searching("a NUL behind the object", "{\"id\": \"p1\"}\0", 400, "invalid_json"),
        searching("a byte order mark", bom, 400, "invalid_json"),
        searching("UTF-16", utf16, 400, "invalid_json"),
        searching("bytes that are not UTF-8", b"{\"id\": \"\xff\xfe\"}", 400, "invalid_utf8"),
        searching("a slash in overlong UTF-8", b"{\"id\": \"\xc0\xaf\"}", 400, "invalid_utf8"),
        searching("a surrogate in UTF-8", b"{\"id\": \"\xed\xa0\x80\"}", 400, "invalid_utf8"),
        searching("half a surrogate pair", "{\"id\": \"\\ud800\"}", 400, "invalid_json"),
        searching("an id twice", "{\"id\": \"p1\", \"id\": \"p2\"}", 400, "duplicate_field"),
        searching("an id twice, once with an escape", "{\"id\": \"p1\", \"\\u0069d\": \"p2\"}", 400, "duplicate_field"),
        searching("a list for an object", "[{\"id\": \"p1\"}]", 400, "invalid_request"),
        searching("`null`", "null", 400, "invalid_request"),
        searching("`NaN`", "NaN", 400, "invalid_json"),
        with("`__proto__` as a field", "\"__proto__\": {\"admin\": true}", 400, "unknown_field"),
        with("`k` of -1", "\"k\": -1", 400, "out_of_range"),
        with("`k` of 0", "\"k\": 0", 400, "out_of_range"),
        with("`k` of 2^64", "\"k\": 18446744073709551616", 400, "out_of_range"),
        with("`k` of 1e999", "\"k\": 1e999", 400, "out_of_range"),
        with("`k` with 50 000 digits", &format!("\"k\": {}", "9".repeat(50_000)), 400, "out_of_range"),
        with("`k` as a text", "\"k\": \"1 OR 1=1\"", 400, "invalid_request"),
        with("`k` as a list", "\"k\": [1]", 400, "invalid_request"),
        with("`offset` of 2^63", "\"offset\": 9223372036854775808", 400, "out_of_range"),
        with("`min_score` of `Infinity`", "\"min_score\": Infinity", 400, "invalid_json"),
        searching("a descriptor of one number", "{\"descriptor\": [1]}", 400, "descriptor_length"),
        searching(
            "a descriptor of 200 000 numbers",
            format!("{{\"descriptor\": [{}1]}}", "1,".repeat(199_999)),
            400,
            "descriptor_length",
        ),
        searching("a descriptor of texts", "{\"descriptor\": [\"1\", \"2\"]}", 400, "invalid_descriptor"),
        searching("a descriptor with 1e999", "{\"descriptor\": [1e999]}", 400, "descriptor_not_finite"),
        searching("an image that is no base64", "{\"image\": \"../../etc/passwd\"}", 400, "invalid_base64"),
        searching("an image with an address", "{\"image\": \"http://169.254.169.254/\"}", 400, "invalid_base64"),
        searching("an image with a file's address", "{\"image\": \"file:///etc/passwd\"}", 400, "invalid_base64"),
        searching("a text of 4 MiB", format!("{{\"id\": \"{}\"}}", "x".repeat(4 << 20)), 413, "upload_too_large"),
        Case::refused("metadata 5 000 levels deep", patch(&deep("{\"a\":", "}", 5_000)), 422, "metadata_too_deep"),
        Case::refused("metadata with a NUL", patch("{\"a\": \"\\u0000\"}"), 400, "invalid_metadata"),
        Case::refused("metadata with a NUL in a key", patch("{\"\\u0000\": 1}"), 400, "invalid_metadata"),
        Case::refused("metadata with a huge number", patch("{\"a\": 1e999}"), 400, "out_of_range"),
        Case::refused(
            "metadata with 20 000 keys",
            patch(&format!("{{{}\"z\": 1}}", (0..20_000).map(|n| format!("\"k{n}\":1,")).collect::<String>())),
            422,
            "metadata_too_large",
        ),
        Case::refused(
            "a batch of 10 000 searches",
            post(
                &format!("{}:batch", search()),
                JSON,
                format!("{{\"searches\": [{}{{\"id\": \"p1\"}}]}}", "{\"id\": \"p1\"},".repeat(9_999)).as_bytes(),
            ),
            400,
            "out_of_range",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_json_is_answered_as_the_table_says() {
    withstands(&server().await, &cases()).await;
}
