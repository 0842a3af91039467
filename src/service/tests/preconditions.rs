//! What a change requires of the image is decided at the moment of the change.

use futures::future::join_all;
use serde_json::Map;

use super::*;
use crate::domain::Seq;

async fn put(fixture: &Fixture, bytes: &[u8], precondition: Precondition) -> Result<PutOutcome, ServiceError> {
    let put = fixture.service.put_image(&default(), to_put("p", bytes, json!({})), precondition).await;
    put.map(|stored| stored.outcome)
}

async fn patch(fixture: &Fixture, n: u32, precondition: Precondition) -> Result<ImageRecord, ServiceError> {
    let patch = Map::from_iter([("n".to_owned(), json!(n))]);
    fixture.service.patch_metadata(&default(), &id("p"), patch, precondition).await
}

async fn delete(fixture: &Fixture, precondition: Precondition) -> Result<(), ServiceError> {
    fixture.service.delete_image(&default(), &id("p"), precondition).await
}

fn failed<T: std::fmt::Debug>(outcome: Result<T, ServiceError>) {
    assert!(matches!(outcome, Err(ServiceError::PreconditionFailed)), "{outcome:?}");
}

fn unknown<T: std::fmt::Debug>(outcome: Result<T, ServiceError>) {
    assert!(matches!(outcome, Err(ServiceError::UnknownImage(_))), "{outcome:?}");
}

const PRESENT: [Precondition; 2] = [Precondition::Present, Precondition::Revision(Seq(1))];

#[tokio::test]
async fn an_image_that_is_not_there_meets_only_what_requires_no_image() {
    let fixture = Fixture::new().await;
    for precondition in PRESENT {
        failed(put(&fixture, b"a", precondition).await);
        failed(delete(&fixture, precondition).await);
        unknown(patch(&fixture, 1, precondition).await);
    }
    for precondition in [Precondition::None, Precondition::Absent] {
        unknown(delete(&fixture, precondition).await);
        unknown(patch(&fixture, 1, precondition).await);
    }
    assert_eq!(fixture.control.begun(), 0, "nothing was described in vain");
    let created = put(&fixture, b"a", Precondition::Absent).await;
    assert!(matches!(created, Ok(PutOutcome::Created(_))), "{created:?}");
}

#[tokio::test]
async fn an_image_that_is_there_meets_its_revision_and_that_it_is_there() {
    let fixture = Fixture::new().await;
    let mut record = fixture.add_named("p", b"a", json!({})).await;
    let stale = Precondition::Revision(Seq(record.revision.0 + 1));
    for precondition in [Precondition::Absent, stale] {
        failed(put(&fixture, b"b", precondition).await);
        failed(put(&fixture, b"a", precondition).await);
        failed(patch(&fixture, 1, precondition).await);
        failed(delete(&fixture, precondition).await);
    }
    assert_eq!(fixture.control.begun(), 1);
    assert_eq!(fixture.service.image(&default(), &id("p")).await.expect("there"), record, "nothing has changed");
    for (bytes, precondition) in [(b"b", Precondition::Present), (b"c", Precondition::None)] {
        let replaced = put(&fixture, bytes, precondition).await;
        let Ok(PutOutcome::Updated(replaced)) = replaced else { panic!("{replaced:?}") };
        let by_revision = patch(&fixture, 2, Precondition::Revision(replaced.revision)).await.expect("patched");
        record = patch(&fixture, 3, Precondition::Present).await.expect("patched");
        assert!(record.revision > by_revision.revision && record.key == replaced.key);
    }
    delete(&fixture, Precondition::Revision(record.revision)).await.expect("deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_at_once_that_require_the_same_revision_one_is_made() {
    let fixture = Arc::new(Fixture::with(4, 64, Index::Flat).await);
    for round in 0_u8..5 {
        let record = fixture.add_named("p", &[1, round], json!({})).await;
        let same = Precondition::Revision(record.revision);
        let changes = (0_u8..9).map(|n| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                match n % 3 {
                    0 => put(&fixture, &[2, round, n], same).await.map(|_| ()),
                    1 => patch(&fixture, u32::from(n), same).await.map(|_| ()),
                    _ => delete(&fixture, same).await,
                }
            })
        });
        let mut made = 0;
        for outcome in join_all(changes.collect::<Vec<_>>()).await {
            match outcome.expect("not cancelled") {
                Ok(()) => made += 1,
                // A patch of what is deleted finds no image.
                Err(ServiceError::PreconditionFailed | ServiceError::UnknownImage(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(made, 1);
        match delete(&fixture, Precondition::None).await {
            Ok(()) | Err(ServiceError::UnknownImage(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_puts_at_once_that_require_that_nothing_is_there_one_creates() {
    let fixture = Arc::new(Fixture::with(4, 64, Index::Flat).await);
    fixture.control.hold();
    let puts: Vec<_> = (0_u8..4)
        .map(|n| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move { put(&fixture, &[3, n], Precondition::Absent).await })
        })
        .collect();
    // All have seen that nothing is there and are being described: the store decides.
    fixture.control.until_begun(4).await;
    fixture.control.release();
    let mut created = 0;
    for outcome in join_all(puts).await {
        match outcome.expect("not cancelled") {
            Ok(PutOutcome::Created(_)) => created += 1,
            Err(ServiceError::PreconditionFailed) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(created, 1);
}
