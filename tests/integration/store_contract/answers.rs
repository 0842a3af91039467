//! Requests that named themselves.

use eyrie::domain::{Begun, IdempotencyKey, KeptAnswer};
use eyrie::store::AnswerTimes;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::support::Place;

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::new(text).expect("a key")
}

fn times(minutes: i64) -> AnswerTimes {
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("in range") + Duration::minutes(minutes);
    AnswerTimes { now, expired: now - Duration::minutes(60), abandoned: now - Duration::minutes(10) }
}

fn answer() -> KeptAnswer {
    let headers = vec![("etag".to_owned(), "\"1\"".to_owned())];
    KeptAnswer { status: 201, headers, body: "{\"a\": \"ü\"}".to_owned() }
}

async fn a_request_is_first_running_and_answered_and_another_is_told_apart(place: Place) {
    let store = place.open().await;
    let (here, k) = (default_collection(), key("k"));
    let begin = async |request, minutes| store.begin(&here, &k, &hash(request), times(minutes)).await.expect("answers");
    assert_eq!(begin(1, 0).await, Some(Begun::First));
    assert_eq!(begin(1, 5).await, Some(Begun::Running));
    assert_eq!(begin(2, 5).await, Some(Begun::Other));
    store.keep(&here, &k, times(0).now, &answer()).await.expect("kept");
    store.forget(&here, &k, times(0).now).await.expect("answers");
    assert_eq!(begin(1, 30).await, Some(Begun::Answered(answer())), "an answer is not forgotten");
    assert_eq!(begin(2, 30).await, Some(Begun::Other));
    assert_eq!(store.begin(&here, &key("K"), &hash(1), times(30)).await.expect("answers"), Some(Begun::First));
    assert_eq!(store.begin(&name("nowhere"), &k, &hash(1), times(30)).await.expect("answers"), None);
    assert_eq!(begin(2, 61).await, Some(Begun::First), "its day is over");
}

async fn a_request_without_an_answer_can_be_begun_again(place: Place) {
    let store = place.open().await;
    let (here, k) = (default_collection(), key("k"));
    let begin = async |minutes| store.begin(&here, &k, &hash(1), times(minutes)).await.expect("answers");
    assert_eq!(begin(0).await, Some(Begun::First));
    store.forget(&here, &k, times(0).now).await.expect("forgotten");
    assert_eq!(begin(1).await, Some(Begun::First));
    assert_eq!(begin(10).await, Some(Begun::Running));
    assert_eq!(begin(12).await, Some(Begun::First), "whoever ran it is gone");
}

async fn only_the_request_that_was_begun_then_is_ended(place: Place) {
    let store = place.open().await;
    let (here, k) = (default_collection(), key("k"));
    let begin = async |minutes| store.begin(&here, &k, &hash(1), times(minutes)).await.expect("answers");
    assert_eq!(begin(0).await, Some(Begun::First));
    assert_eq!(begin(12).await, Some(Begun::First), "whoever ran it is gone");
    // The first one was only late.
    store.forget(&here, &k, times(0).now).await.expect("answers");
    store.keep(&here, &k, times(0).now, &answer()).await.expect("answers");
    assert_eq!(begin(13).await, Some(Begun::Running));
    store.keep(&here, &k, times(12).now, &answer()).await.expect("kept");
    assert_eq!(begin(14).await, Some(Begun::Answered(answer())));
}

over_both_databases!(
    only_the_request_that_was_begun_then_is_ended,
    a_request_is_first_running_and_answered_and_another_is_told_apart,
    a_request_without_an_answer_can_be_begun_again,
);
