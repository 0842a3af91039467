//! Collections: the one that is there from the start, creation, description, counts, deletion.

use eyrie::domain::{
    Collection, CollectionChange, CollectionName, DescriptorVersion, Filter, FilterLimits, ImageRecord, Order, OrderBy,
    Profile, Quota, Seq,
};
use eyrie::store::{ChangeKind, Outdated, SameContent, Store};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{MODEL, default_collection, hash, id, image, insert, name, put, read_changes, version};
use crate::support::Place;

over_both_databases!(
    the_default_collection_is_there_from_the_start,
    a_collection_is_created_once_and_described,
    stale_images_are_counted_against_the_model_and_the_profile,
    stale_images_are_listed_in_every_order_and_by_key,
    a_deleted_collection_takes_its_images_along_and_is_logged,
);

const CREATED: OffsetDateTime = datetime!(2026-02-03 04:05:06.789012 UTC);

pub(crate) async fn create(store: &dyn Store, text: &str, profile: Profile) -> CollectionName {
    let collection = Collection {
        name: name(text),
        profile,
        description: String::new(),
        created_at: CREATED,
        quota: Quota::default(),
    };
    assert!(store.create_collection(&collection).await.expect("answers"));
    collection.name
}

async fn the_default_collection_is_there_from_the_start(place: Place) {
    let store = place.open().await;
    store.ping().await.expect("answers");
    let collection = store.get_collection(&default_collection()).await.expect("readable").expect("there");
    assert_eq!(collection.profile, Profile::Rnip);
    assert!((OffsetDateTime::now_utc() - collection.created_at).abs() < time::Duration::minutes(5));
    assert_eq!(store.last_seq().await.expect("readable"), Seq::ZERO);
    assert_eq!(read_changes(&*store, Seq::ZERO, 10).await, []);
    assert_eq!(store.get_collection(&name("other")).await.expect("readable"), None);
    assert_eq!(store.collection_summary(&name("other"), MODEL).await.expect("readable"), None);
}

async fn a_collection_is_created_once_and_described(place: Place) {
    let store = place.open().await;
    let collection = Collection {
        name: name("covers"),
        profile: Profile::Fast,
        description: "Book covers — 本".to_owned(),
        created_at: CREATED,
        quota: Quota::default(),
    };
    assert!(store.create_collection(&collection).await.expect("answers"));
    let other = Collection { profile: Profile::Nip, description: "no".to_owned(), ..collection.clone() };
    assert!(!store.create_collection(&other).await.expect("answers"));
    assert_eq!(store.get_collection(&name("covers")).await.expect("readable"), Some(collection.clone()));
    let described = Collection { description: "'; --".to_owned(), ..collection };
    let describe = |text: &str| CollectionChange { description: Some(text.to_owned()), ..CollectionChange::default() };
    let changed = store.change_collection(&name("covers"), &describe("'; --")).await.expect("answers");
    assert_eq!(changed, Some(described.clone()));
    assert_eq!(store.get_collection(&name("covers")).await.expect("readable"), Some(described));
    assert_eq!(store.change_collection(&name("none"), &describe("x")).await.expect("answers"), None);
    let names: Vec<_> = store
        .list_collections(MODEL)
        .await
        .expect("readable")
        .into_iter()
        .map(|summary| summary.collection.name.to_string())
        .collect();
    assert_eq!(names, ["covers", "default"]);
}

async fn stale_images_are_counted_against_the_model_and_the_profile(place: Place) {
    let store = place.open().await;
    create(&*store, "empty", Profile::Nip).await;
    insert(&*store, &image("current", 1)).await;
    let mut other_profile = image("profile", 2);
    other_profile.version = version(Profile::Nip);
    insert(&*store, &other_profile).await;
    let mut other_model = image("model", 3);
    other_model.version = DescriptorVersion::new("feed", Profile::Rnip);
    insert(&*store, &other_model).await;

    let counts = |model: &'static str| {
        let store = store.clone();
        async move {
            let all = store.list_collections(model).await.expect("readable");
            all.iter().map(|s| (s.collection.name.to_string(), s.images, s.stale)).collect::<Vec<_>>()
        }
    };
    assert_eq!(counts(MODEL).await, [("default".to_owned(), 3, 2), ("empty".to_owned(), 0, 0)]);
    assert_eq!(counts("beef").await, [("default".to_owned(), 3, 3), ("empty".to_owned(), 0, 0)]);
    let one = store.collection_summary(&default_collection(), "feed").await.expect("readable").expect("there");
    assert_eq!((one.images, one.stale), (3, 2));
}

