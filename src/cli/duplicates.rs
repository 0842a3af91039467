//! `eyrie duplicates`: groups of images that show the same thing.

use clap::Args;
use serde_json::{Value, json};

use super::jobs;
use super::settings::Settings;
use super::signals::StopRequests;
use crate::app::{self, Backend, Purpose};
use crate::domain::{CollectionName, Job, JobProgress, JobState, Precondition, Verdict};
use crate::service::{DuplicateGroup, DuplicatesRequest, RetrievalService, ServiceError, Started};
use eyrie_terminal::output::{self, note};
use eyrie_terminal::{CliError, Progress};

const EXAMPLES: &str = "\
Examples:
  eyrie duplicates
  eyrie duplicates --collection covers --verdict same
  eyrie duplicates --min-score 0.9                            by the score alone
  eyrie duplicates --json | jq -r '.groups[] | .images[1:][].id'
  eyrie duplicates --delete-all-but-best --dry-run            what would be deleted
  eyrie duplicates --delete-all-but-best --yes

Each image is compared with its nearest neighbours; images that show the same thing make a group, whose best image (most pixels, then \
the oldest) comes first. The first run looks at every image, a later one of the same options at those that changed since. A run that \
was stopped goes on where it was, here or in a running server. It is safe beside a server, whose index this command cannot use: it reads \
the database into one of its own.

An image is only deleted if it has not changed since it was looked at.

Exit codes: 0 done, 1 failed or stopped, 2 wrong usage or configuration, 3 could not start.";

/// Groups that a table shows; JSON has all.
const SHOWN: usize = 1_000;

/// Groups that are read at once.
const PAGE: usize = 100;

