//! Where duplicates are looked for and deleted: in the database of this machine, or by a server.

use serde_json::{Map, Value};

use crate::cli::answers::{Group, JobAnswer};
use crate::cli::remote::{self, Client};
use crate::domain::{CollectionName, ImageId, JobId, JobProgress, Precondition, Seq, Verdict};
use crate::service::{DuplicatesRequest, RetrievalService, ServiceError, Started};
use eyrie_terminal::CliError;
use eyrie_terminal::output::note;

/// Groups that are read at once.
const PAGE: usize = 100;

/// Images of a group that a server lists.
const MOST_LISTED: usize = 100;

/// What makes two images duplicates.
pub(super) struct Criteria {
    pub(super) verdict: Option<Verdict>,
    pub(super) min_score: Option<f32>,
    pub(super) candidates: Option<u32>,
}

/// Where the collection is.
pub(super) enum Place<'a> {
    Database(&'a RetrievalService),
    Server(&'a Client),
}

/// An image beside the best of its group.
pub(super) struct Surplus {
    pub(super) id: String,
    revision: i64,
}

/// Behind what the next surplus images are.
pub(super) enum Behind {
    Member(u64, u64),
    Page(Option<String>),
}

fn failed(error: &ServiceError) -> CliError {
    CliError::Failed(error.to_string())
}

fn id_of(job: &JobAnswer) -> Result<JobId, CliError> {
    JobId::new(job.id.clone()).map_err(|e| CliError::Failed(format!("the job's id: {e}")))
}

impl Place<'_> {
    /// The job that looks for duplicates, or has looked for them already.
    pub(super) async fn find(&self, collection: &CollectionName, criteria: Criteria) -> Result<JobAnswer, CliError> {
        let Criteria { verdict, min_score, candidates } = criteria;
        match self {
            Self::Database(service) => {
                service.index_built().await.map_err(|e| failed(&e))?;
                let request = DuplicatesRequest::new(verdict, min_score, candidates);
                match service.find_duplicates(collection, request).await {
                    Ok(Started::New(job) | Started::There(job)) => Ok(job.into()),
                    Err(error @ ServiceError::OutOfRange { .. }) => Err(CliError::Usage(error.to_string())),
                    Err(error) => Err(failed(&error)),
                }
            }
            Self::Server(server) => {
                let given = [
                    ("verdict", verdict.map(|verdict| Value::from(verdict.as_str()))),
                    ("min_score", min_score.map(Value::from)),
                    ("candidates", candidates.map(Value::from)),
                ];
                let options: Map<String, Value> =
                    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
                match remote::find_duplicates(server, collection, &options).await {
                    Err(error) if error.code() == "out_of_range" => Err(CliError::Usage(error.to_string())),
                    job => Ok(job?),
                }
            }
        }
    }

    /// The job once it has ended.
    pub(super) async fn ended(
        &self,
        mut job: JobAnswer,
        tell: &(dyn Fn(JobProgress) + Send + Sync),
    ) -> Result<JobAnswer, CliError> {
        match self {
            Self::Database(service) => {
                let ended = service.work_until_ended(&id_of(&job)?, tell).await;
                ended.map(JobAnswer::from).map_err(|e| failed(&e))
            }
            Self::Server(server) => {
                while job.is_active() {
                    job = remote::wait_for_job(server, &job.id).await?;
                    tell(JobProgress { done: job.done, total: job.total, rate: job.rate });
                }
                Ok(job)
            }
        }
    }

    /// Some of the groups that the job found, and behind what the next ones are.
    pub(super) async fn groups(
        &self,
        job: &JobAnswer,
        behind: Option<&str>,
    ) -> Result<(Vec<Group>, Option<String>), CliError> {
        match self {
            Self::Database(service) => {
                let after = behind.and_then(|place| place.parse().ok());
                let page = service.duplicate_groups(&id_of(job)?, after, PAGE).await.map_err(|e| failed(&e))?;
                let groups = page.groups.into_iter().map(Group::from).collect();
                Ok((groups, page.next.map(|place| place.to_string())))
            }
            Self::Server(server) => Ok(remote::groups(server, &job.id, behind).await?),
        }
    }

    /// Some of the images beside the best of each group that did not change since the job looked at
    /// them, and behind what the next ones are.
    pub(super) async fn surplus(
        &self,
        job: &JobAnswer,
        behind: Option<Behind>,
        dry_run: bool,
    ) -> Result<(Vec<Surplus>, Option<Behind>), CliError> {
        match (self, behind) {
            (Self::Database(service), behind) => {
                let after = match behind {
                    Some(Behind::Member(place, member)) => Some((place, member)),
                    Some(Behind::Page(_)) | None => None,
                };
                let (records, next) = service.surplus_duplicates(&id_of(job)?, after).await.map_err(|e| failed(&e))?;
                let of =
                    |record: crate::domain::ImageRecord| Surplus { id: record.id.into(), revision: record.revision.0 };
                let next = next.map(|(place, member)| Behind::Member(place, member));
                Ok((records.into_iter().map(of).collect(), next))
            }
            (Self::Server(server), behind) => {
                let cursor = match behind {
                    Some(Behind::Page(cursor)) => cursor,
                    Some(Behind::Member(..)) | None => None,
                };
                let (groups, next) = remote::groups(server, &job.id, cursor.as_deref()).await?;
                let seen = job.result.as_ref().and_then(|result| result["revision"].as_i64()).unwrap_or_default();
                let (mut surplus, mut more) = (Vec::new(), false);
                for group in groups {
                    let is_cut = group.images.len() == MOST_LISTED && group.size > MOST_LISTED as u64;
                    more |= is_cut;
                    if is_cut && dry_run {
                        let (id, size) = (&group.id, group.size);
                        note(&format!("the group {id} has {size} images, of which the server lists {MOST_LISTED}"));
                    }
                    let mut images = group.images.into_iter();
                    // Where the best changed since, none of the group is surplus.
                    if images.next().is_some_and(|best| best.revision <= seen) {
                        let unchanged = images.filter(|image| image.revision <= seen);
                        surplus.extend(unchanged.map(|image| Surplus { id: image.id, revision: image.revision }));
                    }
                }
                // What a group has beyond its list shows when those before it are gone.
                let again = more && !dry_run && !surplus.is_empty();
                let next = if again { Some(Behind::Page(cursor)) } else { next.map(|next| Behind::Page(Some(next))) };
                Ok((surplus, next))
            }
        }
    }

    /// Deletes an image; `false` where it changed or went away meanwhile.
    pub(super) async fn delete(&self, job: &JobAnswer, surplus: &Surplus) -> Result<bool, CliError> {
        match self {
            Self::Database(service) => {
                let invalid = |e: crate::domain::InvalidId| CliError::Failed(e.to_string());
                let collection = CollectionName::new(job.collection.clone()).map_err(invalid)?;
                let id = ImageId::new(surplus.id.clone()).map_err(invalid)?;
                let unchanged = Precondition::Revision(Seq(surplus.revision));
                match service.delete_image(&collection, &id, unchanged).await {
                    Ok(()) => Ok(true),
                    Err(ServiceError::PreconditionFailed | ServiceError::UnknownImage(_)) => Ok(false),
                    Err(error) => Err(failed(&error)),
                }
            }
            Self::Server(server) => {
                Ok(remote::delete_image(server, &job.collection, &surplus.id, surplus.revision).await?)
            }
        }
    }
}
