//! Work in the background, claimed by one process at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use eyrie::domain::{Clock, Job, JobId, JobKind, JobProgress, JobState, Profile, Seq, SimilarPair, Verdict};
use eyrie::store::{Cancellation, Claim, DataPart, GroupMember, JobCreation, JobEnd, NewJob, Store};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{default_collection, delete, id, image, insert, name, put, version};
use crate::support::Place;

over_both_databases!(
    a_job_is_created_once_while_it_is_active,
    jobs_are_listed_from_the_newest_on,
    a_job_is_claimed_by_one_process_and_the_oldest_comes_first,
    a_lease_that_is_over_is_taken_and_the_work_goes_on_where_it_was,
    a_renewed_lease_is_not_taken,
    a_released_job_waits_again,
    a_cancelled_job_is_lost_to_its_process,
    only_a_job_that_ended_is_removed,
    data_of_a_job_are_read_from_any_byte_on,
    data_are_added_under_a_claim_alone,
    data_that_nobody_needs_are_told,
    jobs_that_ended_long_ago_are_removed,
    pairs_of_an_image_are_replaced_by_those_of_a_later_run,
    pairs_of_images_that_are_gone_are_left_out,
    changed_images_are_those_behind_a_revision,
    of_the_ways_to_look_the_newest_are_kept,
    members_come_in_their_order_and_go_with_their_job,
);

const LEASE: Duration = Duration::from_secs(60);

/// A clock that stands still until it is put on.
struct SetClock(AtomicI64);

impl SetClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_000_000)))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0.load(Ordering::SeqCst)).expect("in range")
    }
}

fn new_job(number: u32) -> NewJob {
    NewJob {
        id: JobId::new(format!("job-{number}")).expect("valid"),
        kind: JobKind::Duplicates,
        collection: default_collection(),
        params: json!({"number": number, "text": "it's \"quoted\""}),
    }
}

async fn create(store: &dyn Store, number: u32) -> Job {
    match store.create_job(&new_job(number), 10).await.expect("answers") {
        JobCreation::Created(job) => job,
        other @ (JobCreation::Active(_) | JobCreation::TooMany) => panic!("{other:?}"),
    }
}

/// Claims the next job in the name of a process.
async fn claim(store: &dyn Store, owner: &str) -> Option<(Claim, Option<Value>)> {
    let claimed = store.claim_job(owner, LEASE).await.expect("answers")?;
    assert_eq!(claimed.job.state, JobState::Running);
    Some((Claim { job: claimed.job.id, owner: owner.to_owned(), lease: LEASE }, claimed.checkpoint))
}

async fn state(store: &dyn Store, number: u32) -> JobState {
    store.job(&new_job(number).id).await.expect("readable").expect("there").state
}

async fn a_job_is_created_once_while_it_is_active(place: Place) {
    let store = place.open().await;
    let job = create(&*store, 1).await;
    assert_eq!((job.state, job.progress, &job.params), (JobState::Queued, JobProgress::default(), &new_job(1).params));
    assert_eq!((job.started_at, job.finished_at, &job.result, &job.error), (None, None, &None, &None));
    assert_eq!(store.job(&job.id).await.expect("readable"), Some(job.clone()));
    let same = NewJob { id: JobId::new("other").expect("valid"), ..new_job(1) };
    assert_eq!(store.create_job(&same, 10).await.expect("answers"), JobCreation::Active(job));
    create(&*store, 2).await;
    assert_eq!(store.create_job(&new_job(3), 2).await.expect("answers"), JobCreation::TooMany);

    let (claim, _) = claim(&*store, "a").await.expect("a job");
    let result = json!({"groups": 3});
    assert!(store.end_job(&claim, &JobEnd::Done(result.clone())).await.expect("answers"));
    let ended = store.job(&claim.job).await.expect("readable").expect("there");
    assert_eq!((ended.state, ended.result), (JobState::Done, Some(result)));
    assert!(ended.started_at.is_some() && ended.finished_at >= ended.started_at);
    assert!(
        matches!(store.create_job(&same, 10).await, Ok(JobCreation::Created(_))),
        "the same work may be done again"
    );
}

