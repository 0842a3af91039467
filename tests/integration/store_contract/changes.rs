//! The change log, from which indexes catch up.

use eyrie::domain::Profile;
use eyrie::store::{Change, ChangeKind, StoredDescriptor};
use serde_json::json;

use super::{default_collection, descriptor, id, image, insert, metadata, put, version};
use crate::support::Place;

over_both_databases!(
    changes_come_in_the_order_of_commits_with_the_descriptor_of_now,
    changes_are_read_in_pages,
    a_revision_is_the_number_of_its_change,
);

fn written(seq: i64, text: &str, seed: Option<u32>) -> Change {
    let stored = seed.map(|s| StoredDescriptor { version: version(Profile::Rnip), descriptor: descriptor(s) });
    Change { seq, collection: default_collection(), kind: ChangeKind::ImageWritten(id(text), stored) }
}

async fn changes_come_in_the_order_of_commits_with_the_descriptor_of_now(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let a = insert(&*store, &image("a", 1)).await.revision;
    let b = insert(&*store, &image("b", 2)).await.revision;
    let a_again = put(&*store, &image("a", 3)).await.revision;
    let b_gone = store.delete(&collection, &id("b")).await.expect("answers").expect("was there");
    store.replace_metadata(&collection, &id("a"), &metadata(json!({})), None).await.expect("answers");
    let last = store.last_seq().await.expect("readable");
    assert_eq!(
        store.changes(0, 100).await.expect("readable"),
        [
            written(a, "a", Some(3)),
            written(b, "b", None),
            written(a_again, "a", Some(3)),
            Change { seq: b_gone, collection, kind: ChangeKind::ImageDeleted(id("b")) },
            written(last, "a", Some(3)),
        ]
    );
}

async fn changes_are_read_in_pages(place: Place) {
    let store = place.open().await;
    for seed in 0..7 {
        insert(&*store, &image(&format!("i{seed}"), seed)).await;
    }
    let mut seen = Vec::new();
    let mut after = 0;
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
    let mut revisions = vec![0];
    revisions.push(insert(&*store, &image("x", 1)).await.revision);
    revisions.push(put(&*store, &image("x", 2)).await.revision);
    store.replace_metadata(&collection, &id("x"), &metadata(json!({"a": 1})), None).await.expect("answers");
    revisions.push(store.get(&collection, &id("x")).await.expect("readable").expect("there").revision);
    revisions.push(store.delete(&collection, &id("x")).await.expect("answers").expect("was there"));
    revisions.push(insert(&*store, &image("x", 1)).await.revision);
    assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
    let logged: Vec<i64> = store.changes(0, 100).await.expect("readable").iter().map(|change| change.seq).collect();
    assert_eq!(logged, revisions[1..]);
}
