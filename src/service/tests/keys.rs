//! What the service knows of keys, and when it asks the database.

use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::*;
use crate::domain::{Clock, KeyLabel, Quota, Scope};

/// A clock that stands still until it is moved.
#[derive(Default)]
struct Still(Mutex<Duration>);

impl Still {
    fn pass(&self, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }
}

impl Clock for Still {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A second service over the same database, by this clock.
fn over(fixture: &Fixture, clock: &Arc<Still>, options: ServiceOptions) -> Arc<RetrievalService> {
    let parts = parts(&fixture.store, &fixture.control, MODEL, fixture.search.clone());
    RetrievalService::start(ServiceParts { clock: clock.clone(), ..parts }, options).expect("started")
}

fn new_key(label: &str) -> NewApiKey {
    let label = KeyLabel::new(label).expect("a label");
    NewApiKey {
        label,
        scope: Scope::Read,
        collections: None,
        origins: Vec::new(),
        quota: Quota::default(),
        lasts: None,
    }
}

#[tokio::test]
async fn wrong_keys_ask_the_database_nothing_and_an_outage_lets_nobody_in() {
    let (fixture, clock) = (Fixture::new().await, Arc::new(Still::default()));
    let service = over(&fixture, &clock, options());
    for guess in 0..1_000 {
        let keys = service.known_keys().await.expect("readable");
        assert!(keys.find(format!("eyrie_{guess}").as_bytes(), clock.now()).is_none());
    }
    assert_eq!(fixture.store.calls("api_keys"), 1);
    clock.pass(Duration::from_secs(1));
    fixture.store.fail("api_keys");
    for _ in 0..10 {
        assert!(matches!(service.known_keys().await, Err(ServiceError::Store(_))));
    }
    fixture.store.heal();
    assert!(service.known_keys().await.is_err(), "those that waited do not ask one by one");
    clock.pass(Duration::from_secs(1));
    assert!(service.known_keys().await.is_ok());
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_a_minute() {
    let (fixture, clock) = (Fixture::new().await, Arc::new(Still::default()));
    let service = over(&fixture, &clock, options());
    let key = service.add_key(new_key("used")).await.expect("made").key;
    for (seconds, calls) in [(0, 1), (30, 1), (30, 2), (29, 2)] {
        clock.pass(Duration::from_secs(seconds));
        service.note_key_use(&key);
        fixture.store.until_called("note_key_use", calls).await;
    }
    assert_eq!(fixture.store.calls("note_key_use"), 2);
    let noted = service.key(&key.id).await.expect("there").key.last_used_at;
    assert_eq!(noted, Some(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(60)));
}

#[tokio::test]
async fn the_key_of_the_configuration_is_in_no_list_and_cannot_be_revoked() {
    let (fixture, clock) = (Fixture::new().await, Arc::new(Still::default()));
    let service = over(&fixture, &clock, ServiceOptions { admin_key: Secret::new("configured-key"), ..options() });
    let keys = service.known_keys().await.expect("readable");
    let key = keys.find(b"configured-key", clock.now()).expect("known");
    assert_eq!(key.scope, Scope::Admin);
    assert!(!keys.is_empty());
    assert_eq!(service.keys().await.expect("readable"), []);
    assert!(matches!(service.revoke_key(&key.id).await, Err(ServiceError::UnknownKey(_))));
    service.note_key_use(key);
    let other = over(&fixture, &clock, options());
    assert!(other.known_keys().await.expect("readable").is_empty(), "it is in no database");
}
