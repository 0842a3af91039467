//! What is asked about jobs.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::duplicates::{DuplicatesRequest, MOST_CANDIDATES};
use super::reindex::ReindexRequest;
use super::runner::{self, PAUSE, Worked};
use super::work::{Tell, to_json};
use crate::domain::{CollectionName, ImageId, ImageKey, ImageRecord, Job, JobId, JobKind, JobState, Verdict};
use crate::service::core::{Core, unknown_collection};
use crate::service::{RetrievalService, ServiceError};
use crate::store::{Cancellation, GroupMember, JobCreation, NewJob};

/// Jobs that may wait or run.
pub(super) const MOST_ACTIVE: u32 = 100;

/// Members of a group that a page of groups lists.
const MOST_LISTED: usize = 100;

/// Rows of members that are read at once.
const ROWS: u32 = 1_000;

/// Behind every member of a group.
const LAST_MEMBER: u64 = i64::MAX as u64;

/// How often a job of another process is looked at by those that wait for its end.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A job that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Started {
    /// It is new.
    New(Job),
    /// The same work waits or is done already.
    There(Job),
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateMember {
    /// The image.
    pub record: ImageRecord,
    /// Its nearest other member: the cosine of their descriptors.
    pub score: f32,
    /// What the two come to.
    pub verdict: Verdict,
}

/// Images that show the same thing.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateGroup {
    /// Its place in the order of groups, from 1.
    pub place: u64,
    /// Its name: the id of its oldest image.
    pub name: ImageId,
    /// How many images it had when it was found.
    pub size: u64,
    /// The first of them that are still there, the best first.
    pub members: Vec<DuplicateMember>,
}

/// A page of groups.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupPage {
    /// The groups of which two images or more are still there.
    pub groups: Vec<DuplicateGroup>,
    /// The place behind which the next page begins, where there may be one.
    pub next: Option<u64>,
}

impl RetrievalService {
    /// Has the near-duplicates of a collection looked for, in the background.
    ///
    /// # Errors
    /// [`ServiceError::OutOfRange`], [`ServiceError::UnknownCollection`],
    /// [`ServiceError::TooManyJobs`], [`ServiceError::Store`].
    pub async fn find_duplicates(
        &self,
        collection: &CollectionName,
        request: DuplicatesRequest,
    ) -> Result<Started, ServiceError> {
        let _running = self.core.gate.enter()?;
        if !(1..=MOST_CANDIDATES).contains(&request.candidates) {
            let allowed = format!("between 1 and {MOST_CANDIDATES}");
            return Err(ServiceError::OutOfRange { name: "candidates", allowed });
        }
        if request.min_score.is_some_and(|score| !(-1.0..=1.0).contains(&score)) {
            return Err(ServiceError::OutOfRange { name: "min_score", allowed: "between -1 and 1".to_owned() });
        }
        self.core.create_job(JobKind::Duplicates, collection, to_json(&request)?).await
    }

    /// Has the images of a collection described anew from their originals, in the background: those
    /// that another model described, or all.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::TooManyJobs`], [`ServiceError::Store`].
    pub async fn reindex(&self, collection: &CollectionName, request: ReindexRequest) -> Result<Started, ServiceError> {
        let _running = self.core.gate.enter()?;
        self.core.create_job(JobKind::Reindex, collection, to_json(&request)?).await
    }

