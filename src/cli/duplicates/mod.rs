//! `eyrie duplicates`: groups of images that show the same thing.

mod place;

use clap::Args;
use serde_json::{Value, json};

use super::answers::{Group, JobAnswer};
use super::jobs;
use super::remote::{Client, ServerFlags};
use super::settings::Settings;
use super::signals::StopRequests;
use crate::app::{self, Backend, Purpose};
use crate::config::Config;
use crate::domain::{CollectionName, JobProgress, JobState, Verdict};
use eyrie_terminal::output::{self, note};
use eyrie_terminal::{CliError, Progress};
use place::{Criteria, Place};

const EXAMPLES: &str = "\
Examples:
  eyrie duplicates
  eyrie duplicates --collection covers --verdict same
  eyrie duplicates --min-score 0.9                            by the score alone
  eyrie duplicates --json | jq -r '.groups[] | .images[1:][].id'
  eyrie duplicates --delete-all-but-best --dry-run            what would be deleted
  eyrie duplicates --delete-all-but-best --yes
  eyrie duplicates --server https://pictures.example          a server looks for them

Each image is compared with its nearest neighbours; images that show the same thing make a group, whose best image (most pixels, then \
the oldest) comes first. The first run looks at every image, a later one of the same options at those that changed since. A run that \
was stopped goes on where it was, here or in a running server. It is safe beside a server, whose index this command cannot use: it reads \
the database into one of its own. With --server the server does all of it.

An image is only deleted if it has not changed since it was looked at.

Exit codes: 0 done, 1 failed or stopped, 2 wrong usage or configuration, 3 could not start.";

/// Groups that a table shows; JSON has all.
const SHOWN: usize = 1_000;

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
    server: ServerFlags,
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
        let server = self.server.connect(&self.settings)?;
        app::runtime()?.block_on(async {
            match &server {
                Some(server) => self.ask(server).await,
                None => self.look(&loaded.config).await,
            }
        })
    }

    async fn look(&self, config: &Config) -> Result<(), CliError> {
        let mut requests = StopRequests::receive()?;
        let backend = Backend::open(config, Purpose::Serve).await?;
        let mut work = std::pin::pin!(self.work(Place::Database(&backend.service)));
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
    }

    async fn ask(&self, server: &Client) -> Result<(), CliError> {
        let mut requests = StopRequests::receive()?;
        tokio::select! {
            done = self.work(Place::Server(server)) => done,
            () = requests.next() => {
                let address = server.address();
                Err(CliError::Failed(format!(
                    "stopped; the server goes on with a job under way, which `eyrie jobs --server {address}` shows and can cancel"
                )))
            }
        }
    }

    async fn work(&self, place: Place<'_>) -> Result<(), CliError> {
        let criteria = Criteria { verdict: self.verdict, min_score: self.min_score, candidates: self.candidates };
        let job = place.find(&self.collection, criteria).await?;
        let progress = Progress::start("looking at images", 0);
        let tell = |at: JobProgress| {
            progress.set_total(at.total.unwrap_or(at.done) as usize);
            progress.set(at.done as usize);
        };
        let ended = place.ended(job, &tell).await;
        progress.end();
        let job = ended?;
        if job.state != JobState::Done.as_str() {
            let reason = job.error.unwrap_or(job.state);
            return Err(CliError::Failed(format!("the job {}: {reason}", job.id)));
        }
        if self.json { self.as_json(&place, &job).await } else { self.as_table(&place, &job).await }
    }

    async fn as_table(&self, place: &Place<'_>, job: &JobAnswer) -> Result<(), CliError> {
        let mut table = output::table(["GROUP", "IMAGE", "PIXELS", "VERDICT", "SCORE", "PATH"]);
        let mut shown = 0;
        let mut after: Option<String> = None;
        while shown < SHOWN {
            let (groups, next) = place.groups(job, after.as_deref()).await?;
            for group in groups {
                for (number, member) in group.images.iter().enumerate() {
                    let best = number == 0;
                    let path = member.metadata.get("path").and_then(Value::as_str);
                    table.add_row([
                        if best { format!("{} ({} images)", group.id, group.size) } else { String::new() },
                        format!("{}{}", member.id, if best { " (best)" } else { "" }),
                        format!("{}x{}", member.width, member.height),
                        member.verdict.as_str().replace('_', " "),
                        format!("{:.4}", member.score),
                        path.unwrap_or("-").to_owned(),
                    ]);
                }
                shown += 1;
            }
            after = next;
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
        note(&format!(
            "groups: {}, with images: {}, of them surplus: {}; images looked at: {}",
            job.count("groups"),
            job.count("images"),
            job.count("duplicates"),
            job.count("looked_up")
        ));
        if self.delete_all_but_best {
            let deleted = self.delete(place, job, |id| output::results(|out| writeln!(out, "{id}"))).await?;
            note(&match self.dry_run {
                true => format!("{deleted} images would be deleted"),
                false => format!("{deleted} images were deleted"),
            });
        }
        Ok(())
    }

    /// Writes group by group: there may be more than fit in memory.
    async fn as_json(&self, place: &Place<'_>, job: &JobAnswer) -> Result<(), CliError> {
        output::results(|out| write!(out, "{{\"job\": {}, \"groups\": [", jobs::as_json(job)))?;
        let mut comma = "";
        let mut after: Option<String> = None;
        loop {
            let (groups, next) = place.groups(job, after.as_deref()).await?;
            for group in &groups {
                output::results(|out| write!(out, "{comma}\n  {}", group_as_json(group)))?;
                comma = ",";
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        output::results(|out| write!(out, "\n]"))?;
        if self.delete_all_but_best {
            output::results(|out| write!(out, ", \"dry_run\": {}, \"deleted\": [", self.dry_run))?;
            let mut comma = "";
            self.delete(place, job, |id| {
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
        place: &Place<'_>,
        job: &JobAnswer,
        mut say: impl FnMut(&str) -> Result<(), CliError>,
    ) -> Result<u64, CliError> {
        let mut deleted = 0;
        let mut behind = None;
        loop {
            let (surplus, next) = place.surplus(job, behind, self.dry_run).await?;
            for image in surplus {
                // One that changed or was deleted meanwhile stays as it is.
                if self.dry_run || place.delete(job, &image).await? {
                    say(&image.id)?;
                    deleted += 1;
                }
            }
            behind = next;
            if behind.is_none() {
                return Ok(deleted);
            }
        }
    }
}

fn group_as_json(group: &Group) -> Value {
    let images = group.images.iter().map(|member| {
        json!({
            "id": member.id,
            "score": member.score,
            "verdict": member.verdict,
            "width": member.width,
            "height": member.height,
            "metadata": member.metadata,
        })
    });
    json!({"id": group.id, "size": group.size, "images": images.collect::<Vec<_>>()})
}
