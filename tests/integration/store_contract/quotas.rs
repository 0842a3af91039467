//! Quotas: what fits is stored, what does not leaves nothing, and the counts are right whatever
//! happens.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use eyrie::domain::{
    ApiKey, Collection, CollectionChange, CollectionName, KeyHash, KeyId, KeyLabel, Measure, Precondition, Profile,
    Quota, QuotaExceeded, QuotaOf, Scope, Usage,
};
use eyrie::store::{
    Incoming, InsertOutcome, Miscount, NewImage, NewOriginal, RestoreOutcome, RestoredImage, SameContent, Store,
    StoredKey, WriteOutcome,
};
use futures::future::join_all;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};
use time::OffsetDateTime;

use super::migration::{change, old_database, old_image};
use super::setup::run;
use super::{MODEL, default_collection, delete, id, image, insert, name, put, read_changes};
use crate::support::Place;

over_both_databases!(
    what_does_not_fit_is_not_stored_and_leaves_nothing,
    of_many_at_once_as_many_are_stored_as_fit,
    a_replacement_counts_by_the_difference,
    what_is_deleted_makes_room,
    a_quota_is_set_changed_and_taken_away,
    a_key_has_its_quota_over_all_collections,
    the_same_bytes_stay_with_the_key_that_stored_them,
    a_picture_that_another_key_replaces_is_that_ones,
    of_restored_images_those_that_fit_are_stored,
    images_of_an_older_schema_are_counted,
    a_program_that_knows_no_quotas_counts_all_the_same,
    wrong_counts_are_found_and_put_right,
    a_key_that_is_gone_has_no_quota_and_its_images_stay,
    deletions_beside_additions_never_wait_for_each_other,
);

fn quota(max_images: Option<u64>, max_bytes: Option<u64>) -> Quota {
    Quota { max_images, max_bytes }
}

fn usage(images: u64, bytes: u64) -> Usage {
    Usage { images, bytes }
}

/// An image of so many bytes.
fn sized(text: &str, seed: u32, byte_size: u64) -> NewImage {
    NewImage { byte_size, ..image(text, seed) }
}

fn key_id(text: &str) -> KeyId {
    KeyId::new(text).expect("an id")
}

/// The same as a key stores it.
fn by(key: &str, image: NewImage) -> NewImage {
    NewImage { stored_by: Some(key_id(key)), ..image }
}

async fn limit(store: &dyn Store, quota: Quota) {
    let change =
        CollectionChange { description: None, max_images: Some(quota.max_images), max_bytes: Some(quota.max_bytes) };
    let changed = store.change_collection(&default_collection(), &change).await.expect("answers").expect("there");
    assert_eq!(changed.quota, quota);
}

