//! `eyrie jobs`: the work in the background.

use clap::Args;
use serde_json::{Value, json};

use super::settings::Settings;
use crate::app::{Backend, Purpose, runtime};
use crate::domain::{Job, JobId, JobState};
use crate::service::ServiceError;
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, note};

const EXAMPLES: &str = "\
Examples:
  eyrie jobs
  eyrie jobs --json -n 1000
  eyrie jobs --cancel 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10

Reads the database, also beside a running server. The process that works on a job notices within ten seconds that it was cancelled or \
deleted.

Exit codes: 0 done, 1 there is no such job, 2 wrong usage or configuration, 3 could not start.";

/// List the jobs that wait, run or have ended, the newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Jobs {
    /// Cancel this job where it waits or runs
    #[arg(long, value_name = "ID")]
    cancel: Option<JobId>,
    /// Remove this job with what it found; where it waits or runs it is cancelled
    #[arg(long, value_name = "ID", conflicts_with = "cancel")]
    delete: Option<JobId>,
    /// At most so many jobs
    #[arg(short, value_name = "N", default_value_t = 50)]
    n: u32,
    /// Print JSON: a list of jobs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Jobs {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let failed = |error: ServiceError| CliError::Failed(error.to_string());
        runtime()?.block_on(async {
            let backend = Backend::open(&loaded.config, Purpose::Import).await?;
            let result = match (&self.cancel, &self.delete) {
                (Some(id), _) => backend.service.cancel_job(id).await.map(|job| vec![job]),
                (None, Some(id)) => backend.service.delete_job(id).await.map(|()| Vec::new()),
                (None, None) => backend.service.jobs(None, self.n).await,
            };
            backend.close().await;
            let jobs = result.map_err(failed)?;
            if self.delete.is_some() {
                note("removed");
                return Ok(());
            }
            if self.json { output::json(&jobs.iter().map(as_json).collect::<Vec<_>>()) } else { as_table(&jobs) }
        })
    }
}

/// A job for programs, as HTTP shows it.
pub(super) fn as_json(job: &Job) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind.as_str(),
        "collection": job.collection,
        "params": job.params,
        "state": job.state.as_str(),
        "done": job.progress.done,
        "total": job.progress.total,
        "rate": job.progress.rate,
        "seconds_left": job.progress.seconds_left().filter(|_| job.state == JobState::Running),
        "result": job.result,
        "error": job.error,
        "created_at": time(Some(job.created_at)),
        "started_at": time(job.started_at),
        "finished_at": time(job.finished_at),
    })
}

fn time(time: Option<time::OffsetDateTime>) -> Option<String> {
    time.and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok())
}

fn as_table(jobs: &[Job]) -> Result<(), CliError> {
    if jobs.is_empty() {
        note("there is no job");
        return Ok(());
    }
    let mut table = output::table(["ID", "KIND", "COLLECTION", "STATE", "DONE", "CREATED", "RESULT"]);
    for job in jobs {
        let total = job.progress.total.map_or(String::new(), |total| format!(" of {}", output::grouped(total)));
        let left = job.progress.seconds_left().filter(|_| job.state == JobState::Running);
        let result = match (&job.result, &job.error, left) {
            (Some(result), _, _) => result.to_string(),
            (None, Some(error), _) => error.clone(),
            (None, None, Some(left)) => format!("{left:.0} s left"),
            (None, None, None) => "-".to_owned(),
        };
        table.add_row([
            job.id.to_string(),
            job.kind.to_string(),
            job.collection.to_string(),
            job.state.to_string(),
            format!("{}{total}", output::grouped(job.progress.done)),
            time(Some(job.created_at)).unwrap_or_default(),
            result,
        ]);
    }
    output::results(|out| writeln!(out, "{}", table.trim_fmt()))
}
