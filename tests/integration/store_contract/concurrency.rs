//! Many at once: tasks of one process, and several processes on one database.

use std::sync::Arc;

use eyrie::domain::{Precondition, Profile, Seq};
use eyrie::store::{InsertOutcome, SameContent, WriteOutcome};
use futures::future::join_all;
use serde_json::json;

use super::{default_collection, delete, hash, id, image, insert, metadata, read_changes};
use crate::support::Place;

over_both_databases!(
    the_same_bytes_at_once_are_stored_once,
    the_same_id_at_once_is_taken_once,
    one_of_many_conditional_writes_wins,
    a_reader_of_the_log_never_misses_a_change,
    two_stores_share_one_database,
    many_processes_may_start_at_once,
    an_insert_races_the_deletion_of_its_collection_and_leaves_no_remains,
);

const TASKS: u32 = 32;

async fn the_same_bytes_at_once_are_stored_once(place: Place) {
    // Half of them through a second store, as another process would.
    let stores = [place.open().await, place.open().await];
    let tasks = (0..TASKS).map(|i| {
        let store = Arc::clone(&stores[i as usize % 2]);
        tokio::spawn(async move {
            store.insert(&default_collection(), &image(&format!("i{i}"), 7), SameContent::Refuse).await
        })
    });
    let mut inserted = Vec::new();
    let mut same = Vec::new();
    for outcome in join_all(tasks).await {
        match outcome.expect("no panic").expect("answers") {
            InsertOutcome::Inserted(record) => inserted.push(record),
            InsertOutcome::SameContent(record) => same.push(record),
            other @ (InsertOutcome::IdTaken(_) | InsertOutcome::OverQuota(_) | InsertOutcome::UnknownCollection) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(inserted.len(), 1);
    assert_eq!(same, vec![inserted[0].clone(); TASKS as usize - 1]);
    assert_eq!(stores[0].list(&default_collection(), None, 100, None).await.expect("readable"), inserted);
    assert_eq!(read_changes(&*stores[1], Seq::ZERO, 100).await.len(), 1);
}

async fn the_same_id_at_once_is_taken_once(place: Place) {
    let store = place.open().await;
    let tasks = (0..TASKS).map(|i| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let new = image("x", i);
            if i % 2 == 0 {
                store.insert(&default_collection(), &new, SameContent::Refuse).await
            } else {
                store.insert(&default_collection(), &new, SameContent::Allow).await
            }
        })
    });
    let mut inserted = Vec::new();
    for outcome in join_all(tasks).await {
        match outcome.expect("no panic").expect("answers") {
            InsertOutcome::Inserted(record) => inserted.push(record),
            InsertOutcome::IdTaken(_) => {}
            other
            @ (InsertOutcome::SameContent(_) | InsertOutcome::OverQuota(_) | InsertOutcome::UnknownCollection) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(inserted.len(), 1);
    assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), inserted.pop());
    assert_eq!(read_changes(&*store, Seq::ZERO, 100).await.len(), 1);
}

async fn one_of_many_conditional_writes_wins(place: Place) {
    let store = place.open().await;
    let first = insert(&*store, &image("x", 0)).await;
    let tasks = (1..TASKS).map(|i| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let collection = default_collection();
            if i % 2 == 0 {
                store.put(&collection, &image("x", i), Precondition::Revision(first.revision)).await
            } else {
                let new = metadata(json!({"by": i}));
                store.replace_metadata(&collection, &id("x"), &new, Precondition::Revision(first.revision)).await
            }
        })
    });
    let mut won = Vec::new();
    for outcome in join_all(tasks).await {
        match outcome.expect("no panic").expect("answers") {
            WriteOutcome::Updated(record) => won.push(record),
            WriteOutcome::PreconditionFailed => {}
            other @ (WriteOutcome::Created(_)
            | WriteOutcome::UnknownImage
            | WriteOutcome::OverQuota(_)
            | WriteOutcome::UnknownCollection) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), won.pop());
}

