//! More connections than the server takes.

use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::app::TestApp;

/// Long enough on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(12);

/// Asks on a connection that stays open, and reads the answer.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("writes");
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok") {
        assert!(stream.read_buf(&mut answer).await.expect("reads") > 0, "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_idle_connections_keeps_nobody_out_for_longer_than_a_head_may_take() {
    let mut builder = TestApp::builder();
    builder.config.server.http.max_connections = 20;
    builder.config.server.http.header_timeout = Duration::from_millis(500);
    let app = builder.start().await;
    let mut there = TcpStream::connect(app.address).await.expect("connects");
    ask(&mut there).await;
    let flood = join_all((0..100).map(|_| TcpStream::connect(app.address))).await;
    // Who has a connection is served at once, and who comes behind the flood when its turn is
    // there.
    ask(&mut there).await;
    let late = async {
        let mut late = TcpStream::connect(app.address).await.expect("connects");
        ask(&mut late).await;
    };
    timeout(SOON, late).await.expect("its turn comes");
    // Each of the flood is closed, also those that waited.
    for idle in flood {
        let end = timeout(SOON, idle.expect("connects").read_u8()).await.expect("closed");
        assert!(end.is_err(), "{end:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_idle_after_an_answer_is_closed() {
    let mut builder = TestApp::builder();
    builder.config.server.http.header_timeout = Duration::from_millis(200);
    let app = builder.start().await;
    let mut stream = TcpStream::connect(app.address).await.expect("connects");
    ask(&mut stream).await;
    let end = timeout(SOON, stream.read_u8()).await.expect("closed");
    assert!(end.is_err(), "{end:?}");
}
