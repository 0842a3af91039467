//! The search in memory over the real SQLite store.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::domain::{
    Clock, Collection, ContentHash, Descriptor, ImageFormat, ImageId, Levels, Metadata, Precondition, Profile, Quota,
    SystemClock, Thumbnail,
};
use crate::search::{FlatIndex, GraphIndex, GraphParams, Indexed, Shelf, VectorIndex};
use crate::store::{
    ChangeLog as _, Changes, Collections as _, DeleteOutcome, Images as _, NewImage, SqliteStore, WriteOutcome,
};

const MODEL: &str = "0123456789abcdef";
const DIMENSION: usize = 2;

struct Fixture {
    search: MemorySearch,
    store: Arc<SqliteStore>,
    catalogue: Arc<Catalogue>,
    _dir: tempfile::TempDir,
}

fn covers() -> CollectionName {
    CollectionName::new("covers").expect("valid")
}

impl Fixture {
    async fn with(maker: Arc<dyn IndexMaker>) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let store = Arc::new(SqliteStore::open(dir.path(), Arc::new(SystemClock)).await.expect("database"));
        let collection = Collection {
            name: covers(),
            profile: Profile::Fast,
            description: String::new(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            quota: Quota::default(),
        };
        assert!(store.create_collection(&collection).await.expect("created"));
        let catalogue = Arc::new(Catalogue::new(MODEL, DIMENSION, |_| Levels::NONE));
        let slots = Arc::new(SearchSlots::new());
        let hour = Duration::from_secs(3_600);
        let options =
            MemoryOptions { follow_interval: hour, save_interval: hour, max_memory: 0, serve_while_building: false };
        let search =
            MemorySearch::start(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&catalogue), maker, slots, options);
        search.ready().await.expect("built");
        Self { search, store, catalogue, _dir: dir }
    }

    /// Stores an image whose descriptor points in this direction, in degrees.
    async fn put(&self, name: &str, degrees: f32) -> ImageKey {
        let image = NewImage { id: ImageId::new(name).expect("valid"), ..of_direction(&self.catalogue, degrees) };
        let outcome = self.store.put(&covers(), &image, Precondition::None).await.expect("stored");
        let WriteOutcome::Created(record) = outcome else { panic!("{outcome:?}") };
        self.search.caught_up(record.revision).await;
        record.key
    }

    /// The ids of the nearest ones, and whether there are more.
    async fn nearest(&self, limit: usize, min_score: Option<f32>) -> (Vec<String>, bool) {
        let ranked = self.search.nearest(self.query(limit, min_score)).await.expect("an answer");
        (self.ids(&ranked.neighbors).await, ranked.more)
    }

    fn query(&self, limit: usize, min_score: Option<f32>) -> Nearest {
        Nearest {
            collection: covers(),
            version: self.catalogue.profile(Profile::Fast).version.clone(),
            looks: vec![direction(0.0)],
            filter: None,
            limit,
            min_score,
            effort: Effort::Usual,
        }
    }

    async fn ids(&self, neighbors: &[Neighbor]) -> Vec<String> {
        let keys: Vec<ImageKey> = neighbors.iter().map(|neighbor| neighbor.key).collect();
        let ids: BTreeMap<_, _> = self.store.ids(&keys).await.expect("read").into_iter().collect();
        keys.iter().map(|key| ids[key].to_string()).collect()
    }
}

/// An image whose descriptor points in this direction, in degrees.
fn of_direction(catalogue: &Catalogue, degrees: f32) -> NewImage {
    NewImage {
        id: ImageId::new("image").expect("valid"),
        content_hash: ContentHash([0; 32]),
        format: ImageFormat::Png,
        width: 1,
        height: 1,
        byte_size: 1,
        metadata: Metadata::default(),
        version: catalogue.profile(Profile::Fast).version.clone(),
        descriptor: direction(degrees),
        thumbnail: Thumbnail { bytes: Vec::new(), media_type: "image/png".to_owned() },
        local_features: Vec::new(),
        original: None,
        stored_by: None,
    }
}

fn direction(degrees: f32) -> Descriptor {
    let radians = degrees.to_radians();
    Descriptor::new(vec![radians.cos(), radians.sin()], DIMENSION).expect("not zero")
}

