//! Whether an image fits into the quotas.

use super::super::StoreError;
use super::super::quotas::{Counted, Incoming, Target, TargetRow, UsageRow};
use super::super::statements::{TARGET, USED_BY_COLLECTION, USED_BY_KEY, target as target_statement};
use super::session::Session;
use crate::domain::{CollectionName, ImageRecord, KeyId, QuotaExceeded};

const LOCK_TARGET: &str = concat!(target_statement!(), " FOR KEY SHARE OF c");

/// The collection that a write is for, which cannot be deleted meanwhile.
pub(super) async fn lock_target(
    session: &mut Session,
    collection: &CollectionName,
    key: Option<&KeyId>,
) -> Result<Option<Target>, StoreError> {
    one_target(session, LOCK_TARGET, collection, key).await
}

/// The same without a lock.
pub(super) async fn target(
    session: &mut Session,
    collection: &CollectionName,
    key: Option<&KeyId>,
) -> Result<Option<Target>, StoreError> {
    one_target(session, TARGET, collection, key).await
}

async fn one_target(
    session: &mut Session,
    statement: &'static str,
    collection: &CollectionName,
    key: Option<&KeyId>,
) -> Result<Option<Target>, StoreError> {
    let query = sqlx::query_as(statement).bind(collection.as_str()).bind(key.map(KeyId::as_str));
    let row: Option<TargetRow> = query.fetch_optional(session).await?;
    row.map(TargetRow::into_target).transpose()
}

/// Why an image does not fit, beside what is there now. It is so until the commit for whoever holds
/// the lock of the change log.
pub(super) async fn over_quota(
    session: &mut Session,
    target: &Target,
    collection: &CollectionName,
    image: Incoming<'_>,
    replaced: Option<&ImageRecord>,
) -> Result<Option<QuotaExceeded>, StoreError> {
    for check in target.checks(collection, image, replaced) {
        let query = match &check.counted {
            Counted::Collection(id) => sqlx::query_as(USED_BY_COLLECTION).bind(*id),
            Counted::Key(key) => sqlx::query_as(USED_BY_KEY).bind(key.to_string()),
        };
        let used: UsageRow = query.fetch_one(&mut *session).await?;
        if let Some(refusal) = check.refusal(used) {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}
