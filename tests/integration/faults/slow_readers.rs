//! Clients that ask for much and read nothing of it, or next to nothing.

use std::time::{Duration, Instant};

use eyrie::store::KeepIn;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::app::{TestApp, images};
use crate::support::pictures;

/// More than what systems keep of an answer on both sides of a connection.
const MUCH: usize = 24 << 20;

/// How long an answer may be left unread.
const UNREAD: Duration = Duration::from_secs(2);

/// Long enough on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(12);

/// An app that has one connection for all clients, and one large original.
async fn app() -> TestApp {
    let mut builder = TestApp::builder();
    builder.config.server.http.max_connections = 1;
    builder.config.server.http.header_timeout = Duration::from_millis(100);
    builder.config.server.http.body_timeout = UNREAD;
    builder.config.server.http.max_upload_bytes = 2 * MUCH;
    builder.config.storage.originals.keep_in = KeepIn::Database;
    let app = builder.start().await;
    app.add("large", padded(MUCH), json!({})).await;
    app
}

/// A PNG with so many bytes behind its end.
fn padded(bytes: usize) -> Vec<u8> {
    let mut png = pictures::png(1);
    png.resize(png.len() + bytes, 0);
    png
}

/// Asks for a path and reads the first byte of the answer, of which this side keeps so much.
async fn begin(app: &TestApp, path: &str, buffer: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(buffer).expect("may be set");
    let mut stream = socket.connect(app.address).await.expect("connects");
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("writes");
    assert_eq!(stream.read_u8().await.expect("an answer"), b'H');
    stream
}

/// Another client gets its turn, on the one connection that there is.
async fn another_is_served(app: &TestApp) {
    let request = crate::support::client().get(format!("http://{}/livez", app.address)).send();
    let answer = timeout(SOON, request).await.expect("the slow one is gone").expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_of_an_answer_is_cut_off() {
    let app = app().await;
    let _slow = begin(&app, &images("/large/original"), 4096).await;
    another_is_served(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_byte_by_byte_is_cut_off() {
    let app = app().await;
    let mut slow = begin(&app, &images("/large/original"), 4096).await;
    let read = async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while slow.read_u8().await.is_ok() {
            pace.tick().await;
        }
    };
    tokio::select! {
        // What is on its way comes first.
        () = read => {}
        () = another_is_served(&app) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_again_and_again_and_reads_no_answer_is_cut_off() {
    let app = app().await;
    let mut slow = begin(&app, &images("/large/thumbnail"), 4096).await;
    let asked = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", images("/large/thumbnail")).repeat(100);
    let ask = async { while slow.write_all(asked.as_bytes()).await.is_ok() {} };
    timeout(SOON, ask).await.expect("cut off");
    another_is_served(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_at_its_own_pace_gets_all() {
    let app = app().await;
    let begun = Instant::now();
    let mut reader = begin(&app, &images("/large/original"), 128 << 10).await;
    let mut read = 1;
    let mut buffer = vec![0; 64 << 10];
    // It rests again and again, never for long.
    let mut pace = tokio::time::interval(Duration::from_millis(8));
    while read < MUCH {
        pace.tick().await;
        match reader.read(&mut buffer).await {
            Ok(length @ 1..) => read += length,
            end => panic!("{end:?} after {read} bytes"),
        }
    }
    assert!(begun.elapsed() > UNREAD, "it took no longer than it may rest: {:?}", begun.elapsed());
}
