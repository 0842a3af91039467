//! Jobs in a database, and what those that look for duplicates found.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::error::StoreError;
use crate::domain::{
    CollectionName, DescriptorVersion, ImageId, ImageKey, Job, JobId, JobKind, JobProgress, JobState, Seq, SimilarPair,
    Verdict,
};

/// A job to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// In which collection.
    pub collection: CollectionName,
    /// How: a JSON object.
    pub params: Value,
}

/// What became of a job that was to be created.
#[derive(Debug, Clone, PartialEq)]
pub enum JobCreation {
    /// It is there now.
    Created(Job),
    /// The same work waits or is done already.
    Active(Job),
    /// Too many jobs wait.
    TooMany,
}

/// The right to work on a job: it ends with the job, and when the lease is over and another process
/// takes the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// Who works on it; no two processes have the same name.
    pub owner: String,
    /// How long the claim holds after each sign of life.
    pub lease: Duration,
}

/// A job that this process works on from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// The job.
    pub job: Job,
    /// Where the work stood when another process left it; `None` at its beginning.
    pub checkpoint: Option<Value>,
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEnd {
    /// With this result: a JSON object.
    Done(Value),
    /// With this error.
    Failed(String),
}

/// What became of the wish to end a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancellation {
    /// It was waiting or running and is cancelled now.
    Cancelled(Job),
    /// It had ended before.
    Ended(Job),
    /// There is no such job.
    UnknownJob,
}

/// Work in the background, for all processes that share the database. What a process writes about a
/// job under a [`Claim`] that no longer holds is not written, and it is told so by `false`.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Creates a job that waits, unless the same work (kind, collection, parameters) waits or is
    /// done already, or `most_active` jobs wait or run.
    async fn create_job(&self, job: &NewJob, most_active: u32) -> Result<JobCreation, StoreError>;

    /// One job.
    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError>;

    /// Jobs older than `before`, the newest first, at most `limit`.
    async fn jobs(&self, before: Option<&JobId>, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// How many jobs are in each state; states of none are left out.
    async fn count_jobs(&self) -> Result<Vec<(JobState, u64)>, StoreError>;

    /// Claims the oldest job that waits, or whose lease is over.
    async fn claim_job(&self, owner: &str, lease: Duration) -> Result<Option<ClaimedJob>, StoreError>;

    /// Notes how far a job is, and where to go on where that is given; renews the lease.
    async fn note_progress(
        &self,
        claim: &Claim,
        progress: JobProgress,
        checkpoint: Option<&Value>,
    ) -> Result<bool, StoreError>;

    /// Renews the lease.
    async fn renew_claim(&self, claim: &Claim) -> Result<bool, StoreError>;

    /// Lets a job wait again, for any process.
    async fn release_job(&self, claim: &Claim) -> Result<bool, StoreError>;

    /// Ends a job.
    async fn end_job(&self, claim: &Claim, end: &JobEnd) -> Result<bool, StoreError>;

    /// Ends a job that waits or runs.
    async fn cancel_job(&self, id: &JobId) -> Result<Cancellation, StoreError>;

    /// Removes a job that has ended, with what it found; `false` where there is no such one.
    async fn remove_job(&self, id: &JobId) -> Result<bool, StoreError>;
}

/// What is known of the near-duplicates in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateScan {
    /// Its number.
    pub id: i64,
    /// Images that changed up to this change were looked up.
    pub seq: Seq,
    /// How often it was begun, this time included.
    pub run: i64,
}

/// A member of a group of near-duplicates.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupMember {
    /// The place of its group, from 1.
    pub place: u64,
    /// Its place in the group; 0 for the best.
    pub member: u64,
    /// How many members the group has.
    pub size: u64,
    /// The name of the group: the id of its oldest image.
    pub name: ImageId,
    /// The image.
    pub key: ImageKey,
    /// Its nearest other member: the cosine of their descriptors.
    pub score: f32,
    /// What the two come to.
    pub verdict: Verdict,
}

/// Near-duplicates in collections: pairs, which are kept from one job to the next, and the groups
/// that a job made of them.
#[async_trait]
pub trait Duplicates: Send + Sync {
    /// Begins to look for the pairs of a collection in some way, which `settings` names; goes on
    /// from what is known of it. Of the ways of one collection this one and the newest `most` are
    /// kept. `None` where there is no such collection.
    async fn begin_scan(
        &self,
        collection: &CollectionName,
        settings: &str,
        most: u32,
    ) -> Result<Option<DuplicateScan>, StoreError>;

    /// How many images of a version changed after `since`.
    async fn count_changed(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        since: Seq,
    ) -> Result<u64, StoreError>;

    /// The images of a version that changed after `since`, behind `after` in the order of their
    /// keys, at most `limit`.
    async fn changed_images(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        since: Seq,
        after: Option<ImageKey>,
        limit: u32,
    ) -> Result<Vec<ImageKey>, StoreError>;

    /// Puts these pairs, of which none is there twice, in the place of those that earlier runs
    /// found of the images in `looked_up`, and notes how far the job is, in one transaction.
    async fn note_pairs(
        &self,
        claim: &Claim,
        scan: &DuplicateScan,
        looked_up: &[ImageKey],
        pairs: &[SimilarPair],
        progress: JobProgress,
        checkpoint: &Value,
    ) -> Result<bool, StoreError>;

    /// Pairs behind `after` in the order of both keys, at most `limit`; only those of two images
    /// that are there.
    async fn pairs(
        &self,
        scan: &DuplicateScan,
        after: Option<(ImageKey, ImageKey)>,
        limit: u32,
    ) -> Result<Vec<SimilarPair>, StoreError>;

    /// Notes that every image that changed up to `seq` was looked up.
    async fn end_scan(&self, claim: &Claim, scan: &DuplicateScan, seq: Seq) -> Result<bool, StoreError>;

    /// Adds members to the groups that a job found; `first` are the first ones, and what an earlier
    /// attempt wrote goes.
    async fn add_members(&self, claim: &Claim, members: &[GroupMember], first: bool) -> Result<bool, StoreError>;

    /// The members of the groups of a job behind `after` in order, at most `limit`.
    async fn members(&self, job: &JobId, after: Option<(u64, u64)>, limit: u32)
    -> Result<Vec<GroupMember>, StoreError>;
}
