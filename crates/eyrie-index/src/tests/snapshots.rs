use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::data::{Flat, PARAMS, Random, borrowed, clustered, cosine, numbered};
use super::oracle::{search, top};
use crate::{Index, OpenError, Params, SearchParams, cosines};

const EXACT: SearchParams = SearchParams { k: 20, ef: None, exact: true };

fn create(folder: &Path, dimension: usize) -> Index {
    Index::create(folder, "test", dimension, PARAMS, cosines).expect("made")
}

fn open(folder: &Path, dimension: usize) -> Result<Index, OpenError> {
    Index::open(folder, "test", dimension, PARAMS, cosines).map(|opened| opened.index)
}

#[test]
fn what_was_saved_is_opened_with_every_point_link_and_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = numbered(clustered(3000, 16, 2));
    let index = create(folder.path(), 16);
    assert!(matches!(open(folder.path(), 16), Err(OpenError::InUse)));
    index.upsert(&borrowed(&points)).expect("sound");
    index.upsert(&[(5000, &points[5].1), (5001, &points[5].1)]).expect("sound");
    index.settle();
    (0..100).for_each(|n| assert!(index.remove(n)));
    let late = clustered(20, 16, 3);
    (7000..).zip(&late).for_each(|(n, v)| index.upsert(&[(n, v)]).expect("sound"));
    index.save(42).expect("room on the disk");
    let queries = clustered(50, 16, 9);
    let answers = |index: &Index| {
        let answer = |query: &Vec<f32>| (search(index, query, top(10), None), search(index, query, EXACT, None));
        queries.iter().map(answer).collect::<Vec<_>>()
    };
    let (before, keys, waiting) = (answers(&index), index.keys(), index.waiting());
    assert!(waiting >= 20 && index.dead() > 0);
    drop(index);
    let opened = Index::open(folder.path(), "test", 16, PARAMS, cosines).expect("whole");
    assert_eq!(opened.stamp, 42);
    opened.index.check().expect("sound");
    assert_eq!((answers(&opened.index), opened.index.keys(), opened.index.waiting()), (before, keys, waiting));
    assert_eq!(opened.index.vector(5001).as_ref(), Some(&points[5].1));
    opened.index.save(43).expect("room on the disk");
}

#[test]
fn an_empty_index_is_saved_and_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    create(folder.path(), 16).save(1).expect("room on the disk");
    let index = open(folder.path(), 16).expect("whole");
    assert!(index.is_empty());
    index.upsert(&[(1, &Random(1).unit(16))]).expect("sound");
}

#[test]
fn another_dimension_m_text_or_format_and_no_snapshot_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    assert!(matches!(open(path, 16), Err(OpenError::Missing)));
    let index = create(path, 16);
    drop(index);
    assert!(matches!(open(path, 16), Err(OpenError::Missing)), "never saved");
    let index = create(path, 16);
    index.upsert(&[(1, &Random(1).unit(16))]).expect("sound");
    index.save(1).expect("room on the disk");
    drop(index);
    let other = |result: Result<_, OpenError>| match result {
        Err(OpenError::Other { what, .. }) => what,
        other => panic!("{:?}", other.map(|_: crate::Opened| ())),
    };
    assert_eq!(other(Index::open(path, "test", 17, PARAMS, cosines)), "the number of values");
    assert_eq!(other(Index::open(path, "test", 16, Params { m: 9, ..PARAMS }, cosines)), "m");
    assert_eq!(other(Index::open(path, "toast", 16, PARAMS, cosines)), "its text");
    let mut bytes = fs::read(path.join("graph")).expect("a file");
    bytes[8] = 9;
    fs::write(path.join("graph"), &bytes).expect("a file");
    assert!(matches!(open(path, 16), Err(OpenError::Format { found: 9, .. })));
    fs::write(path.join("graph"), b"something else entirely").expect("a file");
    assert!(matches!(open(path, 16), Err(OpenError::Foreign)));
    let index = create(path, 16);
    assert!(index.is_empty(), "making one removes what was there");
    drop(index);
    assert!(matches!(open(path, 16), Err(OpenError::Missing)));
}

