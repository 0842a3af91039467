//! Taking bodies in: whole, under a limit, within a deadline, and neither too many nor too much at
//! once.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::header;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use memchr::memchr;
use metrics::counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::deadline::{RequestClock, StoppedClock};
use super::error::{ApiError, Code};
pub(crate) use super::slow_bodies::Kind;
use super::slow_bodies::{Arriving, Place};
use crate::telemetry::metric;

/// How much of a refused body is still read, so that the client gets to read the answer instead of
/// a reset connection.
const DISCARD_BYTES: usize = 64 << 20;
/// For how long.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// While it is read, a body takes up to this many times its length: a buffer that grows is copied.
pub const WHILE_READ: usize = 2;

/// What memory is counted in.
const UNIT: usize = 1024;
/// Why a body is turned away, as a label of the metric.
const REASONS: [&str; 2] = ["uploads", "memory"];

/// Reads bodies and bounds how many are in memory, and how much they take.
pub(crate) struct Intake {
    permits: Arc<Semaphore>,
    /// Of the memory for bodies, one permit for each [`UNIT`]; `None` where it has no bound.
    memory: Option<Arc<Semaphore>>,
    timeout: Duration,
    arriving: Arriving,
}

/// The right to have one upload in memory. It is given back when the last of the bytes made by
/// [`Permit::over`] is dropped, wherever they went: through hashing, the queue, the database.
/// Clones are the same permit, for the images of one body.
#[derive(Clone)]
pub(crate) struct Permit {
    _held: Arc<Held>,
}