fn indexes() -> [Arc<dyn IndexMaker>; 2] {
    let params = GraphParams { m: 8, ef_construction: 64, ef_search: 64, exact_below: 4 };
    [
        Arc::new(|dimension| -> Arc<dyn VectorIndex> { Arc::new(FlatIndex::new(dimension)) }),
        Arc::new(move |dimension| -> Arc<dyn VectorIndex> {
            Arc::new(GraphIndex::temporary(dimension, params).expect("parameters in range"))
        }),
    ]
}

#[tokio::test]
async fn the_neighbours_of_images_are_others_by_score_then_id() {
    for maker in indexes() {
        let fixture = Fixture::with(maker).await;
        let mut keys = BTreeMap::new();
        for (name, degrees) in [("z", 0.0), ("y", 10.0), ("c", 30.0), ("b", 30.0), ("a", 30.0), ("far", 90.0)] {
            keys.insert(name, fixture.put(name, degrees).await);
        }
        let queries = [keys["z"], keys["b"], ImageKey(777_777)];
        let found = fixture.search.neighbours_of(&covers(), &queries, 3, None).await.expect("an answer");
        let [(z, of_z), (b, of_b)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((*z, *b), (keys["z"], keys["b"]), "a key that no image has is left out");
        assert_eq!(fixture.ids(of_z).await, ["y", "a", "b"], "of those that tie, the lowest ids");
        assert_eq!(fixture.ids(of_b).await, ["a", "c", "y"]);
        let near = fixture.search.neighbours_of(&covers(), &queries[..1], 9, Some(0.9)).await.expect("an answer");
        assert_eq!(fixture.ids(&near[0].1).await, ["y"], "none below the lowest score");
        let nowhere = CollectionName::new("nowhere").expect("valid");
        assert!(fixture.search.neighbours_of(&nowhere, &queries, 3, None).await.expect("an answer").is_empty());
    }
}

#[tokio::test]
async fn the_nearest_are_cut_at_the_limit_and_it_is_told_whether_there_are_more() {
    for maker in indexes() {
        let fixture = Fixture::with(maker).await;
        assert_eq!(fixture.nearest(3, None).await, (Vec::new(), false));
        for (name, degrees) in [("e", 20.0), ("d", 20.0), ("c", 20.0), ("b", 10.0), ("a", 60.0)] {
            fixture.put(name, degrees).await;
        }
        let ids = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert_eq!(fixture.nearest(1, None).await, (ids("b"), true));
        assert_eq!(fixture.nearest(3, None).await, (ids("bcd"), true));
        assert_eq!(fixture.nearest(4, None).await, (ids("bcde"), true));
        assert_eq!(fixture.nearest(5, None).await, (ids("bcdea"), false));
        assert_eq!(fixture.nearest(4, Some(0.9)).await, (ids("bcde"), false), "the fifth is too far");
        assert_eq!(fixture.nearest(2, Some(0.9)).await, (ids("bc"), true));
        assert_eq!(fixture.nearest(usize::MAX, None).await, (ids("bcdea"), false));
    }
}

#[tokio::test]
async fn an_image_is_as_near_as_it_is_to_the_nearest_look() {
    for maker in indexes() {
        let fixture = Fixture::with(maker).await;
        for (name, degrees) in [("a", 1.0), ("b", 87.0), ("c", 45.0), ("d", 46.0), ("e", 170.0), ("f", 92.0)] {
            fixture.put(name, degrees).await;
        }
        let looks = vec![direction(0.0), direction(90.0), direction(0.0)];
        let query = |limit, min_score| Nearest { looks: looks.clone(), ..fixture.query(limit, min_score) };
        let ranked = fixture.search.nearest(query(5, None)).await.expect("an answer");
        assert_eq!(fixture.ids(&ranked.neighbors).await, ["a", "f", "b", "d", "c"]);
        assert!(ranked.more);
        let scores: Vec<f32> = ranked.neighbors.iter().map(|neighbor| neighbor.score).collect();
        let expected = [1.0_f32, 2.0, 3.0, 44.0, 45.0].map(|degrees| degrees.to_radians().cos());
        assert!(scores.iter().zip(expected).all(|(score, expected)| (score - expected).abs() < 1e-6), "{scores:?}");
        let ranked = fixture.search.nearest(query(3, Some(0.9))).await.expect("an answer");
        assert_eq!(
            (fixture.ids(&ranked.neighbors).await, ranked.more),
            (["a", "f", "b"].map(String::from).to_vec(), false)
        );
        let blind = Nearest { looks: Vec::new(), ..fixture.query(3, None) };
        assert!(fixture.search.nearest(blind).await.expect("an answer").neighbors.is_empty());
    }
}

#[tokio::test]
async fn a_shutdown_ends_the_task_that_follows_and_what_waits_for_it() {
    let [flat, _] = indexes();
    let fixture = Fixture::with(flat).await;
    fixture.search.shutdown().await;
    fixture.search.shutdown().await;
    assert!(matches!(fixture.search.ready().await, Err(SearchError::ShuttingDown)));
    assert_eq!(fixture.search.watermark().await, Some(fixture.store.last_seq().await.expect("read")));
}

/// A server's search over a store and a folder of saved indexes.
struct Kept {
    store: Arc<SqliteStore>,
    catalogue: Arc<Catalogue>,
    folder: PathBuf,
}

impl Kept {
    async fn start(&self, max_memory: u64) -> MemorySearch {
        let params = GraphParams { m: 8, ef_construction: 64, ef_search: 64, exact_below: 4 };
        let shelf = Shelf::open(self.folder.clone(), params).expect("a folder").expect("nobody else uses it");
        let hour = Duration::from_secs(3_600);
        let options =
            MemoryOptions { follow_interval: hour, save_interval: hour, max_memory, serve_while_building: false };
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let slots = Arc::new(SearchSlots::new());
        let search = MemorySearch::start(store, Arc::clone(&self.catalogue), Arc::new(shelf), slots, options);
        search.ready().await.expect("built");
        search
    }

    async fn started(self) -> Fixture {
        let search = self.start(0).await;
        let dir = tempfile::tempdir().expect("temporary folder");
        Fixture { search, store: self.store, catalogue: self.catalogue, _dir: dir }
    }
}

/// Twenty images, in an index that was saved at a shutdown.
async fn twenty_saved(folder: &Path) -> (Kept, tempfile::TempDir) {
    let fixture =
        Fixture::with(Arc::new(|dimension| -> Arc<dyn VectorIndex> { Arc::new(FlatIndex::new(dimension)) })).await;
    for n in 0..20_u8 {
        fixture.put(&format!("p{n:02}"), f32::from(n) * 4.0).await;
    }
    let Fixture { search, store, catalogue, _dir: dir } = fixture;
    search.shutdown().await;
    let kept = Kept { store, catalogue, folder: folder.to_owned() };
    kept.start(0).await.shutdown().await;
    assert!(folder.join("indexes.json").is_file() && folder.join("covers/graph").is_file());
    (kept, dir)
}

async fn assert_all_are_found(fixture: &Fixture) {
    assert_all_are_found_of(fixture, 20).await;
}

/// With one added and one removed there are as many as before.
async fn assert_all_are_found_of(fixture: &Fixture, count: usize) {
    fixture.put("nearest", 1.0).await;
    let first = ImageId::new("p00").expect("valid");
    let deleted = fixture.store.delete(&covers(), &first, Precondition::None).await.expect("deleted");
    let DeleteOutcome::Deleted(seq) = deleted else { panic!("{deleted:?}") };
    fixture.search.caught_up(seq).await;
    let (ids, _) = fixture.nearest(50, None).await;
    assert_eq!((ids.len(), &ids[..2]), (count, &["nearest".to_owned(), "p01".to_owned()][..]));
}

#[tokio::test]
async fn a_saved_index_is_used_and_follows_what_came_after_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (kept, _dir) = twenty_saved(folder.path()).await;
    let saved_at = kept.store.last_seq().await.expect("read");
    // Written by another process while nothing followed.
    let image = NewImage { id: ImageId::new("late").expect("valid"), ..of_direction(&kept.catalogue, 0.0) };
    kept.store.put(&covers(), &image, Precondition::None).await.expect("stored");
    let fixture = kept.started().await;
    let (ids, _) = fixture.nearest(50, None).await;
    assert_eq!((ids.len(), ids[0].as_str()), (21, "late"));
    let index = fixture.search.follower.index(&covers()).expect("an index");
    assert_eq!(index.since, saved_at, "it was not built anew");
}

