//! Removing what no image has any more.

use super::error::UpkeepError;
use super::objects::Objects;
use crate::store::Store;

/// Objects that are removed before the database is told.
const SWEPT_AT_ONCE: u32 = 100;

/// Removes some of the objects that no image has any more, and says whether there may be others.
///
/// # Errors
/// [`UpkeepError`]: the first one ends it, since a place that is out of reach would be waited for
/// again with each object.
pub async fn sweep(store: &dyn Store, objects: &dyn Objects) -> Result<bool, UpkeepError> {
    let names = store.discarded(None, SWEPT_AT_ONCE).await?;
    for name in &names {
        objects.remove(name).await?;
    }
    if !names.is_empty() {
        store.forget_discarded(&names).await?;
    }
    Ok(names.len() == SWEPT_AT_ONCE as usize)
}
