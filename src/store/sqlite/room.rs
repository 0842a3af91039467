//! Whether an image fits into the quotas.

use sqlx::SqliteConnection;

use super::super::StoreError;
use super::super::quotas::{Counted, Incoming, Target, TargetRow, UsageRow};
use super::super::statements::{TARGET, USED_BY_COLLECTION, USED_BY_KEY};
use crate::domain::{CollectionName, ImageRecord, KeyId, QuotaExceeded};

/// The collection that a write is for.
pub(super) async fn target(
    conn: &mut SqliteConnection,
    collection: &CollectionName,
    key: Option<&KeyId>,
) -> Result<Option<Target>, StoreError> {
    let query = sqlx::query_as(TARGET).bind(collection.as_str()).bind(key.map(KeyId::as_str));
    let row: Option<TargetRow> = query.fetch_optional(conn).await?;
    row.map(TargetRow::into_target).transpose()
}

/// Why an image does not fit, beside what is there now.
pub(super) async fn over_quota(
    conn: &mut SqliteConnection,
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
        let used: UsageRow = query.fetch_one(&mut *conn).await?;
        if let Some(refusal) = check.refusal(used) {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}
