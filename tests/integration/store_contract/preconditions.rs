//! Preconditions, which are decided in the transaction of the write.

use std::sync::Arc;

use eyrie::domain::{Precondition, Seq};
use eyrie::store::{DeleteOutcome, Store, WriteOutcome};
use futures::future::join_all;
use serde_json::json;

use super::{default_collection, delete, id, image, insert, metadata};
use crate::support::Place;

over_both_databases!(
    a_write_happens_only_where_its_precondition_holds,
    a_failed_precondition_changes_nothing,
    one_of_many_deletions_of_a_revision_wins,
    one_of_many_writes_to_an_absent_image_wins,
);

/// What becomes of each kind of write under a precondition; the image is as `there` says before
/// each.
async fn outcomes(store: &dyn Store, there: bool, precondition: impl Fn(Seq) -> Precondition) -> [&'static str; 3] {
    let collection = default_collection();
    let written = |outcome: WriteOutcome| match outcome {
        WriteOutcome::Created(_) => "created",
        WriteOutcome::Updated(_) => "updated",
        WriteOutcome::PreconditionFailed => "failed",
        WriteOutcome::UnknownImage => "unknown",
        WriteOutcome::OverQuota(_) => "over the quota",
        WriteOutcome::UnknownCollection => "no collection",
    };
    let mut names = [""; 3];
    for (place, name) in names.iter_mut().enumerate() {
        store.delete(&collection, &id("x"), Precondition::None).await.expect("answers");
        let revision = if there { insert(store, &image("x", 1)).await.revision } else { Seq(1) };
        let precondition = precondition(revision);
        *name = match place {
            0 => written(store.put(&collection, &image("x", 2), precondition).await.expect("answers")),
            1 => {
                let new = metadata(json!({"a": 1}));
                written(store.replace_metadata(&collection, &id("x"), &new, precondition).await.expect("answers"))
            }
            _ => match store.delete(&collection, &id("x"), precondition).await.expect("answers") {
                DeleteOutcome::Deleted(_) => "deleted",
                DeleteOutcome::PreconditionFailed => "failed",
                DeleteOutcome::UnknownImage => "unknown",
                DeleteOutcome::UnknownCollection => "no collection",
            },
        };
    }
    names
}

async fn a_write_happens_only_where_its_precondition_holds(place: Place) {
    let store = place.open().await;
    let none = |_| Precondition::None;
    let absent = |_| Precondition::Absent;
    let present = |_| Precondition::Present;
    assert_eq!(outcomes(&*store, true, none).await, ["updated", "updated", "deleted"]);
    assert_eq!(outcomes(&*store, true, absent).await, ["failed"; 3]);
    assert_eq!(outcomes(&*store, true, present).await, ["updated", "updated", "deleted"]);
    assert_eq!(outcomes(&*store, true, Precondition::Revision).await, ["updated", "updated", "deleted"]);
    assert_eq!(outcomes(&*store, true, |now| Precondition::Revision(Seq(now.0 - 1))).await, ["failed"; 3]);
    assert_eq!(outcomes(&*store, false, none).await, ["created", "unknown", "unknown"]);
    assert_eq!(outcomes(&*store, false, absent).await, ["created", "unknown", "unknown"]);
    assert_eq!(outcomes(&*store, false, present).await, ["failed"; 3]);
    assert_eq!(outcomes(&*store, false, Precondition::Revision).await, ["failed"; 3]);
}

async fn a_failed_precondition_changes_nothing(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let first = insert(&*store, &image("x", 1)).await;
    let stale = Precondition::Revision(Seq(first.revision.0 + 1));
    let put = store.put(&collection, &image("x", 2), stale).await.expect("answers");
    assert_eq!(put, WriteOutcome::PreconditionFailed);
    let replaced = store.replace_metadata(&collection, &id("x"), &metadata(json!({})), stale).await.expect("answers");
    assert_eq!(replaced, WriteOutcome::PreconditionFailed);
    let deleted = store.delete(&collection, &id("x"), stale).await.expect("answers");
    assert_eq!(deleted, DeleteOutcome::PreconditionFailed);
    assert_eq!(store.last_seq().await.expect("readable"), first.revision);
    assert_eq!(store.get(&collection, &id("x")).await.expect("readable"), Some(first));
}

const TASKS: u32 = 24;

async fn one_of_many_deletions_of_a_revision_wins(place: Place) {
    let stores = [place.open().await, place.open().await];
    for round in 0..4 {
        let first = insert(&*stores[0], &image("x", round)).await;
        // Puts among them: whoever comes first leaves nothing of that revision to the others.
        let tasks = (0..TASKS).map(|i| {
            let store = Arc::clone(&stores[i as usize % 2]);
            let precondition = Precondition::Revision(first.revision);
            tokio::spawn(async move {
                let collection = default_collection();
                if i % 3 == 0 {
                    let outcome = store.put(&collection, &image("x", 100 + i), precondition).await.expect("answers");
                    matches!(outcome, WriteOutcome::Updated(_))
                } else {
                    let outcome = store.delete(&collection, &id("x"), precondition).await.expect("answers");
                    matches!(outcome, DeleteOutcome::Deleted(_))
                }
            })
        });
        let won = join_all(tasks).await.into_iter().filter(|won| *won.as_ref().expect("no panic")).count();
        assert_eq!(won, 1, "round {round}");
        if stores[0].get(&default_collection(), &id("x")).await.expect("readable").is_some() {
            delete(&*stores[1], "x").await;
        }
    }
}

async fn one_of_many_writes_to_an_absent_image_wins(place: Place) {
    let stores = [place.open().await, place.open().await];
    let tasks = (0..TASKS).map(|i| {
        let store = Arc::clone(&stores[i as usize % 2]);
        tokio::spawn(async move { store.put(&default_collection(), &image("x", i), Precondition::Absent).await })
    });
    let mut created = Vec::new();
    for outcome in join_all(tasks).await {
        match outcome.expect("no panic").expect("answers") {
            WriteOutcome::Created(record) => created.push(record),
            WriteOutcome::PreconditionFailed => {}
            other @ (WriteOutcome::Updated(_)
            | WriteOutcome::UnknownImage
            | WriteOutcome::OverQuota(_)
            | WriteOutcome::UnknownCollection) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(created.len(), 1);
    assert_eq!(stores[0].get(&default_collection(), &id("x")).await.expect("readable"), created.pop());
}
