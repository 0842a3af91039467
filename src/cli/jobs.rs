//! `eyrie jobs`: the work in the background.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::answers::JobAnswer;
use super::remote::{self, Client, ServerFlags};
use super::settings::Settings;
use crate::app::{Backend, Purpose, runtime};
use crate::config::Config;
use crate::domain::JobId;
use crate::service::ServiceError;
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, note};

const EXAMPLES: &str = "\
Examples:
  eyrie jobs
  eyrie jobs --json -n 1000
  eyrie jobs --show 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
  eyrie jobs --cancel 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
  eyrie jobs --server https://pictures.example                  those of a server

Without --server it reads the database, also beside a running server. The process that works on a job notices within ten seconds that it was cancelled or \
deleted.

Exit codes: 0 done, 1 there is no such job, 2 wrong usage or configuration, 3 could not start.";

/// List the jobs that wait, run or have ended, the newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Jobs {
    /// Show this job alone
    #[arg(long, value_name = "ID", conflicts_with_all = ["cancel", "delete"])]
    show: Option<JobId>,
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
    server: ServerFlags,
    #[command(flatten)]
    settings: Settings,
}

impl Jobs {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let server = self.server.connect(&self.settings)?;
        let jobs = runtime()?.block_on(async {
            match &server {
                Some(server) => self.ask(server).await,
                None => self.look(&loaded.config).await,
            }
        })?;
        if self.delete.is_some() {
            note("removed");
            return Ok(());
        }
        if self.json { output::json(&jobs.iter().map(as_json).collect::<Vec<_>>()) } else { as_table(&jobs) }
    }

    async fn look(&self, config: &Config) -> Result<Vec<JobAnswer>, CliError> {
        let backend = Backend::open(config, Purpose::Import).await?;
        let service = &backend.service;
        let jobs = match (&self.show, &self.cancel, &self.delete) {
            (Some(id), ..) => service.job(id, Duration::ZERO).await.map(|job| vec![job]),
            (None, Some(id), _) => service.cancel_job(id).await.map(|job| vec![job]),
            (None, None, Some(id)) => service.delete_job(id).await.map(|()| Vec::new()),
            (None, None, None) => service.jobs(None, self.n).await,
        };
        backend.close().await;
        let jobs = jobs.map_err(|error: ServiceError| CliError::Failed(error.to_string()))?;
        Ok(jobs.into_iter().map(JobAnswer::from).collect())
    }

    async fn ask(&self, server: &Client) -> Result<Vec<JobAnswer>, CliError> {
        Ok(match (&self.show, &self.cancel, &self.delete) {
            (Some(id), ..) => vec![remote::job(server, id).await?],
            (None, Some(id), _) => vec![remote::cancel_job(server, id).await?],
            (None, None, Some(id)) => remote::delete_job(server, id).await.map(|()| Vec::new())?,
            (None, None, None) => remote::jobs(server, self.n).await?,
        })
    }
}

/// A job for programs, as HTTP shows it.
pub(super) fn as_json(job: &JobAnswer) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind,
        "collection": job.collection,
        "params": job.params,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "rate": job.rate,
        "seconds_left": job.seconds_left,
        "result": job.result,
        "error": job.error,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    })
}

fn as_table(jobs: &[JobAnswer]) -> Result<(), CliError> {
    if jobs.is_empty() {
        note("there is no job");
        return Ok(());
    }
    let mut table = output::table(["ID", "KIND", "COLLECTION", "STATE", "DONE", "CREATED", "RESULT"]);
    for job in jobs {
        let total = job.total.map_or(String::new(), |total| format!(" of {}", output::grouped(total)));
        let result = match (&job.result, &job.error, job.seconds_left) {
            (Some(result), _, _) => result.to_string(),
            (None, Some(error), _) => error.clone(),
            (None, None, Some(left)) => format!("{left:.0} s left"),
            (None, None, None) => "-".to_owned(),
        };
        table.add_row([
            job.id.clone(),
            job.kind.clone(),
            job.collection.clone(),
            job.state.clone(),
            format!("{}{total}", output::grouped(job.done)),
            job.created_at.clone(),
            result,
        ]);
    }
    output::results(|out| writeln!(out, "{}", table.trim_fmt()))
}