/// Two hours later than it is.
struct Later;

impl Clock for Later {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now() + Duration::from_secs(7_200)
    }
}

/// Stores images as another process, whose index is the only one that the log is kept for.
async fn pruned_behind_others(data_dir: &Path, catalogue: &Catalogue) {
    let other = SqliteStore::open(data_dir, Arc::new(Later)).await.expect("database");
    for n in 0..3_u8 {
        let id = ImageId::new(format!("late{n}")).expect("valid");
        let image = NewImage { id, ..of_direction(catalogue, 100.0 + f32::from(n)) };
        other.put(&covers(), &image, Precondition::None).await.expect("stored");
    }
    let newest = other.last_seq().await.expect("read");
    // Those who follow in this process have not been heard of for long.
    let even_later = SqliteStore::open(data_dir, Arc::new(NextMonth)).await.expect("database");
    even_later.followed(Uuid::now_v7(), newest).await.expect("noted");
    assert!(even_later.prune().await.expect("pruned") > 0);
    assert_eq!(even_later.changes(Seq::ZERO, 10).await.expect("read"), Changes::Pruned);
}

struct NextMonth;

impl Clock for NextMonth {
    fn now(&self) -> OffsetDateTime {
        Later.now() + Duration::from_secs(30 * 86_400)
    }
}