async fn add_key(store: &dyn Store, text: &str, quota: Quota) {
    let key = ApiKey {
        id: key_id(text),
        label: KeyLabel::new(format!("label of {text}")).expect("a label"),
        scope: Scope::Write,
        collections: None,
        origins: Vec::new(),
        quota,
        created_at: OffsetDateTime::UNIX_EPOCH,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    let mut hash = [0; 32];
    hash[..text.len()].copy_from_slice(text.as_bytes());
    store.add_key(&StoredKey { hash: KeyHash(hash), key }, 100).await.expect("answers");
}

async fn add(store: &dyn Store, collection: &CollectionName, image: &NewImage) -> InsertOutcome {
    store.insert(collection, image, SameContent::Allow).await.expect("answers")
}

/// Why an image was not inserted.
async fn refusal(store: &dyn Store, image: &NewImage) -> QuotaExceeded {
    let collection = default_collection();
    let said = store.over_quota(&collection, Incoming::from(image)).await.expect("answers").expect("told before");
    let outcome = add(store, &collection, image).await;
    let InsertOutcome::OverQuota(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal, said);
    refusal
}

/// Why an image was not put.
async fn put_refusal(store: &dyn Store, image: &NewImage) -> QuotaExceeded {
    let outcome = store.put(&default_collection(), image, Precondition::None).await.expect("answers");
    let WriteOutcome::OverQuota(refusal) = outcome else { panic!("{outcome:?}") };
    refusal
}

/// What is counted in a collection, where the counts are right.
async fn counted(store: &dyn Store, collection: &CollectionName) -> Usage {
    assert_eq!(store.miscounts().await.expect("readable"), []);
    let summary = store.collection_summary(collection, MODEL).await.expect("readable").expect("there");
    usage(summary.images, summary.bytes)
}

async fn of_keys(store: &dyn Store) -> HashMap<KeyId, Usage> {
    store.key_usage().await.expect("readable")
}

async fn what_does_not_fit_is_not_stored_and_leaves_nothing(place: Place) {
    let store = place.open().await;
    limit(&*store, quota(Some(3), Some(1_000))).await;
    insert(&*store, &sized("a", 1, 600)).await;
    let refused = refusal(&*store, &sized("b", 2, 401)).await;
    let of = QuotaOf::Collection(default_collection());
    let expected = QuotaExceeded { of: of.clone(), measure: Measure::Bytes, limit: 1_000, used: 600, added: 401 };
    assert_eq!(refused, expected);
    let bytes = Bytes::from(vec![7; 401]);
    let kept = NewImage { original: Some(NewOriginal::Bytes(bytes)), ..sized("b", 2, 401) };
    refusal(&*store, &kept).await;
    put_refusal(&*store, &kept).await;
    assert_eq!(originals_in_database(&place).await, 0);
    assert!(!super::assert_whole(&*store, &default_collection(), &id("b")).await);
    assert_eq!(read_changes(&*store, eyrie::domain::Seq::ZERO, 10).await.len(), 1);

    insert(&*store, &sized("b", 2, 400)).await;
    insert(&*store, &sized("c", 3, 0)).await;
    let refused = refusal(&*store, &sized("d", 4, 0)).await;
    assert_eq!(refused, QuotaExceeded { of, measure: Measure::Images, limit: 3, used: 3, added: 1 });
    assert_eq!(counted(&*store, &default_collection()).await, usage(3, 1_000));
}

async fn originals_in_database(place: &Place) -> i64 {
    const COUNT: &str = "SELECT count(*) FROM original_parts";
    match place {
        Place::Sqlite(dir) => {
            let file = SqliteConnectOptions::new().filename(dir.path().join("eyrie.db"));
            let mut conn = SqliteConnection::connect_with(&file).await.expect("opens");
            sqlx::query_scalar(COUNT).fetch_one(&mut conn).await.expect("readable")
        }
        Place::Postgres(database) => {
            let mut conn = PgConnection::connect(&database.url).await.expect("connects");
            sqlx::query_scalar(COUNT).fetch_one(&mut conn).await.expect("readable")
        }
    }
}

async fn of_many_at_once_as_many_are_stored_as_fit(place: Place) {
    // Half of them through a second store, as another process would.
    let stores = [place.open().await, place.open().await];
    limit(&*stores[0], quota(Some(10), None)).await;
    add_key(&*stores[0], "k", quota(None, Some(50))).await;
    let tasks = (0..20).map(|i| {
        let store = Arc::clone(&stores[i as usize % 2]);
        tokio::spawn(async move { add(&*store, &default_collection(), &by("k", sized(&format!("i{i}"), i, 10))).await })
    });
    let mut refusals = Vec::new();
    for outcome in join_all(tasks).await {
        if let InsertOutcome::OverQuota(refusal) = outcome.expect("no panic") {
            refusals.push(refusal.of.kind());
        }
    }
    assert_eq!(refusals, ["key"; 15]);
    let tasks = (0..20).map(|i| {
        let store = Arc::clone(&stores[i as usize % 2]);
        tokio::spawn(async move {
            let new = sized(&format!("p{i}"), 100 + i, 10);
            store.put(&default_collection(), &new, Precondition::None).await.expect("answers")
        })
    });
    let outcomes = join_all(tasks).await.into_iter().map(|outcome| outcome.expect("no panic"));
    assert_eq!(outcomes.filter(|outcome| matches!(outcome, WriteOutcome::OverQuota(_))).count(), 15);
    assert_eq!(counted(&*stores[1], &default_collection()).await, usage(10, 100));
}

async fn a_replacement_counts_by_the_difference(place: Place) {
    let store = place.open().await;
    limit(&*store, quota(Some(2), Some(1_000))).await;
    insert(&*store, &sized("a", 1, 500)).await;
    insert(&*store, &sized("b", 2, 400)).await;
    let refused = put_refusal(&*store, &sized("a", 3, 601)).await;
    assert_eq!((refused.used, refused.added), (900, 101));
    assert_eq!(store.get(&default_collection(), &id("a")).await.expect("readable").expect("there").byte_size, 500);
    put(&*store, &sized("a", 3, 600)).await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(2, 1_000));
    put(&*store, &sized("b", 4, 10)).await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(2, 610));
    // What is above a limit that came later may become smaller, and its metadata may change.
    limit(&*store, quota(Some(1), Some(100))).await;
    put(&*store, &sized("a", 5, 300)).await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(2, 310));
    put_refusal(&*store, &sized("a", 6, 301)).await;
    let metadata = super::metadata(serde_json::json!({"n": 1}));
    let changed = store.replace_metadata(&default_collection(), &id("a"), &metadata, Precondition::None).await;
    assert!(matches!(changed, Ok(WriteOutcome::Updated(_))), "{changed:?}");
}

