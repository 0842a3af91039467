//! The change log, from which indexes catch up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eyrie::domain::{Clock, ImageKey, Precondition, Profile, Seq};
use eyrie::store::{CHANGES_KEPT, Change, ChangeKind, Changes, FORGOTTEN_AFTER, Store, StoredDescriptor};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{default_collection, delete, descriptor, id, image, insert, metadata, put, read_changes, version};
use crate::support::Place;

over_both_databases!(
    changes_come_in_the_order_of_commits_with_the_descriptor_of_now,
    changes_are_read_in_pages,
    a_revision_is_the_number_of_its_change,
    changes_are_pruned_behind_every_follower,
    a_follower_that_is_gone_for_a_week_holds_nothing_back,
);

fn written(seq: Seq, key: ImageKey, seed: Option<u32>) -> Change {
    let stored = seed.map(|s| StoredDescriptor { version: version(Profile::Rnip), descriptor: descriptor(s) });
    Change { seq, collection: default_collection(), kind: ChangeKind::ImageWritten(key, stored) }
}

async fn changes_come_in_the_order_of_commits_with_the_descriptor_of_now(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let a = insert(&*store, &image("a", 1)).await;
    let b = insert(&*store, &image("b", 2)).await;
    let a_again = put(&*store, &image("a", 3)).await;
    let b_gone = delete(&*store, "b").await;
    store.replace_metadata(&collection, &id("a"), &metadata(json!({})), Precondition::None).await.expect("answers");
    let last = store.last_seq().await.expect("readable");
    assert_eq!(
        read_changes(&*store, Seq::ZERO, 100).await,
        [
            written(a.revision, a.key, Some(3)),
            written(b.revision, b.key, None),
            written(a_again.revision, a.key, Some(3)),
            Change { seq: b_gone, collection, kind: ChangeKind::ImageDeleted(b.key) },
            written(last, a.key, Some(3)),
        ]
    );
}

async fn changes_are_read_in_pages(place: Place) {
    let store = place.open().await;
    for seed in 0..7 {
        insert(&*store, &image(&format!("i{seed}"), seed)).await;
    }
    let mut seen = Vec::new();
    let mut after = Seq::ZERO;
    loop {
        let page = read_changes(&*store, after, 3).await;
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = last.seq;
        seen.extend(page.iter().map(|change| change.seq));
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert_eq!(store.last_seq().await.expect("readable"), after);
}

async fn a_revision_is_the_number_of_its_change(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let mut revisions = vec![Seq::ZERO];
    revisions.push(insert(&*store, &image("x", 1)).await.revision);
    revisions.push(put(&*store, &image("x", 2)).await.revision);
    store
        .replace_metadata(&collection, &id("x"), &metadata(json!({"a": 1})), Precondition::None)
        .await
        .expect("answers");
    revisions.push(store.get(&collection, &id("x")).await.expect("readable").expect("there").revision);
    revisions.push(delete(&*store, "x").await);
    revisions.push(insert(&*store, &image("x", 1)).await.revision);
    assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
    let logged: Vec<Seq> = read_changes(&*store, Seq::ZERO, 100).await.iter().map(|change| change.seq).collect();
    assert_eq!(logged, revisions[1..]);
}

/// A clock that a test moves.
#[derive(Default)]
struct Moved(AtomicU64);

impl Moved {
    fn on(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for Moved {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// How many changes went away.
async fn prune(store: &dyn Store) -> u64 {
    store.prune().await.expect("the store answers")
}

async fn changes_are_pruned_behind_every_follower(place: Place) {
    let clock = Arc::new(Moved::default());
    let store = place.try_open_at(clock.clone()).await.expect("opens");
    let mut written = Vec::new();
    for seed in 0..6 {
        written.push(insert(&*store, &image(&format!("i{seed}"), seed)).await.revision);
    }
    clock.on(CHANGES_KEPT + Duration::from_secs(1));
    assert_eq!(prune(&*store).await, 0, "nobody follows");

    let [fast, slow] = [Uuid::now_v7(), Uuid::now_v7()];
    store.followed(fast, written[5]).await.expect("noted");
    store.followed(slow, written[1]).await.expect("noted");
    assert_eq!((prune(&*store).await, prune(&*store).await), (2, 0));
    assert_eq!(store.changes(written[0], 10).await.expect("answers"), Changes::Pruned);
    assert_eq!(store.changes(Seq::ZERO, 1).await.expect("answers"), Changes::Pruned);
    assert_eq!(read_changes(&*store, written[1], 10).await.len(), 4);

    // The newest one stays, however far all are: the numbers go on from it.
    store.followed(slow, written[5]).await.expect("noted");
    let young = insert(&*store, &image("young", 7)).await.revision;
    store.followed(fast, young).await.expect("noted");
    assert_eq!(prune(&*store).await, 4);
    assert_eq!(store.last_seq().await.expect("readable"), young);
    store.followed(slow, young).await.expect("noted");
    assert_eq!(prune(&*store).await, 0, "it is young, and the newest");
    clock.on(CHANGES_KEPT + Duration::from_secs(1));
    assert_eq!(prune(&*store).await, 0, "it is the newest");
    store.close().await;

    let store = place.try_open_at(clock).await.expect("opens");
    assert_eq!(read_changes(&*store, young, 10).await, []);
    assert_eq!(store.changes(written[4], 10).await.expect("answers"), Changes::Pruned);
    assert!(insert(&*store, &image("later", 8)).await.revision > young);
}

async fn a_follower_that_is_gone_for_a_week_holds_nothing_back(place: Place) {
    let clock = Arc::new(Moved::default());
    let store = place.try_open_at(clock.clone()).await.expect("opens");
    let [there, gone] = [Uuid::now_v7(), Uuid::now_v7()];
    store.followed(gone, Seq::ZERO).await.expect("noted");
    insert(&*store, &image("a", 1)).await;
    let b = insert(&*store, &image("b", 2)).await.revision;
    clock.on(FORGOTTEN_AFTER);
    store.followed(there, b).await.expect("noted");
    assert_eq!(prune(&*store).await, 0);
    clock.on(Duration::from_secs(1));
    assert_eq!(prune(&*store).await, 1);
}
