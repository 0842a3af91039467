//! Paths and queries that lead somewhere else.

use super::{Answer, Case, get, server, withstands};
use crate::support::app::images;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in [
        "/../../../../etc/passwd",
        "/assets/../../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%5c..%5cwin.ini",
        "/assets/app.js%00.png",
        "/assets/app.js/",
        "/docs/..%2fmod.rs",
        "/docs/%252e%252e%252fmod.rs",
        "//livez",
        "/livez/..;/metrics",
        "/livez;a=b",
        "/LIVEZ",
        "/livez%20",
        "/.git/config",
        "/.env",
        "/v1/collections/pictures/../../keys",
        "/v1/collections/pictures/images/p1/thumbnail/..%2f..",
    ] {
        cases.push(Case::refused(format!("`{target}`"), get(target), 404, "route_not_found"));
    }
    for name in
        ["..", "%2e%2e", "..%2f..%2fetc", "pictures%2fimages", "pictures%00", "PICTURES", "pictures%20", "%25", "*"]
    {
        let target = format!("/v1/collections/{name}");
        cases.push(Case::refused(format!("`{target}`"), get(&target), 400, "invalid_collection_name"));
    }
    for id in ["%2e%2e", "..%2fp2", "p1%2fthumbnail", "p1%00", "p1%0a", "C:%5cp1", "%F0%9F%92%A9", "%25p1"] {
        let target = images(&format!("/{id}"));
        cases.push(Case::refused(format!("`{target}`"), get(&target), 400, "invalid_image_id"));
    }
    for bytes in ["%ff", "%c0%af", "%ed%a0%80"] {
        let target = images(&format!("/{bytes}"));
        cases.push(Case::refused(format!("`{target}`"), get(&target), 400, "invalid_path"));
    }
    let long = |length: usize| "a".repeat(length);
    cases.extend([
        Case::refused(
            "a collection's name of 60 000 characters",
            get(&format!("/v1/collections/{}", long(60_000))),
            400,
            "invalid_collection_name",
        ),
        Case::refused(
            "an image's id of 60 000 characters",
            get(&images(&format!("/{}", long(60_000)))),
            400,
            "invalid_image_id",
        ),
        Case::refused("30 000 slashes", get(&"/".repeat(30_000)), 404, "route_not_found"),
        Case::refused("a broken percent sign", get(&images("/%zz")), 400, "invalid_image_id"),
        Case::refused("5 000 parameters", get(&images(&format!("?{}", "a=1&".repeat(5_000)))), 400, "unknown_field"),
        Case::refused("a parameter twice", get(&images("?limit=1&limit=2")), 400, "duplicate_field"),
        Case::refused("a parameter with brackets", get(&images("?limit[]=1")), 400, "unknown_field"),
        Case::refused("a parameter that is not UTF-8", get(&images("?cursor=%ff")), 400, "invalid_utf8"),
        Case::refused("a parameter's name that is not UTF-8", get(&images("?%ff=1")), 400, "invalid_utf8"),
        Case::refused("a limit of -1", get(&images("?limit=-1")), 400, "out_of_range"),
        Case::refused("a limit of 2^64", get(&images("?limit=18446744073709551616")), 400, "out_of_range"),
        Case::refused("a limit in Arabic digits", get(&images("?limit=%D9%A1")), 400, "invalid_request"),
        Case::refused("a limit with a NUL", get(&images("?limit=1%00")), 400, "invalid_request"),
        Case::refused("a cursor that leads out", get(&images("?cursor=2e2e2f2e2e")), 400, "invalid_cursor"),
        Case::refused(
            "a cursor of 40 000 digits",
            get(&images(&format!("?cursor={}", "61".repeat(20_000)))),
            400,
            "invalid_cursor",
        ),
        Case::new("a question mark alone", get("/livez?"), Answer::Fine(200)),
    ]);
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_paths_are_answered_as_the_table_says() {
    withstands(&server().await, &cases()).await;
}
