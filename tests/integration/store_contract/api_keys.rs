//! API keys.

use eyrie::domain::{ApiKey, KeyHash, KeyId, KeyLabel, Origin, Quota, Scope};
use eyrie::store::{KeyCreation, StoredKey};
use time::{Duration, OffsetDateTime};

use super::*;
use crate::support::Place;

fn at(minutes: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("in range") + Duration::minutes(minutes)
}

fn key_id(number: u8) -> KeyId {
    KeyId::new(format!("key-{number:03}")).expect("an id")
}

fn key(number: u8) -> StoredKey {
    StoredKey {
        hash: KeyHash([number; 32]),
        key: ApiKey {
            id: key_id(number),
            label: KeyLabel::new("shop ü; DROP TABLE api_keys").expect("a label"),
            scope: Scope::Write,
            collections: None,
            origins: Vec::new(),
            quota: Quota::default(),
            created_at: at(0),
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        },
    }
}

async fn keys(store: &dyn Store) -> Vec<StoredKey> {
    store.api_keys().await.expect("readable")
}

async fn add(store: &dyn Store, key: &StoredKey) {
    assert_eq!(store.add_key(key, 100).await.expect("answers"), KeyCreation::Created);
}

async fn a_key_is_read_as_it_was_stored(place: Place) {
    let store = place.open().await;
    assert_eq!(keys(&*store).await, []);
    let mut full = key(2);
    full.key.scope = Scope::Search;
    full.key.collections = Some(vec![name("covers"), name("not-there-yet")]);
    full.key.origins =
        ["https://shop.example", "http://[::1]:8080"].map(|text| text.parse::<Origin>().expect("one")).to_vec();
    full.key.expires_at = Some(at(60));
    full.key.quota = Quota { max_images: Some(0), max_bytes: Some(Quota::MOST) };
    add(&*store, &full).await;
    add(&*store, &key(1)).await;
    assert_eq!(keys(&*store).await, [key(1), full], "in the order of their ids");
    store.close().await;
    let again = place.open().await;
    assert_eq!(keys(&*again).await.len(), 2);
}

async fn two_keys_are_never_the_same(place: Place) {
    let store = place.open().await;
    add(&*store, &key(1)).await;
    let same_hash = StoredKey { key: key(2).key, ..key(1) };
    let same_id = StoredKey { hash: KeyHash([9; 32]), ..key(1) };
    for other in [same_hash, same_id] {
        assert!(store.add_key(&other, 100).await.is_err());
    }
    assert_eq!(keys(&*store).await, [key(1)]);
}

async fn a_key_is_revoked_once_and_by_whoever_was_first(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    add(&*store, &key(1)).await;
    add(&*store, &key(2)).await;
    let revoked = other.revoke_key(&key_id(1), at(5)).await.expect("answers").expect("there");
    assert_eq!(revoked, ApiKey { revoked_at: Some(at(5)), ..key(1).key });
    let again = store.revoke_key(&key_id(1), at(9)).await.expect("answers").expect("there");
    assert_eq!(again.revoked_at, Some(at(5)));
    assert_eq!(store.revoke_key(&key_id(7), at(5)).await.expect("answers"), None);
    let revoked: Vec<bool> = keys(&*store).await.iter().map(|stored| stored.key.revoked_at.is_some()).collect();
    assert_eq!(revoked, [true, false]);
}

async fn the_last_use_of_a_key_never_goes_back(place: Place) {
    let store = place.open().await;
    add(&*store, &key(1)).await;
    for (minutes, noted) in [(3, 3), (1, 3), (4, 4)] {
        store.note_key_use(&key_id(1), at(minutes)).await.expect("noted");
        assert_eq!(keys(&*store).await[0].key.last_used_at, Some(at(noted)));
    }
    store.note_key_use(&key_id(7), at(1)).await.expect("nobody minds");
}

async fn of_many_keys_the_oldest_dead_one_makes_room_and_live_ones_never_do(place: Place) {
    let store = place.open().await;
    for number in 1..=3 {
        add(&*store, &key(number)).await;
    }
    let ids = async || keys(&*store).await.into_iter().map(|stored| stored.key.id).collect::<Vec<_>>();
    assert_eq!(store.add_key(&key(4), 3).await.expect("answers"), KeyCreation::TooMany);
    assert_eq!(ids().await, [1, 2, 3].map(key_id));
    store.revoke_key(&key_id(2), at(1)).await.expect("answers");
    assert_eq!(store.add_key(&key(4), 3).await.expect("answers"), KeyCreation::Created);
    assert_eq!(ids().await, [1, 3, 4].map(key_id));
    let mut short = key(5);
    short.key.expires_at = Some(at(10));
    add(&*store, &short).await;
    let mut late = key(6);
    late.key.created_at = at(9);
    assert_eq!(store.add_key(&late, 4).await.expect("answers"), KeyCreation::TooMany, "it has not expired yet");
    late.key.created_at = at(10);
    assert_eq!(store.add_key(&late, 4).await.expect("answers"), KeyCreation::Created);
    assert_eq!(ids().await, [1, 3, 4, 6].map(key_id));
}

over_both_databases!(
    a_key_is_read_as_it_was_stored,
    two_keys_are_never_the_same,
    a_key_is_revoked_once_and_by_whoever_was_first,
    the_last_use_of_a_key_never_goes_back,
    of_many_keys_the_oldest_dead_one_makes_room_and_live_ones_never_do,
);
