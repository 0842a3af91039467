//! Collections out of a server and into it, as lines that are never all in memory.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use memchr::{memchr_iter, memrchr};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method, Response};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::error::ServerError;
use crate::cli::answers::ImportAnswer;
use crate::domain::{CollectionName, ImageId};
use crate::service::{ExportHeader, ExportPart};
use eyrie_terminal::CliError;

/// Pieces of an import that wait for the connection.
const PIECES: usize = 4;

/// How soon a file that cannot be read has said so; the standard input may say nothing at all.
const READING_ENDS: Duration = Duration::from_secs(1);

/// Lines of an export that are no images: the first one and the last one.
const NO_IMAGES: u64 = 2;

/// Where an export stands.
struct Export {
    server: Client,
    answer: Response,
    /// Lines that have come whole.
    lines: u64,
    /// The end of what has come: the last whole line, and what follows it.
    tail: Vec<u8>,
}

/// A collection as lines, from behind `after` on, and how many images it has. Where the lines end
/// before the last one, the stream ends with a failure.
pub(in crate::cli) async fn export(
    server: &Client,
    collection: &CollectionName,
    after: Option<&ImageId>,
) -> Result<(u64, BoxStream<'static, Result<ExportPart, CliError>>), CliError> {
    let path = format!("collections/{collection}/export");
    let query: Vec<(&str, &str)> = after.iter().map(|after| ("after", after.as_str())).collect();
    let answer = server.send(|| server.request(Method::GET, &path).query(&query)).await?;
    let mut export = Export { server: server.clone(), answer, lines: 0, tail: Vec::new() };
    let mut first = Vec::new();
    while memchr::memchr(b'\n', &first).is_none() {
        let Some(chunk) = export.server.chunk(&mut export.answer).await? else { break };
        first.extend_from_slice(&chunk);
    }
    let end = memchr::memchr(b'\n', &first).unwrap_or(first.len());
    let header = ExportHeader::read(&first[..end])
        .map_err(|error| CliError::Failed(format!("{} sends no export: {error}", server.address())))?;
    let first = export.part(first.into());
    let rest = stream::try_unfold(export, |mut export| async move {
        match export.server.chunk(&mut export.answer).await? {
            Some(chunk) => {
                let part = export.part(chunk);
                Ok(Some((part, export)))
            }
            None => export.ended().map(|()| None),
        }
    });
    Ok((header.images, stream::once(async { Ok(first) }).chain(rest.into_stream()).boxed()))
}

impl Export {
    /// What has come, and how many further images it ends.
    fn part(&mut self, chunk: Bytes) -> ExportPart {
        let before = self.lines.saturating_sub(NO_IMAGES);
        self.lines += memchr_iter(b'\n', &chunk).count() as u64;
        self.tail.extend_from_slice(&chunk);
        // What is before the last whole line is of no use any more.
        if let Some(last) = memrchr(b'\n', &self.tail)
            && let Some(before_it) = memrchr(b'\n', &self.tail[..last])
        {
            self.tail.drain(..=before_it);
        }
        ExportPart { lines: chunk, images: self.lines.saturating_sub(NO_IMAGES) - before }
    }

    /// Whether the lines came to their end.
    fn ended(&self) -> Result<(), CliError> {
        #[derive(Deserialize)]
        struct End {
            r#type: String,
            images: u64,
        }
        let last = self.tail.strip_suffix(b"\n").and_then(|line| serde_json::from_slice::<End>(line).ok());
        match last {
            Some(end) if end.r#type == "end" && end.images + NO_IMAGES == self.lines => Ok(()),
            Some(_) | None => Err(CliError::Refused {
                message: format!("{} cut the export off", self.server.address()),
                hint: Some("its log says why; the same command may be given again"),
            }),
        }
    }
}

/// Sends lines from `reader`, the first of which was read already, and calls `progress` with the
/// number of lines that went out.
pub(in crate::cli) async fn import(
    server: &Client,
    collection: &CollectionName,
    first: Vec<u8>,
    reader: impl BufRead + Send + 'static,
    replace: bool,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<ImportAnswer, CliError> {
    let (sender, receiver) = mpsc::channel(PIECES);
    let reading = tokio::task::spawn_blocking(move || read(first, reader, &sender));
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let pieces = stream::unfold(receiver, |mut receiver: mpsc::Receiver<io::Result<Bytes>>| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let pieces = pieces.inspect_ok(move |piece| {
        let lines = memchr_iter(b'\n', piece).count() as u64;
        progress(counted.fetch_add(lines, Ordering::Relaxed) + lines);
    });
    let path = format!("collections/{collection}/import");
    let request = server
        .request(Method::POST, &path)
        .query(&[("replace", replace)])
        .header(CONTENT_TYPE, "application/x-ndjson")
        .body(Body::wrap_stream(pieces));
    let answer = answered(server, request.send(), &sent).await;
    let answer = match answer {
        Ok(answer) => server.checked(answer).await,
        Err(error) => {
            // What was wrong with the file explains why the request broke off.
            if let Ok(Ok(Err(error))) = timeout(READING_ENDS, reading).await {
                return Err(CliError::Failed(error.to_string()));
            }
            return Err(error.into());
        }
    };
    match answer {
        Ok(answer) => Ok(server.read(answer).await?),
        Err(ServerError::Problem(problem)) if problem.code == "incomplete_import" => {
            let counts: Result<ImportAnswer, _> = serde_json::from_value(Value::Object(problem.extension.clone()));
            match counts {
                Ok(counts) => Ok(ImportAnswer { complete: false, ..counts }),
                Err(_) => Err(ServerError::Problem(problem).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// The answer to a request whose body goes out as long as it does: only silence has a bound.
async fn answered(
    server: &Client,
    request: impl Future<Output = reqwest::Result<Response>>,
    sent: &AtomicU64,
) -> Result<Response, ServerError> {
    let mut request = std::pin::pin!(request);
    let mut before = None;
    loop {
        tokio::select! {
            answer = &mut request => return answer.map_err(|error| server.failed(&error)),
            () = sleep(server.timeout()) => {
                let now = Some(sent.load(Ordering::Relaxed));
                if now == before {
                    return Err(server.timed_out());
                }
                before = now;
            }
        }
    }
}

/// Hands a file on piece by piece, as fast as it goes out.
fn read(first: Vec<u8>, mut reader: impl BufRead, to: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut line = first;
    line.push(b'\n');
    if to.blocking_send(Ok(line.into())).is_err() {
        return Ok(());
    }
    loop {
        let piece = match reader.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => Bytes::copy_from_slice(bytes),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // The body breaks off, so that the server does not take it for whole.
                let _gone = to.blocking_send(Err(io::Error::other("the file cannot be read")));
                return Err(error);
            }
        };
        reader.consume(piece.len());
        if to.blocking_send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_fails_breaks_the_body_off() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let (sender, mut receiver) = mpsc::channel(PIECES);
        let error = read(b"{}".to_vec(), io::BufReader::new(Broken), &sender).expect_err("it fails");
        assert_eq!(error.to_string(), "the disk is gone");
        assert_eq!(receiver.blocking_recv().expect("a line").expect("whole"), "{}\n");
        assert!(receiver.blocking_recv().expect("an end").is_err());
    }
}