/// Find images of a collection that show the same thing, and delete what is surplus
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Duplicates {
    /// The collection
    #[arg(long, value_name = "NAME", default_value = "default")]
    collection: CollectionName,
    /// The verdict on a pair is this one or a closer one: same, near_duplicate or similar [default:
    /// near_duplicate, unless --min-score is given]
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    verdict: Option<Verdict>,
    /// The lowest score (cosine) of a pair, -1 to 1; without --verdict the score alone decides
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    min_score: Option<f32>,
    /// How many neighbours of each image are looked at, 1 to 100 [default: 20]
    #[arg(long, value_name = "N")]
    candidates: Option<u32>,
    /// Delete the images of each group but the best
    #[arg(long)]
    delete_all_but_best: bool,
    /// Only say what would be deleted
    #[arg(long, requires = "delete_all_but_best", conflicts_with = "yes")]
    dry_run: bool,
    /// Yes, delete them: originals are not kept, and what is deleted is gone
    #[arg(long, requires = "delete_all_but_best")]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

fn verdict(text: &str) -> Result<Verdict, String> {
    let choices = [Verdict::Same, Verdict::NearDuplicate, Verdict::Similar];
    let found = choices.into_iter().find(|verdict| verdict.as_str() == text);
    found.ok_or_else(|| "it is same, near_duplicate or similar".to_owned())
}

impl Duplicates {
    pub(super) fn run(self) -> Result<(), CliError> {
        if self.delete_all_but_best && !self.dry_run && !self.yes {
            let what = "--delete-all-but-best needs --yes, or --dry-run to see what would be deleted";
            return Err(CliError::Usage(what.to_owned()));
        }
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
        let failed = |error: ServiceError| CliError::Failed(error.to_string());
        service.index_built().await.map_err(failed)?;
        let request = DuplicatesRequest::new(self.verdict, self.min_score, self.candidates);
        let (Started::New(job) | Started::There(job)) =
            service.find_duplicates(&self.collection, request).await.map_err(|error| {
                let is_usage = matches!(error, ServiceError::OutOfRange { .. });
                if is_usage { CliError::Usage(error.to_string()) } else { failed(error) }
            })?;
        let progress = Progress::start("looking at images", 0);
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

    async fn as_table(&self, service: &RetrievalService, job: &Job) -> Result<(), CliError> {
        let mut table = output::table(["GROUP", "IMAGE", "PIXELS", "VERDICT", "SCORE", "PATH"]);
        let mut shown = 0;
        let mut after = None;
        while shown < SHOWN {
            let page = groups(service, job, after).await?;
            for group in page.groups {
                for (number, member) in group.members.iter().enumerate() {
                    let best = number == 0;
                    let record = &member.record;
                    let path = record.metadata.as_map().get("path").and_then(Value::as_str);
                    table.add_row([
                        if best { format!("{} ({} images)", group.name, group.size) } else { String::new() },
                        format!("{}{}", record.id, if best { " (best)" } else { "" }),
                        format!("{}x{}", record.width, record.height),
                        member.verdict.as_str().replace('_', " "),
                        format!("{:.4}", member.score),
                        path.unwrap_or("-").to_owned(),
                    ]);
                }
                shown += 1;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if shown > 0 {
            output::results(|out| writeln!(out, "{}", table.trim_fmt()))?;
        }
        if after.is_some() {
            note(&format!("the first {shown} groups are shown; --json lists all"));
        }
        let count = |name: &str| job.result.as_ref().and_then(|result| result[name].as_u64()).unwrap_or_default();
        note(&format!(
            "groups: {}, with images: {}, of them surplus: {}; images looked at: {}",
            count("groups"),
            count("images"),
            count("duplicates"),
            count("looked_up")
        ));
        if self.delete_all_but_best {
            let deleted = self.delete(service, job, |id| output::results(|out| writeln!(out, "{id}"))).await?;
            note(&match self.dry_run {
                true => format!("{deleted} images would be deleted"),
                false => format!("{deleted} images were deleted"),
            });
        }
        Ok(())
    }

    /// Writes group by group: there may be more than fit in memory.
    async fn as_json(&self, service: &RetrievalService, job: &Job) -> Result<(), CliError> {
        output::results(|out| write!(out, "{{\"job\": {}, \"groups\": [", jobs::as_json(job)))?;
        let mut comma = "";
        let mut after = None;
        loop {
            let page = groups(service, job, after).await?;
            for group in &page.groups {
                output::results(|out| write!(out, "{comma}\n  {}", group_as_json(group)))?;
                comma = ",";
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        output::results(|out| write!(out, "\n]"))?;
        if self.delete_all_but_best {
            output::results(|out| write!(out, ", \"dry_run\": {}, \"deleted\": [", self.dry_run))?;
            let mut comma = "";
            self.delete(service, job, |id| {
                let id = Value::from(id);
                output::results(|out| write!(out, "{comma}\n  {id}"))?;
                comma = ",";
                Ok(())
            })
            .await?;
            output::results(|out| write!(out, "\n]"))?;
        }
        output::results(|out| writeln!(out, "}}"))
    }

    /// Deletes what is surplus, or only says what that is; how many there were.
    async fn delete(
        &self,
        service: &RetrievalService,
        job: &Job,
        mut say: impl FnMut(&str) -> Result<(), CliError>,
    ) -> Result<u64, CliError> {
        let failed = |error: ServiceError| CliError::Failed(error.to_string());
        let mut deleted = 0;
        let mut after = None;
        loop {
            let (records, next) = service.surplus_duplicates(&job.id, after).await.map_err(failed)?;
            for record in records {
                if !self.dry_run {
                    let unchanged = Precondition::Revision(record.revision);
                    match service.delete_image(&job.collection, &record.id, unchanged).await {
                        Ok(()) => {}
                        // Changed or deleted by somebody else meanwhile.
                        Err(ServiceError::PreconditionFailed | ServiceError::UnknownImage(_)) => continue,
                        Err(error) => return Err(failed(error)),
                    }
                }
                say(record.id.as_str())?;
                deleted += 1;
            }
            after = next;
            if after.is_none() {
                return Ok(deleted);
            }
        }
    }
}

async fn groups(
    service: &RetrievalService,
    job: &Job,
    after: Option<u64>,
) -> Result<crate::service::GroupPage, CliError> {
    service.duplicate_groups(&job.id, after, PAGE).await.map_err(|error| CliError::Failed(error.to_string()))
}

fn group_as_json(group: &DuplicateGroup) -> Value {
    let images = group.members.iter().map(|member| {
        json!({
            "id": member.record.id,
            "score": member.score,
            "verdict": member.verdict,
            "width": member.record.width,
            "height": member.record.height,
            "metadata": member.record.metadata,
        })
    });
    json!({"id": group.name, "size": group.size, "images": images.collect::<Vec<_>>()})
}
