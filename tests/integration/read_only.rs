//! A database that can only be read, as a process finds it.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::program::{Program, Server};
use crate::support::pictures;

#[tokio::test]
async fn a_database_file_without_write_permission_is_served_and_not_written_to() {
    let program = Program::bound_by_permissions();
    let server = Server::start(&program);
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    std::fs::set_permissions(program.path("data/eyrie.db"), PermissionsExt::from_mode(0o444)).expect("may be changed");

    let server = Server::start(&program);
    let client = crate::support::client();
    let url = |path: &str| format!("http://{}{path}", server.address);
    let problem = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.expect("answers");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let (status, readiness) = problem(client.get(url("/readyz"))).await;
    assert_eq!(status, 503, "{readiness}");
    assert_eq!(readiness["store"], "read-only", "{readiness}");
    let upload = client.post(url("/v1/collections/default/images")).header("content-type", "image/png");
    let (status, refusal) = problem(upload.body(pictures::png(1))).await;
    assert_eq!((status, refusal["code"].as_str()), (503, Some("database_read_only")), "{refusal}");
    let listed = client.get(url("/v1/collections/default/images")).send().await.expect("answers");
    assert_eq!(listed.status(), 200, "reading goes on");
}
