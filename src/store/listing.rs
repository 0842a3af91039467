//! Lists of records in an order, whole or filtered. The database reads pages of candidates;
//! [`Filter::matches`] decides.

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sqlx::{Database, Encode, QueryBuilder, Type};
use time::OffsetDateTime;

use super::StoreError;
use super::statements::record_columns;
use crate::domain::{CollectionName, DescriptorVersion, Filter, ImageRecord, Order, OrderBy, Position};

/// Candidates that a filtered list reads at first; each further page is twice as large.
const FIRST_PAGE: u32 = 256;
/// The most candidates that are read in one page.
const LARGEST_PAGE: u32 = 4096;
/// Candidates of one page of a scan.
const SCAN_PAGE: u32 = 512;

/// Which candidates to read.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    /// The method of the store on whose behalf the page is read.
    pub(super) operation: &'static str,
    pub(super) collection: &'a CollectionName,
    pub(super) order: Order,
    pub(super) after: Option<&'a Position>,
    pub(super) limit: u32,
    pub(super) filter: Option<&'a Filter>,
    /// Only images whose descriptors have another version than this one.
    pub(super) other_than: Option<&'a DescriptorVersion>,
}

/// A database that reads pages of records.
#[async_trait]
pub(super) trait Pages: Send + Sync {
    /// Records behind a place, in order, at most `limit`, that fulfil the necessary part of the
    /// filter.
    async fn page(&self, page: Page<'_>) -> Result<Vec<ImageRecord>, StoreError>;
}

/// The statement that reads a page. `narrow` appends the necessary part of a filter, `bind_time` a
/// time.
pub(super) fn page_query<DB>(
    page: Page<'_>,
    narrow: impl Fn(&mut QueryBuilder<DB>, &Filter),
    bind_time: impl Fn(&mut QueryBuilder<DB>, OffsetDateTime),
) -> QueryBuilder<DB>
where
    DB: Database,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    let mut query = candidates(record_columns!(), page.collection);
    let column = match page.order.by {
        OrderBy::Id => None,
        OrderBy::Created => Some("i.created_at"),
        OrderBy::Updated => Some("i.updated_at"),
    };
    let (beyond, direction) = if page.order.descending { (" < ", " DESC") } else { (" > ", "") };
    if let Some(Position { time, id }) = page.after {
        match column {
            None => query.push(" AND i.id").push(beyond),
            Some(column) => {
                query.push(" AND (").push(column).push(", i.id)").push(beyond).push("(");
                bind_time(&mut query, time.unwrap_or(OffsetDateTime::UNIX_EPOCH));
                query.push(", ")
            }
        };
        query.push_bind(id.as_str().to_owned());
        if column.is_some() {
            query.push(")");
        }
    }
    if let Some(version) = page.other_than {
        query.push(" AND i.version <> ").push_bind(version.to_string());
    }
    if let Some(filter) = page.filter {
        query.push(" AND ");
        narrow(&mut query, filter);
    }
    query.push(" ORDER BY ");
    if let Some(column) = column {
        query.push(column).push(direction).push(", ");
    }
    query.push("i.id").push(direction).push(" LIMIT ").push_bind(i64::from(page.limit));
    query
}

/// The statement that reads key and metadata of everything that may match a filter.
pub(super) fn matching_query<DB>(
    collection: &CollectionName,
    filter: &Filter,
    narrow: impl Fn(&mut QueryBuilder<DB>, &Filter),
) -> QueryBuilder<DB>
where
    DB: Database,
    for<'q> String: Encode<'q, DB> + Type<DB>,
{
    let mut query = candidates("i.key, i.metadata", collection);
    query.push(" AND ");
    narrow(&mut query, filter);
    query
}

fn candidates<DB>(columns: &str, collection: &CollectionName) -> QueryBuilder<DB>
where
    DB: Database,
    for<'q> String: Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new("SELECT ");
    query.push(columns).push(" FROM images i WHERE i.collection_id = (SELECT id FROM collections WHERE name = ");
    query.push_bind(collection.as_str().to_owned()).push(")");
    query
}

/// The records after `page.after` that match its filter, at most `page.limit`.
pub(super) async fn list(pages: &impl Pages, mut page: Page<'_>) -> Result<Vec<ImageRecord>, StoreError> {
    let Some(filter) = page.filter else { return pages.page(page).await };
    let limit = page.limit as usize;
    page.limit = page.limit.clamp(FIRST_PAGE, LARGEST_PAGE);
    let mut found = Vec::new();
    let mut after = page.after.cloned();
    while found.len() < limit {
        let candidates = pages.page(Page { after: after.as_ref(), ..page }).await?;
        let is_last = candidates.len() < page.limit as usize;
        after = candidates.last().map(|record| page.order.behind(record));
        found.extend(candidates.into_iter().filter(|record| filter.matches(&record.metadata)));
        if is_last {
            break;
        }
        page.limit = (page.limit * 2).min(LARGEST_PAGE);
    }
    found.truncate(limit);
    Ok(found)
}

/// Where a scan stands.
enum Place {
    Start,
    After(Position),
    End,
}

/// Every record of a collection that matches the filter.
pub(super) fn scan<'a>(
    pages: &'a impl Pages,
    collection: &'a CollectionName,
    filter: Option<&'a Filter>,
) -> BoxStream<'a, Result<ImageRecord, StoreError>> {
    stream::try_unfold(Place::Start, move |place| async move {
        let after = match &place {
            Place::Start => None,
            Place::After(position) => Some(position),
            Place::End => return Ok::<_, StoreError>(None),
        };
        let page = Page {
            operation: "scan",
            collection,
            order: Order::default(),
            after,
            limit: SCAN_PAGE,
            filter,
            other_than: None,
        };
        let mut records = pages.page(page).await?;
        let next = match records.last() {
            Some(last) if records.len() == SCAN_PAGE as usize => Place::After(page.order.behind(last)),
            Some(_) | None => Place::End,
        };
        records.retain(|record| filter.is_none_or(|filter| filter.matches(&record.metadata)));
        Ok(Some((stream::iter(records.into_iter().map(Ok)), next)))
    })
    .try_flatten()
    .boxed()
}
