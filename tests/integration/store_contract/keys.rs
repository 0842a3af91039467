//! Keys of images, and the time that a store is given.

use std::sync::Arc;

use eyrie::domain::{Clock, Precondition, Profile};
use eyrie::store::{InsertOutcome, SameContent, Store, WriteOutcome};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

use super::{default_collection, delete, id, image, insert, metadata, put};
use crate::support::Place;

over_both_databases!(
    an_image_keeps_its_key_while_it_is_there,
    a_key_is_never_given_again,
    times_are_those_of_the_clock,
);

async fn an_image_keeps_its_key_while_it_is_there(place: Place) {
    let store = place.open().await;
    let (first, other) = (insert(&*store, &image("x", 1)).await, insert(&*store, &image("y", 1)).await);
    assert_ne!(first.key, other.key);
    assert_eq!(put(&*store, &image("x", 2)).await.key, first.key);
    let new = metadata(json!({"a": 1}));
    let outcome = store.replace_metadata(&default_collection(), &id("x"), &new, Precondition::None).await;
    let Ok(WriteOutcome::Updated(record)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(record.key, first.key);
    store.close().await;
    let store = place.open().await;
    assert_eq!(store.get(&default_collection(), &id("x")).await.expect("readable"), Some(record));
    let found = store.ids(&[first.key, other.key]).await.expect("readable");
    assert_eq!(found.into_iter().collect::<std::collections::BTreeMap<_, _>>()[&first.key], id("x"));
}

async fn a_key_is_never_given_again(place: Place) {
    let store = place.open().await;
    let mut newest = insert(&*store, &image("x", 1)).await.key;
    delete(&*store, "x").await;
    for restart in [false, true] {
        if restart {
            store.close().await;
        }
        let store = place.open().await;
        let again = insert(&*store, &image("x", 1)).await.key;
        assert!(again > newest, "{again} after {newest}");
        delete(&*store, "x").await;
        let doomed = super::collections::create(&*store, "doomed", Profile::Fast).await;
        let outcome = store.insert(&doomed, &image("x", 1), SameContent::Refuse).await.expect("answers");
        let InsertOutcome::Inserted(record) = outcome else { panic!("{outcome:?}") };
        assert!(record.key > again);
        store.delete_collection(&doomed).await.expect("answers").expect("was there");
        assert_eq!(store.records(&[newest, again, record.key]).await.expect("readable"), []);
        newest = record.key;
    }
}

struct Stopped(OffsetDateTime);

impl Clock for Stopped {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

async fn times_are_those_of_the_clock(place: Place) {
    const EARLY: OffsetDateTime = datetime!(2031-02-03 04:05:06.789012 UTC);
    const LATE: OffsetDateTime = datetime!(2032-01-01 00:00:00.000001 UTC);
    let early: Arc<dyn Store> = place.try_open_at(Arc::new(Stopped(EARLY))).await.expect("opens");
    let late = place.try_open_at(Arc::new(Stopped(LATE))).await.expect("opens");
    let record = insert(&*early, &image("x", 1)).await;
    assert_eq!((record.created_at, record.updated_at), (EARLY, EARLY));
    let record = put(&*late, &image("x", 2)).await;
    assert_eq!((record.created_at, record.updated_at), (EARLY, LATE));
    assert_eq!(early.get(&default_collection(), &id("x")).await.expect("readable"), Some(record));
}