async fn what_is_deleted_makes_room(place: Place) {
    let store = place.open().await;
    add_key(&*store, "k", quota(Some(2), None)).await;
    limit(&*store, quota(Some(2), None)).await;
    insert(&*store, &by("k", sized("a", 1, 10))).await;
    insert(&*store, &by("k", sized("b", 2, 20))).await;
    refusal(&*store, &sized("c", 3, 30)).await;
    delete(&*store, "a").await;
    assert_eq!(of_keys(&*store).await, HashMap::from([(key_id("k"), usage(1, 20))]));
    insert(&*store, &by("k", sized("c", 3, 30))).await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(2, 50));

    let other = super::collections::create(&*store, "other", Profile::Rnip).await;
    let refused = add(&*store, &other, &by("k", sized("a", 1, 10))).await;
    assert!(matches!(&refused, InsertOutcome::OverQuota(refusal) if refusal.of.kind() == "key"), "{refused:?}");
    delete(&*store, "b").await;
    assert!(matches!(add(&*store, &other, &by("k", sized("a", 1, 10))).await, InsertOutcome::Inserted(_)));
    store.delete_collection(&other).await.expect("answers").expect("was there");
    assert_eq!(of_keys(&*store).await, HashMap::from([(key_id("k"), usage(1, 30))]));
    assert_eq!(store.miscounts().await.expect("readable"), []);
}