struct Held {
    _body: OwnedSemaphorePermit,
    memory: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Gives back what is more than `bytes` take.
    fn shrink_to(&mut self, bytes: usize) {
        if let Some(memory) = &mut self.memory {
            drop(memory.split(memory.num_permits().saturating_sub(bytes.div_ceil(UNIT))));
        }
    }
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
    /// At most `bodies` at a time, each there within `timeout`, and not more than `memory` bytes of
    /// them where that is bounded.
    pub(crate) fn new(bodies: usize, timeout: Duration, memory: Option<usize>) -> Self {
        for reason in REASONS {
            counter!(metric::UPLOADS_REFUSED, "reason" => reason).increment(0);
        }
        let memory = memory.map(|bytes| Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))));
        Self { permits: Arc::new(Semaphore::new(bodies)), memory, timeout, arriving: Arriving::default() }
    }

    /// Room for one more body of up to `length` bytes. Where there is none, one that comes slowly
    /// makes it.
    async fn admit(&self, length: usize) -> Result<Held, ApiError> {
        let mut room = self.room(length);
        if room.is_err() && self.arriving.displace(None).await {
            room = self.room(length);
        }
        room.map_err(|(reason, detail)| {
            counter!(metric::UPLOADS_REFUSED, "reason" => reason).increment(1);
            ApiError::overloaded(format!("{detail}; try again in 1 s"), 1)
        })
    }

    /// The same where there is room now; else why not.
    fn room(&self, length: usize) -> Result<Held, (&'static str, &'static str)> {
        let Ok(body) = Arc::clone(&self.permits).try_acquire_owned() else {
            return Err(("uploads", "too many uploads at the moment"));
        };
        let Some(memory) = &self.memory else { return Ok(Held { _body: body, memory: None }) };
        let units = u32::try_from(length.saturating_mul(WHILE_READ).div_ceil(UNIT)).unwrap_or(u32::MAX);
        match Arc::clone(memory).try_acquire_many_owned(units) {
            Ok(memory) => Ok(Held { _body: body, memory: Some(memory) }),
            Err(_) => Err(("memory", "the memory for uploads is in use at the moment")),
        }
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
        let length = stated.map_or(limit, |length| length as usize);
        let place = match self.admit(length).await {
            Ok(held) => self.arriving.begin(Kind::Read, held),
            Err(refusal) => {
                discard(stream).await;
                return Err(refusal);
            }
        };
        let read = tokio::select! {
            biased;
            read = tokio::time::timeout(self.timeout, collect(&mut stream, limit, &place)) => read,
            () = place.is_wanted() => {
                drop(place);
                return Err(came_slowly());
            }
        };
        match read {
            Ok(Ok(bytes)) => {
                let Some(mut held) = place.whole() else {
                    return Err(ApiError::internal("a body without its place".to_owned()));
                };
                held.shrink_to(bytes.len());
                Ok((bytes, Permit { _held: Arc::new(held) }))
            }
            Ok(Err(Failure::TooLarge)) => {
                drop(place);
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

impl Intake {
    /// A body of any length, as long as each chunk of it arrives in time; no more than `limit` bytes
    /// of it are in memory. The clock of the request stands still until this is dropped. One that
    /// comes slowly gives its place up to a body that finds none.
    pub(crate) async fn chunks(&self, head: &Parts, body: Body, limit: usize, kind: Kind) -> Result<Chunks, ApiError> {
        let stopped = head.extensions.get::<RequestClock>().map(RequestClock::stop_for_body);
        let stream = body.into_data_stream();
        let held = match self.admit(limit).await {
            Ok(held) => held,
            Err(refusal) => {
                discard(stream).await;
                return Err(refusal);
            }
        };
        let place = Some(self.arriving.begin(kind, held));
        Ok(Chunks { stream, timeout: self.timeout, place, _stopped: stopped })
    }

    /// Has the slowest of the bodies that are kept in files give its place up to another one;
    /// whether there was one.
    pub(crate) async fn displace_kept(&self) -> bool {
        self.arriving.displace(Some(Kind::Kept)).await
    }

    /// A body as lines of at most `limit` bytes each, of which no more than one is in memory.
    pub(crate) async fn lines(&self, head: &Parts, body: Body, limit: usize) -> Result<Lines, ApiError> {
        let chunks = self.chunks(head, body, limit, Kind::Read).await?;
        Ok(Lines { chunks, read: BytesMut::new(), without_end: 0, ended: false, limit })
    }
}

/// The chunks of a body.
pub(crate) struct Chunks {
    stream: BodyDataStream,
    timeout: Duration,
    /// Of a body that nothing more is wanted of there is none.
    place: Option<Place<Held>>,
    _stopped: Option<StoppedClock>,
}

impl Chunks {
    /// The next chunk; `None` behind the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Some(place) = &self.place else { return Err(came_slowly()) };
        place.begin_waiting();
        let next = tokio::select! {
            biased;
            next = tokio::time::timeout(self.timeout, self.stream.next()) => next,
            () = place.is_wanted() => return Err(came_slowly()),
        };
        place.end_waiting();
        match next {
            Ok(Some(Ok(chunk))) => {
                place.came(chunk.len());
                Ok(Some(chunk))
            }
            Ok(Some(Err(error))) => {
                let detail = "the body ended before it was complete";
                Err(ApiError::new(Code::IncompleteBody, detail).logging(error.to_string()))
            }
            Ok(None) => Ok(None),
            Err(_) => {
                let detail = format!("nothing of the body came for {} s", self.timeout.as_secs_f64());
                Err(ApiError::new(Code::BodyTimeout, detail))
            }
        }
    }

    /// Gives its place up, and reads some of the rest, so that the client gets to read the answer.
    pub(crate) async fn discard(&mut self) {
        self.place = None;
        discard(&mut self.stream).await;
    }
}

/// The lines of a body.
pub(crate) struct Lines {
    chunks: Chunks,
    /// What was read and is not given out.
    read: BytesMut,
    /// How much of that is known to have no end of a line.
    without_end: usize,
    ended: bool,
    limit: usize,
}

impl Lines {
    /// The next line without its end; `None` behind the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(at) = memchr(b'\n', &self.read[self.without_end..]) {
                let length = self.without_end + at;
                self.without_end = 0;
                let mut line = self.read.split_to(length + 1);
                line.truncate(length);
                return if length > self.limit { Err(too_large(self.limit)) } else { Ok(Some(line.freeze())) };
            }
            self.without_end = self.read.len();
            if self.without_end > self.limit {
                return Err(too_large(self.limit));
            }
            if self.ended {
                let rest = std::mem::take(&mut self.read);
                self.without_end = 0;
                return Ok((!rest.is_empty()).then(|| rest.freeze()));
            }
            match self.chunks.next().await? {
                Some(chunk) => self.read.extend_from_slice(&chunk),
                None => self.ended = true,
            }
        }
    }

    /// As [`Chunks::discard`].
    pub(crate) async fn discard(mut self) {
        self.chunks.discard().await;
    }
}

enum Failure {
    TooLarge,
    Broken(String),
}

