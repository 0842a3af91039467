//! Requests byte by byte, also such as no client would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a server answers to these bytes until it closes the connection; nothing, where it only
/// closes. With `cut` the client says behind them that no more will come.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8], cut: bool) -> Vec<u8> {
    let (mut reading, mut writing) = TcpStream::connect(address).await.expect("connects").into_split();
    let write = async {
        // A server that has answered need not read the rest.
        let written = writing.write_all(bytes).await;
        if cut && written.is_ok() {
            let _gone = writing.shutdown().await;
        }
        // Kept, since to drop it ends the sending.
        writing
    };
    let read = async {
        let mut answer = Vec::new();
        // A reset is an end as well.
        while reading.read_buf(&mut answer).await.is_ok_and(|length| length > 0) {}
        answer
    };
    let (_writing, answer) = tokio::join!(write, read);
    answer
}
