//! Queueing, overload, panics, cancellation and the end of the workers.

use std::sync::Arc;

use futures::poll;

use super::super::caller::Caller;
use super::super::lanes::Lane;
use super::super::pool::{InferencePool, WhenFull};
use super::*;
use eyrie_vision::describe::{Extraction, Request};
use eyrie_vision::picture::PictureError;

fn pool(workers: usize, queue_length: usize) -> (Arc<InferencePool>, Arc<Control>) {
    let control = Arc::new(Control::default());
    let extractors = (0..workers).map(|_| StandIn::boxed(MODEL, &control)).collect();
    (Arc::new(InferencePool::start(extractors, queue_length).expect("started")), control)
}

fn describe(
    pool: &Arc<InferencePool>,
    bytes: &'static [u8],
    when_full: WhenFull,
) -> impl Future<Output = Result<Extraction, ServiceError>> {
    describe_in(pool, Lane::Ingest, bytes, when_full)
}

fn describe_in(
    pool: &Arc<InferencePool>,
    lane: Lane,
    bytes: &'static [u8],
    when_full: WhenFull,
) -> impl Future<Output = Result<Extraction, ServiceError>> {
    let pool = Arc::clone(pool);
    let bytes = bytes::Bytes::from_static(bytes);
    async move { pool.describe(bytes, Request::descriptor(Profile::Rnip), lane, when_full).await }
}

#[tokio::test]
async fn a_worker_that_names_impossible_times_goes_on() {
    let (pool, _control) = pool(1, 1);
    for _ in 0..2 {
        describe(&pool, b"eternity", WhenFull::Refuse).await.expect("described");
    }
}

#[tokio::test]
async fn an_image_beyond_the_queue_is_refused_at_once_and_one_that_may_wait_waits() {
    let (pool, control) = pool(1, 1);
    control.hold();
    let mut first = Box::pin(describe(&pool, b"a", WhenFull::Refuse));
    assert!(poll!(&mut first).is_pending());
    control.until_begun(1).await;
    let mut second = Box::pin(describe(&pool, b"b", WhenFull::Refuse));
    assert!(poll!(&mut second).is_pending());
    assert_eq!(pool.waiting(Lane::Ingest), 1);

    let refused = describe(&pool, b"c", WhenFull::Refuse).await;
    // Two images ahead, a second for each as long as none is done.
    assert!(matches!(refused, Err(ServiceError::Overloaded { retry_after_seconds: 2 })), "{refused:?}");
    let mut patient = Box::pin(describe(&pool, b"d", WhenFull::Wait));
    assert!(poll!(&mut patient).is_pending());
    assert_eq!(pool.waiting(Lane::Ingest), 1);

    control.release();
    for described in [first.await, second.await, patient.await] {
        assert!(described.is_ok(), "{described:?}");
    }
}

#[tokio::test]
async fn idle_workers_do_not_count_against_the_queue() {
    let (pool, control) = pool(2, 0);
    control.hold();
    let mut first = Box::pin(describe(&pool, b"a", WhenFull::Refuse));
    let mut second = Box::pin(describe(&pool, b"b", WhenFull::Refuse));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    assert!(matches!(describe(&pool, b"c", WhenFull::Refuse).await, Err(ServiceError::Overloaded { .. })));
    control.release();
    assert!(first.await.is_ok() && second.await.is_ok());
}

#[tokio::test]
async fn a_full_queue_of_ingests_keeps_no_search_out_and_the_search_goes_first() {
    let (pool, control) = pool(1, 2);
    control.hold();
    let mut under_way = Box::pin(describe(&pool, b"under way", WhenFull::Refuse));
    assert!(poll!(&mut under_way).is_pending());
    control.until_begun(1).await;
    let mut ingests: Vec<_> = (0..2).map(|_| Box::pin(describe(&pool, b"ingest", WhenFull::Refuse))).collect();
    for ingest in &mut ingests {
        assert!(poll!(ingest).is_pending());
    }
    assert!(matches!(describe(&pool, b"one more", WhenFull::Refuse).await, Err(ServiceError::Overloaded { .. })));
    let search = describe_in(&pool, Lane::Search, b"search", WhenFull::Refuse);
    let mut search = Box::pin(search);
    assert!(poll!(&mut search).is_pending());
    control.release();
    search.await.expect("described");
    for ingest in ingests {
        ingest.await.expect("described");
    }
    assert_eq!(control.order(), [&b"under way"[..], b"search", b"ingest", b"ingest"]);
}

