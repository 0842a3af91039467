//! The bounded pool of threads that describe images.
//!
//! Each thread owns one extractor. At most `queue_length` images of each [`Lane`] wait beside those
//! that are being described; one more is refused at once ([`ServiceError::Overloaded`]), so that a
//! burst costs answers instead of memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use metrics::{counter, gauge, histogram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::ServiceError;
use super::caller::Caller;
use super::lanes::{Lane, Lanes, SEARCHES_IN_A_ROW};
use crate::telemetry::{Trace, metric};
use eyrie_vision::describe::{Extraction, Extractor, Request};
use eyrie_vision::picture::{PictureError, decoder_panics};

/// The longest time that an overloaded client is told to stay away.
const MAX_RETRY_SECONDS: u64 = 120;

/// Taken for the time per image until the first one is done.
const FIRST_GUESS: Duration = Duration::from_secs(1);

type Answer = Result<Extraction, PictureError>;

struct Job {
    /// The encoded image.
    bytes: Bytes,
    request: Request,
    answer: oneshot::Sender<Result<Answer, Displaced>>,
    when_full: WhenFull,
    /// Since when it waits.
    since: Instant,
    /// Where its stages are noted.
    trace: Trace,
    /// Held from admission until the job is done or dropped: this is what bounds the queue.
    room: OwnedSemaphorePermit,
}

/// The image of a caller who has many of them made room for that of one who has few.
struct Displaced;

struct Queue {
    jobs: Lanes<Job>,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    busy: AtomicUsize,
    /// Moving average of the time per image, in microseconds.
    mean_micros: AtomicU64,
}

impl Shared {
    // Nothing panics while it holds the lock, so a poisoned queue is still whole.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job that somebody still waits for; `None` once the pool is closed and the queue
    /// empty.
    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            while let Some(job) = queue.jobs.pop() {
                depth(&queue);
                if !job.answer.is_closed() {
                    return Some(job);
                }
                counter!(metric::EXTRACTIONS, "outcome" => "abandoned").increment(1);
            }
            if queue.closed {
                return None;
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn took(&self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        // Two workers that finish at once may lose one of the two samples, which an average can
        // bear.
        let mean = self.mean_micros.load(Ordering::Relaxed);
        self.mean_micros.store(mean - mean / 8 + micros / 8, Ordering::Relaxed);
    }
}

#[allow(clippy::cast_precision_loss)]
fn depth(queue: &Queue) {
    for lane in Lane::ALL {
        gauge!(metric::QUEUE_DEPTH, "lane" => lane.as_str()).set(queue.jobs.len(lane) as f64);
    }
}

/// What becomes of an image when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// It is refused.
    Refuse,
    /// Its sender waits for room.
    Wait,
}

/// The pool. Dropping it lets the threads end after the jobs that are queued.
pub(super) struct InferencePool {
    shared: Arc<Shared>,
    /// Of each lane.
    room: [Arc<Semaphore>; 2],
    threads: Mutex<Vec<JoinHandle<()>>>,
    workers: usize,
    queue_length: usize,
}

