//! What goes over the wire about jobs.

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::domain::{Job, JobKind, JobState, Verdict};
use crate::http::links::PublicPath;
use crate::http::schema::{one_of, verdict_schema};
use crate::service::{DuplicateGroup, DuplicateMember};

fn kind_schema() -> Object {
    one_of(JobKind::ALL.map(JobKind::as_str)).description(Some("What it does. New kinds may be added.")).build()
}

fn state_schema() -> Object {
    one_of(JobState::ALL.map(JobState::as_str)).description(Some("How far it is.")).build()
}

/// The job that examples show.
fn job_example() -> Value {
    json!({
        "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10", "kind": "duplicates", "collection": "covers",
        "params": {"verdict": "near_duplicate", "min_score": null, "candidates": 20}, "state": "done", "done": 1200, "total": 1200,
        "rate": 85.2, "result": {
            "groups": 31, "images": 70, "duplicates": 39, "largest": 4, "pairs": 44, "looked_up": 1200, "revision": 1260
        },
        "created_at": "2026-11-24T12:00:00Z", "started_at": "2026-11-24T12:00:00Z", "finished_at": "2026-11-24T12:00:14Z"
    })
}

/// Work in the background. It goes on after a restart of the service where it was, and is done once
/// however many instances share the database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(job_example()))]
#[schema(as = Job)]
pub(crate) struct JobDto {
    /// Its id; later jobs have later ids.
    id: String,
    /// What it does.
    #[schema(schema_with = kind_schema)]
    kind: &'static str,
    /// In which collection.
    collection: String,
    /// How.
    #[schema(value_type = Object)]
    params: Value,
    /// How far it is.
    #[schema(schema_with = state_schema)]
    state: &'static str,
    /// Steps that are done: images that were looked up, looked at or written; of an import, images of an
    /// export or entries of an archive.
    done: u64,
    /// Steps there are, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<u64>,
    /// Steps a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rate: Option<f64>,
    /// How long it will take yet, in seconds, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seconds_left: Option<f64>,
    /// What it came to, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    result: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    finished_at: Option<OffsetDateTime>,
}

impl From<Job> for JobDto {
    fn from(job: Job) -> Self {
        let runs = job.state == JobState::Running;
        Self {
            id: job.id.to_string(),
            kind: job.kind.as_str(),
            collection: job.collection.to_string(),
            params: job.params,
            state: job.state.as_str(),
            done: job.progress.done,
            total: job.progress.total,
            rate: job.progress.rate,
            seconds_left: job.progress.seconds_left().filter(|_| runs),
            result: job.result,
            error: job.error,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

/// A page of jobs, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobList, example = json!({"jobs": [job_example()], "next_cursor": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10"}))]
pub(crate) struct JobListDto {
    /// The jobs.
    pub(crate) jobs: Vec<JobDto>,
    /// Give it as `cursor` to get the next page; not there on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// An image of a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DuplicateImage)]
pub(crate) struct DuplicateDto {
    /// Its id.
    id: String,
    /// Cosine of its descriptor and that of its nearest other image of the group.
    score: f32,
    /// What score and comparison of the two come to.
    #[schema(schema_with = verdict_schema)]
    verdict: Verdict,
    /// Width in pixels.
    width: u32,
    /// Height in pixels.
    height: u32,
    /// Size of the upload in bytes.
    byte_size: u64,
    /// When it was first stored.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Grows with every change; in quotes it is the entity tag that `If-Match` takes.
    revision: i64,
    /// Where its small picture is.
    thumbnail_url: String,
    /// The client's own data.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

impl DuplicateDto {
    fn new(member: DuplicateMember, links: &PublicPath) -> Self {
        let DuplicateMember { record, score, verdict } = member;
        Self {
            thumbnail_url: links.thumbnail(&record),
            id: record.id.to_string(),
            score,
            verdict,
            width: record.width,
            height: record.height,
            byte_size: record.byte_size,
            created_at: record.created_at,
            revision: record.revision.0,
            metadata: record.metadata.as_map().clone(),
        }
    }
}

/// Images that show the same thing: each of them is a duplicate of another one, and so need not be
/// one of all others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DuplicateGroup)]
pub(crate) struct GroupDto {
    /// The id of its oldest image, which stays when images come.
    id: String,
    /// How many images it had when it was found.
    size: u64,
    /// The first hundred of those that are still there; the best comes first: that of most pixels,
    /// then the oldest.
    images: Vec<DuplicateDto>,
}

impl GroupDto {
    fn new(group: DuplicateGroup, links: &PublicPath) -> Self {
        let images = group.members.into_iter().map(|member| DuplicateDto::new(member, links)).collect();
        Self { id: group.name.to_string(), size: group.size, images }
    }
}

/// A page of groups, the largest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DuplicateGroupList, example = json!({"groups": [{"id": "alien-1979", "size": 2, "images": [{
    "id": "alien-1979", "score": 0.981, "verdict": "near_duplicate", "width": 480, "height": 640, "byte_size": 83412,
    "revision": 17, "created_at": "2026-11-24T12:00:00Z", "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17",
    "metadata": {"title": "Alien", "year": 1979}
}, {
    "id": "alien-scan", "score": 0.981, "verdict": "near_duplicate", "width": 300, "height": 400, "byte_size": 31870,
    "revision": 18, "created_at": "2026-11-24T12:05:00Z", "thumbnail_url": "/v1/collections/covers/images/alien-scan/thumbnail?v=18", "metadata": {}
}]}], "next_cursor": "20"}))]
pub(crate) struct GroupListDto {
    /// The groups; fewer than asked for where images are gone.
    groups: Vec<GroupDto>,
    /// Give it as `cursor` to get the next page; not there on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl GroupListDto {
    /// A page.
    pub(crate) fn new(groups: Vec<DuplicateGroup>, next: Option<u64>, links: &PublicPath) -> Self {
        let groups = groups.into_iter().map(|group| GroupDto::new(group, links)).collect();
        Self { groups, next_cursor: next.map(|place| place.to_string()) }
    }
}