#[test]
fn a_snapshot_with_any_byte_changed_or_cut_off_anywhere_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = numbered(clustered(110, 3, 2));
    let index = create(folder.path(), 3);
    index.upsert(&borrowed(&points)).expect("sound");
    index.upsert(&[(1000, &points[5].1)]).expect("sound");
    index.settle();
    index.save(1).expect("room on the disk");
    drop(index);
    let graph = folder.path().join("graph");
    let whole = fs::read(&graph).expect("a file");
    let file = fs::File::options().write(true).open(&graph).expect("a file");
    for at in 0..whole.len() {
        file.write_all_at(&[whole[at] ^ 1 << (at % 8)], at as u64).expect("a write");
        assert!(open(folder.path(), 3).is_err(), "byte {at}");
        file.write_all_at(&whole[at..=at], at as u64).expect("a write");
    }
    for at in (0..whole.len()).rev().step_by(7) {
        file.set_len(at as u64).expect("a shorter file");
        assert!(open(folder.path(), 3).is_err(), "cut at {at}");
    }
    fs::write(&graph, [whole.as_slice(), b"x"].concat()).expect("a file");
    assert!(open(folder.path(), 3).is_err());
    fs::write(&graph, &whole).expect("a file");
    assert_eq!(open(folder.path(), 3).expect("whole").len(), 111);
}

/// What a snapshot says of itself is not trusted even where all checksums are right.
#[test]
fn a_snapshot_with_hostile_numbers_and_right_checksums_is_refused_or_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = numbered(clustered(110, 3, 2));
    let index = create(folder.path(), 3);
    index.upsert(&borrowed(&points)).expect("sound");
    index.settle();
    index.save(1).expect("room on the disk");
    drop(index);
    let graph = folder.path().join("graph");
    let whole = fs::read(&graph).expect("a file");
    let file = fs::File::options().write(true).open(&graph).expect("a file");
    let mut random = Random(99);
    let (mut refused, mut taken) = (0, 0);
    for at in 16..whole.len() {
        let mut hostile = whole.clone();
        hostile[at] = [0, 1, 0x7f, 0x80, 0xff, random.bits() as u8][(random.bits() % 6) as usize];
        crate::snapshot::mend_checksums(&mut hostile);
        file.write_all_at(&hostile, 0).expect("a write");
        match open(folder.path(), 3) {
            Err(_) => refused += 1,
            Ok(index) => {
                taken += 1;
                index.search(&points[3].1, top(5), None).expect("an answer");
                index.search(&points[3].1, EXACT, None).expect("an answer");
            }
        }
    }
    assert!(refused > 1000 && taken > 1000, "{refused} refused, {taken} taken");
}

#[test]
fn a_damaged_vector_is_told_never_scored_and_repaired_by_an_upsert() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = numbered(clustered(300, 16, 2));
    let index = create(folder.path(), 16);
    index.upsert(&borrowed(&points)).expect("sound");
    index.settle();
    index.save(1).expect("room on the disk");
    drop(index);
    let path = folder.path().join("vectors");
    let mut vectors = fs::read(&path).expect("a file");
    vectors[40 * 64 + 3] ^= 4;
    vectors.truncate(299 * 64 + 60);
    fs::write(&path, &vectors).expect("a file");
    let index = open(folder.path(), 16).expect("the graph is whole");
    let is_lost = |key: u64| index.vector(key).is_none();
    let lost: Vec<u64> = (0..300).filter(|&key| is_lost(key)).collect();
    assert_eq!(lost.len(), 2);
    for params in [top(3), EXACT] {
        for &key in &lost {
            let found = index.search(&points[key as usize].1, params, None).expect("sound");
            assert!(found.unreadable.contains(&key) && found.neighbors.iter().all(|n| n.key != key));
            assert!(found.neighbors.len() >= params.k.min(3));
        }
    }
    for &key in &lost {
        index.upsert(&[(key, &points[key as usize].1)]).expect("sound");
        assert_eq!(search(&index, &points[key as usize].1, top(3), None)[0].key, key);
    }
    assert_eq!((index.len(), index.shared.read().points.len()), (300, 300));
}