#[tokio::test]
async fn an_index_that_misses_changes_which_are_gone_is_built_anew() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (kept, dir) = twenty_saved(folder.path()).await;
    let saved_at = kept.store.last_seq().await.expect("read");
    pruned_behind_others(dir.path(), &kept.catalogue).await;
    let fixture = kept.started().await;
    assert_eq!(fixture.nearest(50, None).await.0.len(), 23);
    assert!(fixture.search.follower.index(&covers()).expect("an index").since > saved_at);
    assert_all_are_found_of(&fixture, 23).await;

    // It has the folder of the one whose place it took, and is found there again.
    let Fixture { search, store, catalogue, _dir: dir } = fixture;
    search.shutdown().await;
    drop(search);
    let saved_at = store.last_seq().await.expect("read");
    let image = NewImage { id: ImageId::new("later").expect("valid"), ..of_direction(&catalogue, 0.0) };
    store.put(&covers(), &image, Precondition::None).await.expect("stored");
    let again = Kept { store, catalogue, folder: folder.path().to_owned() }.started().await;
    assert_eq!(again.search.follower.index(&covers()).expect("an index").since, saved_at, "it was saved");
    drop(dir);
}

#[tokio::test]
async fn a_process_that_misses_changes_which_are_gone_builds_anew() {
    for maker in indexes() {
        let fixture = Fixture::with(maker).await;
        fixture.put("first", 0.0).await;
        pruned_behind_others(fixture._dir.path(), &fixture.catalogue).await;
        assert_eq!(fixture.nearest(50, None).await.0, ["first"]);
        fixture.search.refresh().await.expect("built");
        assert_eq!(fixture.nearest(50, None).await.0, ["first", "late0", "late1", "late2"]);
        fixture.put("last", 1.0).await;
        assert_eq!(fixture.nearest(50, None).await.0.len(), 5);
    }
}

#[tokio::test]
async fn a_saved_index_that_is_damaged_or_missing_or_listed_wrongly_is_built_anew() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("a byte", |folder| {
            let path = folder.join("covers/graph");
            let mut bytes = fs::read(&path).expect("saved");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).expect("written");
        }),
        ("its end", |folder| {
            let file = fs::File::options().write(true).open(folder.join("covers/graph")).expect("saved");
            file.set_len(100).expect("cut");
        }),
        ("the graph", |folder| fs::remove_file(folder.join("covers/graph")).expect("removed")),
        ("the list", |folder| fs::write(folder.join("indexes.json"), "{}").expect("written")),
        ("the vectors", |folder| {
            let path = folder.join("covers/vectors");
            let bytes = fs::read(&path).expect("saved");
            fs::write(path, bytes.iter().map(|b| b ^ 0x55).collect::<Vec<_>>()).expect("written");
        }),
        ("the folder", |folder| fs::remove_dir_all(folder).expect("removed")),
    ];
    for (what, harm) in harms {
        let folder = tempfile::tempdir().expect("temporary folder");
        let index = folder.path().join("index");
        let (kept, _dir) = twenty_saved(&index).await;
        harm(&index);
        let fixture = kept.started().await;
        let (ids, _) = fixture.nearest(50, None).await;
        assert_eq!((ids.len(), ids[0].as_str()), (20, "p00"), "{what}");
        assert_all_are_found(&fixture).await;
    }
}

