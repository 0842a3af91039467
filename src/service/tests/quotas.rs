//! What does not fit into a quota.

use super::*;
use crate::domain::{CollectionChange, Measure};

async fn limit(fixture: &Fixture, max_images: u64, max_bytes: u64) {
    let change =
        CollectionChange { description: None, max_images: Some(Some(max_images)), max_bytes: Some(Some(max_bytes)) };
    fixture.service.change_collection(&default(), &change).await.expect("there");
}

fn is_over<T: std::fmt::Debug>(outcome: &Result<T, ServiceError>, measure: Measure) -> bool {
    matches!(outcome, Err(ServiceError::QuotaExceeded(refusal)) if refusal.measure == measure)
}

#[tokio::test]
async fn what_does_not_fit_is_not_even_described() {
    let fixture = Fixture::new().await;
    limit(&fixture, 1, 100).await;
    let record = fixture.add(b"a").await;
    let added = fixture.service.add_image(&default(), image(b"b", json!({}))).await;
    assert!(is_over(&added, Measure::Images), "{added:?}");
    let put = fixture.service.put_image(&default(), to_put("p", b"b", json!({})), Precondition::None).await;
    assert!(is_over(&put, Measure::Images), "{put:?}");
    let name = record.id.as_str();
    let large = fixture.service.put_image(&default(), to_put(name, &[7; 101], json!({})), Precondition::None).await;
    assert!(is_over(&large, Measure::Bytes), "{large:?}");
    assert_eq!(fixture.control.begun(), 1);
    fixture
        .service
        .put_image(&default(), to_put(name, &[7; 100], json!({})), Precondition::None)
        .await
        .expect("it takes the place of another one");
    fixture.service.delete_image(&default(), &record.id, Precondition::None).await.expect("deleted");
    fixture.add(b"b").await;
}

#[tokio::test]
async fn what_is_there_can_be_described_anew_where_nothing_more_fits() {
    let fixture = Fixture::new().await;
    let record = fixture.add(b"a").await;
    limit(&fixture, 0, 0).await;
    let service = start(&fixture.store, &fixture.control, OTHER_MODEL);
    service.index_built().await.expect("built");
    let again = service.add_image(&default(), image(b"a", json!({}))).await.expect("it adds nothing");
    let AddOutcome::Existing(anew) = again.outcome else { panic!("{again:?}") };
    assert_eq!((&anew.id, &anew.version), (&record.id, &service.version(Profile::Rnip)));
    let same = service.put_image(&default(), to_put(anew.id.as_str(), b"a", json!({"n": 1})), Precondition::None).await;
    assert!(matches!(&same, Ok(Stored { outcome: PutOutcome::Updated(_), .. })), "{same:?}");
}