async fn collect<T>(stream: &mut BodyDataStream, limit: usize, place: &Place<T>) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Failure::Broken(error.to_string()))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Failure::TooLarge);
        }
        place.came(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

async fn discard(mut stream: impl Stream<Item = Result<Bytes, axum::Error>> + Unpin) {
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

/// The failure of a body whose place another one got.
fn came_slowly() -> ApiError {
    let detail = "too many uploads at the moment, and this one came slowly; try again in 1 s";
    ApiError::overloaded(detail.to_owned(), 1)
}

/// The failure of a body or image over its limit.
pub(crate) fn too_large(limit: impl std::fmt::Display) -> ApiError {
    ApiError::new(Code::UploadTooLarge, format!("at most {limit} bytes are accepted"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_whatever_parts_the_body_has() {
        let intake = Intake::new(1, Duration::from_secs(60), None);
        let (head, ()) = Request::new(()).into_parts();
        let parts = ["a", "b\n\nc", "d", "\nlast"].map(Ok::<_, std::convert::Infallible>);
        let body = Body::from_stream(futures::stream::iter(parts));
        let mut lines = intake.lines(&head, body, 4).await.expect("a permit");
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.expect("short lines") {
            read.push(String::from_utf8_lossy(&line).into_owned());
        }
        assert_eq!(read, ["ab", "", "cd", "last"]);
        drop(lines);
        for long in ["12345\n", "1234567"] {
            let mut lines = intake.lines(&head, Body::from(long), 4).await.expect("a permit");
            assert_eq!(lines.next().await.err().map(|error| error.code()), Some(Code::UploadTooLarge), "{long}");
        }
    }

    #[tokio::test]
    async fn the_permit_comes_back_with_the_last_clone_of_the_bytes() {
        let intake = Intake::new(1, Duration::from_secs(60), None);
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

    #[tokio::test]
    async fn bodies_that_bring_nothing_keep_nobody_out() {
        let arriving = Arriving::new(Duration::ZERO);
        let intake = Intake { arriving, ..Intake::new(2, Duration::from_secs(600), None) };
        let (head, ()) = Request::new(()).into_parts();
        let (first, second) = (futures::channel::oneshot::channel(), futures::channel::oneshot::channel());
        let slow = |last: futures::channel::oneshot::Receiver<&'static str>| {
            intake.read(&head, Body::from_stream(futures::stream::once(last)), 100)
        };
        let others = async {
            // One place is enough for all that come and go.
            for _ in 0..5 {
                assert!(intake.read(&head, Body::from("image"), 100).await.is_ok());
            }
            [first.0, second.0].map(|sender| sender.send("end").is_ok())
        };
        let (first, second, reached) = tokio::join!(slow(first.1), slow(second.1), others);
        let read = [first, second].map(|read| read.map(|(bytes, _)| bytes).map_err(|error| error.code()));
        let is_overloaded = |read: &Result<Bytes, Code>| matches!(read, Err(Code::Overloaded));
        assert_eq!(read.iter().filter(|read| is_overloaded(read)).count(), 1);
        assert_eq!(read.iter().filter(|read| read.as_ref().is_ok_and(|bytes| bytes == "end")).count(), 1);
        assert_eq!(reached.iter().filter(|reached| **reached).count(), 1);
    }

    #[tokio::test]
    async fn a_body_of_lines_that_bring_nothing_keeps_nobody_out_either() {
        let arriving = Arriving::new(Duration::ZERO);
        let intake = Intake { arriving, ..Intake::new(1, Duration::from_secs(600), None) };
        let (head, ()) = Request::new(()).into_parts();
        let (sender, last) = futures::channel::oneshot::channel::<Result<&'static str, std::convert::Infallible>>();
        let lines = futures::stream::once(async { Ok("first\n") });
        let rest = futures::stream::once(async { last.await.unwrap_or(Ok("")) });
        let mut lines = intake.lines(&head, Body::from_stream(lines.chain(rest)), 100).await.expect("a place");
        assert_eq!(lines.next().await.ok().flatten().as_deref(), Some(&b"first"[..]));
        let imports = async {
            let code = lines.next().await.err().map(|error| error.code());
            // It ends its body when it has been told so.
            drop(sender);
            lines.discard().await;
            code
        };
        let (displaced, other) = tokio::join!(imports, intake.read(&head, Body::from("image"), 100));
        assert_eq!(displaced, Some(Code::Overloaded));
        assert!(other.is_ok());
    }

    #[tokio::test]
    async fn bodies_share_the_memory_that_there_is_for_them() {
        let intake = Intake::new(100, Duration::from_secs(60), Some(64 << 10));
        let read = |length: usize| {
            let stated = Request::builder().header(header::CONTENT_LENGTH, length).body(()).expect("a request");
            let (head, ()) = stated.into_parts();
            let intake = &intake;
            async move { intake.read(&head, Body::from(vec![0; length]), 1 << 20).await }
        };
        let code = |read: Result<(Bytes, Permit), ApiError>| read.err().map(|error| error.code());
        assert_eq!(code(read(40 << 10).await), Some(Code::Overloaded), "it is copied while it is read");
        let (bytes, permit) = read(32 << 10).await.expect("room");
        let first = permit.over(bytes);
        // Read, it takes half of that.
        let (bytes, permit) = read(16 << 10).await.expect("room");
        let second = permit.over(bytes);
        assert_eq!(code(read(16 << 10).await), Some(Code::Overloaded));
        drop((first, second));
        assert!(read(32 << 10).await.is_ok());
    }
}