async fn jobs_are_listed_from_the_newest_on(place: Place) {
    let store = place.open().await;
    for number in 1..=5 {
        create(&*store, number).await;
    }
    let ids = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.id.to_string()).collect::<Vec<_>>();
    let first = store.jobs(None, 2).await.expect("readable");
    let last = first.last().expect("two").id.clone();
    assert_eq!(ids(first), ["job-5", "job-4"]);
    assert_eq!(ids(store.jobs(Some(&last), 10).await.expect("readable")), ["job-3", "job-2", "job-1"]);
    assert_eq!(store.job(&JobId::new("none").expect("valid")).await.expect("readable"), None);
}

async fn a_job_is_claimed_by_one_process_and_the_oldest_comes_first(place: Place) {
    let store = place.open().await;
    let other = place.open().await;
    assert_eq!(claim(&*store, "a").await, None);
    for number in 1..=8 {
        create(&*store, number).await;
    }
    let (first, checkpoint) = claim(&*store, "a").await.expect("a job");
    assert_eq!((first.job.as_str(), checkpoint), ("job-1", None));
    // Two processes at once: each job goes to one of them.
    let claims = (0..16).map(|number| {
        let store = Arc::clone(if number % 2 == 0 { &store } else { &other });
        tokio::spawn(async move { claim(&*store, &format!("p{number}")).await })
    });
    let mut claimed = Vec::new();
    for task in claims.collect::<Vec<_>>() {
        claimed.extend(task.await.expect("no panic").map(|(claim, _)| claim.job.to_string()));
    }
    claimed.sort_unstable();
    // Where all ask for the same one at once some go away with nothing, and ask again.
    while let Some((claim, _)) = claim(&*store, "late").await {
        claimed.push(claim.job.to_string());
    }
    claimed.sort_unstable();
    assert_eq!(claimed, (2..=8).map(|number| format!("job-{number}")).collect::<Vec<_>>());
}

async fn a_lease_that_is_over_is_taken_and_the_work_goes_on_where_it_was(place: Place) {
    let clock = SetClock::new();
    let store = place.try_open_at(Arc::clone(&clock) as Arc<dyn Clock>).await.expect("opens");
    create(&*store, 1).await;
    let (killed, _) = claim(&*store, "killed").await.expect("a job");
    let progress = JobProgress { done: 40, total: Some(100), rate: Some(2.5) };
    assert!(store.note_progress(&killed, progress, Some(&json!({"after": 40}))).await.expect("answers"));
    assert_eq!(claim(&*store, "other").await, None, "the lease holds");
    clock.pass(61);
    let (taken, checkpoint) = claim(&*store, "other").await.expect("the lease is over");
    assert_eq!(checkpoint, Some(json!({"after": 40})));
    let job = store.job(&taken.job).await.expect("readable").expect("there");
    assert_eq!((job.state, job.progress), (JobState::Running, progress));

    // Whoever lost it writes nothing.
    assert!(!store.note_progress(&killed, JobProgress::default(), Some(&json!(1))).await.expect("answers"));
    assert!(!store.renew_claim(&killed).await.expect("answers"));
    assert!(!store.release_job(&killed).await.expect("answers"));
    assert!(!store.end_job(&killed, &JobEnd::Failed("late".to_owned())).await.expect("answers"));
    assert_eq!(store.job(&taken.job).await.expect("readable").expect("there"), job);
    assert!(store.end_job(&taken, &JobEnd::Failed("why".to_owned())).await.expect("answers"));
    let failed = store.job(&taken.job).await.expect("readable").expect("there");
    assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("why")));
    assert_eq!(failed.started_at.map(OffsetDateTime::unix_timestamp), Some(1_000_000), "when the first one began");
}

