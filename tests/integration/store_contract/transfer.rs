//! Whole images out of one database and into another one.

use eyrie::domain::{ImageKey, Seq};
use eyrie::store::{RestoreOutcome, RestoredImage, Store, WholeImage};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{
    assert_whole, default_collection, descriptor, features, features_of, id, image, insert, name, read_changes,
};
use crate::support::Place;

over_both_databases!(
    whole_images_are_read_with_all_that_belongs_to_them,
    an_image_is_restored_with_its_times,
    the_same_again_changes_nothing_and_another_one_is_refused_or_replaced,
    an_image_without_features_stays_without,
    many_are_restored_beside_other_writes,
);

const CREATED: OffsetDateTime = datetime!(2020-02-03 04:05:06.000007 UTC);
const UPDATED: OffsetDateTime = datetime!(2021-02-03 04:05:06.000007 UTC);

fn restored(text: &str, seed: u32) -> RestoredImage {
    RestoredImage { image: image(text, seed), created_at: CREATED, updated_at: UPDATED }
}

async fn restore(store: &dyn Store, images: &[RestoredImage], replace: bool) -> Vec<RestoreOutcome> {
    store.restore(&default_collection(), images, replace).await.expect("answers").expect("a collection")
}

async fn whole_images_are_read_with_all_that_belongs_to_them(place: Place) {
    let store = place.open().await;
    let a = insert(&*store, &image("a", 1)).await;
    let b = insert(&*store, &image("b", 2)).await;
    let mut whole = store.whole(&[b.key, ImageKey(999), a.key]).await.expect("readable");
    whole.sort_unstable_by_key(|image| image.record.key);
    let expected = |record, seed| WholeImage {
        record,
        descriptor: descriptor(seed),
        thumbnail: image("x", seed).thumbnail,
        local_features: features(seed),
    };
    assert_eq!(whole, [expected(a, 1), expected(b, 2)]);
}

async fn an_image_is_restored_with_its_times(place: Place) {
    let store = place.open().await;
    let outcomes = restore(&*store, &[restored("b", 1), restored("a", 2)], false).await;
    assert_eq!(outcomes, [RestoreOutcome::Created(Seq(1)), RestoreOutcome::Created(Seq(2))]);
    for text in ["a", "b"] {
        assert!(assert_whole(&*store, &default_collection(), &id(text)).await);
        let record = store.get(&default_collection(), &id(text)).await.expect("readable").expect("there");
        assert_eq!((record.created_at, record.updated_at), (CREATED, UPDATED));
    }
    assert_eq!(read_changes(&*store, Seq::ZERO, 10).await.len(), 2, "an index follows them");
    assert_eq!(store.restore(&name("nowhere"), &[restored("a", 1)], false).await.expect("answers"), None);
}

async fn the_same_again_changes_nothing_and_another_one_is_refused_or_replaced(place: Place) {
    let store = place.open().await;
    restore(&*store, &[restored("a", 1), restored("b", 2)], false).await;
    let last = store.last_seq().await.expect("readable");
    let again = restore(&*store, &[restored("a", 1), restored("b", 2)], true).await;
    assert_eq!(again, [RestoreOutcome::Unchanged, RestoreOutcome::Unchanged]);
    assert_eq!(restore(&*store, &[restored("a", 3)], false).await, [RestoreOutcome::IdTaken]);
    assert_eq!(store.last_seq().await.expect("readable"), last);

    let before = store.get(&default_collection(), &id("a")).await.expect("readable").expect("there");
    let later = RestoredImage { created_at: UPDATED, updated_at: UPDATED, ..restored("a", 3) };
    let replaced = restore(&*store, &[later, restored("c", 4)], true).await;
    let [RestoreOutcome::Replaced(seq), RestoreOutcome::Created(_)] = replaced[..] else { panic!("{replaced:?}") };
    let after = store.get(&default_collection(), &id("a")).await.expect("readable").expect("there");
    assert_eq!((after.key, after.revision, after.created_at), (before.key, seq, CREATED), "it keeps its key");
    assert_eq!(features_of(&*store, after.key).await, Some(features(3)));
}

async fn an_image_without_features_stays_without(place: Place) {
    let store = place.open().await;
    let mut bare = restored("a", 1);
    bare.image.local_features = Vec::new();
    restore(&*store, std::slice::from_ref(&bare), false).await;
    let record = store.get(&default_collection(), &id("a")).await.expect("readable").expect("there");
    assert_eq!(features_of(&*store, record.key).await, None);
    assert_eq!(store.whole(&[record.key]).await.expect("readable")[0].local_features, Vec::<u8>::new());
    restore(&*store, &[restored("a", 2)], true).await;
    assert_eq!(features_of(&*store, record.key).await, Some(features(2)));
    restore(&*store, &[bare], true).await;
    assert_eq!(features_of(&*store, record.key).await, None, "those of the replaced image are gone");
}

async fn many_are_restored_beside_other_writes(place: Place) {
    let stores = [place.open().await, place.open().await];
    // The same ids in opposite orders, and single inserts between them.
    let tasks = (0..8_u32).map(|task| {
        let store = std::sync::Arc::clone(&stores[task as usize % 2]);
        tokio::spawn(async move {
            let mut images: Vec<_> = (0..30).map(|n| restored(&format!("i{n}"), n)).collect();
            if task % 2 == 0 {
                images.reverse();
            }
            restore(&*store, &images, true).await;
            insert(&*store, &image(&format!("own-{task}"), 100 + task)).await;
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    assert_eq!(stores[0].list(&default_collection(), None, 100, None).await.expect("readable").len(), 38);
    assert_eq!(stores[1].last_seq().await.expect("readable"), Seq(38), "each was stored once");
}
