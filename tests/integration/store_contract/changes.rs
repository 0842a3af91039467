//! The change log, from which indexes catch up.

use eyrie::domain::{ImageKey, Precondition, Profile, Seq};
use eyrie::store::{Change, ChangeKind, StoredDescriptor};
use serde_json::json;

use super::{default_collection, delete, descriptor, id, image, insert, metadata, put, version};
use crate::support::Place;

over_both_databases!(
    changes_come_in_the_order_of_commits_with_the_descriptor_of_now,
    changes_are_read_in_pages,
    a_revision_is_the_number_of_its_change,
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
        store.changes(Seq::ZERO, 100).await.expect("readable"),
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
        let page = store.changes(after, 3).await.expect("readable");
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
    let logged: Vec<Seq> =
        store.changes(Seq::ZERO, 100).await.expect("readable").iter().map(|change| change.seq).collect();
    assert_eq!(logged, revisions[1..]);
}
