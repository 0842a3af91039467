//! An extractor whose work is done by a child.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use metrics::counter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::wire::{Done, Start, Started, Task, read, write};
use crate::telemetry::metric;
use eyrie_vision::DescriberOptions;
use eyrie_vision::describe::{Extraction, Extractor, Request};
use eyrie_vision::picture::PictureError;

/// How long a child may take to load the model.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Why pictures cannot be described in a process of their own.
#[derive(Debug, thiserror::Error)]
#[error("no process for describing pictures: {0}")]
pub struct IsolationError(String);

/// Describes pictures in a child, one at a time. A child that ends is replaced with the next
/// picture.
pub struct IsolatedExtractor {
    program: PathBuf,
    options: DescriberOptions,
    timeout: Duration,
    child: Option<Child>,
    memory_bytes: usize,
}

impl IsolatedExtractor {
    /// Describes by `options` in `program worker`, which the first picture starts. A picture may
    /// take `timeout`.
    #[must_use]
    pub fn new(program: &Path, options: &DescriberOptions, timeout: Duration) -> Self {
        // Whoever watches the counters sees that there are some before the first loss.
        for reason in ["crash", "timeout", "ended"] {
            counter!(metric::WORKERS_LOST, "reason" => reason).increment(0);
        }
        Self { program: program.to_owned(), options: options.clone(), timeout, child: None, memory_bytes: 0 }
    }

    /// With a child that waits for the first picture.
    ///
    /// # Errors
    /// [`IsolationError`].
    pub fn started(mut self) -> Result<Self, IsolationError> {
        self.child = Some(Child::start(&self.program, &self.options)?);
        Ok(self)
    }

    /// Takes the child, unless it has ended since its last picture.
    fn running(&mut self) -> Option<Child> {
        let mut child = self.child.take()?;
        match child.process.try_wait() {
            Ok(None) => Some(child),
            Ok(Some(_)) | Err(_) => {
                counter!(metric::WORKERS_LOST, "reason" => "ended").increment(1);
                tracing::warn!("a worker process had ended; another one is started");
                None
            }
        }
    }
}

impl Extractor for IsolatedExtractor {
    fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn extract(&mut self, bytes: &[u8], request: Request) -> Result<Extraction, PictureError> {
        let mut child = match self.running() {
            Some(child) => child,
            None => Child::start(&self.program, &self.options).map_err(|e| PictureError::Internal(e.to_string()))?,
        };
        match child.describe(bytes, request, self.timeout) {
            Ok((done, view)) => {
                counter!(metric::DECODER_PANICS).increment(done.decoder_panics - child.decoder_panics);
                child.decoder_panics = done.decoder_panics;
                self.memory_bytes = done.memory_bytes;
                let answer = match done.answer {
                    Ok(described) => described.extraction(view).map_err(|reason| format!("a worker gave {reason}")),
                    Err(refusal) => {
                        self.child = Some(child);
                        return Err(refusal);
                    }
                };
                // A child that gives nonsense is not asked again.
                let extraction = answer.map_err(PictureError::Internal)?;
                self.child = Some(child);
                Ok(extraction)
            }
            Err(failure) => {
                let (reason, error) = child.post_mortem(&failure, self.timeout);
                counter!(metric::WORKERS_LOST, "reason" => reason).increment(1);
                tracing::warn!(bytes = bytes.len(), reason, %error, "a worker process was lost over a picture");
                Err(error)
            }
        }
    }
}

/// A running child.
struct Child {
    process: std::process::Child,
    input: Timed<ChildStdin>,
    output: Timed<ChildStdout>,
    decoder_panics: u64,
}

