//! The time that a client may leave an answer unread.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A stream that fails when its other end takes nothing for so long, though there is something to
/// take. A client that reads nothing, or next to nothing, would keep its connection and what is
/// left of the answer for ever.
pub(super) struct UnreadTimeout<S> {
    stream: S,
    limit: Duration,
    /// Runs while nothing more fits.
    late: Option<Pin<Box<Sleep>>>,
}

impl<S> UnreadTimeout<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, late: None }
    }

    /// What became of a write, or that the time for it is over.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.late = None;
            return written;
        }
        let limit = self.limit;
        let late = self.late.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        ready!(late.as_mut().poll(cx));
        let reason = format!("the client took nothing of the answer for {} s", limit.as_secs_f64());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, reason)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for UnreadTimeout<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for UnreadTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_write_fails_when_nothing_is_taken_for_so_long() {
        let (near, _far) = duplex(10);
        let limit = Duration::from_millis(50);
        let mut stream = UnreadTimeout::new(near, limit);
        let begun = Instant::now();
        let error = stream.write_all(&[0; 11]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= limit, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn the_time_begins_anew_with_whatever_is_taken() {
        let (near, mut far) = duplex(10);
        let mut stream = UnreadTimeout::new(near, Duration::from_secs(3600));
        stream.write_all(&[0; 10]).await.expect("fits");
        let mut write = Box::pin(stream.write_all(&[0; 1]));
        assert!(futures::poll!(&mut write).is_pending());
        far.read_u8().await.expect("a byte");
        write.await.expect("fits again");
        assert!(stream.late.is_none());
    }
}