impl InferencePool {
    /// Starts one thread for each extractor.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] when there is no extractor, or when the system refuses a thread.
    pub(super) fn start(extractors: Vec<Box<dyn Extractor>>, queue_length: usize) -> Result<Self, ServiceError> {
        if extractors.is_empty() {
            return Err(ServiceError::Internal("no extractor was given".to_owned()));
        }
        let workers = extractors.len();
        let pool = Self {
            shared: Arc::new(Shared {
                queue: Mutex::new(Queue { jobs: Lanes::new(), closed: false }),
                filled: Condvar::new(),
                busy: AtomicUsize::new(0),
                mean_micros: AtomicU64::new(u64::try_from(FIRST_GUESS.as_micros()).unwrap_or(u64::MAX)),
            }),
            room: Lane::ALL.map(|_| Arc::new(Semaphore::new((queue_length + workers).min(Semaphore::MAX_PERMITS)))),
            threads: Mutex::new(Vec::with_capacity(workers)),
            workers,
            queue_length,
        };
        pool.say_size();
        for (number, extractor) in extractors.into_iter().enumerate() {
            let shared = Arc::clone(&pool.shared);
            // Where the system refuses a thread, dropping the pool ends those that were started.
            let thread = std::thread::Builder::new()
                .name(format!("extract-{number}"))
                .spawn(move || work(&shared, number, extractor))
                .map_err(|e| ServiceError::Internal(format!("no thread for a worker: {e}")))?;
            pool.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(pool)
    }

    #[allow(clippy::cast_precision_loss)]
    fn say_size(&self) {
        gauge!(metric::WORKERS).set(self.workers as f64);
        for lane in Lane::ALL {
            gauge!(metric::QUEUE_CAPACITY, "lane" => lane.as_str()).set(self.queue_length as f64);
            // Who looks for a rise of a counter would miss the first event otherwise.
            counter!(metric::EXTRACTIONS_OVERLOADED, "lane" => lane.as_str()).increment(0);
        }
    }

    /// Describes an image on one of the threads, for the current [`Caller`]. When the returned
    /// future is dropped before a thread took the image, it is not described at all.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] (with [`WhenFull::Refuse`]), [`ServiceError::Extract`],
    /// [`ServiceError::ShuttingDown`].
    pub(super) async fn describe(
        &self,
        bytes: Bytes,
        request: Request,
        lane: Lane,
        when_full: WhenFull,
    ) -> Result<Extraction, ServiceError> {
        let caller = Caller::current();
        let room = match when_full {
            WhenFull::Refuse => self.room_now(lane, caller)?,
            WhenFull::Wait => {
                let room = Arc::clone(&self.room[lane as usize]);
                room.acquire_owned().await.map_err(|_| ServiceError::ShuttingDown)?
            }
        };
        let (answer, receiver) = oneshot::channel();
        {
            let mut queue = self.shared.lock();
            if queue.closed {
                return Err(ServiceError::ShuttingDown);
            }
            let (since, trace) = (Instant::now(), Trace::current());
            queue.jobs.push(lane, caller, Job { bytes, request, answer, when_full, since, trace, room });
            depth(&queue);
        }
        self.shared.filled.notify_one();
        match receiver.await {
            Ok(Ok(answer)) => answer.map_err(ServiceError::Extract),
            Ok(Err(Displaced)) => Err(self.overloaded(lane)),
            Err(_) => Err(ServiceError::ShuttingDown),
        }
    }

    /// How many images one call may have here at a time: enough for every worker to have the next
    /// one at hand, and never more than half of the room.
    pub(super) fn share_of_one_call(&self) -> usize {
        ((self.workers + self.queue_length) / 2).clamp(1, self.workers + 1)
    }

    fn room_now(&self, lane: Lane, caller: Caller) -> Result<OwnedSemaphorePermit, ServiceError> {
        let room = &self.room[lane as usize];
        if let Ok(room) = Arc::clone(room).try_acquire_owned() {
            return Ok(room);
        }
        let displaced = {
            let mut queue = self.shared.lock();
            // Clients that went away must not keep those out that are here.
            let abandoned = queue.jobs.retain(|job| !job.answer.is_closed());
            counter!(metric::EXTRACTIONS, "outcome" => "abandoned").increment(abandoned as u64);
            depth(&queue);
            if let Ok(room) = Arc::clone(room).try_acquire_owned() {
                return Ok(room);
            }
            queue.jobs.displace(lane, caller, |job| job.when_full == WhenFull::Refuse)
        };
        let Some(Job { answer, room, .. }) = displaced else { return Err(self.overloaded(lane)) };
        // It may have gone meanwhile; then nobody wants the answer.
        drop(answer.send(Err(Displaced)));
        Ok(room)
    }

    /// The refusal of an image, counted.
    fn overloaded(&self, lane: Lane) -> ServiceError {
        counter!(metric::EXTRACTIONS_OVERLOADED, "lane" => lane.as_str()).increment(1);
        ServiceError::Overloaded { retry_after_seconds: self.retry_after_seconds(lane) }
    }

    /// When the images that are ahead of one more in a lane will be done, by the average so far.
    fn retry_after_seconds(&self, lane: Lane) -> u64 {
        let [searches, ingests] = {
            let queue = self.shared.lock();
            Lane::ALL.map(|lane| queue.jobs.len(lane))
        };
        let ahead = match lane {
            Lane::Search => searches + ingests.min(searches / SEARCHES_IN_A_ROW),
            Lane::Ingest => ingests + searches.min(ingests * SEARCHES_IN_A_ROW),
        };
        let ahead = (ahead + self.shared.busy.load(Ordering::Relaxed)) as u64;
        let micros = self.shared.mean_micros.load(Ordering::Relaxed).saturating_mul(ahead) / self.workers as u64;
        micros.div_ceil(1_000_000).clamp(1, MAX_RETRY_SECONDS)
    }

    /// Whether an image is being described or waits for that.
    pub(super) fn is_busy(&self) -> bool {
        self.shared.busy.load(Ordering::Relaxed) > 0 || !self.shared.lock().jobs.is_empty()
    }

    /// Images that wait for a thread in a lane.
    #[cfg(test)]
    pub(super) fn waiting(&self, lane: Lane) -> usize {
        self.shared.lock().jobs.len(lane)
    }

    fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
    }