#[tokio::test]
async fn a_caller_with_many_images_makes_room_for_another_one() {
    let (pool, control) = pool(1, 2);
    control.hold();
    let [greedy, modest] = ["greedy", "modest"].map(Caller::named);
    let mut images: Vec<_> =
        (0..3).map(|_| Box::pin(greedy.scope(describe(&pool, b"greedy", WhenFull::Refuse)))).collect();
    assert!(poll!(&mut images[0]).is_pending());
    control.until_begun(1).await;
    for image in &mut images[1..] {
        assert!(poll!(image).is_pending());
    }
    let mut one = Box::pin(modest.scope(describe(&pool, b"modest", WhenFull::Refuse)));
    assert!(poll!(&mut one).is_pending());
    let displaced = images.pop().expect("three").await;
    assert!(matches!(displaced, Err(ServiceError::Overloaded { .. })), "{displaced:?}");
    assert_eq!(pool.waiting(Lane::Ingest), 2);
    control.release();
    one.await.expect("described");
    for image in images {
        image.await.expect("described");
    }
}

#[tokio::test]
async fn a_client_that_sends_one_image_after_the_other_is_never_refused() {
    let (pool, _control) = pool(1, 0);
    for _ in 0..200 {
        describe(&pool, b"a", WhenFull::Refuse).await.expect("room");
    }
}

#[tokio::test]
async fn the_image_of_a_client_that_went_away_is_never_described() {
    let (pool, control) = pool(1, 1);
    control.hold();
    let mut first = Box::pin(describe(&pool, b"a", WhenFull::Refuse));
    assert!(poll!(&mut first).is_pending());
    control.until_begun(1).await;
    let mut gone = Box::pin(describe(&pool, b"gone", WhenFull::Refuse));
    assert!(poll!(&mut gone).is_pending());
    drop(gone);
    // Its place in the queue is free although no worker has come by.
    let mut third = Box::pin(describe(&pool, b"c", WhenFull::Refuse));
    assert!(poll!(&mut third).is_pending());
    drop(third);
    control.release();
    first.await.expect("described");
    describe(&pool, b"d", WhenFull::Refuse).await.expect("described");
    assert_eq!(control.begun(), 2, "only the first and the last were described");
}

#[tokio::test]
async fn a_panic_in_the_extractor_fails_its_image_alone() {
    let (pool, _control) = pool(1, 4);
    let failed = describe(&pool, b"panic", WhenFull::Refuse).await;
    let Err(ServiceError::Extract(PictureError::Internal(reason))) = failed else { panic!("{failed:?}") };
    assert!(reason.contains("this image is the one that panics"), "{reason}");
    assert!(describe(&pool, b"a", WhenFull::Refuse).await.is_ok());
}

#[tokio::test]
async fn the_pool_ends_after_the_images_that_were_queued() {
    let (pool, control) = pool(1, 4);
    control.hold();
    let mut first = Box::pin(describe(&pool, b"a", WhenFull::Refuse));
    let mut second = Box::pin(describe(&pool, b"b", WhenFull::Refuse));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    control.release();
    let ending = Arc::clone(&pool);
    tokio::task::spawn_blocking(move || ending.join()).await.expect("joined");
    assert!(first.await.is_ok() && second.await.is_ok());
    assert!(matches!(describe(&pool, b"c", WhenFull::Wait).await, Err(ServiceError::ShuttingDown)));
}

#[tokio::test]
async fn a_pool_needs_an_extractor() {
    assert!(matches!(InferencePool::start(Vec::new(), 1), Err(ServiceError::Internal(_))));
}

#[tokio::test]
async fn a_shutdown_lets_running_work_end_and_refuses_new_work() {
    let fixture = Fixture::new().await;
    let service = Arc::clone(&fixture.service);
    fixture.control.hold();
    let upload = tokio::spawn(async move { service.add_image(&default(), image(b"a", json!({}))).await });
    fixture.control.until_begun(1).await;
    let mut shutdown = Box::pin(fixture.service.shutdown());
    assert!(poll!(&mut shutdown).is_pending());

    let refused = fixture.service.add_image(&default(), image(b"b", json!({}))).await;
    assert!(matches!(refused, Err(ServiceError::ShuttingDown)), "{refused:?}");
    let readiness = fixture.service.readiness().await;
    assert_eq!((readiness.ready, readiness.workers.as_str()), (false, "shutting down"));

    fixture.control.release();
    shutdown.await;
    let uploaded = upload.await.expect("not cancelled");
    assert!(matches!(uploaded, Ok(Stored { outcome: AddOutcome::Created(_), .. })), "{uploaded:?}");
}
