//! `eyrie reindex`: the images of a collection, described anew from their originals.

use clap::Args;
use serde_json::{Value, json};

use super::answers::JobAnswer;
use super::jobs;
use super::settings::Settings;
use super::signals::StopRequests;
use crate::app::{self, Backend, Purpose};
use crate::domain::{CollectionName, ImageRecord, Job, JobProgress, JobState, Order};
use crate::service::{ReindexRequest, RetrievalService, ServiceError, Started};
use eyrie_terminal::output::{self, grouped, note};
use eyrie_terminal::{CliError, Progress};

const EXAMPLES: &str = "\
Examples:
  eyrie reindex
  eyrie reindex --collection covers
  eyrie reindex --all                        whatever described them
  eyrie reindex --json | jq -r '.stale[].id' what has to be imported again

After a change of the model, images are not found until they are described by it. Where originals are kept (`storage.originals`) this \
does so without any upload: ids, metadata and the times of creation stay. Images without an original are listed: import them again. A \
run that was stopped goes on where it was, here or in a running server, and is safe beside one.

Exit codes: 0 done, 1 failed or stopped, 2 wrong usage or configuration, 3 could not start.";

/// Images that a table shows; JSON has all.
const SHOWN: usize = 50;

/// Images that are read at once.
const PAGE: u32 = 1_000;

/// Describe the images of a collection anew from their originals, and list what is left
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Reindex {
    /// The collection
    #[arg(long, value_name = "NAME", default_value = "default")]
    collection: CollectionName,
    /// Every image, and not only those that another model described
    #[arg(long)]
    all: bool,
    /// Print JSON: `job`, and `stale` with what is still described by another model
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Reindex {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        app::runtime()?.block_on(async {
            let mut requests = StopRequests::receive()?;
            let backend = Backend::open(&loaded.config, Purpose::Serve).await?;
            let mut work = std::pin::pin!(self.work(&backend.service));
            let done = tokio::select! {
                done = &mut work => done,
                () = requests.next() => {
                    // The job puts itself back, for whoever takes it next.
                    let (_stopped, ()) = tokio::join!(&mut work, backend.service.shutdown());
                    let text = "stopped; the same command, or a running server, goes on from here";
                    Err(CliError::Failed(text.to_owned()))
                }
            };
            backend.close().await;
            done
        })
    }

    async fn work(&self, service: &RetrievalService) -> Result<(), CliError> {
        service.index_built().await.map_err(failed)?;
        let request = ReindexRequest { all: self.all };
        let (Started::New(job) | Started::There(job)) =
            service.reindex(&self.collection, request).await.map_err(failed)?;
        let progress = Progress::start("describing images", 0);
        let tell = |at: JobProgress| {
            progress.set_total(at.total.unwrap_or(at.done) as usize);
            progress.set(at.done as usize);
        };
        let ended = service.work_until_ended(&job.id, &tell).await;
        progress.end();
        let job = ended.map_err(failed)?;
        if job.state != JobState::Done {
            let reason = job.error.unwrap_or_else(|| job.state.to_string());
            return Err(CliError::Failed(format!("the job {}: {reason}", job.id)));
        }
        if self.json { self.as_json(service, &job).await } else { self.as_table(service, &job).await }
    }

    /// A page of what is still described by another model.
    async fn stale(
        &self,
        service: &RetrievalService,
        after: Option<&ImageRecord>,
        limit: u32,
    ) -> Result<Vec<ImageRecord>, CliError> {
        let after = after.map(|record| Order::default().behind(record));
        service.list_stale(&self.collection, Order::default(), after, limit, None).await.map_err(failed)
    }

    async fn as_table(&self, service: &RetrievalService, job: &Job) -> Result<(), CliError> {
        let left = service.collection(&self.collection).await.map_err(failed)?.stale;
        let listed = self.stale(service, None, SHOWN as u32).await?;
        if !listed.is_empty() {
            let mut table = output::table(["STALE IMAGE", "VERSION", "ORIGINAL", "PATH"]);
            for record in &listed {
                let path = record.metadata.as_map().get("path").and_then(Value::as_str);
                let original = if record.original.is_some() { "kept" } else { "not kept" };
                table.add_row([record.id.as_str(), &record.version.to_string(), original, path.unwrap_or("-")]);
            }
            output::results(|out| writeln!(out, "{}", table.trim_fmt()))?;
        }
        if left > listed.len() as u64 {
            note(&format!("the first {} of {} stale images are shown; --json lists all", listed.len(), grouped(left)));
        }
        let count = |name: &str| job.result.as_ref().and_then(|result| result[name].as_u64()).unwrap_or_default();
        note(&format!(
            "described anew: {}, without an original: {}, with one that cannot be described: {}, changed meanwhile: {}",
            grouped(count("described")),
            grouped(count("without_original")),
            grouped(count("unreadable")),
            grouped(count("changed"))
        ));
        Ok(())
    }

    /// Writes page by page: there may be more than fit in memory.
    async fn as_json(&self, service: &RetrievalService, job: &Job) -> Result<(), CliError> {
        output::results(|out| {
            write!(out, "{{\"job\": {}, \"stale\": [", jobs::as_json(&JobAnswer::from(job.clone())))
        })?;
        let mut comma = "";
        let mut last = None;
        loop {
            let page = self.stale(service, last.as_ref(), PAGE).await?;
            for record in &page {
                let stale = json!({
                    "id": record.id,
                    "version": record.version.to_string(),
                    "original": record.original.is_some(),
                    "metadata": record.metadata,
                });
                output::results(|out| write!(out, "{comma}\n  {stale}"))?;
                comma = ",";
            }
            match page.into_iter().next_back() {
                Some(record) => last = Some(record),
                None => break,
            }
        }
        output::results(|out| writeln!(out, "\n]}}"))
    }
}

fn failed(error: ServiceError) -> CliError {
    CliError::Failed(error.to_string())
}