async fn stale_images_are_listed_in_every_order_and_by_key(place: Place) {
    let store = place.open().await;
    let (collection, current) = (default_collection(), version(Profile::Rnip));
    let mut records = Vec::new();
    for (seed, text) in (0..).zip(["d", "b", "c", "a"]) {
        let mut image = image(text, seed);
        if seed != 1 {
            image.version = DescriptorVersion::new("feed", Profile::Rnip);
        }
        records.push(insert(&*store, &image).await);
    }
    let ids = |records: Vec<ImageRecord>| records.into_iter().map(|record| record.id.to_string()).collect::<Vec<_>>();
    let list = async |order, after: Option<&ImageRecord>, limit, filter: Option<&Filter>| {
        let after = after.map(|record| Order::behind(order, record));
        ids(store.list_stale(&collection, &current, order, after.as_ref(), limit, filter).await.expect("readable"))
    };
    assert_eq!(list(Order::default(), None, 10, None).await, ["a", "c", "d"]);
    assert_eq!(list(Order::default(), Some(&records[3]), 1, None).await, ["c"]);
    let newest = Order { by: OrderBy::Created, descending: true };
    assert_eq!(list(newest, None, 10, None).await, ["a", "c", "d"]);
    let filter = serde_json::json!({"field": "seed", "lte": 2});
    let filter = Filter::parse(&filter, FilterLimits::default()).expect("valid");
    assert_eq!(list(Order::default(), None, 10, Some(&filter)).await, ["c", "d"]);

    let outdated = async |which, after: Option<&ImageRecord>, limit| {
        let after = after.map(|record| record.key);
        let count = store.count_outdated(&collection, &current, which).await.expect("readable");
        (count, ids(store.outdated(&collection, &current, which, after, limit).await.expect("readable")))
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(outdated(Outdated::Only, None, 10).await, (3, texts(&["d", "c", "a"])));
    assert_eq!(outdated(Outdated::Only, Some(&records[0]), 1).await, (3, texts(&["c"])));
    let so_far = Outdated::OrUnchangedSince(records[1].revision);
    assert_eq!(outdated(so_far, None, 10).await, (4, texts(&["d", "b", "c", "a"])));
    let before = Outdated::OrUnchangedSince(records[0].revision);
    assert_eq!(outdated(before, None, 10).await, (3, texts(&["d", "c", "a"])));
}

async fn a_deleted_collection_takes_its_images_along_and_is_logged(place: Place) {
    let store = place.open().await;
    let doomed = create(&*store, "doomed", Profile::Rnip).await;
    for seed in 0..20 {
        store.insert(&doomed, &image(&format!("i{seed}"), seed), SameContent::Refuse).await.expect("answers");
    }
    let kept = put(&*store, &image("i1", 1)).await;
    let seq = store.delete_collection(&doomed).await.expect("answers").expect("was there");
    assert!(seq > kept.revision);
    assert_eq!(store.delete_collection(&doomed).await.expect("answers"), None);
    assert_eq!(store.get_collection(&doomed).await.expect("readable"), None);
    assert_eq!(store.list(&doomed, None, 100, None).await.expect("readable"), []);
    assert!(!super::assert_whole(&*store, &doomed, &id("i1")).await);
    assert!(super::assert_whole(&*store, &default_collection(), &id("i1")).await);

    let changes = read_changes(&*store, Seq::ZERO, 100).await;
    let (last, earlier) = changes.split_last().expect("changes");
    assert_eq!((last.seq, &last.collection, &last.kind), (seq, &doomed, &ChangeKind::CollectionDeleted));
    for change in earlier.iter().filter(|change| change.collection == doomed) {
        assert!(matches!(change.kind, ChangeKind::ImageWritten(_, None)), "{change:?}");
    }

    create(&*store, "doomed", Profile::Fast).await;
    assert_eq!(store.list(&doomed, None, 100, None).await.expect("readable"), [], "nothing of the old one is left");
    assert_eq!(store.find_by_hash(&doomed, &hash(3)).await.expect("readable"), None);
}