async fn a_reader_of_the_log_never_misses_a_change(place: Place) {
    const EACH: u32 = 15;
    let stores = [place.open().await, place.open().await];
    let writers = (0..8).map(|w| {
        let store = Arc::clone(&stores[w as usize % 2]);
        tokio::spawn(async move {
            for n in 0..EACH {
                let seed = w * EACH + n;
                insert(&*store, &image(&format!("w{w}-{n}"), seed)).await;
            }
        })
    });
    let writing = tokio::spawn(join_all(writers.collect::<Vec<_>>()));
    let mut seen = Vec::new();
    let mut finished = false;
    loop {
        let after = seen.last().copied().unwrap_or(Seq::ZERO);
        let page = read_changes(&*stores[0], after, 7).await;
        if page.is_empty() && finished {
            break;
        }
        seen.extend(page.iter().map(|change| change.seq));
        // Only a read that began after the last commit may find nothing for good.
        finished = writing.is_finished();
    }
    for writer in writing.await.expect("no panic") {
        writer.expect("no panic");
    }
    let all: Vec<Seq> = read_changes(&*stores[1], Seq::ZERO, 1000).await.iter().map(|change| change.seq).collect();
    assert_eq!(all.len(), 8 * EACH as usize);
    assert_eq!(seen, all);
}

async fn two_stores_share_one_database(place: Place) {
    let (one, two) = (place.open().await, place.open().await);
    let record = insert(&*one, &image("x", 1)).await;
    assert_eq!(two.get(&default_collection(), &id("x")).await.expect("readable"), Some(record));
    delete(&*two, "x").await;
    assert_eq!(one.get(&default_collection(), &id("x")).await.expect("readable"), None);
    let writers = (0..20).map(|i| {
        let store = Arc::clone(if i % 2 == 0 { &one } else { &two });
        tokio::spawn(async move { insert(&*store, &image(&format!("i{i}"), i)).await })
    });
    for written in join_all(writers).await {
        written.expect("no panic");
    }
    one.close().await;
    assert_eq!(two.list(&default_collection(), None, 100, None).await.expect("readable").len(), 20);
}

async fn many_processes_may_start_at_once(place: Place) {
    for opened in join_all((0..8).map(|_| place.try_open())).await {
        assert_eq!(opened.expect("the store opens").last_seq().await.expect("readable"), Seq::ZERO);
    }
}

async fn an_insert_races_the_deletion_of_its_collection_and_leaves_no_remains(place: Place) {
    let store = place.open().await;
    for round in 0..5 {
        let collection = super::collections::create(&*store, &format!("c{round}"), Profile::Rnip).await;
        let inserts = (0..8).map(|i| {
            let (store, collection) = (Arc::clone(&store), collection.clone());
            tokio::spawn(
                async move { store.insert(&collection, &image(&format!("i{i}"), i), SameContent::Refuse).await },
            )
        });
        let inserts: Vec<_> = inserts.collect();
        store.delete_collection(&collection).await.expect("answers").expect("was there");
        for outcome in join_all(inserts).await {
            let outcome = outcome.expect("no panic").expect("answers");
            assert!(matches!(outcome, InsertOutcome::Inserted(_) | InsertOutcome::UnknownCollection), "{outcome:?}");
        }
        assert_eq!(store.list(&collection, None, 10, None).await.expect("readable"), []);
        assert_eq!(store.find_by_hash(&collection, &hash(1)).await.expect("readable"), None);
        assert_eq!(
            read_changes(&*store, Seq::ZERO, 1000).await.iter().filter(|c| c.collection == collection).count() - 1,
            {
                let written = read_changes(&*store, Seq::ZERO, 1000).await;
                written
                    .iter()
                    .filter(|c| {
                        c.collection == collection && matches!(c.kind, eyrie::store::ChangeKind::ImageWritten(_, None))
                    })
                    .count()
            }
        );
    }
}