#[tokio::test]
async fn a_database_with_other_images_than_the_saved_index_has_it_built_anew() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (kept, _dir) = twenty_saved(folder.path()).await;
    // As many changes as before, but of a database that was put back: other images.
    let text = fs::read_to_string(folder.path().join("indexes.json")).expect("the list");
    let through = kept.store.last_seq().await.expect("read").0;
    let image = NewImage { id: ImageId::new("unseen").expect("valid"), ..of_direction(&kept.catalogue, 0.0) };
    kept.store.put(&covers(), &image, Precondition::None).await.expect("stored");
    let text = text.replace(&format!("\"through\": {through}"), &format!("\"through\": {}", through + 1));
    fs::write(folder.path().join("indexes.json"), text).expect("written");
    let fixture = kept.started().await;
    assert_eq!(fixture.nearest(2, None).await.0, ["p00", "unseen"]);
}

#[tokio::test]
async fn nothing_is_kept_of_a_collection_that_is_deleted() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (kept, _dir) = twenty_saved(folder.path()).await;
    let fixture = kept.started().await;
    let seq = fixture.store.delete_collection(&covers()).await.expect("deleted").expect("it was there");
    fixture.search.caught_up(seq).await;
    assert!(!folder.path().join("covers").exists());
    // Deleted while nothing followed: removed by the next one that does.
    fs::create_dir(folder.path().join("gone")).expect("made");
    fixture.search.shutdown().await;
    assert!(!folder.path().join("gone").exists());
    let list = fs::read_to_string(folder.path().join("indexes.json")).expect("the list");
    assert!(!list.contains("covers"), "{list}");
}

#[tokio::test]
async fn a_folder_has_one_user() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let params = GraphParams { m: 8, ef_construction: 64, ef_search: 64, exact_below: 4 };
    let first = Shelf::open(folder.path().to_owned(), params).expect("a folder");
    assert!(first.is_some() && Shelf::open(folder.path().to_owned(), params).expect("a folder").is_none());
    drop(first);
    assert!(Shelf::open(folder.path().to_owned(), params).expect("a folder").is_some());
}

#[tokio::test]
async fn there_is_no_room_where_the_indexes_take_all_the_memory_that_they_may() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (kept, _dir) = twenty_saved(folder.path()).await;
    let (roomy, full) = (u64::MAX, 1);
    for (max_memory, has_room) in [(0, true), (roomy, true), (full, false)] {
        let search = kept.start(max_memory).await;
        search.measured().await;
        assert_eq!(search.has_room(), has_room);
        search.shutdown().await;
    }
}

#[test]
fn an_index_that_was_linked_further_is_saved_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let params = GraphParams { m: 8, ef_construction: 64, ef_search: 64, exact_below: 4 };
    let graph = GraphIndex::create(&folder.path().join("graph"), "covers", DIMENSION, params).expect("made");
    graph.upsert(vec![(ImageKey(1), direction(0.0)), (ImageKey(2), direction(90.0))]).expect("sound");
    graph.settle();
    let points: Arc<dyn VectorIndex> = Arc::new(graph);
    let maker = move |_: usize| -> Arc<dyn VectorIndex> { Arc::clone(&points) };
    let collection = Collection {
        name: covers(),
        profile: Profile::Fast,
        description: String::new(),
        created_at: OffsetDateTime::UNIX_EPOCH,
        quota: Quota::default(),
    };
    let version = Catalogue::new(MODEL, DIMENSION, |_| Levels::NONE).profile(Profile::Fast).version.clone();
    let index = CollectionIndex::empty(Indexed::new(&collection, version, DIMENSION), Seq::ZERO, &maker);
    index.save(Seq::ZERO).expect("saved");
    assert!(!index.has_changed());
    // As if more had waited when it was saved.
    index.waiting.fetch_add(3, Ordering::Relaxed);
    assert!(index.has_changed());
    index.save(Seq::ZERO).expect("saved");
    assert!(!index.has_changed());
}