async fn a_renewed_lease_is_not_taken(place: Place) {
    let clock = SetClock::new();
    let store = place.try_open_at(Arc::clone(&clock) as Arc<dyn Clock>).await.expect("opens");
    create(&*store, 1).await;
    let (claimed, _) = claim(&*store, "a").await.expect("a job");
    for _ in 0..3 {
        clock.pass(50);
        assert!(store.renew_claim(&claimed).await.expect("answers"));
        assert_eq!(claim(&*store, "b").await, None);
    }
    let progress = JobProgress { done: 1, total: None, rate: None };
    clock.pass(50);
    assert!(store.note_progress(&claimed, progress, Some(&json!({"a": 1}))).await.expect("answers"));
    assert!(store.note_progress(&claimed, progress, None).await.expect("answers"));
    clock.pass(50);
    assert_eq!(claim(&*store, "b").await, None, "a note is a sign of life");
    clock.pass(50);
    assert_eq!(
        claim(&*store, "b").await.expect("over").1,
        Some(json!({"a": 1})),
        "a note without a place keeps the last"
    );
}

async fn a_released_job_waits_again(place: Place) {
    let store = place.open().await;
    create(&*store, 1).await;
    let (claimed, _) = claim(&*store, "a").await.expect("a job");
    store.note_progress(&claimed, JobProgress::default(), Some(&json!([7]))).await.expect("answers");
    assert!(store.release_job(&claimed).await.expect("answers"));
    assert_eq!(state(&*store, 1).await, JobState::Queued);
    assert!(!store.renew_claim(&claimed).await.expect("answers"));
    let (_, checkpoint) = claim(&*store, "b").await.expect("it waits");
    assert_eq!(checkpoint, Some(json!([7])));
}

async fn a_cancelled_job_is_lost_to_its_process(place: Place) {
    let store = place.open().await;
    create(&*store, 1).await;
    create(&*store, 2).await;
    let (running, _) = claim(&*store, "a").await.expect("a job");
    for number in 1..=2 {
        let cancelled = store.cancel_job(&new_job(number).id).await.expect("answers");
        let Cancellation::Cancelled(job) = cancelled else { panic!("{cancelled:?}") };
        assert!(job.state == JobState::Cancelled && job.finished_at.is_some(), "{job:?}");
    }
    assert!(!store.renew_claim(&running).await.expect("answers"));
    assert!(!store.end_job(&running, &JobEnd::Done(json!({}))).await.expect("answers"));
    assert_eq!(claim(&*store, "b").await, None);
    assert!(matches!(store.cancel_job(&running.job).await, Ok(Cancellation::Ended(_))));
    let unknown = JobId::new("none").expect("valid");
    assert_eq!(store.cancel_job(&unknown).await.expect("answers"), Cancellation::UnknownJob);
}

async fn only_a_job_that_ended_is_removed(place: Place) {
    let store = place.open().await;
    let job = create(&*store, 1).await;
    assert!(!store.remove_job(&job.id).await.expect("answers"));
    let (claimed, _) = claim(&*store, "a").await.expect("a job");
    assert!(!store.remove_job(&job.id).await.expect("answers"));
    store.end_job(&claimed, &JobEnd::Done(json!({}))).await.expect("answers");
    assert!(store.remove_job(&job.id).await.expect("answers"));
    assert!(!store.remove_job(&job.id).await.expect("answers"));
    assert_eq!(store.job(&job.id).await.expect("readable"), None);
}

async fn claimed(store: &dyn Store) -> Claim {
    create(store, 1).await;
    claim(store, "a").await.expect("a job").0
}

