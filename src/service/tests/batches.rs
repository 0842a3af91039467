//! Many images in one call.

use tokio::time::Instant;

use super::*;

fn soon() -> Instant {
    Instant::now() + NEVER
}

#[tokio::test(flavor = "multi_thread")]
async fn one_batch_leaves_room_in_the_queue_for_others() {
    let fixture = Fixture::with(1, 3, Index::Flat).await;
    fixture.control.hold();
    let images: Vec<AddImage> = (0..10).map(|n| image(&[n, 1, 2, 3], json!({}))).collect();
    let service = Arc::clone(&fixture.service);
    let batch = tokio::spawn(async move { service.add_images(&default(), images, soon()).await });
    fixture.control.until_begun(1).await;
    // One is described, and at most one of the batch waits; two more have their places.
    let service = Arc::clone(&fixture.service);
    let single = tokio::spawn(async move { service.add_image(&default(), image(&[99, 9], json!({}))).await });
    let service = Arc::clone(&fixture.service);
    let another = tokio::spawn(async move { service.add_image(&default(), image(&[98, 9], json!({}))).await });
    fixture.control.release();
    assert!(single.await.expect("no panic").is_ok());
    assert!(another.await.expect("no panic").is_ok());
    let results = batch.await.expect("no panic").expect("a batch");
    assert_eq!(results.len(), 10);
    for (n, result) in results.into_iter().enumerate() {
        match result.expect("stored").outcome {
            AddOutcome::Created(record) => assert_eq!(record.byte_size, 4, "{n}"),
            AddOutcome::Existing(record) => panic!("{:?} was there", record.id),
        }
    }
}

#[tokio::test]
async fn what_is_not_done_in_time_is_too_late() {
    let fixture = Fixture::new().await;
    let images = vec![image(b"1", json!({})), image(b"2", json!({}))];
    let results = fixture.service.add_images(&default(), images, Instant::now()).await.expect("a batch");
    assert!(results.iter().all(|result| matches!(result, Err(ServiceError::TooLate))), "{results:?}");
    fixture.add(b"3").await;
    let selection =
        Selection::Matching(crate::domain::Filter::parse(&json!({"all": []}), Default::default()).expect("a filter"));
    let late = fixture.service.delete_images(&default(), selection.clone(), false, Instant::now()).await;
    let late = late.expect("counts");
    assert_eq!((late.deleted, late.remaining), (0, late.matched));
    let done = fixture.service.delete_images(&default(), selection, false, soon()).await.expect("counts");
    assert_eq!((done.deleted, done.remaining), (done.matched, 0));
}