async fn a_quota_is_set_changed_and_taken_away(place: Place) {
    let store = place.open().await;
    let covers = Collection {
        name: name("covers"),
        profile: Profile::Rnip,
        description: "d".to_owned(),
        created_at: OffsetDateTime::UNIX_EPOCH,
        quota: quota(Some(0), Some(Quota::MOST)),
    };
    assert!(store.create_collection(&covers).await.expect("answers"));
    assert_eq!(store.get_collection(&covers.name).await.expect("readable"), Some(covers.clone()));
    let change = async |change: CollectionChange| {
        store.change_collection(&covers.name, &change).await.expect("answers").expect("there")
    };
    assert_eq!(change(CollectionChange::default()).await, covers);
    let more = change(CollectionChange { max_images: Some(Some(1)), ..CollectionChange::default() }).await;
    assert_eq!((more.quota, more.description.as_str()), (quota(Some(1), Some(Quota::MOST)), "d"));
    let none = change(CollectionChange { max_bytes: Some(None), ..CollectionChange::default() }).await;
    assert_eq!(none.quota, quota(Some(1), None));
    let summary = store.collection_summary(&covers.name, MODEL).await.expect("readable").expect("there");
    assert_eq!((summary.collection, summary.bytes), (none, 0));
    assert!(matches!(add(&*store, &covers.name, &image("a", 1)).await, InsertOutcome::Inserted(_)));
    assert!(matches!(add(&*store, &covers.name, &image("b", 2)).await, InsertOutcome::OverQuota(_)));
    change(CollectionChange { max_images: Some(Some(2)), ..CollectionChange::default() }).await;
    assert!(matches!(add(&*store, &covers.name, &image("b", 2)).await, InsertOutcome::Inserted(_)));
    // Bytes that are there are no matter of the quota.
    let same = store.insert(&covers.name, &image("c", 2), SameContent::Refuse).await.expect("answers");
    assert!(matches!(same, InsertOutcome::SameContent(_)), "{same:?}");
    assert_eq!(store.over_quota(&name("none"), Incoming::from(&image("a", 1))).await.expect("answers"), None);
}

async fn a_key_has_its_quota_over_all_collections(place: Place) {
    let store = place.open().await;
    let other = super::collections::create(&*store, "other", Profile::Rnip).await;
    add_key(&*store, "k", quota(Some(2), Some(100))).await;
    insert(&*store, &by("k", sized("a", 1, 60))).await;
    insert(&*store, &by("l", sized("b", 2, 60))).await;
    let refused = add(&*store, &other, &by("k", sized("a", 1, 41))).await;
    let of = QuotaOf::Key(KeyLabel::new("label of k").expect("a label"));
    let expected = QuotaExceeded { of, measure: Measure::Bytes, limit: 100, used: 60, added: 41 };
    assert_eq!(refused, InsertOutcome::OverQuota(expected));
    assert!(matches!(add(&*store, &other, &by("k", sized("a", 1, 40))).await, InsertOutcome::Inserted(_)));
    assert!(matches!(add(&*store, &other, &by("l", sized("b", 2, 400))).await, InsertOutcome::Inserted(_)));
    assert!(matches!(add(&*store, &other, &sized("c", 3, 400)).await, InsertOutcome::Inserted(_)));
    refusal(&*store, &by("k", sized("c", 3, 0))).await;
    let expected = HashMap::from([(key_id("k"), usage(2, 100)), (key_id("l"), usage(2, 460))]);
    assert_eq!(of_keys(&*store).await, expected);
    assert_eq!(counted(&*store, &other).await, usage(3, 840));
}

async fn the_same_bytes_stay_with_the_key_that_stored_them(place: Place) {
    let store = place.open().await;
    add_key(&*store, "full", quota(Some(0), None)).await;
    let first = insert(&*store, &by("k", sized("a", 1, 60))).await;
    assert_eq!(first.stored_by, Some(key_id("k")));
    // As describing it anew does, and as somebody does who puts the same bytes.
    assert_eq!(put(&*store, &sized("a", 1, 60)).await.stored_by, Some(key_id("k")));
    assert_eq!(put(&*store, &by("full", sized("a", 1, 60))).await.stored_by, Some(key_id("k")));
    assert_eq!(of_keys(&*store).await, HashMap::from([(key_id("k"), usage(1, 60))]));
    let again = store.get(&default_collection(), &id("a")).await.expect("readable").expect("there");
    assert_eq!(again.stored_by, Some(key_id("k")));
    assert_eq!(counted(&*store, &default_collection()).await, usage(1, 60));
    // An import may make up a hash. More than is there is at the cost of who says so.
    put_refusal(&*store, &by("full", sized("a", 1, 61))).await;
    assert_eq!(put(&*store, &by("l", sized("a", 1, 61))).await.stored_by, Some(key_id("l")));
    assert_eq!(of_keys(&*store).await, HashMap::from([(key_id("k"), usage(0, 0)), (key_id("l"), usage(1, 61))]));
}

