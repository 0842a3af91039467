//! Near-duplicates.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::codec::{self, MemberRow, PairRow};
use super::super::statements::{
    BEGIN_SCAN, CHANGED_IMAGES, COUNT_CHANGED, END_SCAN, FORGET_DEAD_PAIRS, FORGET_MEMBERS, FORGET_SCANS, MEMBERS,
    PAIRS,
};
use super::super::{Claim, DuplicateScan, Duplicates, GroupMember, StoreError};
use super::images::key_list;
use super::{SqliteStore, jobs};
use crate::domain::{CollectionName, DescriptorVersion, ImageKey, JobId, JobProgress, Seq, SimilarPair};

/// Pairs that earlier runs than `$3` found of these images.
const FORGET_PAIRS: &str = "DELETE FROM duplicate_pairs WHERE scan_id = $1 AND run < $3 \
     AND (a IN (SELECT value FROM json_each($2)) OR b IN (SELECT value FROM json_each($2)))";

const ADD_PAIRS: &str = "INSERT INTO duplicate_pairs (scan_id, a, b, score, verdict, run) \
     SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, $3 FROM json_each($2) WHERE TRUE \
     ON CONFLICT (scan_id, a, b) DO UPDATE SET score = excluded.score, verdict = excluded.verdict, run = excluded.run";

const ADD_MEMBERS: &str = "INSERT INTO duplicate_groups (job_id, place, member, size, name, image_key, score, verdict) \
     SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each($2)";

#[async_trait]
impl Duplicates for SqliteStore {
    async fn begin_scan(
        &self,
        collection: &CollectionName,
        settings: &str,
        most: u32,
    ) -> Result<Option<DuplicateScan>, StoreError> {
        self.write("begin_scan", async |conn| {
            let begun: Option<(i64, i64, i64)> =
                sqlx::query_as(BEGIN_SCAN).bind(collection.as_str()).bind(settings).fetch_optional(&mut *conn).await?;
            let Some((id, seq, run)) = begun else { return Ok(None) };
            sqlx::query(FORGET_SCANS).bind(id).bind(i64::from(most)).execute(&mut *conn).await?;
            sqlx::query(FORGET_DEAD_PAIRS).bind(id).execute(conn).await?;
            Ok(Some(DuplicateScan { id, seq: Seq(seq), run }))
        })
        .await
    }

    async fn count_changed(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        since: Seq,
    ) -> Result<u64, StoreError> {
        let count: i64 = self
            .read("count_changed", async |conn| {
                let query = sqlx::query_scalar(COUNT_CHANGED).bind(collection.as_str()).bind(version.to_string());
                Ok(query.bind(since.0).fetch_one(conn).await?)
            })
            .await?;
        u64::try_from(count).map_err(codec::damaged)
    }

    async fn changed_images(
        &self,
        collection: &CollectionName,
        version: &DescriptorVersion,
        since: Seq,
        after: Option<ImageKey>,
        limit: u32,
    ) -> Result<Vec<ImageKey>, StoreError> {
        let after = codec::integer(after.map_or(0, |key| key.0))?;
        let keys: Vec<i64> = self
            .read("changed_images", async |conn| {
                Ok(sqlx::query_scalar(CHANGED_IMAGES)
                    .bind(collection.as_str())
                    .bind(version.to_string())
                    .bind(since.0)
                    .bind(after)
                    .bind(i64::from(limit))
                    .fetch_all(conn)
                    .await?)
            })
            .await?;
        keys.into_iter().map(codec::key).collect()
    }

    async fn note_pairs(
        &self,
        claim: &Claim,
        scan: &DuplicateScan,
        looked_up: &[ImageKey],
        pairs: &[SimilarPair],
        progress: JobProgress,
        checkpoint: &Value,
    ) -> Result<bool, StoreError> {
        let until = self.until(claim.lease);
        self.write("note_pairs", async |conn| {
            if !jobs::note_progress(conn, claim, progress, Some(checkpoint), until).await? {
                return Ok(false);
            }
            sqlx::query(FORGET_PAIRS)
                .bind(scan.id)
                .bind(key_list(looked_up))
                .bind(scan.run)
                .execute(&mut *conn)
                .await?;
            let rows: Vec<Value> =
                pairs.iter().map(|pair| json!([pair.a.0, pair.b.0, pair.score, pair.verdict])).collect();
            sqlx::query(ADD_PAIRS)
                .bind(scan.id)
                .bind(Value::from(rows).to_string())
                .bind(scan.run)
                .execute(conn)
                .await?;
            Ok(true)
        })
        .await
    }

    async fn pairs(
        &self,
        scan: &DuplicateScan,
        after: Option<(ImageKey, ImageKey)>,
        limit: u32,
    ) -> Result<Vec<SimilarPair>, StoreError> {
        let (a, b) = after.map_or((0, 0), |(a, b)| (a.0, b.0));
        let (a, b) = (codec::integer(a)?, codec::integer(b)?);
        let rows: Vec<PairRow> = self
            .read("pairs", async |conn| {
                Ok(sqlx::query_as(PAIRS).bind(scan.id).bind(a).bind(b).bind(i64::from(limit)).fetch_all(conn).await?)
            })
            .await?;
        rows.into_iter().map(PairRow::into_pair).collect()
    }

    async fn end_scan(&self, claim: &Claim, scan: &DuplicateScan, seq: Seq) -> Result<bool, StoreError> {
        let until = self.until(claim.lease);
        self.write("end_scan", async |conn| {
            if !jobs::renew_claim(conn, claim, until).await? {
                return Ok(false);
            }
            sqlx::query(END_SCAN).bind(scan.id).bind(seq.0).execute(conn).await?;
            Ok(true)
        })
        .await
    }

    async fn add_members(&self, claim: &Claim, members: &[GroupMember], first: bool) -> Result<bool, StoreError> {
        let until = self.until(claim.lease);
        self.write("add_members", async |conn| {
            if !jobs::renew_claim(conn, claim, until).await? {
                return Ok(false);
            }
            if first {
                sqlx::query(FORGET_MEMBERS).bind(claim.job.as_str()).execute(&mut *conn).await?;
            }
            let row = |m: &GroupMember| json!([m.place, m.member, m.size, m.name, m.key.0, m.score, m.verdict]);
            let rows: Vec<Value> = members.iter().map(row).collect();
            sqlx::query(ADD_MEMBERS).bind(claim.job.as_str()).bind(Value::from(rows).to_string()).execute(conn).await?;
            Ok(true)
        })
        .await
    }

    async fn members(
        &self,
        job: &JobId,
        after: Option<(u64, u64)>,
        limit: u32,
    ) -> Result<Vec<GroupMember>, StoreError> {
        // Members are counted from 0.
        let (place, member) = match after {
            Some((place, member)) => (codec::integer(place)?, codec::integer(member)?),
            None => (0, 0),
        };
        let rows: Vec<MemberRow> = self
            .read("members", async |conn| {
                Ok(sqlx::query_as(MEMBERS)
                    .bind(job.as_str())
                    .bind(place)
                    .bind(member)
                    .bind(i64::from(limit))
                    .fetch_all(conn)
                    .await?)
            })
            .await?;
        rows.into_iter().map(MemberRow::into_member).collect()
    }
}