    /// Jobs older than `before`, the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn jobs(&self, before: Option<&JobId>, limit: u32) -> Result<Vec<Job>, ServiceError> {
        Ok(self.core.store.jobs(before, limit).await?)
    }

    /// A job as it is now, or once it has ended, for which this waits so long at most.
    ///
    /// # Errors
    /// [`ServiceError::UnknownJob`], [`ServiceError::Store`].
    pub async fn job(&self, id: &JobId, wait: Duration) -> Result<Job, ServiceError> {
        let until = Instant::now() + wait;
        let mut ended = self.core.jobs.ended.subscribe();
        loop {
            ended.mark_unchanged();
            let job = self.core.job(id).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !job.state.is_active() || left.is_zero() {
                return Ok(job);
            }
            tokio::select! {
                () = self.core.gate.until_closed() => return Ok(job),
                // The sender lives in `self`.
                _ = ended.changed() => {}
                () = tokio::time::sleep(left.min(LOOK_EVERY)) => {}
            }
        }
    }

    /// Cancels a job that waits or runs; one that has ended stays as it is. The job as it is then.
    ///
    /// # Errors
    /// [`ServiceError::UnknownJob`], [`ServiceError::Store`].
    pub async fn cancel_job(&self, id: &JobId) -> Result<Job, ServiceError> {
        let _running = self.core.gate.enter()?;
        match self.core.store.cancel_job(id).await? {
            Cancellation::Cancelled(job) => {
                self.core.jobs.cancelled.notify_one();
                self.core.jobs.note_end();
                // Neither what it was to import nor a part of an export is of use.
                self.core.forget_data(id).await;
                Ok(job)
            }
            Cancellation::Ended(job) => Ok(job),
            Cancellation::UnknownJob => Err(ServiceError::UnknownJob(id.to_string())),
        }
    }

    /// Removes a job with what it found; one that waits or runs is cancelled first.
    ///
    /// # Errors
    /// [`ServiceError::UnknownJob`], [`ServiceError::Store`].
    pub async fn delete_job(&self, id: &JobId) -> Result<(), ServiceError> {
        self.cancel_job(id).await?;
        // Where another request was faster it is gone all the same.
        self.core.store.remove_job(id).await?;
        self.core.forget_data(id).await;
        Ok(())
    }

    /// Groups that a job found, behind a place in their order, at most `limit`. Of each the first
    /// hundred images are listed. Images that are gone meanwhile are left out, and so are groups of
    /// which fewer than two are left.
    ///
    /// # Errors
    /// [`ServiceError::UnknownJob`], [`ServiceError::NoGroups`] where the job has none, or not yet;
    /// [`ServiceError::Store`].
    pub async fn duplicate_groups(
        &self,
        id: &JobId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<GroupPage, ServiceError> {
        let job = self.core.job(id).await?;
        if job.kind != JobKind::Duplicates || job.state != JobState::Done {
            return Err(ServiceError::NoGroups(job.state));
        }
        let (rows, more) = self.core.listed_members(id, after, limit).await?;
        let next = rows.last().map(|row| row.place).filter(|_| more);
        let keys: Vec<ImageKey> = rows.iter().map(|row| row.key).collect();
        let mut records = self.core.records_of(&keys, &job.collection).await?;
        let mut groups: Vec<DuplicateGroup> = Vec::new();
        for row in rows {
            let Some(record) = records.remove(&row.key) else { continue };
            let member = DuplicateMember { record, score: row.score, verdict: row.verdict };
            match groups.last_mut() {
                Some(group) if group.place == row.place => group.members.push(member),
                Some(_) | None => groups.push(DuplicateGroup {
                    place: row.place,
                    name: row.name,
                    size: row.size,
                    members: vec![member],
                }),
            }
        }
        groups.retain(|group| group.members.len() > 1);
        Ok(GroupPage { groups, next })
    }

    /// The images beside the best of each group that a job found, behind a member in their order,
    /// and where the next ones begin; `None` at the end. Only those that did not change since the
    /// job looked at them.
    ///
    /// # Errors
    /// As [`RetrievalService::duplicate_groups`].
    pub async fn surplus_duplicates(
        &self,
        id: &JobId,
        after: Option<(u64, u64)>,
    ) -> Result<(Vec<ImageRecord>, Option<(u64, u64)>), ServiceError> {
        let job = self.core.job(id).await?;
        let revision = job.result.as_ref().and_then(|result| result["revision"].as_i64());
        let Some(revision) = revision.filter(|_| job.state == JobState::Done) else {
            return Err(ServiceError::NoGroups(job.state));
        };
        let rows = self.core.store.members(id, after, ROWS).await?;
        let next = rows.last().map(|row| (row.place, row.member));
        // The first one of a group is its best. Where it is gone none of the group is surplus.
        let mut best: Vec<(u64, ImageKey)> =
            rows.iter().filter(|row| row.member == 0).map(|row| (row.place, row.key)).collect();
        if let Some(first) = rows.first().filter(|first| first.member > 0) {
            let before = self.core.store.members(id, Some((first.place - 1, LAST_MEMBER)), 1).await?;
            best.extend(before.iter().map(|row| (row.place, row.key)));
        }
        let keys: Vec<ImageKey> = rows.iter().map(|row| row.key).chain(best.iter().map(|(_, key)| *key)).collect();
        let mut records = self.core.records_of(&keys, &job.collection).await?;
        records.retain(|_, record| record.revision.0 <= revision);
        let kept: HashMap<u64, ImageKey> = best.into_iter().filter(|(_, key)| records.contains_key(key)).collect();
        let surplus = rows.iter().filter(|row| row.member > 0 && kept.contains_key(&row.place));
        Ok((surplus.filter_map(|row| records.remove(&row.key)).collect(), next))
    }

    /// Works on jobs in the background from now on, until the shutdown; removes what a process
    /// before this one left to be removed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn run_jobs(&self) {
        runner::start(&self.core);
        self.core.originals.wake();
    }

    /// Works on jobs until this one has ended, wherever that happens: on older ones first.
    ///
    /// # Errors
    /// [`ServiceError::UnknownJob`], [`ServiceError::Store`], [`ServiceError::ShuttingDown`].
    pub async fn work_until_ended(&self, id: &JobId, tell: Tell<'_>) -> Result<Job, ServiceError> {
        loop {
            let job = self.core.job(id).await?;
            if !job.state.is_active() {
                return Ok(job);
            }
            let worked = match runner::claim(&self.core).await? {
                Some(claimed) => runner::work_on(&self.core, claimed, tell).await,
                None => Worked::Later,
            };
            match worked {
                Worked::Off => {}
                Worked::Closing => return Err(ServiceError::ShuttingDown),
                Worked::Later => {
                    tell(job.progress);
                    self.job(id, PAUSE).await?;
                }
            }
        }
    }
}

