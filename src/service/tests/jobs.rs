//! Jobs end, stop and go on; what they find.

use std::time::Duration;

use super::verifying::{near, part_at};
use super::*;
use crate::domain::{Job, JobProgress, JobState, Quota, Verdict};
use crate::store::{ChangeLog as _, Images as _, Jobs as _};

/// Longer than any job here takes.
const LONG: Duration = Duration::from_secs(600);

fn request() -> DuplicatesRequest {
    DuplicatesRequest::new(None, None, None)
}

async fn ask(fixture: &Fixture, request: DuplicatesRequest) -> Job {
    match fixture.service.find_duplicates(&default(), request).await.expect("taken") {
        Started::New(job) => job,
        Started::There(job) => panic!("{job:?} was there"),
    }
}

/// Asks for a job and does it here.
async fn find(fixture: &Fixture, request: DuplicatesRequest) -> Job {
    let job = ask(fixture, request).await;
    let job = fixture.service.work_until_ended(&job.id, &|_| {}).await.expect("done");
    assert_eq!(job.state, JobState::Done, "{job:?}");
    job
}

fn count(job: &Job, name: &str) -> u64 {
    job.result.as_ref().expect("a result")[name].as_u64().unwrap_or_else(|| panic!("{name}"))
}

/// The names of the groups and of their members.
async fn groups(fixture: &Fixture, job: &Job) -> Vec<(String, Vec<String>)> {
    let page = fixture.service.duplicate_groups(&job.id, None, 100).await.expect("there");
    assert_eq!(page.next, None);
    let ids = |group: &DuplicateGroup| group.members.iter().map(|m| m.record.id.to_string()).collect();
    page.groups.iter().map(|group| (group.name.to_string(), ids(group))).collect()
}

async fn add(fixture: &Fixture, name: &str, bytes: &[u8]) {
    fixture.add_named(name, bytes, json!({})).await;
}

/// Two pictures with a part of each, and one that only looks like the others.
async fn with_duplicates() -> Fixture {
    let fixture = Fixture::new().await;
    add(&fixture, "a-part", &part_at(5, 70, 1)).await;
    add(&fixture, "b-whole", &near(30, 2)).await;
    add(&fixture, "alike", &near(0, 3)).await;
    add(&fixture, "a-whole", &near(10, 1)).await;
    add(&fixture, "b-part", &part_at(20, 80, 2)).await;
    fixture
}

/// So many images that nothing resembles, which take a job more than one batch.
async fn fill(fixture: &Fixture, images: u8) {
    for n in 0..images {
        add(fixture, &format!("fill-{n:03}"), &[n.wrapping_mul(37), n, 255 - n, n ^ 85, n.wrapping_mul(91), 3]).await;
    }
}

fn expected() -> Vec<(String, Vec<String>)> {
    let group = |name: &str, members: [&str; 2]| (name.to_owned(), members.map(str::to_owned).to_vec());
    vec![group("a-part", ["a-whole", "a-part"]), group("b-whole", ["b-whole", "b-part"])]
}

#[tokio::test]
async fn what_shows_the_same_is_a_group_with_the_best_first_and_its_oldest_names_it() {
    let fixture = with_duplicates().await;
    let job = find(&fixture, request()).await;
    assert_eq!(groups(&fixture, &job).await, expected());
    let counts = ["groups", "images", "duplicates", "largest", "looked_up"].map(|name| count(&job, name));
    assert_eq!(counts, [2, 4, 2, 2, 5]);
    assert_eq!((job.progress.done, job.progress.total), (5, Some(5)));
    let page = fixture.service.duplicate_groups(&job.id, None, 100).await.expect("there");
    let members = page.groups.iter().flat_map(|group| &group.members);
    assert!(members.clone().all(|m| m.verdict == Verdict::NearDuplicate && m.score > 0.9), "{page:?}");
}

#[tokio::test]
async fn the_score_alone_decides_where_no_verdict_is_asked_for() {
    let fixture = with_duplicates().await;
    let job = find(&fixture, DuplicatesRequest::new(None, Some(0.98), None)).await;
    let all = groups(&fixture, &job).await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].0.as_str(), all[0].1.len()), ("a-part", 5), "all look alike");
    let job = find(&fixture, DuplicatesRequest::new(None, Some(0.9995), None)).await;
    let near = groups(&fixture, &job).await;
    assert_eq!((near.len(), near[0].1.len()), (1, 3), "{near:?}");
    let job = find(&fixture, DuplicatesRequest::new(Some(Verdict::Same), None, None)).await;
    assert_eq!(groups(&fixture, &job).await, []);
}

