//! Images of another model, described anew from their originals.

use super::originals::in_directory;
use super::*;
use crate::domain::{Job, JobKind, JobProgress, JobState};
use crate::store::Originals as _;

async fn keeping_fixture() -> Fixture {
    Fixture::keeping(|dir| in_directory(&dir.join("originals"))).await
}

/// The service after a change of the model.
async fn with_another_model(fixture: &Fixture) -> (Arc<RetrievalService>, Arc<Control>) {
    let control = Arc::new(Control::default());
    let search = search_over(&fixture.store, OTHER_MODEL, maker(Index::Flat));
    let originals = in_directory(&fixture.dir.path().join("originals"));
    let parts = ServiceParts { originals, ..parts(&fixture.store, &control, OTHER_MODEL, search) };
    let service = RetrievalService::start(parts, options()).expect("started");
    service.index_built().await.expect("built");
    (service, control)
}

async fn ask(service: &RetrievalService, all: bool) -> Job {
    match service.reindex(&default(), ReindexRequest { all }).await.expect("taken") {
        Started::New(job) => job,
        Started::There(job) => panic!("{job:?} was there"),
    }
}

async fn reindexed(service: &RetrievalService, all: bool) -> Job {
    let job = ask(service, all).await;
    let job = service.work_until_ended(&job.id, &|_| {}).await.expect("done");
    assert_eq!((job.kind, job.state), (JobKind::Reindex, JobState::Done), "{job:?}");
    job
}

fn counts(job: &Job) -> [u64; 5] {
    let result = job.result.as_ref().expect("a result");
    ["looked_at", "described", "without_original", "unreadable", "changed"]
        .map(|name| result[name].as_u64().unwrap_or_else(|| panic!("{name}")))
}

async fn stale(service: &RetrievalService) -> Vec<String> {
    let records = service.list_stale(&default(), Order::default(), None, 100, None).await.expect("readable");
    records.into_iter().map(|record| record.id.to_string()).collect()
}

#[tokio::test]
async fn images_of_another_model_are_described_anew_and_keep_everything_else() {
    let fixture = keeping_fixture().await;
    let mut before = Vec::new();
    for name in ["a", "b", "c"] {
        before.push(fixture.add_named(name, name.as_bytes(), json!({"name": name})).await);
    }
    let without = &before[2];
    let name = without.original.clone().expect("kept");
    fixture.store.clear_original(without.key, &name).await.expect("cleared");

    let (service, control) = with_another_model(&fixture).await;
    assert_eq!(stale(&service).await, ["a", "b", "c"]);
    assert_eq!(found(&service, like(b"a", 5)).await, [] as [ImageId; 0]);
    let job = reindexed(&service, false).await;
    assert_eq!(counts(&job), [3, 2, 1, 0, 0]);
    assert_eq!((job.progress.done, job.progress.total), (3, Some(3)));
    assert_eq!(stale(&service).await, ["c"]);
    assert_eq!(found(&service, like(b"a", 5)).await, [id("a"), id("b")]);
    for old in &before[..2] {
        let new = service.image(&default(), &old.id).await.expect("there");
        assert_eq!(new.version, service.version(Profile::Rnip));
        let unchanged = ImageRecord {
            version: old.version.clone(),
            revision: old.revision,
            updated_at: old.updated_at,
            ..new.clone()
        };
        assert_eq!((&unchanged, new.revision > old.revision), (old, true));
        let features = service.core.store.local_features(&[new.key]).await.expect("readable");
        assert_eq!(features.len(), 1);
    }

    // What is current is left alone, unless all is asked for.
    assert_eq!(counts(&reindexed(&service, false).await), [1, 0, 1, 0, 0]);
    assert_eq!(control.begun(), 2);
    assert_eq!(counts(&reindexed(&service, true).await), [3, 2, 1, 0, 0]);
    assert_eq!(control.begun(), 4);
    // Given again, it is found too.
    let again = service.add_image(&default(), image(b"c", json!({}))).await.expect("answered");
    assert!(matches!(again.outcome, AddOutcome::Existing(_)), "{again:?}");
    assert_eq!(stale(&service).await, [] as [String; 0]);
}

