//! Who works on jobs: one at a time in a process, under a claim that other processes respect.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use metrics::counter;
use tracing::Instrument;

use super::work::{Stop, Tell, Work, in_public};
use super::{duplicates, export, import};
use crate::domain::{Job, JobId, JobKind};
use crate::service::ServiceError;
use crate::service::core::Core;
use crate::store::{Claim, ClaimedJob, JobEnd, StoreError};
use crate::telemetry::metric;

/// A process that shows no sign of life for so long has lost its job.
const LEASE: Duration = Duration::from_secs(60);

/// How often it shows one.
const BEAT: Duration = Duration::from_secs(10);

/// How often the database is asked for work that another process was told of, and the pause after
/// work that cannot be done now.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// How often old jobs are removed.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// Data that have no job after so long will never have one.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What became of a job that this process worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worked {
    /// It has ended, or somebody else has it.
    Off,
    /// It waits again: something that it needs is not there now.
    Later,
    /// It waits again since this process is ending.
    Closing,
}

/// Works on jobs in the background until the gate closes.
pub(super) fn start(core: &Arc<Core>) {
    let this = Arc::clone(core);
    core.jobs.employ(tokio::spawn(async move { work(&this).await }));
}

/// Works on one job after the other; returns when the process ends.
async fn work(core: &Arc<Core>) {
    tokio::select! {
        () = core.gate.until_closed() => return,
        ready = core.search.ready() => {
            // Nothing is searched in a process that only adds images.
            if ready.is_err() {
                return;
            }
        }
    }
    let mut tidied: Option<Instant> = None;
    loop {
        if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            tidied = Some(Instant::now());
            if let Err(error) = tidy(core).await {
                tracing::debug!(%error, "old jobs cannot be removed now");
            }
        }
        match claim(core).await {
            Ok(Some(claimed)) => match work_on(core, claimed, &|_| {}).await {
                Worked::Off => continue,
                Worked::Later => {}
                Worked::Closing => return,
            },
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the database cannot be asked for jobs"),
        }
        tokio::select! {
            () = core.gate.until_closed() => return,
            () = core.jobs.created.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Removes jobs that ended long ago, and data that nobody needs any more.
async fn tidy(core: &Core) -> Result<(), StoreError> {
    let now = core.clock.now();
    let keep = core.options.jobs.keep_days;
    if keep > 0 {
        let removed = core.store.forget_ended_jobs(now - DAY * keep).await?;
        if removed > 0 {
            tracing::info!(removed, "jobs that ended more than jobs.keep_days ago are removed");
        }
    }
    for id in core.store.stale_data(&JobId::earliest(now - DAY)).await? {
        core.store.forget_data(&id).await?;
    }
    Ok(())
}

/// A job for this process.
pub(super) async fn claim(core: &Core) -> Result<Option<ClaimedJob>, StoreError> {
    core.store.claim_job(&core.jobs.owner, LEASE).await
}

/// Works on a job to its end, or until it is lost or the gate closes.
pub(super) async fn work_on(core: &Arc<Core>, claimed: ClaimedJob, tell: Tell<'_>) -> Worked {
    let ClaimedJob { job, checkpoint } = claimed;
    let span = tracing::info_span!("job", id = %job.id, kind = %job.kind, collection = %job.collection);
    let claim = Claim { job: job.id.clone(), owner: core.jobs.owner.clone(), lease: LEASE };
    let work = Work::new(claim.clone(), checkpoint, tell);
    worked(core, &job, claim, work).instrument(span).await
}

async fn worked(core: &Arc<Core>, job: &Job, claim: Claim, work: Work<'_>) -> Worked {
    tracing::info!("begun");
    let done = async {
        match job.kind {
            JobKind::Duplicates => duplicates::find(core, job, work).await,
            JobKind::Import => import::import(core, job, work).await,
            JobKind::Export => export::export(core, job, work).await,
        }
    };
    // A job that panics must not end the work on all others.
    let done = AssertUnwindSafe(done).catch_unwind();
    let result = tokio::select! {
        biased;
        () = core.gate.until_closed() => Err(Stop::Closing),
        () = lost(core, &claim) => Err(Stop::Lost),
        done = done => done.unwrap_or_else(|_| Err(ServiceError::Internal("a job panicked".to_owned()).into())),
    };
    let end = match result {
        Ok(result) => JobEnd::Done(result),
        Err(Stop::Lost) => {
            tracing::info!("cancelled, or taken over by another process");
            counter!(metric::JOBS, "kind" => job.kind.as_str(), "outcome" => "lost").increment(1);
            core.jobs.note_end();
            return Worked::Off;
        }
        Err(Stop::Closing) => return put_back(core, &claim, Worked::Closing).await,
        Err(Stop::Failed(error)) if passes(&error) => {
            tracing::warn!(error = inside(&error), "it cannot go on now, and is tried again");
            return put_back(core, &claim, Worked::Later).await;
        }
        Err(Stop::Failed(error)) => {
            tracing::error!(error = inside(&error), "failed");
            JobEnd::Failed(in_public(&error))
        }
    };
    let outcome = match &end {
        JobEnd::Done(_) => "done",
        JobEnd::Failed(_) => "failed",
    };
    match core.store.end_job(&claim, &end).await {
        Ok(_) => {
            tracing::info!(outcome, "ended");
            counter!(metric::JOBS, "kind" => job.kind.as_str(), "outcome" => outcome).increment(1);
            core.jobs.note_end();
            if job.kind == JobKind::Import {
                core.forget_data(&job.id).await;
            }
            Worked::Off
        }
        // The lease ends, and what was noted last is done again.
        Err(error) => {
            tracing::warn!(%error, "its end cannot be noted");
            Worked::Later
        }
    }
}

/// Lets the job wait again, for this process or another one.
async fn put_back(core: &Core, claim: &Claim, worked: Worked) -> Worked {
    // Where that fails the lease ends by itself.
    if let Err(error) = core.store.release_job(claim).await {
        tracing::debug!(%error, "the job cannot be released");
    }
    worked
}

/// Shows signs of life, and returns when the job is no longer this process's.
async fn lost(core: &Core, claim: &Claim) {
    loop {
        tokio::select! {
            () = core.jobs.cancelled.notified() => {}
            () = tokio::time::sleep(BEAT) => {}
        }
        // An unreachable database says nothing: whatever the job writes is refused where it is
        // lost.
        if matches!(core.store.renew_claim(claim).await, Ok(false)) {
            return;
        }
    }
}

/// Whether trying again later may help.
fn passes(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::Store(StoreError::Unavailable(_) | StoreError::Full(_) | StoreError::ReadOnly(_))
            | ServiceError::Overloaded { .. }
            | ServiceError::NotReady
            | ServiceError::ShuttingDown
    )
}

/// What the log gets.
fn inside(error: &ServiceError) -> String {
    if let ServiceError::Store(inner) = error { inner.to_string() } else { error.to_string() }
}
