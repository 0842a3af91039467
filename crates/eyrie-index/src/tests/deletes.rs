use super::data::{PARAMS, Random, borrowed, clustered, index, numbered};
use super::oracle::{filled, recall, search, top};

#[test]
fn replaced_and_removed_points_are_gone_before_and_after_consolidation() {
    let mut points = numbered(clustered(4000, 64, 2));
    let (index, mut flat) = filled(&points, 64);
    assert!(recall(&index, &flat, None) >= 0.97);
    index.settle();

    let moved: Vec<_> = points.drain(..500).map(|(key, _)| key).zip(clustered(500, 64, 3)).collect();
    index.upsert(&borrowed(&moved)).expect("sound");
    flat.upsert(&moved);
    for n in 1000..2400 {
        assert!(index.remove(n) && flat.remove(n));
    }
    assert!(!index.remove(1000));
    assert!(recall(&index, &flat, None) >= 0.97);
    index.settle();
    index.check().expect("sound");
    assert!(recall(&index, &flat, None) >= 0.97);
    assert_eq!((index.len(), flat.0.len()), (2600, 2600));
    let linked = index.shared.read().graph.len();
    assert!(index.dead() * 10 <= linked.max(2560), "{} of {linked} are dead", index.dead());
}

#[test]
fn half_replaced_by_others_is_as_good_as_a_fresh_index() {
    let points = numbered(clustered(6000, 64, 2));
    let (churned, mut flat) = filled(&points[..4000], 64);
    churned.settle();
    for n in (0..4000).step_by(2) {
        assert!(churned.remove(n) && flat.remove(n));
    }
    churned.settle();
    churned.upsert(&borrowed(&points[4000..])).expect("sound");
    flat.upsert(&points[4000..]);
    churned.settle();
    churned.check().expect("sound");
    let fresh = index(64, PARAMS);
    let live: Vec<_> = flat.0.iter().map(|(&key, values)| (key, values.clone())).collect();
    fresh.upsert(&borrowed(&live)).expect("sound");
    fresh.settle();
    let (churned_recall, fresh_recall) = (recall(&churned, &flat, None), recall(&fresh, &flat, None));
    assert!(churned_recall >= fresh_recall - 0.01, "{churned_recall} and {fresh_recall}");
    let slots = churned.shared.read().points.len();
    assert!(slots <= 4000 * 12 / 10 + 600, "{slots} slots for 4000 points");
}

#[test]
fn changing_again_and_again_takes_no_more_memory() {
    let mut random = Random(5);
    let index = index(4, PARAMS);
    let mut fill = || {
        let points: Vec<_> = (0..1000).map(|n| (n, random.unit(4))).collect();
        index.upsert(&borrowed(&points)).expect("sound");
        index.settle();
        index.memory().total()
    };
    let first = (0..3).map(|_| fill()).max().expect("three");
    for _ in 0..6 {
        assert!(fill() <= first * 5 / 4);
    }
    index.check().expect("sound");
    assert!((0..1000).all(|n| index.remove(n)));
    index.settle();
    assert!(index.is_empty());
    assert!(index.shared.read().graph.len() <= 256, "an empty index keeps no large graph");
    index.check().expect("sound");
}

#[test]
fn an_index_of_dead_points_alone_takes_new_ones() {
    let points = numbered(clustered(600, 16, 2));
    let index = index(16, PARAMS);
    for _ in 0..3 {
        index.upsert(&borrowed(&points)).expect("sound");
        index.settle();
        assert_eq!(search(&index, &points[77].1, top(1), None)[0].key, 77);
        assert!((0..600).all(|n| index.remove(n)));
        assert_eq!(search(&index, &points[77].1, top(1), None), []);
        index.settle();
        index.check().expect("sound");
    }
}

#[test]
fn a_vector_that_comes_back_revives_its_slot() {
    let points = numbered(clustered(600, 16, 2));
    let index = index(16, PARAMS);
    index.upsert(&borrowed(&points)).expect("sound");
    index.settle();
    assert!((0..100).all(|n| index.remove(n)) && index.dead() == 100);
    let again: Vec<_> = points[..100].iter().map(|(key, values)| (key + 10_000, values.clone())).collect();
    index.upsert(&borrowed(&again)).expect("sound");
    assert_eq!((index.dead(), index.len(), index.shared.read().points.len()), (0, 600, 600));
    assert_eq!(search(&index, &points[50].1, top(1), None)[0].key, 10_050);
    index.check().expect("sound");
}

#[test]
fn a_point_without_a_link_is_scanned_until_it_is_linked_again() {
    let points = numbered(clustered(2000, 16, 4));
    let index = index(16, PARAMS);
    index.upsert(&borrowed(&points)).expect("sound");
    index.settle();
    let island = {
        // An island of two: each links to the other alone, and nothing else to either.
        let state = index.shared.read();
        let (a, b) = (5, 6);
        index.shared.view(&state).cut_off(&[a, b]);
        [a, b]
    };
    let lost = index.shared.unreachable();
    assert!(island.iter().all(|slot| lost.contains(slot)), "{lost:?}");
    assert_eq!(index.shared.reach_all(), []);
    index.check().expect("sound");
    for slot in island {
        let key = index.shared.read().points.key(slot);
        assert_eq!(search(&index, &points[key as usize].1, top(1), None)[0].key, key);
    }
}

#[test]
fn a_panic_under_the_lock_does_not_make_the_index_useless() {
    let (index, flat) = filled(&numbered(clustered(50, 8, 1)), 8);
    let panicked = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let _state = index.shared.write();
                std::panic::resume_unwind(Box::new("a bug"));
            })
            .join()
    });
    assert!(panicked.is_err());
    let query = &clustered(1, 8, 2)[0];
    assert_eq!(search(&index, query, top(5), None), flat.search(query, 5, None));
    assert!(index.remove(0));
}