    /// Takes no further image, and blocks until those that were queued are done and the threads
    /// have ended.
    pub(super) fn join(&self) {
        self.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread ended by a panic");
            }
        }
    }
}

impl Drop for InferencePool {
    fn drop(&mut self) {
        self.close();
    }
}

fn work(shared: &Shared, number: usize, mut extractor: Box<dyn Extractor>) {
    memory(number, &*extractor);
    while let Some(job) = shared.next() {
        busy(shared.busy.fetch_add(1, Ordering::Relaxed) + 1);
        let start = Instant::now();
        histogram!(metric::EXTRACTION_WAIT_SECONDS).record((start - job.since).as_secs_f64());
        let answer = describe(&mut *extractor, &job);
        let elapsed = start.elapsed();
        job.trace.stage("queue", &[], job.since, start);
        let profile = job.request.profile.as_str();
        let described = job.trace.stage("describe", &[("eyrie.profile", profile)], start, start + elapsed);
        memory(number, &*extractor);
        busy(shared.busy.fetch_sub(1, Ordering::Relaxed) - 1);
        let outcome = match &answer {
            Ok(extraction) => {
                steps(extraction, &described, start, start + elapsed);
                histogram!(metric::EXTRACTION_SECONDS, "profile" => profile).record(elapsed.as_secs_f64());
                shared.took(elapsed);
                "described"
            }
            Err(PictureError::Internal(reason)) => {
                let (profile, bytes) = (job.request.profile, job.bytes.len());
                tracing::error!(%reason, %profile, bytes, "an image could not be described");
                "failed"
            }
            Err(
                PictureError::Empty
                | PictureError::NotAnImage
                | PictureError::UnsupportedFormat(_)
                | PictureError::UnsupportedKind(_)
                | PictureError::Truncated
                | PictureError::Corrupt(_)
                | PictureError::TooManyPixels { .. }
                | PictureError::TooMuchMemory { .. }
                | PictureError::ZeroSized { .. }
                | PictureError::AspectRatio { .. }
                | PictureError::RegionTooSmall { .. },
            ) => "refused",
        };
        counter!(metric::EXTRACTIONS, "outcome" => outcome).increment(1);
        counter!(metric::DECODER_PANICS).absolute(decoder_panics());
        let Job { answer: sender, room, .. } = job;
        // The room is free again before the answer is out, so that a client that sends one image
        // after the other is never refused for its own previous one.
        drop(room);
        // The requester may have gone meanwhile; then nobody wants the answer.
        drop(sender.send(Ok(answer)));
    }
}

/// Runs the extractor and turns a panic into an error of this one image.
///
/// Unwind safety: what an extractor keeps between two calls is the model, which is never written,
/// and scratch memory that every call fills from the start. A call that was cut short leaves
/// nothing that a later one reads.
fn describe(extractor: &mut dyn Extractor, job: &Job) -> Answer {
    let described = catch_unwind(AssertUnwindSafe(|| extractor.extract(&job.bytes, job.request)));
    described.unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no reason given".to_owned());
        Err(PictureError::Internal(format!("the extractor panicked: {reason}")))
    })
}

#[allow(clippy::cast_precision_loss)]
fn memory(worker: usize, extractor: &dyn Extractor) {
    gauge!(metric::WORKER_MEMORY_BYTES, "worker" => worker.to_string()).set(extractor.memory_bytes() as f64);
}

/// Where the time of an extraction went. What comes behind decoding runs side by side.
fn steps(extraction: &Extraction, described: &Trace, start: Instant, end: Instant) {
    let Extraction { decode_time, network_time, features_time, .. } = extraction;
    // A worker process that a picture took over can name any time.
    let after = |begin: Instant, time: Duration| begin.checked_add(time).map_or(end, |at| at.min(end));
    let decoded = after(start, *decode_time);
    let mut steps = vec![("decode", start, decode_time), ("network", decoded, network_time)];
    if extraction.features.is_some() {
        steps.push(("features", decoded, features_time));
    }
    for (step, from, time) in steps {
        histogram!(metric::EXTRACTION_STEP_SECONDS, "step" => step).record(time.as_secs_f64());
        described.stage(step, &[], from, after(from, *time));
    }
}

#[allow(clippy::cast_precision_loss)]
fn busy(workers: usize) {
    gauge!(metric::WORKERS_BUSY).set(workers as f64);
}