#[test]
fn a_save_that_fails_leaves_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = create(folder.path(), 16);
    index.upsert(&[(1, &Random(1).unit(16))]).expect("sound");
    index.save(1).expect("room on the disk");
    fs::create_dir(folder.path().join("graph.tmp")).expect("a folder in the way");
    index.upsert(&[(2, &Random(2).unit(16))]).expect("sound");
    index.save(2).expect_err("no file can be made");
    drop(index);
    let opened = Index::open(folder.path(), "test", 16, PARAMS, cosines).expect("whole");
    assert_eq!((opened.stamp, opened.index.len()), (1, 1));
}

/// Copies the files as a crash would leave them: whatever is in them at the moment.
fn crash(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    // The snapshot first: it may be replaced at any moment, and records only get newer.
    fs::copy(from.join("graph"), to.join("graph")).expect("a copy");
    fs::copy(from.join("vectors"), to.join("vectors")).expect("a copy");
}

#[test]
fn after_a_crash_at_any_moment_the_log_brings_everything_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let copies = tempfile::tempdir().expect("a folder");
    let live = folder.path().join("live");
    let params = Params { exact_below: 20, ..PARAMS };
    let index = Index::create(&live, "test", 8, params, cosines).expect("made");
    index.save(0).expect("room on the disk");
    // The owner's log: number n is change n.
    let mut random = Random(31);
    let mut vectors = || {
        let many: Vec<_> = (0..300).map(|_| random.unit(8)).collect();
        many
    };
    let (pool, mut choice) = (vectors(), Random(5));
    let log: Vec<(u64, Option<usize>)> = (0..6000)
        .map(|_| (choice.bits() % 900, (choice.bits() % 3 > 0).then_some((choice.bits() % 300) as usize)))
        .collect();
    // Vectors are moved a little by the number of the change, so that few are equal.
    let vector = |change: usize, v: usize| {
        let mut values = pool[v].clone();
        values[change % 8] += (change % 97) as f32 * 1e-3;
        super::data::unit(values)
    };
    let apply = |index: &Index, change: usize| match log[change] {
        (key, Some(v)) => index.upsert(&[(key, &vector(change, v))]).expect("sound"),
        (key, None) => drop(index.remove(key)),
    };
    let (applied, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let crashes = std::thread::scope(|scope| {
        scope.spawn(|| {
            for change in 0..log.len() {
                apply(&index, change);
                applied.store(change as u64 + 1, Ordering::SeqCst);
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let stamp = applied.load(Ordering::SeqCst);
                index.save(stamp).expect("room on the disk");
            }
        });
        let mut crashes = 0;
        while !done.load(Ordering::SeqCst) && crashes < 200 {
            crash(&live, &copies.path().join(crashes.to_string()));
            crashes += 1;
        }
        crashes
    });
    assert!(crashes > 3, "{crashes}");
    let mut stamps = Vec::new();
    for number in 0..crashes {
        let opened = Index::open(&copies.path().join(number.to_string()), "test", 8, params, cosines).expect("whole");
        stamps.push(opened.stamp);
        let (index, mut flat) = (opened.index, Flat::default());
        // Before the log no answer has a wrong score.
        let query = &pool[number % 300];
        let found = index.search(query, EXACT, None).expect("sound");
        for n in &found.neighbors {
            assert_eq!(index.vector(n.key).map(|v| cosine(query, &v)), Some(n.score));
        }
        for (change, &(key, v)) in log.iter().enumerate() {
            if change as u64 >= opened.stamp {
                apply(&index, change);
            }
            match v {
                Some(v) => flat.upsert(&[(key, vector(change, v))]),
                None => drop(flat.remove(key)),
            }
        }
        index.check().expect("sound");
        assert!(index.keys().iter().eq(flat.0.keys().copied()), "every key, and no other");
        for (key, values) in &flat.0 {
            assert_eq!(index.vector(*key).as_ref(), Some(values));
        }
        assert_eq!(search(&index, query, EXACT, None), flat.search(query, EXACT.k, None));
    }
    println!("{crashes} crashes, stamps {stamps:?}");
}