async fn pairs_of_an_image_are_replaced_by_those_of_a_later_run(place: Place) {
    let store = place.open().await;
    let mut keys = Vec::new();
    for number in 0..4 {
        keys.push(insert(&*store, &image(&format!("i{number}"), number)).await.key);
    }
    let pair = |a: usize, b: usize, score, verdict| SimilarPair { a: keys[a], b: keys[b], score, verdict };
    let claim = claimed(&*store).await;
    let (progress, at) = (JobProgress::default(), json!({}));
    let first = store.begin_scan(&default_collection(), "near", 4).await.expect("answers").expect("a collection");
    assert_eq!((first.seq, first.run), (Seq::ZERO, 1));
    let found = [pair(0, 1, 0.75, Verdict::NearDuplicate), pair(0, 2, 1.0, Verdict::Same)];
    assert!(store.note_pairs(&claim, &first, &keys[..1], &found, progress, &at).await.expect("answers"));
    // Both ends of a pair find it in one run.
    let found = [pair(0, 1, 0.5, Verdict::NearDuplicate), pair(1, 3, 0.875, Verdict::Similar)];
    assert!(store.note_pairs(&claim, &first, &keys[1..2], &found, progress, &at).await.expect("answers"));
    let expected =
        [pair(0, 1, 0.5, Verdict::NearDuplicate), pair(0, 2, 1.0, Verdict::Same), pair(1, 3, 0.875, Verdict::Similar)];
    assert_eq!(store.pairs(&first, None, 10).await.expect("readable"), expected);
    assert_eq!(store.pairs(&first, Some((keys[0], keys[1])), 1).await.expect("readable"), expected[1..2]);

    assert!(store.end_scan(&claim, &first, Seq(9)).await.expect("answers"));
    let second = store.begin_scan(&default_collection(), "near", 4).await.expect("answers").expect("a collection");
    assert_eq!((second.id, second.seq, second.run), (first.id, Seq(9), 2));
    let found = [pair(2, 3, 0.25, Verdict::Similar)];
    assert!(store.note_pairs(&claim, &second, &keys[..1], &found, progress, &at).await.expect("answers"));
    assert_eq!(
        store.pairs(&second, None, 10).await.expect("readable"),
        [pair(1, 3, 0.875, Verdict::Similar), pair(2, 3, 0.25, Verdict::Similar)],
    );
    assert!(store.begin_scan(&name("nowhere"), "near", 4).await.expect("answers").is_none());

    store.cancel_job(&claim.job).await.expect("answers");
    assert!(!store.note_pairs(&claim, &second, &keys, &[], progress, &at).await.expect("answers"));
    assert!(!store.end_scan(&claim, &second, Seq(10)).await.expect("answers"));
    assert_eq!(store.pairs(&second, None, 10).await.expect("readable").len(), 2, "nothing was written");
}

async fn pairs_of_images_that_are_gone_are_left_out(place: Place) {
    let store = place.open().await;
    let mut keys = Vec::new();
    for number in 0..3 {
        keys.push(insert(&*store, &image(&format!("i{number}"), number)).await.key);
    }
    let claim = claimed(&*store).await;
    let scan = store.begin_scan(&default_collection(), "near", 4).await.expect("answers").expect("a collection");
    let pair = |a: usize, b: usize| SimilarPair { a: keys[a], b: keys[b], score: 0.5, verdict: Verdict::Same };
    let all = [pair(0, 1), pair(0, 2), pair(1, 2)];
    store.note_pairs(&claim, &scan, &keys, &all, JobProgress::default(), &json!({})).await.expect("answers");
    delete(&*store, "i1").await;
    assert_eq!(store.pairs(&scan, None, 10).await.expect("readable"), [pair(0, 2)]);
    let scan = store.begin_scan(&default_collection(), "near", 4).await.expect("answers").expect("a collection");
    assert_eq!(store.pairs(&scan, None, 10).await.expect("readable"), [pair(0, 2)]);
}

