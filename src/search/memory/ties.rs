//! The final order of a ranking: falling score, then rising id, which an index does not know.

use std::collections::HashMap;

use crate::domain::{ImageId, ImageKey, Neighbor};
use crate::store::{Images, StoreError};

/// Puts those that tie in the order of their ids and cuts each ranking at `limit`. A ranking comes
/// by falling score, with all that tie with its `limit`-th. Of those that tie, the ones that are
/// gone from the database are left out.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn ordered_by_id(
    images: &dyn Images,
    rankings: Vec<Vec<Neighbor>>,
    limit: usize,
) -> Result<Vec<Vec<Neighbor>>, StoreError> {
    let mut tied: Vec<ImageKey> = Vec::new();
    for ranking in &rankings {
        tied.extend(groups(ranking, limit).filter(|group| group.len() > 1).flatten().map(|neighbor| neighbor.key));
    }
    if tied.is_empty() {
        return Ok(rankings.into_iter().map(|ranking| cut(ranking, limit)).collect());
    }
    tied.sort_unstable();
    tied.dedup();
    let ids: HashMap<ImageKey, ImageId> = images.ids(&tied).await?.into_iter().collect();
    Ok(rankings.into_iter().map(|ranking| cut(by_id(&ranking, limit, &ids), limit)).collect())
}

/// The neighbours of equal score that have a part before `limit`.
fn groups(ranking: &[Neighbor], limit: usize) -> impl Iterator<Item = &[Neighbor]> {
    let mut before = 0;
    ranking.chunk_by(|a, b| a.score == b.score).take_while(move |group| {
        let begins_before = before < limit;
        before += group.len();
        begins_before
    })
}

fn by_id(ranking: &[Neighbor], limit: usize, ids: &HashMap<ImageKey, ImageId>) -> Vec<Neighbor> {
    let mut ordered = Vec::with_capacity(ranking.len());
    for group in groups(ranking, limit) {
        if group.len() == 1 {
            ordered.extend_from_slice(group);
            continue;
        }
        let mut named: Vec<(&ImageId, Neighbor)> =
            group.iter().filter_map(|neighbor| ids.get(&neighbor.key).map(|id| (id, *neighbor))).collect();
        named.sort_unstable_by_key(|(id, _)| *id);
        ordered.extend(named.into_iter().map(|(_, neighbor)| neighbor));
    }
    ordered
}

fn cut(mut ranking: Vec<Neighbor>, limit: usize) -> Vec<Neighbor> {
    ranking.truncate(limit);
    ranking
}
