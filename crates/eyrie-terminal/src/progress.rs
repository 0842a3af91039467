//! Progress on the standard error output: a bar on a terminal, a plain line every few seconds
//! elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::output;

const PLAIN_LINE_EVERY: Duration = Duration::from_secs(10);

/// How far a piece of work is.
pub struct Progress {
    bar: ProgressBar,
    what: String,
    /// When the last plain line was written; `None` on a terminal.
    last_line: Option<Mutex<Instant>>,
    /// When something was last said in a plain line.
    said: Mutex<Option<Instant>>,
}

impl Progress {
    /// Starts to show `what` for so many steps.
    pub fn start(what: impl Into<String>, steps: usize) -> Self {
        let what = what.into();
        let on_terminal = std::io::stderr().is_terminal();
        let bar = if on_terminal { ProgressBar::new(steps as u64) } else { ProgressBar::hidden() };
        bar.set_length(steps as u64);
        if let Ok(style) = ProgressStyle::with_template(
            "{prefix} [{bar:30}] {human_pos}/{human_len} ({per_sec}, {eta} left) {wide_msg}",
        ) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what.clone());
        if on_terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let last_line = (!on_terminal).then(|| Mutex::new(Instant::now()));
        Self { bar, what, last_line, said: Mutex::new(None) }
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
        self.plain_line();
    }

    /// There are so many steps.
    pub fn set_total(&self, steps: usize) {
        self.bar.set_length(steps as u64);
    }

    /// So many steps are done by now.
    pub fn set(&self, done: usize) {
        self.bar.set_position(done as u64);
        self.plain_line();
    }

    fn plain_line(&self) {
        let Some(last) = &self.last_line else { return };
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() >= PLAIN_LINE_EVERY {
            *last = Instant::now();
            let (position, length) = (self.bar.position(), self.bar.length().unwrap_or(0));
            let left = HumanDuration(self.bar.eta());
            output::note(&format!("{}: {position} of {length}, {:.1}/s, {left} left", self.what, self.bar.per_sec()));
        }
    }

    /// Says what the work waits for: behind the numbers, or as a line of its own every few seconds.
    pub fn say(&self, text: &str) {
        self.bar.set_message(text.to_owned());
        if self.last_line.is_none() {
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= PLAIN_LINE_EVERY) {
            *said = Some(Instant::now());
            output::note(&format!("{}: {text}", self.what));
        }
    }

    /// The work goes on.
    pub fn say_no_more(&self) {
        self.bar.set_message("");
    }

    /// A line above the bar.
    pub fn note(&self, line: &str) {
        self.bar.suspend(|| output::note(line));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
