//! The search in memory over the real SQLite store.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::*;
use crate::domain::{
    Collection, ContentHash, Descriptor, ImageFormat, ImageId, Levels, Metadata, Precondition, Profile, SystemClock,
    Thumbnail,
};
use crate::search::{FlatIndex, GraphIndex, GraphParams, VectorIndex};
use crate::store::{ChangeLog as _, Collections as _, Images as _, NewImage, SqliteStore, WriteOutcome};

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
        };
        assert!(store.create_collection(&collection).await.expect("created"));
        let catalogue = Arc::new(Catalogue::new(MODEL, DIMENSION, |_| Levels::NONE));
        let slots = Arc::new(SearchSlots::new());
        let hour = Duration::from_secs(3_600);
        let options = MemoryOptions { follow_interval: hour, save_interval: hour, max_memory: 0 };
        let search =
            MemorySearch::start(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&catalogue), maker, slots, options);
        search.ready().await.expect("built");
        Self { search, store, catalogue, _dir: dir }
    }

    /// Stores an image whose descriptor points in this direction, in degrees.
    async fn put(&self, name: &str, degrees: f32) -> ImageKey {
        let image = NewImage {
            id: ImageId::new(name).expect("valid"),
            content_hash: ContentHash([0; 32]),
            format: ImageFormat::Png,
            width: 1,
            height: 1,
            byte_size: 1,
            metadata: Metadata::default(),
            version: self.catalogue.profile(Profile::Fast).version.clone(),
            descriptor: direction(degrees),
            thumbnail: Thumbnail { bytes: Vec::new(), media_type: "image/png".to_owned() },
            local_features: Vec::new(),
        };
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
            descriptor: direction(0.0),
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
async fn a_shutdown_ends_the_task_that_follows_and_what_waits_for_it() {
    let [flat, _] = indexes();
    let fixture = Fixture::with(flat).await;
    fixture.search.shutdown().await;
    fixture.search.shutdown().await;
    assert!(matches!(fixture.search.ready().await, Err(SearchError::ShuttingDown)));
    assert_eq!(fixture.search.watermark().await, Some(fixture.store.last_seq().await.expect("read")));
}
