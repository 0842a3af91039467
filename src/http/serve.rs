//! Accepting connections, and ending them in order.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::options::HttpOptions;
use super::unread::UnreadTimeout;
use crate::telemetry::metric;

/// What hyper keeps of a connection's input, and so the longest head of a request; a URL has at
/// most 64 KiB.
const MAX_HEAD_BYTES: usize = 128 << 10;

/// Serves `router` on `listener` until `shutdown` is ready, then lets the requests under way end
/// within [`HttpOptions::shutdown_grace`]; what is not answered by then is cut off.
///
/// `axum::serve` bounds neither the number of connections nor the time that a client may take for
/// the head of a request or leave an answer unread, so a few slow clients could hold every file
/// descriptor; hence this loop over hyper. A failed accept is logged and tried again.
pub async fn serve(listener: TcpListener, router: Router, options: &HttpOptions, shutdown: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(options.max_connections));
    say_limit(options.max_connections);
    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut shutdown => break,
        };
        while open.try_join_next().is_some() {}
        let Some((stream, peer, permit)) = accepted else { continue };
        let times = Times { header: options.header_timeout, unread: options.body_timeout };
        open.spawn(connection(stream, peer, router.clone(), times, graceful.watcher(), permit));
    }
    drop(listener);
    if tokio::time::timeout(options.shutdown_grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            grace_ms = options.shutdown_grace.as_millis() as u64,
            "requests were still under way at the end of the shutdown"
        );
        open.shutdown().await;
    }
}

#[allow(clippy::cast_precision_loss)]
fn say_limit(connections: usize) {
    metrics::gauge!(metric::HTTP_CONNECTIONS_LIMIT).set(connections as f64);
}

/// Counts a connection as long as it is open.
struct Open {
    _permit: OwnedSemaphorePermit,
}

impl Open {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!(metric::HTTP_CONNECTIONS).increment(1);
        Self { _permit: permit }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(metric::HTTP_CONNECTIONS).decrement(1);
    }
}

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, Open)> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, Open::new(permit))),
        Err(error) => {
            tracing::error!(%error, "a connection could not be accepted");
            // Usually there is no file descriptor left; trying at once would spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// How long a client may take.
struct Times {
    header: Duration,
    /// For the next part of an answer.
    unread: Duration,
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, times: Times, watcher: Watcher, open: Open) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "TCP_NODELAY could not be set");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.header)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(UnreadTimeout::new(stream, times.unread)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, %peer, "the connection ended early");
    }
    drop(open);
}
