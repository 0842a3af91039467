//! What the commands print, whether it comes from the database of this machine or from a server:
//! each answer is read from a server's JSON, or made of what the service answers.

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::{ExtractionCost, Job, JobState, Verdict};
use crate::service::{DuplicateGroup, DuplicateMember, ImportReport, Quad, SearchHit, SearchResponse};

/// The answer to a search.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    /// Best first.
    pub results: Vec<Hit>,
    /// Whether images may be missing, since the index is being built.
    #[serde(default)]
    pub partial: bool,
    /// Model and profile of what was compared.
    pub version: String,
    /// What describing the query cost.
    pub cost: Option<ExtractionCost>,
}

/// One result.
#[derive(Debug, Deserialize)]
pub(super) struct Hit {
    pub rank: usize,
    pub id: String,
    pub score: f32,
    pub verdict: Verdict,
    /// Not there where the two were not compared.
    pub verified: Option<bool>,
    pub inliers: Option<usize>,
    /// Not there where it is not verified.
    pub confidence: Option<f64>,
    /// Not there where it is verified, or none are alike.
    pub cells: Option<usize>,
    #[serde(rename = "match")]
    pub region: Option<Matched>,
    pub metadata: Map<String, Value>,
}

/// Where query and result show the same thing, in fractions of width and height.
#[derive(Debug, Deserialize)]
pub(super) struct Matched {
    pub quad_in_query: Quad,
    pub quad_in_result: Quad,
    #[serde(default)]
    pub mirrored: bool,
    /// Of several images of the query.
    pub query_image: Option<usize>,
}

impl From<SearchResponse> for Found {
    fn from(response: SearchResponse) -> Self {
        Self {
            results: response.hits.into_iter().map(Hit::from).collect(),
            partial: response.partial,
            version: response.version.to_string(),
            cost: response.cost.map(rounded),
        }
    }
}

impl From<SearchHit> for Hit {
    fn from(hit: SearchHit) -> Self {
        let found = hit.verification;
        // A tenth of a pixel of a picture of 1,000, as a server answers it.
        let fractions = |quad: Quad| quad.map(|corner| corner.map(|x| (x * 1e4).round() / 1e4));
        Self {
            rank: hit.rank,
            id: hit.record.id.into(),
            score: hit.score,
            verdict: hit.verdict,
            verified: found.map(|found| found.verified()),
            inliers: found.map(|found| found.inliers),
            confidence: found.and_then(|found| found.confidence()),
            cells: found.map(|found| found.cells).filter(|&cells| cells > 0),
            region: found.and_then(|found| found.region.zip(Some(found.mirrored))).map(|(region, mirrored)| Matched {
                quad_in_query: fractions(region.quad_in_query),
                quad_in_result: fractions(region.quad_in_candidate),
                mirrored,
                query_image: hit.query_image,
            }),
            metadata: hit.record.metadata.as_map().clone(),
        }
    }
}

/// Times and energies to the thousandth, as a server answers them: what comes after it is noise.
pub(super) fn rounded(cost: ExtractionCost) -> ExtractionCost {
    let thousandths = |value: f64| (value * 1e3).round() / 1e3;
    ExtractionCost {
        chip_milliseconds: thousandths(cost.chip_milliseconds),
        energy_millijoules: cost.energy_millijoules.map(thousandths),
        host_milliseconds: thousandths(cost.host_milliseconds),
        ..cost
    }
}

/// What two pictures have in common.
#[derive(Debug, Deserialize)]
pub(super) struct Compared {
    pub score: f32,
    pub verdict: Verdict,
    pub verified: Option<bool>,
    pub inliers: Option<usize>,
    pub confidence: Option<f64>,
    #[serde(default)]
    pub mirrored: bool,
    pub a: ComparedPicture,
    pub b: ComparedPicture,
    pub version: String,
}

/// One of the two pictures.
#[derive(Debug, Deserialize)]
pub(super) struct ComparedPicture {
    pub width: u32,
    pub height: u32,
    pub cost: Option<ExtractionCost>,
    /// Its outline in pixels of the other one.
    pub outline_in_other: Option<Quad>,
}

/// A job. Kind and state are texts: a server may be newer than this program.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct JobAnswer {
    pub id: String,
    pub kind: String,
    pub collection: String,
    pub params: Value,
    pub state: String,
    pub done: u64,
    pub total: Option<u64>,
    pub rate: Option<f64>,
    pub seconds_left: Option<f64>,
    pub result: Option<Value>,
    pub error: Option<String>,
    pub created_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

impl JobAnswer {
    /// Whether something is still to be done.
    pub(super) fn is_active(&self) -> bool {
        JobState::from_name(&self.state).is_some_and(JobState::is_active)
    }

    /// A number of its result, 0 where it has none.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.result.as_ref().and_then(|result| result[name].as_u64()).unwrap_or_default()
    }
}

impl From<Job> for JobAnswer {
    fn from(job: Job) -> Self {
        let time = |time: OffsetDateTime| time.format(&Rfc3339).ok();
        Self {
            id: job.id.to_string(),
            kind: job.kind.to_string(),
            collection: job.collection.to_string(),
            params: job.params,
            state: job.state.to_string(),
            done: job.progress.done,
            total: job.progress.total,
            rate: job.progress.rate,
            seconds_left: job.progress.seconds_left().filter(|_| job.state == JobState::Running),
            result: job.result,
            error: job.error,
            created_at: time(job.created_at).unwrap_or_default(),
            started_at: job.started_at.and_then(time),
            finished_at: job.finished_at.and_then(time),
        }
    }
}

/// Images that show the same thing.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    /// Its name.
    pub id: String,
    /// How many images it had when it was found.
    pub size: u64,
    /// The first hundred of those that are still there, the best first.
    pub images: Vec<Member>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub id: String,
    pub score: f32,
    pub verdict: Verdict,
    pub width: u32,
    pub height: u32,
    pub metadata: Map<String, Value>,
    /// Grows with every change of the image.
    pub revision: i64,
}

impl From<DuplicateGroup> for Group {
    fn from(group: DuplicateGroup) -> Self {
        let images = group.members.into_iter().map(Member::from).collect();
        Self { id: group.name.into(), size: group.size, images }
    }
}

impl From<DuplicateMember> for Member {
    fn from(member: DuplicateMember) -> Self {
        let DuplicateMember { record, score, verdict } = member;
        Self {
            id: record.id.into(),
            score,
            verdict,
            width: record.width,
            height: record.height,
            metadata: record.metadata.as_map().clone(),
            revision: record.revision.0,
        }
    }
}

/// What an import of lines came to.
#[derive(Debug, Deserialize)]
pub(super) struct ImportAnswer {
    pub stored: u64,
    pub replaced: u64,
    pub unchanged: u64,
    pub failed: u64,
    /// The first of the failures.
    pub failures: Vec<FailedLine>,
    /// Whether the export came to its end; a server answers with a problem where it did not.
    #[serde(skip, default = "complete")]
    pub complete: bool,
}

fn complete() -> bool {
    true
}

/// A line that was not taken.
#[derive(Debug, Deserialize)]
pub(super) struct FailedLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    #[serde(rename = "detail")]
    pub reason: String,
}

impl From<ImportReport> for ImportAnswer {
    fn from(report: ImportReport) -> Self {
        let ImportReport { stored, replaced, unchanged, failed, failures, complete, .. } = report;
        let failures = failures.into_iter().map(|f| FailedLine { line: f.line, reason: f.error.to_string() });
        Self { stored, replaced, unchanged, failed, failures: failures.collect(), complete }
    }
}
