//! What survives: a new start, a cancelled request.

use std::pin::pin;
use std::sync::Arc;

use eyrie::domain::Seq;
use eyrie::store::{ChangeKind, SameContent, Store, StoreError};
use futures::poll;

use super::{assert_whole, default_collection, delete, id, image, insert, put, read_changes};
use crate::support::Place;

over_both_databases!(
    a_new_start_finds_everything,
    a_cancelled_write_leaves_nothing_half_written,
    a_cancelled_write_does_not_hinder_the_next,
);

async fn a_new_start_finds_everything(place: Place) {
    let store = place.open().await;
    let record = insert(&*store, &image("x", 1)).await;
    insert(&*store, &image("y", 2)).await;
    delete(&*store, "y").await;
    let changes = read_changes(&*store, Seq::ZERO, 10).await;
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "a closed store answers no more");

    let store = place.open().await;
    assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), Some(record.clone()));
    assert!(assert_whole(&*store, &default_collection(), &id("x")).await);
    assert_eq!(read_changes(&*store, Seq::ZERO, 10).await, changes);
    assert!(put(&*store, &image("x", 3)).await.revision > changes.last().expect("changes").seq);
}

/// Drives a call for a while, then drops it as a cancelled request would.
async fn cancel_after(store: &Arc<dyn Store>, text: &str, seed: u32, polls: u32) -> bool {
    let (collection, new) = (default_collection(), image(text, seed));
    let mut call = pin!(store.insert(&collection, &new, SameContent::Refuse));
    for _ in 0..polls {
        if poll!(&mut call).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

async fn a_cancelled_write_leaves_nothing_half_written(place: Place) {
    const ROUNDS: u32 = 150;
    let store = place.open().await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        if cancel_after(&store, &format!("i{round}"), round, round * 4).await {
            acknowledged.push(round);
        }
    }
    assert!(acknowledged.len() < ROUNDS as usize, "some were cancelled");
    // Wait for what is under way in the database, then look.
    store.close().await;
    let store = place.open().await;
    let changes = read_changes(&*store, Seq::ZERO, 1000).await;
    let logged = |key, seq| {
        changes
            .iter()
            .any(|change| change.seq == seq && matches!(change.kind, ChangeKind::ImageWritten(k, Some(_)) if k == key))
    };
    let mut written = 0;
    for round in 0..ROUNDS {
        let there = assert_whole(&*store, &default_collection(), &id(&format!("i{round}"))).await;
        let record = store.get(&default_collection(), &id(&format!("i{round}"))).await.expect("readable");
        written += usize::from(there);
        assert!(record.is_none_or(|record| logged(record.key, record.revision)), "round {round}");
        assert!(there || !acknowledged.contains(&round), "round {round} was acknowledged and is lost");
    }
    assert_eq!(changes.len(), written, "no change without its image");
}

async fn a_cancelled_write_does_not_hinder_the_next(place: Place) {
    let store = place.open().await;
    for round in 0..60 {
        cancel_after(&store, "x", 1, round % 20).await;
    }
    // The same id and the same bytes: whatever locks the cancelled ones held are free.
    put(&*store, &image("x", 1)).await;
    assert!(assert_whole(&*store, &default_collection(), &id("x")).await);
}