#[tokio::test]
async fn a_second_job_looks_at_what_changed_and_finds_the_same_as_a_first_one_would() {
    let fixture = with_duplicates().await;
    find(&fixture, request()).await;
    let idle = find(&fixture, request()).await;
    assert_eq!((count(&idle, "looked_up"), groups(&fixture, &idle).await), (0, expected()));

    // One comes, one goes, and one becomes another picture.
    add(&fixture, "c-whole", &near(15, 3)).await;
    fixture.service.delete_image(&default(), &id("b-part"), Precondition::None).await.expect("deleted");
    let put = to_put("a-part", &part_at(5, 70, 4), json!({}));
    fixture.service.put_image(&default(), put, Precondition::None).await.expect("stored");
    let second = find(&fixture, request()).await;
    assert_eq!(count(&second, "looked_up"), 2);
    let found = groups(&fixture, &second).await;
    assert_eq!(found, [("alike".to_owned(), vec!["alike".to_owned(), "c-whole".to_owned()])]);
    // Another way to look starts from nothing.
    let anew = find(&fixture, DuplicatesRequest::new(None, None, Some(30))).await;
    assert_eq!((count(&anew, "looked_up"), groups(&fixture, &anew).await), (5, found));
}

#[tokio::test]
async fn groups_lose_the_images_that_are_deleted() {
    let fixture = with_duplicates().await;
    add(&fixture, "a-third", &part_at(7, 90, 1)).await;
    let job = find(&fixture, request()).await;
    for gone in ["a-whole", "b-whole"] {
        fixture.service.delete_image(&default(), &id(gone), Precondition::None).await.expect("deleted");
    }
    let left = groups(&fixture, &job).await;
    assert_eq!(left, [("a-part".to_owned(), vec!["a-third".to_owned(), "a-part".to_owned()])]);
    let (surplus, next) = fixture.service.surplus_duplicates(&job.id, None).await.expect("there");
    assert!(next.is_some());
    assert_eq!(surplus, [], "where the best is gone nothing else is to go");
}

#[tokio::test]
async fn surplus_are_all_but_the_best_that_did_not_change() {
    let fixture = with_duplicates().await;
    let job = find(&fixture, request()).await;
    let ids = async |job: &Job| {
        let (records, _) = fixture.service.surplus_duplicates(&job.id, None).await.expect("there");
        records.into_iter().map(|record| record.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&job).await, ["a-part", "b-part"]);
    let put = to_put("b-part", &part_at(20, 80, 5), json!({}));
    fixture.service.put_image(&default(), put, Precondition::None).await.expect("stored");
    assert_eq!(ids(&job).await, ["a-part"]);
}