#[tokio::test]
async fn the_same_job_is_asked_for_once_and_of_a_collection_that_is_there() {
    let fixture = keeping_fixture().await;
    let job = ask(&fixture.service, false).await;
    let again = fixture.service.reindex(&default(), ReindexRequest { all: false }).await.expect("taken");
    assert_eq!(again, Started::There(job));
    let nowhere = CollectionName::new("nowhere").expect("valid");
    let refused = fixture.service.reindex(&nowhere, ReindexRequest { all: false }).await;
    assert!(matches!(refused, Err(ServiceError::UnknownCollection(_))), "{refused:?}");
    let page = fixture.service.list_stale(&nowhere, Order::default(), None, 10, None).await;
    assert!(matches!(page, Err(ServiceError::UnknownCollection(_))), "{page:?}");
}

#[tokio::test]
async fn a_job_that_loses_the_database_describes_nothing_twice() {
    let fixture = keeping_fixture().await;
    for n in 0..6_u8 {
        fixture.add_named(&format!("i{n}"), &[n; 6], json!({})).await;
    }
    let (service, control) = with_another_model(&fixture).await;
    let job = ask(&service, false).await;
    let store = &fixture.store;
    // Two images are one step here. The database goes when the second step is to be noted.
    let tell = |at: JobProgress| match at.done {
        0 => {}
        2 => store.heal(),
        _ => store.fail("note_progress"),
    };
    let stop = async {
        while store.calls("release_job") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = service.work_until_ended(&job.id, &tell) => panic!("{ended:?}"),
        () = stop => {}
    }
    store.heal();
    let stopped = service.job(&job.id, std::time::Duration::ZERO).await.expect("there");
    assert_eq!((stopped.state, stopped.progress.done), (JobState::Queued, 2));
    assert_eq!(control.begun(), 4);
    let done = service.work_until_ended(&job.id, &|_| {}).await.expect("done");
    // The step that could not be noted was stored: its images are current and not looked at again.
    assert_eq!((done.state, counts(&done), control.begun()), (JobState::Done, [4, 4, 0, 0, 0], 6));
    assert_eq!(stale(&service).await, [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_or_deleted_meanwhile_is_left_alone() {
    let fixture = keeping_fixture().await;
    for name in ["a", "b"] {
        fixture.add_named(name, name.as_bytes(), json!({})).await;
    }
    let (service, control) = with_another_model(&fixture).await;
    let job = ask(&service, false).await;
    control.hold();
    let (worker, id_of_job) = (Arc::clone(&service), job.id.clone());
    let work = tokio::spawn(async move { worker.work_until_ended(&id_of_job, &|_| {}).await });
    control.until_begun(1).await;
    let patch = json!({"n": 1}).as_object().expect("an object").clone();
    let changed = service.patch_metadata(&default(), &id("a"), patch, Precondition::None).await.expect("changed");
    service.delete_image(&default(), &id("b"), Precondition::None).await.expect("deleted");
    control.release();
    let done = work.await.expect("no panic").expect("done");
    assert_eq!(counts(&done), [2, 0, 0, 0, 2]);
    assert_eq!(service.image(&default(), &id("a")).await.expect("there"), changed);
    assert!(service.image(&default(), &id("b")).await.is_err());
    // The next job takes what is left.
    assert_eq!(counts(&reindexed(&service, false).await), [1, 1, 0, 0, 0]);
    let now = service.image(&default(), &id("a")).await.expect("there");
    assert_eq!((now.metadata, now.version), (changed.metadata, service.version(Profile::Rnip)));
}

#[tokio::test]
async fn an_original_that_is_damaged_or_gone_counts_as_none() {
    let fixture = keeping_fixture().await;
    for name in ["a", "b", "c"] {
        fixture.add_named(name, name.as_bytes(), json!({})).await;
    }
    let file = |record: &ImageRecord| {
        let name = record.original.clone().expect("kept");
        fixture.dir.path().join("originals").join(name.as_str())
    };
    let of = async |name: &str| file(&fixture.service.image(&default(), &id(name)).await.expect("there"));
    std::fs::write(of("a").await, b"x").expect("written");
    std::fs::remove_file(of("b").await).expect("removed");
    let (service, _) = with_another_model(&fixture).await;
    assert_eq!(counts(&reindexed(&service, false).await), [3, 1, 2, 0, 0]);
    assert_eq!(stale(&service).await, ["a", "b"]);
}
