use super::data::{PARAMS, borrowed, clustered, cosine, index, numbered};
use crate::SearchParams;

#[test]
fn smoke() {
    let points = numbered(clustered(5000, 64, 1));
    let index = index(64, PARAMS);
    index.upsert(&borrowed(&points)).expect("sound");
    index.settle();
    index.check().expect("sound");
    let mut hits = 0;
    for query in clustered(100, 64, 99) {
        let mut all: Vec<_> = points.iter().map(|(k, v)| (cosine(&query, v), *k)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let found = index.search(&query, SearchParams { k: 10, ef: None, exact: false }, None).expect("sound").neighbors;
        hits += found.iter().filter(|f| all[..10].iter().any(|a| a.1 == f.key)).count();
    }
    println!("{hits} of 1000");
    assert!(hits > 950);
}