#[tokio::test]
async fn groups_come_in_pages_and_only_of_a_job_that_is_done() {
    let fixture = with_duplicates().await;
    let waiting = ask(&fixture, request()).await;
    let early = fixture.service.duplicate_groups(&waiting.id, None, 10).await;
    assert!(matches!(early, Err(ServiceError::NoGroups(JobState::Queued))), "{early:?}");
    let again = fixture.service.find_duplicates(&default(), request()).await.expect("taken");
    assert_eq!(again, Started::There(waiting.clone()));
    fixture.service.work_until_ended(&waiting.id, &|_| {}).await.expect("done");
    let first = fixture.service.duplicate_groups(&waiting.id, None, 1).await.expect("there");
    assert_eq!((first.groups.len(), first.next), (1, Some(1)));
    let second = fixture.service.duplicate_groups(&waiting.id, first.next, 1).await.expect("there");
    assert_eq!((second.groups[0].name.as_str(), second.next), ("b-whole", None));

    let unknown = JobId::generate();
    assert!(matches!(fixture.service.job(&unknown, Duration::ZERO).await, Err(ServiceError::UnknownJob(_))));
    let nowhere = CollectionName::new("nowhere").expect("valid");
    let refused = fixture.service.find_duplicates(&nowhere, request()).await;
    assert!(matches!(refused, Err(ServiceError::UnknownCollection(_))));
    for (score, candidates) in [(Some(1.5), 20), (None, 0), (None, 101)] {
        let wrong = DuplicatesRequest { verdict: None, min_score: score, candidates };
        let refused = fixture.service.find_duplicates(&default(), wrong).await;
        assert!(matches!(refused, Err(ServiceError::OutOfRange { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_job_that_loses_the_database_goes_on_where_it_was() {
    let fixture = with_duplicates().await;
    fill(&fixture, 40).await;
    let job = ask(&fixture, request()).await;
    let store = &fixture.store;
    // The database goes when the second batch is to be noted, and is back for the next attempt.
    let tell = |at: JobProgress| match at.done {
        0 => {}
        16 => store.heal(),
        _ => store.fail("note_pairs"),
    };
    let stop = async {
        // The attempt that fails puts the job back, which is asked for again after a pause.
        while fixture.store.calls("release_job") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = fixture.service.work_until_ended(&job.id, &tell) => panic!("{ended:?}"),
        () = stop => {}
    }
    store.heal();
    let stopped = store.job(&job.id).await.expect("readable").expect("there");
    assert_eq!((stopped.state, stopped.progress.done), (JobState::Queued, 16));
    let noted = store.calls("note_pairs");
    let done = fixture.service.work_until_ended(&job.id, &|_| {}).await.expect("done");
    assert_eq!((done.state, count(&done, "looked_up")), (JobState::Done, 45));
    assert_eq!(store.calls("note_pairs") - noted, 2, "16 of 45 were done, in batches of 16");
    assert_eq!(groups(&fixture, &done).await, expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_stops_and_can_be_removed() {
    let fixture = with_duplicates().await;
    let job = ask(&fixture, request()).await;
    let (store, runtime) = (&fixture.store, tokio::runtime::Handle::current());
    let tell = |_: JobProgress| {
        tokio::task::block_in_place(|| {
            // A second one finds it cancelled.
            runtime.block_on(store.cancel_job(&job.id)).expect("answers");
        });
    };
    let cancelled = fixture.service.work_until_ended(&job.id, &tell).await.expect("ended");
    assert_eq!((cancelled.state, cancelled.progress.done), (JobState::Cancelled, 0));
    fixture.service.delete_job(&job.id).await.expect("removed");
    assert!(matches!(fixture.service.delete_job(&job.id).await, Err(ServiceError::UnknownJob(_))));

    let waiting = ask(&fixture, request()).await;
    for _ in 0..2 {
        let cancelled = fixture.service.cancel_job(&waiting.id).await.expect("there");
        assert_eq!((cancelled.state, &cancelled.id), (JobState::Cancelled, &waiting.id));
    }
    let waiting = ask(&fixture, request()).await;
    fixture.service.delete_job(&waiting.id).await.expect("removed");
    assert!(matches!(fixture.service.cancel_job(&waiting.id).await, Err(ServiceError::UnknownJob(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_puts_a_job_back() {
    let fixture = with_duplicates().await;
    let job = ask(&fixture, request()).await;
    let runtime = tokio::runtime::Handle::current();
    let tell = |_: JobProgress| {
        tokio::task::block_in_place(|| runtime.block_on(fixture.service.shutdown()));
    };
    let stopped = fixture.service.work_until_ended(&job.id, &tell).await;
    assert!(matches!(stopped, Err(ServiceError::ShuttingDown)), "{stopped:?}");
    assert_eq!(fixture.store.job(&job.id).await.expect("readable").expect("there").state, JobState::Queued);

    // The next process does it in the background.
    let service = start(&fixture.store, &fixture.control, MODEL);
    service.run_jobs();
    assert_eq!(service.job(&job.id, LONG).await.expect("there").state, JobState::Done);
    service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_works_on_new_jobs_and_ends_with_them() {
    let fixture = with_duplicates().await;
    fixture.service.run_jobs();
    let job = ask(&fixture, request()).await;
    let job = fixture.service.job(&job.id, LONG).await.expect("there");
    assert_eq!((job.state, groups(&fixture, &job).await), (JobState::Done, expected()));
    fixture.service.shutdown().await;
}

#[tokio::test]
async fn a_job_whose_collection_is_gone_fails_and_says_so() {
    let fixture = Fixture::new().await;
    let other = CollectionName::new("other").expect("valid");
    fixture.service.create_collection(other.clone(), None, String::new(), Quota::default()).await.expect("created");
    let Ok(Started::New(job)) = fixture.service.find_duplicates(&other, request()).await else { panic!("taken") };
    fixture.service.delete_collection(&other).await.expect("deleted");
    let failed = fixture.service.work_until_ended(&job.id, &|_| {}).await.expect("ended");
    assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("there is no collection \"other\"")));
}

#[tokio::test]
async fn a_job_that_was_begun_by_another_model_starts_over() {
    let fixture = with_duplicates().await;
    let job = ask(&fixture, request()).await;
    let claimed = fixture.store.claim_job("old", Duration::ZERO).await.expect("answers").expect("a job");
    assert_eq!(claimed.job.id, job.id);
    let old = json!({"scan": 1, "run": 1, "version": "0000/rnip", "since": 0, "target": 0, "after": 3, "looked_up": 3, "total": 5});
    let claim = crate::store::Claim { job: job.id.clone(), owner: "old".to_owned(), lease: Duration::ZERO };
    assert!(fixture.store.note_progress(&claim, JobProgress::default(), Some(&old)).await.expect("answers"));
    let done = fixture.service.work_until_ended(&job.id, &|_| {}).await.expect("done");
    assert_eq!((done.state, groups(&fixture, &done).await), (JobState::Done, expected()));
    assert_eq!(fixture.store.last_seq().await.expect("readable").0 as u64, count(&done, "revision"));
    assert_eq!(fixture.store.list(&default(), None, 10, None).await.expect("readable").len(), 5);
}