impl Child {
    fn start(program: &Path, options: &DescriberOptions) -> Result<Self, IsolationError> {
        let failed = |reason: String| IsolationError(format!("{}: {reason}", program.display()));
        let mut process = Command::new(program)
            .arg("worker")
            // It needs none of the service's secrets.
            .env_clear()
            // A terminal's Ctrl-C is for the service.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(failed("no pipes".to_owned()));
        };
        let (input, output) = (Timed::new(input), Timed::new(output));
        let (Ok(input), Ok(output)) = (input, output) else { return Err(failed("no pipes".to_owned())) };
        let mut child = Self { process, input, output, decoder_panics: 0 };
        match child.exchange::<Started>(&Start { options: options.clone() }, &[], START_TIMEOUT) {
            Ok((Started::Ready { open: None }, _)) => Ok(child),
            Ok((Started::Ready { open: Some(open) }, _)) => {
                tracing::warn!(%open, "a worker process could not give up everything");
                Ok(child)
            }
            Ok((Started::Failed(reason), _)) => Err(failed(reason)),
            Err(failure) => Err(failed(failure.to_string())),
        }
    }

    fn describe(&mut self, bytes: &[u8], request: Request, timeout: Duration) -> io::Result<(Done, Vec<u8>)> {
        self.exchange(&Task::from(request), bytes, timeout)
    }

    fn exchange<T: serde::de::DeserializeOwned>(
        &mut self,
        head: &impl serde::Serialize,
        body: &[u8],
        timeout: Duration,
    ) -> io::Result<(T, Vec<u8>)> {
        let deadline = Instant::now() + timeout;
        (self.input.deadline, self.output.deadline) = (deadline, deadline);
        write(&mut self.input, head, body)?;
        read(&mut self.output)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    /// Ends a child that failed and says why it did: a word for the metrics, and what the picture
    /// is refused with.
    fn post_mortem(mut self, failure: &io::Error, timeout: Duration) -> (&'static str, PictureError) {
        if failure.kind() == ErrorKind::TimedOut {
            let seconds = timeout.as_secs_f64();
            return ("timeout", PictureError::Corrupt(format!("reading it did not end within {seconds} s")));
        }
        // What closed its pipes is about to end; what still runs speaks another language.
        let _killed = self.process.kill();
        match self.process.wait().ok().as_ref().and_then(ExitStatus::signal) {
            Some(signal) if signal != libc::SIGKILL => (
                "crash",
                PictureError::Corrupt(format!("the program that reads pictures crashed over it (signal {signal})")),
            ),
            Some(_) | None => ("ended", PictureError::Internal(format!("a worker process ended: {failure}"))),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.process.kill();
        let _status = self.process.wait();
    }
}

/// A pipe that gives up at a deadline.
struct Timed<T> {
    pipe: T,
    deadline: Instant,
}

impl<T: AsFd> Timed<T> {
    fn new(pipe: T) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self { pipe, deadline: Instant::now() })
    }

    /// Waits until the pipe has something, or room.
    fn wait(&self, wanted: PollFlags) -> io::Result<()> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.pipe, wanted)], Some(&left)) {
                Ok(0) => return Err(ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<T: AsFd + Read> Read for Timed<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.pipe.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN)?,
                result => return result,
            }
        }
    }
}

impl<T: AsFd + Write> Write for Timed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::OUT)?,
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::Profile;

    /// An extractor whose child is a shell script: it says that it is ready, and then does `then`.
    fn scripted(then: &str, timeout: Duration) -> (IsolatedExtractor, tempfile::TempDir) {
        let mut ready = Vec::new();
        write(&mut ready, &Started::Ready { open: None }, &[]).expect("written");
        let octal: String = ready.iter().map(|byte| format!("\\{byte:o}")).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("worker");
        std::fs::write(&script, format!("#!/bin/sh\nprintf '{octal}'\n{then}\n")).expect("written");
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("set");
        let options = DescriberOptions {
            isa: "auto".to_owned(),
            algorithm: "auto".to_owned(),
            threads: 1,
            max_pixels: 1,
            max_aspect_ratio: 1,
            model: PathBuf::new(),
            chip: "default".to_owned(),
        };
        (IsolatedExtractor::new(&script, &options, timeout), folder)
    }

    fn describe(extractor: &mut IsolatedExtractor) -> String {
        let described = extractor.extract(&[7; 100_000], Request::descriptor(Profile::Fast));
        described.expect_err("no script describes pictures").to_string()
    }

    #[test]
    fn a_picture_that_crashes_a_child_is_damaged_and_the_next_finds_another_child() {
        let minute = Duration::from_secs(60);
        let (mut extractor, _folder) = scripted("head -c 100000 >/dev/null; kill -SEGV $$", minute);
        for _ in 0..2 {
            assert_eq!(
                describe(&mut extractor),
                "the image is damaged: the program that reads pictures crashed over it (signal 11)"
            );
        }
    }

    #[test]
    fn a_picture_that_keeps_a_child_busy_is_damaged() {
        // It neither reads all of the picture nor answers.
        let (mut extractor, _folder) = scripted("exec sleep 600", Duration::from_millis(100));
        for _ in 0..2 {
            assert_eq!(describe(&mut extractor), "the image is damaged: reading it did not end within 0.1 s");
        }
    }

    #[test]
    fn a_child_that_gives_nonsense_is_not_believed() {
        let minute = Duration::from_secs(60);
        let (mut extractor, _folder) = scripted("head -c 100000 >/dev/null; echo nonsense of some length", minute);
        assert!(
            describe(&mut extractor).starts_with("internal error while describing the image: a worker process ended")
        );
    }

    #[test]
    fn what_cannot_start_says_so() {
        let (extractor, folder) = scripted("cat >/dev/null", Duration::from_secs(60));
        let missing = folder.path().join("missing");
        let refused = IsolatedExtractor::new(&missing, &extractor.options, Duration::ZERO).started().err();
        let refused = refused.expect("refused");
        assert!(refused.to_string().contains("missing: No such file"), "{refused}");
    }
}