async fn changed_images_are_those_behind_a_revision(place: Place) {
    let store = place.open().await;
    let collection = default_collection();
    let rnip = version(Profile::Rnip);
    let mut records = Vec::new();
    for number in 0..4 {
        records.push(insert(&*store, &image(&format!("i{number}"), number)).await);
    }
    let again = put(&*store, &image("i0", 9)).await;
    let changed = async |since, after, limit| {
        store.changed_images(&collection, &rnip, since, after, limit).await.expect("readable")
    };
    let all: Vec<_> = records.iter().map(|record| record.key).collect();
    assert_eq!(changed(Seq::ZERO, None, 10).await, all);
    assert_eq!(changed(Seq::ZERO, Some(all[0]), 2).await, all[1..3]);
    assert_eq!(changed(records[2].revision, None, 10).await, [all[0], all[3]]);
    assert_eq!(store.count_changed(&collection, &rnip, records[2].revision).await.expect("readable"), 2);
    assert_eq!(changed(again.revision, None, 10).await, []);
    let fast = version(Profile::Fast);
    assert_eq!(store.count_changed(&collection, &fast, Seq::ZERO).await.expect("readable"), 0);
}

async fn of_the_ways_to_look_the_newest_are_kept(place: Place) {
    let store = place.open().await;
    let begin = async |settings: &str| {
        store.begin_scan(&default_collection(), settings, 2).await.expect("answers").expect("a collection").run
    };
    assert_eq!([begin("a").await, begin("b").await, begin("a").await, begin("c").await], [1, 1, 2, 1]);
    assert_eq!(begin("b").await, 2);
    assert_eq!(begin("a").await, 1, "it was forgotten when the third one came");
}

async fn members_come_in_their_order_and_go_with_their_job(place: Place) {
    let store = place.open().await;
    let claim = claimed(&*store).await;
    let key = insert(&*store, &image("x", 1)).await.key;
    let member =
        |place, member, verdict| GroupMember { place, member, size: 2, name: id("x"), key, score: 0.1, verdict };
    let stale = [member(7, 0, Verdict::Similar)];
    assert!(store.add_members(&claim, &stale, true).await.expect("answers"));
    let all = [
        member(1, 0, Verdict::Same),
        member(1, 1, Verdict::Same),
        member(2, 0, Verdict::NearDuplicate),
        member(2, 1, Verdict::NearDuplicate),
    ];
    assert!(store.add_members(&claim, &all[..3], true).await.expect("answers"), "an earlier attempt's are gone");
    assert!(store.add_members(&claim, &all[3..], false).await.expect("answers"));
    assert_eq!(store.members(&claim.job, None, 10).await.expect("readable"), all);
    assert_eq!(store.members(&claim.job, Some((1, 0)), 2).await.expect("readable"), all[1..3]);
    store.end_job(&claim, &JobEnd::Done(json!({}))).await.expect("answers");
    assert!(!store.add_members(&claim, &all, true).await.expect("answers"));
    store.remove_job(&claim.job).await.expect("answers");
    assert_eq!(store.members(&claim.job, None, 10).await.expect("readable"), []);
}

fn part(start: u64, bytes: &[u8]) -> DataPart {
    DataPart { start, bytes: bytes.to_vec() }
}

async fn size(store: &dyn Store, job: &JobId) -> u64 {
    store.data_size(job).await.expect("readable")
}

async fn data_of_a_job_are_read_from_any_byte_on(place: Place) {
    let store = place.open().await;
    let job = new_job(1).id;
    assert_eq!((size(&*store, &job).await, store.data(&job, 0).await.expect("readable")), (0, None));
    // More parts than are removed at once.
    for number in 0..40 {
        store.add_data(&job, &part(number * 3, &[number as u8; 3])).await.expect("added");
    }
    assert_eq!(size(&*store, &job).await, 120);
    for (at, start) in [(0, 0), (2, 0), (3, 3), (119, 117)] {
        let found = store.data(&job, at).await.expect("readable").expect("there");
        assert_eq!(found, part(start, &[(start / 3) as u8; 3]), "{at}");
    }
    assert_eq!(store.data(&job, 120).await.expect("readable"), None);
    assert_eq!(size(&*store, &new_job(2).id).await, 0);
    store.forget_data(&job).await.expect("removed");
    assert_eq!((size(&*store, &job).await, store.data(&job, 0).await.expect("readable")), (0, None));
}