async fn a_picture_that_another_key_replaces_is_that_ones(place: Place) {
    let store = place.open().await;
    add_key(&*store, "k", quota(Some(1), Some(100))).await;
    insert(&*store, &by("l", sized("a", 1, 80))).await;
    put_refusal(&*store, &by("k", sized("a", 2, 101))).await;
    put(&*store, &by("k", sized("a", 2, 100))).await;
    assert_eq!(of_keys(&*store).await[&key_id("k")], usage(1, 100));
    assert_eq!(of_keys(&*store).await[&key_id("l")], usage(0, 0));
    put(&*store, &by("k", sized("a", 3, 90))).await;
    put_refusal(&*store, &by("k", sized("b", 4, 1))).await;
    put(&*store, &sized("a", 5, 90)).await;
    assert_eq!(of_keys(&*store).await[&key_id("k")], usage(0, 0));
    assert_eq!(counted(&*store, &default_collection()).await, usage(1, 90));
}

async fn of_restored_images_those_that_fit_are_stored(place: Place) {
    let store = place.open().await;
    add_key(&*store, "k", quota(Some(3), None)).await;
    limit(&*store, quota(None, Some(100))).await;
    let at = OffsetDateTime::UNIX_EPOCH;
    let restored = |image| RestoredImage { image: by("k", image), created_at: at, updated_at: at };
    let images: Vec<_> = (0..5).map(|i| restored(sized(&format!("i{i}"), i, if i == 1 { 90 } else { 20 }))).collect();
    let outcomes = store.restore(&default_collection(), &images, false).await.expect("answers").expect("a collection");
    let kind = |outcome: &RestoreOutcome| {
        if let RestoreOutcome::OverQuota(refusal) = outcome {
            return refusal.of.kind();
        }
        assert!(matches!(outcome, RestoreOutcome::Created(_)), "{outcome:?}");
        "created"
    };
    let kinds: Vec<&str> = outcomes.iter().map(kind).collect();
    assert_eq!(kinds, ["created", "collection", "created", "created", "key"]);
    assert_eq!(counted(&*store, &default_collection()).await, usage(3, 60));
    let again = store.restore(&default_collection(), &images[..1], true).await.expect("answers");
    assert_eq!(again, Some(vec![RestoreOutcome::Unchanged]));
}

async fn images_of_an_older_schema_are_counted(place: Place) {
    old_database(&place, 1, |bytes, time| {
        ["x", "y"]
            .into_iter()
            .zip(1..)
            .map(|(text, n)| {
                change("default", "image_written", Some(text), time)
                    + &old_image("default", text, n, n.into(), bytes, time)
            })
            .collect()
    })
    .await;
    let store = place.open().await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(2, 198));
    limit(&*store, quota(Some(2), None)).await;
    refusal(&*store, &image("z", 9)).await;
    put(&*store, &sized("x", 1, 99)).await;
    delete(&*store, "y").await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(1, 99));
}

/// What an older program says, but for all that it stores beside the record.
async fn a_program_that_knows_no_quotas_counts_all_the_same(place: Place) {
    let store = place.open().await;
    insert(&*store, &by("k", sized("a", 1, 60))).await;
    let (content, time) = match &place {
        Place::Sqlite(_) => ("x'00'", "1"),
        Place::Postgres(_) => ("'\\x00'", "now()"),
    };
    run(
        &place,
        &format!(
            "INSERT INTO images (collection_id, id, content_hash, format, width, height, byte_size, metadata, version, \
                 revision, created_at, updated_at, original) \
             SELECT id, 'b', {content}, 'png', 1, 1, 7, '{{}}', 'v/rnip', 9, {time}, {time}, NULL FROM collections; \
             UPDATE images SET byte_size = 50, revision = 10 WHERE id = 'a'"
        ),
    )
    .await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(2, 57));
    assert_eq!(of_keys(&*store).await[&key_id("k")], usage(1, 50));
    run(&place, "DELETE FROM images WHERE id = 'b'").await;
    assert_eq!(counted(&*store, &default_collection()).await, usage(1, 50));
}

