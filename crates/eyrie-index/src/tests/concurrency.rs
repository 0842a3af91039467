use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::data::{Flat, PARAMS, Random};
use super::oracle::{assert_sound, search, top};
use crate::{Index, SearchParams, cosines};

#[test]
fn searches_changes_and_snapshots_at_the_same_time_agree_with_the_scan_afterwards() {
    const EACH: u64 = 1500;
    let folder = tempfile::tempdir().expect("a folder");
    let index = Index::create(folder.path(), "test", 16, PARAMS, cosines).expect("made");
    let flat = Mutex::new(Flat::default());
    let writer = |offset: u64| {
        let mut random = Random(offset + 1);
        for n in (offset..offset + EACH).chain(offset..offset + EACH / 2) {
            let vector = random.unit(16);
            index.upsert(&[(n, &vector)]).expect("sound");
            flat.lock().expect("whole").upsert(&[(n, vector.clone())]);
            let found = search(&index, &vector, top(1), None);
            assert_eq!(found[0].key, n, "what was written is read");
            if n % 3 == 0 {
                assert!(index.remove(n) && flat.lock().expect("whole").remove(n));
                let found = search(&index, &vector, top(1), None);
                assert!(found.first().is_none_or(|f| f.key != n), "what was removed is not");
            }
        }
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = [scope.spawn(|| writer(0)), scope.spawn(|| writer(100_000))];
        for seed in [11, 12] {
            let (index, done) = (&index, &done);
            scope.spawn(move || {
                let mut random = Random(seed);
                while !done.load(Ordering::Relaxed) {
                    let found = search(index, &random.unit(16), top(7), None);
                    assert!(found.windows(2).all(|w| w[0].score >= w[1].score));
                    assert_eq!(found.iter().map(|n| n.key).collect::<HashSet<_>>().len(), found.len());
                }
            });
        }
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                index.save(1).expect("room on the disk");
            }
        });
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
    index.settle();
    index.check().expect("sound");
    let flat = flat.into_inner().expect("whole");
    assert_eq!(index.len(), flat.0.len());
    let mut random = Random(13);
    for _ in 0..20 {
        let (query, exact) = (random.unit(16), SearchParams { k: 50, ef: None, exact: true });
        assert_eq!(search(&index, &query, exact, None), flat.search(&query, 50, None));
        assert_sound(&search(&index, &query, top(10), None), &flat.search(&query, usize::MAX, None), 10);
    }
}