async fn data_are_added_under_a_claim_alone(place: Place) {
    let store = place.open().await;
    create(&*store, 1).await;
    let (claim, _) = claim(&*store, "a").await.expect("a job");
    let progress = JobProgress { done: 1, total: Some(2), rate: None };
    let note = async |claim: &Claim, start| {
        store.note_data(claim, &part(start, b"abc"), progress, &json!({"at": start})).await.expect("answers")
    };
    assert!(note(&claim, 0).await);
    let other = Claim { owner: "b".to_owned(), ..claim.clone() };
    assert!(!note(&other, 3).await);
    assert_eq!(size(&*store, &claim.job).await, 3);
    assert!(store.release_job(&claim).await.expect("answers"));
    let again = store.claim_job("b", LEASE).await.expect("answers").expect("a job");
    assert_eq!((again.checkpoint, again.job.progress.done), (Some(json!({"at": 0})), 1));
    assert!(!note(&claim, 3).await && note(&other, 3).await);
    assert_eq!(size(&*store, &claim.job).await, 6);
}

async fn data_that_nobody_needs_are_told(place: Place) {
    let store = place.open().await;
    let job = |number, kind| NewJob { kind, ..new_job(number) };
    let kinds = [JobKind::Import, JobKind::Export, JobKind::Import, JobKind::Export, JobKind::Import];
    for (number, kind) in (1..).zip(kinds) {
        let new = job(number, kind);
        store.add_data(&new.id, &part(0, b"abc")).await.expect("added");
        assert!(matches!(store.create_job(&new, 10).await, Ok(JobCreation::Created(_))));
    }
    // Of no job: one is old, one not.
    for orphan in ["a-old", "z-new"] {
        store.add_data(&JobId::new(orphan).expect("valid"), &part(0, b"abc")).await.expect("added");
    }
    // An import and an export are done, one of each ended otherwise, one waits.
    for _ in 0..2 {
        let (claim, _) = claim(&*store, "a").await.expect("a job");
        assert!(store.end_job(&claim, &JobEnd::Done(json!({}))).await.expect("answers"));
    }
    let (claim, _) = claim(&*store, "a").await.expect("a job");
    assert!(store.end_job(&claim, &JobEnd::Failed("no".to_owned())).await.expect("answers"));
    assert!(matches!(store.cancel_job(&new_job(4).id).await, Ok(Cancellation::Cancelled(_))));
    let mut stale = store.stale_data(&JobId::new("b").expect("valid")).await.expect("readable");
    stale.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    let stale: Vec<&str> = stale.iter().map(JobId::as_str).collect();
    assert_eq!(stale, ["a-old", "job-1", "job-3", "job-4"]);
}

async fn jobs_that_ended_long_ago_are_removed(place: Place) {
    let clock = SetClock::new();
    let store = place.try_open_at(clock.clone()).await.expect("opens");
    create(&*store, 1).await;
    create(&*store, 2).await;
    let (claim, _) = claim(&*store, "a").await.expect("a job");
    assert!(store.end_job(&claim, &JobEnd::Done(json!({}))).await.expect("answers"));
    clock.pass(100);
    let removed = async |seconds: i64| {
        let before = clock.now() - time::Duration::seconds(seconds);
        store.forget_ended_jobs(before).await.expect("answers")
    };
    assert_eq!(removed(101).await, 0);
    assert_eq!(removed(99).await, 1);
    assert_eq!(store.job(&new_job(1).id).await.expect("readable"), None);
    assert_eq!(state(&*store, 2).await, JobState::Queued, "one that waits stays");
}