async fn wrong_counts_are_found_and_put_right(place: Place) {
    let store = place.open().await;
    insert(&*store, &by("k", sized("a", 1, 60))).await;
    insert(&*store, &sized("b", 2, 7)).await;
    run(
        &place,
        "UPDATE usage SET images = -1 WHERE key_id = 'k'; DELETE FROM usage WHERE key_id = ''; \
         INSERT INTO usage (collection_id, key_id, images, bytes) SELECT id, 'gone', 3, 4 FROM collections",
    )
    .await;
    let wrong = |key: Option<&str>, counted: (i64, i64), stored| Miscount {
        collection: default_collection(),
        key: key.map(key_id),
        counted_images: counted.0,
        counted_bytes: counted.1,
        stored,
    };
    let expected = [
        wrong(None, (0, 0), usage(1, 7)),
        wrong(Some("gone"), (3, 4), usage(0, 0)),
        wrong(Some("k"), (-1, 60), usage(1, 60)),
    ];
    assert_eq!(store.miscounts().await.expect("readable"), expected);
    // To be wrong stops no writes.
    limit(&*store, quota(Some(100), Some(100))).await;
    insert(&*store, &by("k", sized("c", 3, 1))).await;
    store.recount().await.expect("answers");
    assert_eq!(counted(&*store, &default_collection()).await, usage(3, 68));
    assert_eq!(of_keys(&*store).await, HashMap::from([(key_id("k"), usage(2, 61))]));
}

async fn a_key_that_is_gone_has_no_quota_and_its_images_stay(place: Place) {
    let store = place.open().await;
    add_key(&*store, "k", quota(Some(1), None)).await;
    insert(&*store, &by("k", sized("a", 1, 60))).await;
    refusal(&*store, &by("k", sized("b", 2, 60))).await;
    store.revoke_key(&key_id("k"), OffsetDateTime::UNIX_EPOCH).await.expect("answers").expect("there");
    // A request that was let in before.
    refusal(&*store, &by("k", sized("b", 2, 60))).await;
    run(&place, "DELETE FROM api_keys").await;
    insert(&*store, &by("k", sized("b", 2, 60))).await;
    assert_eq!(of_keys(&*store).await, HashMap::from([(key_id("k"), usage(2, 120))]));
}

async fn deletions_beside_additions_never_wait_for_each_other(place: Place) {
    let stores = [place.open().await, place.open().await];
    for i in 0..20 {
        insert(&*stores[0], &sized(&format!("old{i}"), i, 10)).await;
    }
    limit(&*stores[0], quota(Some(1_000), None)).await;
    let doomed = super::collections::create(&*stores[0], "doomed", Profile::Rnip).await;
    for i in 0..10 {
        assert!(matches!(add(&*stores[0], &doomed, &image(&format!("d{i}"), i)).await, InsertOutcome::Inserted(_)));
    }
    let tasks = (0..40).map(|i| {
        let (store, doomed) = (Arc::clone(&stores[i as usize % 2]), doomed.clone());
        tokio::spawn(async move {
            match i {
                20 => assert!(store.delete_collection(&doomed).await.expect("answers").is_some()),
                i if i % 2 == 0 => {
                    store
                        .delete(&default_collection(), &id(&format!("old{}", i / 2)), Precondition::None)
                        .await
                        .expect("answers");
                }
                i => {
                    insert(&*store, &sized(&format!("new{i}"), 100 + i, 10)).await;
                }
            }
        })
    });
    for done in join_all(tasks).await {
        done.expect("no panic");
    }
    assert_eq!(counted(&*stores[0], &default_collection()).await, usage(21, 210));
}
