//! Taking bodies in: whole, under a limit, within a deadline, and not too many at once.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::header;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::deadline::RequestClock;
use super::error::{ApiError, Code};

/// How much of a refused body is still read, so that the client gets to read the answer instead of
/// a reset connection.
const DISCARD_BYTES: usize = 64 << 20;
/// For how long.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Reads bodies and bounds how many are in memory.
pub(crate) struct Intake {
    permits: Arc<Semaphore>,
    timeout: Duration,
}

/// The right to have one upload in memory. It is given back when the last of the bytes made by
/// [`Permit::over`] is dropped, wherever they went: through hashing, the queue, the database.
/// Clones are the same permit, for the images of one body.
#[derive(Clone)]
pub(crate) struct Permit {
    _held: Arc<OwnedSemaphorePermit>,
}

struct Permitted {
    bytes: Bytes,
    _permit: Permit,
}

impl AsRef<[u8]> for Permitted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Permit {
    /// The same bytes, with the permit in them.
    pub(crate) fn over(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Permitted { bytes, _permit: self })
    }
}

impl Intake {
    /// At most `bodies` at a time, each there within `timeout`.
    pub(crate) fn new(bodies: usize, timeout: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(bodies)), timeout }
    }

    /// Reads a body of at most `limit` bytes. The clock of the request stands still meanwhile.
    pub(crate) async fn read(&self, head: &Parts, body: Body, limit: usize) -> Result<(Bytes, Permit), ApiError> {
        let _stopped = head.extensions.get::<RequestClock>().map(RequestClock::stop_for_body);
        let mut stream = body.into_data_stream();
        let stated = head.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if stated.is_some_and(|length| length > limit as u64) {
            discard(stream).await;
            return Err(too_large(limit));
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            discard(stream).await;
            return Err(ApiError::overloaded("too many uploads at the moment; try again in 1 s", 1));
        };
        match tokio::time::timeout(self.timeout, collect(&mut stream, limit)).await {
            Ok(Ok(bytes)) => Ok((bytes, Permit { _held: Arc::new(permit) })),
            Ok(Err(Failure::TooLarge)) => {
                drop(permit);
                discard(stream).await;
                Err(too_large(limit))
            }
            Ok(Err(Failure::Broken(error))) => {
                Err(ApiError::new(Code::IncompleteBody, "the body ended before it was complete").logging(error))
            }
            Err(_) => Err(ApiError::new(
                Code::BodyTimeout,
                format!("the body was not complete after {} s", self.timeout.as_secs_f64()),
            )),
        }
    }
}

enum Failure {
    TooLarge,
    Broken(String),
}

async fn collect(stream: &mut BodyDataStream, limit: usize) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Failure::Broken(error.to_string()))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Failure::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

async fn discard(mut stream: BodyDataStream) {
    let drain = async {
        let mut left = DISCARD_BYTES;
        while let Some(Ok(chunk)) = stream.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whether everything was drained or the time is over makes no difference to the answer.
    let _ = tokio::time::timeout(DISCARD_TIME, drain).await;
}

/// The failure of a body or image over its limit.
pub(crate) fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::UploadTooLarge, format!("at most {limit} bytes are accepted"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn the_permit_comes_back_with_the_last_clone_of_the_bytes() {
        let intake = Intake::new(1, Duration::from_secs(60));
        let (head, ()) = Request::new(()).into_parts();
        let read = || intake.read(&head, Body::from("image"), 100);
        let (bytes, permit) = read().await.expect("read");
        let image = permit.over(bytes);
        let in_the_queue = image.slice(1..3);
        drop(image);
        assert_eq!(read().await.err().map(|error| error.code()), Some(Code::Overloaded));
        drop(in_the_queue);
        assert!(read().await.is_ok());
    }
}