impl Core {
    /// Makes a job of a kind for a collection.
    async fn create_job(
        &self,
        kind: JobKind,
        collection: &CollectionName,
        params: Value,
    ) -> Result<Started, ServiceError> {
        self.collection(collection).await?;
        let new = NewJob { id: JobId::generate(), kind, collection: collection.clone(), params };
        match self.store.create_job(&new, MOST_ACTIVE).await? {
            JobCreation::Created(job) => {
                self.jobs.created.notify_one();
                Ok(Started::New(job))
            }
            JobCreation::Active(job) => Ok(Started::There(job)),
            JobCreation::TooMany => Err(ServiceError::TooManyJobs),
        }
    }

    pub(super) async fn job(&self, id: &JobId) -> Result<Job, ServiceError> {
        self.store.job(id).await?.ok_or_else(|| ServiceError::UnknownJob(id.to_string()))
    }

    /// The rows of so many groups, of each the first ones, and whether there may be more groups.
    async fn listed_members(
        &self,
        id: &JobId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<GroupMember>, bool), ServiceError> {
        let mut listed: Vec<GroupMember> = Vec::new();
        let mut groups = 0;
        let mut at = after.map(|place| (place, LAST_MEMBER));
        loop {
            let rows = self.store.members(id, at, ROWS).await?;
            let is_last = rows.len() < ROWS as usize;
            let mut skipped = false;
            for row in rows {
                if listed.last().is_none_or(|last| last.place != row.place) {
                    if groups == limit {
                        return Ok((listed, true));
                    }
                    groups += 1;
                }
                if row.member >= MOST_LISTED as u64 {
                    // The rest of this group is not even read.
                    at = Some((row.place, LAST_MEMBER));
                    skipped = true;
                    break;
                }
                at = Some((row.place, row.member));
                listed.push(row);
            }
            if is_last && !skipped {
                return Ok((listed, false));
            }
        }
    }

    /// The records of these images that are in the collection.
    async fn records_of(
        &self,
        keys: &[ImageKey],
        collection: &CollectionName,
    ) -> Result<HashMap<ImageKey, ImageRecord>, ServiceError> {
        let mut records = HashMap::with_capacity(keys.len());
        for part in keys.chunks(ROWS as usize) {
            let found = self.store.records(part).await?;
            records.extend(found.into_iter().filter(|r| r.collection == *collection).map(|r| (r.key, r)));
        }
        if records.is_empty() && !keys.is_empty() && self.store.get_collection(collection).await?.is_none() {
            return Err(unknown_collection(collection));
        }
        Ok(records)
    }
}
