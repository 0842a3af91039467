//! What a worker does: it describes what comes through its standard input until that ends.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::sandbox;
use super::wire::{Described, Done, Start, Started, Task, read, write};
use eyrie_vision::Describer;
use eyrie_vision::describe::{AsicExtractor, Extraction, Extractor};
use eyrie_vision::picture::{PictureError, decoder_panics};

/// Describes pictures until the standard input ends.
///
/// # Errors
/// The pipes: the service that started this process is gone, or speaks another language.
pub fn run() -> io::Result<()> {
    let mut input = BufReader::new(File::from(io::stdin().as_fd().try_clone_to_owned()?));
    let mut output = BufWriter::new(File::from(io::stdout().as_fd().try_clone_to_owned()?));
    let Some((Start { options }, _)) = read(&mut input)? else { return Ok(()) };
    let describer = match Describer::load(&options) {
        Ok(describer) => describer,
        Err(error) => return write(&mut output, &Started::Failed(error.to_string()), &[]),
    };
    let mut extractor = describer.extractor();
    // A service that is told to stop lets requests end first, with this process.
    stay_for_the_service();
    let open = sandbox::enter(describer.limits.max_bytes().saturating_mul(2)).err();
    write(&mut output, &Started::Ready { open }, &[])?;
    while let Some((task, image)) = read::<Task>(&mut input)? {
        let answer = describe(&mut extractor, task, &image);
        let (answer, view) = match answer.map(Described::parts) {
            Ok((described, view)) => (Ok(described), view),
            Err(error) => (Err(error), Vec::new()),
        };
        let done = Done { answer, memory_bytes: extractor.memory_bytes(), decoder_panics: decoder_panics() };
        write(&mut output, &done, &view)?;
    }
    Ok(())
}

/// Ends with the standard input only: SIGTERM and SIGINT are for the service, which a terminal or
/// systemd sends to all of its processes.
fn stay_for_the_service() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let _inside = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        // What is registered once stays so for the life of the process.
        drop(signal(kind));
    }
}

fn describe(extractor: &mut AsicExtractor, task: Task, image: &[u8]) -> Result<Extraction, PictureError> {
    let request = task.request()?;
    // What the extractor keeps between two pictures is scratch memory that every call fills anew.
    catch_unwind(AssertUnwindSafe(|| extractor.extract(image, request)))
        .unwrap_or_else(|_| Err(PictureError::Internal("the extractor panicked".to_owned())))
}
