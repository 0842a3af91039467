//! What calls about jobs take.

use serde_json::{Value, json};

use crate::domain::{JobId, Verdict};
use crate::http::error::Code;
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{
    Documented, FieldDoc, body_schema, cosine_schema, integer, job_schema, json_object, one_of, text_schema,
};
use crate::service::{DuplicatesRequest, MOST_CANDIDATES};

const DEFAULT_JOBS: u32 = 50;
const MAX_JOBS: u32 = 1000;
const DEFAULT_GROUPS: u32 = 20;
const MAX_GROUPS: u32 = 100;

/// The longest time that a request waits for the end of a job, in seconds: less than any answer may
/// take by default.
const MAX_WAIT: u32 = 20;

/// Which verdicts make a pair.
const VERDICTS: [Verdict; 3] = [Verdict::Same, Verdict::NearDuplicate, Verdict::Similar];

/// How duplicates are looked for.
pub(crate) struct FindDuplicates(pub(crate) DuplicatesRequest);

impl FromFields for FindDuplicates {
    fn from_fields(fields: &mut Fields) -> Self {
        let verdict = fields.choice("verdict", &VERDICTS.map(|verdict| (verdict.as_str(), verdict)));
        let min_score = fields.cosine("min_score");
        let candidates = fields.number("candidates", 1..=MOST_CANDIDATES);
        Self(DuplicatesRequest::new(verdict, min_score, candidates))
    }
}

impl Documented for FindDuplicates {
    fn fields() -> Vec<FieldDoc> {
        vec![
            FieldDoc::plain(
                "verdict",
                one_of(VERDICTS.map(Verdict::as_str)),
                "Two images are a pair where they are compared spot by spot and the verdict is this one or a closer one. \
                 `near_duplicate` where it is left out, unless `min_score` is given: then the score alone decides.",
            ),
            FieldDoc::plain(
                "min_score",
                cosine_schema(),
                "The lowest score (cosine) of a pair. With a verdict: the lowest score of what is compared, that of the level \
                 `similar` where it is left out.",
            ),
            FieldDoc::plain(
                "candidates",
                integer(1..=MOST_CANDIDATES),
                "How many neighbours of each image are looked at, 20 where it is left out.",
            ),
        ]
    }
}

body_schema! {
    /// How duplicates are looked for.
    FindDuplicatesBody, "FindDuplicates",
    json_object(FindDuplicates::fields()).examples([json!({"verdict": "near_duplicate"})])
}

/// Which page of the jobs.
pub(crate) struct JobsQuery {
    /// The job behind which the page begins.
    pub(crate) before: Option<JobId>,
    /// The most jobs of a page.
    pub(crate) limit: u32,
}

impl FromFields for JobsQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        let cursor = fields.text("cursor");
        let before = cursor.as_deref().and_then(|cursor| JobId::new(cursor).ok());
        if cursor.is_some() && before.is_none() {
            fields.fail(Code::InvalidCursor, "the cursor is not one that a page of this list gave");
        }
        Self { before, limit: fields.number("limit", 1..=MAX_JOBS).unwrap_or(DEFAULT_JOBS) }
    }
}

impl Documented for JobsQuery {
    fn fields() -> Vec<FieldDoc> {
        let limit = integer(1..=MAX_JOBS).default(Some(Value::from(DEFAULT_JOBS)));
        vec![
            FieldDoc::plain("cursor", job_schema(), "`next_cursor` of the page before."),
            FieldDoc::plain("limit", limit, "The most jobs of a page.").example(10),
        ]
    }
}

/// How long to wait for the end of a job.
pub(crate) struct JobQuery {
    /// In seconds.
    pub(crate) wait: u32,
}

impl FromFields for JobQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { wait: fields.number("wait", 0..=MAX_WAIT).unwrap_or(0) }
    }
}

impl Documented for JobQuery {
    fn fields() -> Vec<FieldDoc> {
        let wait = integer(0..=MAX_WAIT).default(Some(Value::from(0)));
        vec![FieldDoc::plain("wait", wait, "Answer when the job has ended, or after so many seconds.").example(10)]
    }
}

/// Which page of the groups.
pub(crate) struct GroupsQuery {
    /// The place behind which the page begins.
    pub(crate) after: Option<u64>,
    /// The most groups of a page.
    pub(crate) limit: u32,
}

impl FromFields for GroupsQuery {
    fn from_fields(fields: &mut Fields) -> Self {
        let cursor = fields.text("cursor");
        let is_place =
            |text: &&str| text.len() <= 18 && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        let after = cursor.as_deref().filter(is_place).and_then(|text| text.parse().ok());
        if cursor.is_some() && after.is_none() {
            fields.fail(Code::InvalidCursor, "the cursor is not one that a page of this list gave");
        }
        Self { after, limit: fields.number("limit", 1..=MAX_GROUPS).unwrap_or(DEFAULT_GROUPS) }
    }
}

impl Documented for GroupsQuery {
    fn fields() -> Vec<FieldDoc> {
        let limit = integer(1..=MAX_GROUPS).default(Some(Value::from(DEFAULT_GROUPS)));
        vec![
            FieldDoc::plain("cursor", text_schema("^[1-9][0-9]{0,17}$"), "`next_cursor` of the page before."),
            FieldDoc::plain("limit", limit, "The most groups of a page.").example(10),
        ]
    }
}
