//! What an upload shows is looked for in the collection before it is stored.

use futures::future::join;

use super::verifying::{near, part};
use super::*;
use crate::domain::Verdict;
use crate::store::Images as _;

fn add(bytes: &[u8], on_similar: OnSimilar) -> AddImage {
    AddImage { on_similar, ..image(bytes, json!({})) }
}

fn put(name: &str, bytes: &[u8], on_similar: OnSimilar) -> PutImage {
    PutImage { on_similar, ..to_put(name, bytes, json!({})) }
}

async fn count(fixture: &Fixture) -> usize {
    fixture.store.list(&default(), None, 100, None).await.expect("readable").len()
}

fn verdicts(similar: Option<Vec<SearchHit>>) -> Vec<(String, Verdict)> {
    similar.expect("looked for").into_iter().map(|hit| (hit.record.id.to_string(), hit.verdict)).collect()
}

#[tokio::test]
async fn what_shows_the_same_is_named_or_refused_as_asked() {
    let fixture = Fixture::new().await;
    fixture.add_named("whole", &near(90, 1), json!({})).await;
    fixture.add_named("other", &near(240, 2), json!({})).await;

    let refused = fixture.service.add_image(&default(), add(&part(70, 1), OnSimilar::Reject)).await;
    let Err(ServiceError::SimilarExists { id: named, verdict, score }) = refused else { panic!("{refused:?}") };
    assert_eq!((named.as_str(), verdict), ("whole", Verdict::NearDuplicate));
    assert!(score > 0.5 && score < 1.0, "{score}");
    assert_eq!(count(&fixture).await, 2, "nothing was stored");

    let reported = fixture.service.add_image(&default(), add(&part(70, 1), OnSimilar::Report)).await.expect("stored");
    let named = verdicts(reported.similar);
    assert_eq!(named[0], ("whole".to_owned(), Verdict::NearDuplicate));
    assert_eq!(count(&fixture).await, 3);

    let ignored = fixture.service.add_image(&default(), add(&part(71, 1), OnSimilar::Ignore)).await.expect("stored");
    assert_eq!(ignored.similar, None);
}

#[tokio::test]
async fn what_only_looks_alike_is_named_and_not_refused() {
    let fixture = Fixture::new().await;
    fixture.add_named("alike", &near(10, 1), json!({})).await;
    let stored = fixture.service.add_image(&default(), add(&near(0, 2), OnSimilar::Reject)).await.expect("stored");
    assert_eq!(verdicts(stored.similar), [("alike".to_owned(), Verdict::Similar)]);
}

#[tokio::test]
async fn the_same_bytes_are_what_on_duplicate_says_and_nobody_looks() {
    let fixture = Fixture::new().await;
    let first = fixture.add_named("first", &near(0, 1), json!({})).await;
    let again = fixture.service.add_image(&default(), add(&near(0, 1), OnSimilar::Reject)).await.expect("answered");
    assert_eq!((again.outcome, again.similar), (AddOutcome::Existing(first), None));
    let allow = AddImage { on_duplicate: OnDuplicate::Allow, ..add(&near(0, 1), OnSimilar::Reject) };
    let refused = fixture.service.add_image(&default(), allow).await;
    let same = matches!(&refused, Err(ServiceError::SimilarExists { verdict: Verdict::Same, .. }));
    assert!(same, "{refused:?}");
}

#[tokio::test]
async fn an_image_that_is_replaced_is_not_similar_to_itself() {
    let fixture = Fixture::new().await;
    fixture.add_named("p", &near(0, 1), json!({})).await;
    let cut = part(70, 1);
    let replaced = fixture.service.put_image(&default(), put("p", &cut, OnSimilar::Reject), Precondition::None).await;
    assert_eq!(replaced.expect("stored").similar, Some(vec![]));
    let other = put("q", &near(0, 1), OnSimilar::Reject);
    let other = fixture.service.put_image(&default(), other, Precondition::None).await;
    assert!(matches!(&other, Err(ServiceError::SimilarExists { id, .. }) if id == "p"), "{other:?}");
    assert_eq!(count(&fixture).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_come_at_once_one_is_refused() {
    let fixture = Fixture::with(2, 64, Index::Graph).await;
    let (whole, cut) = (near(0, 1), part(70, 1));
    let collection = default();
    let add = |bytes: &[u8]| fixture.service.add_image(&collection, add(bytes, OnSimilar::Reject));
    // One is described while the other one is.
    let (one, other) = join(add(&whole), add(&cut)).await;
    let refused = [one, other].into_iter().filter(|r| matches!(r, Err(ServiceError::SimilarExists { .. }))).count();
    assert_eq!((refused, count(&fixture).await), (1, 1));
}
