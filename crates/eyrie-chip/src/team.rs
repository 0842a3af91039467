//! The threads of a pass.

use std::fmt;

use rayon::ThreadPool;

/// Threads that share the rows of each layer. Several arenas may use one team at the same time:
/// then its threads are divided among their passes, and there are never more of them than the team
/// has.
pub struct Team {
    /// `None` for one thread: everything then runs on the caller's own.
    pool: Option<ThreadPool>,
}

/// The system refuses threads.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads for the chip: {reason}")]
pub struct TeamError {
    threads: usize,
    reason: String,
}

impl Team {
    /// The caller's own thread.
    pub const ALONE: Self = Self { pool: None };

    /// `threads` of them; 0 and 1 are the caller's own.
    ///
    /// # Errors
    /// [`TeamError`] when the system refuses a thread.
    pub fn new(threads: usize) -> Result<Self, TeamError> {
        if threads <= 1 {
            return Ok(Self::ALONE);
        }
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("chip-{n}"));
        let pool = builder.build().map_err(|e| TeamError { threads, reason: e.to_string() })?;
        Ok(Self { pool: Some(pool) })
    }

    /// How many they are.
    pub fn threads(&self) -> usize {
        self.pool.as_ref().map_or(1, ThreadPool::current_num_threads)
    }

    /// Both, side by side where there is a second thread. `first` begins at once; each of its
    /// layers takes the threads that are free by then.
    pub fn join<A: Send, B: Send>(
        &self,
        first: impl FnOnce() -> A + Send,
        second: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        match &self.pool {
            Some(pool) => pool.join(first, second),
            None => (first(), second()),
        }
    }

    /// Runs `work` where each [`split`] in it uses these threads.
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team").field("threads", &self.threads()).finish()
    }
}

/// Cuts `rows` rows into one run a scratch, as equal as can be, and `dst` where the runs begin
/// (`at(row)` is the offset of a row), and calls `run(scratch, first row, its part of dst)` for all
/// of them side by side. Allocates nothing.
pub(crate) fn split<S: Send>(
    scratch: &mut [S],
    rows: std::ops::Range<usize>,
    dst: &mut [u8],
    at: &(impl Fn(usize) -> usize + Sync),
    run: &(impl Fn(&mut S, usize, &mut [u8]) + Sync),
) {
    match scratch {
        _ if rows.is_empty() => {}
        [] => {}
        [only] => run(only, rows.start, dst),
        _ => {
            let half = scratch.len() / 2;
            let middle = rows.start + rows.len() * half / scratch.len();
            let (left, right) = scratch.split_at_mut(half);
            let (above, below) =
                dst.split_at_mut(if middle == rows.end { dst.len() } else { at(middle) - at(rows.start) });
            rayon::join(
                || split(left, rows.start..middle, above, at, run),
                || split(right, middle..rows.end, below, at, run),
            );
        }
    }
}
