//! Build, memory, recall, time; threads; filters; churn. One line of JSON each.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use eyrie_index::{Index, Params, SearchParams, cosines};
use roaring::RoaringTreemap;

use super::generate::{Random, read};
use super::options::Options;

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok()).expect("kilobytes") * 1024
}

/// Seconds of processor time that this process has used.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("ticks")).sum();
    // Linux counts hundredths here on every architecture.
    ticks / 100.0
}

/// Seconds of processor time of this thread: other programs do not count in it.
fn thread_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with statistics of its scheduler");
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

/// Reads vectors in pieces and hands them on with the position of the first.
fn each_piece(path: &Path, dimension: usize, mut work: impl FnMut(u64, &[f32])) {
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = vec![0; 1024 * dimension * 4];
    let mut first = 0;
    loop {
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read(&mut bytes[filled..]).expect("readable") {
                0 => break,
                n => filled += n,
            }
        }
        if filled == 0 {
            return;
        }
        let values: Vec<f32> = bytes[..filled].as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        work(first, &values);
        first += (values.len() / dimension) as u64;
    }
}

fn insert(index: &Index, path: &Path, dimension: usize, offset: u64, wanted: impl Fn(u64) -> bool) {
    each_piece(path, dimension, |first, values| {
        let points = (offset + first..).zip(values.chunks_exact(dimension));
        index.upsert(&points.filter(|(key, _)| wanted(*key)).collect::<Vec<_>>()).expect("sound");
    });
}

fn exact(k: usize) -> SearchParams {
    SearchParams { k, ef: None, exact: true }
}

fn keys(index: &Index, query: &[f32], params: SearchParams, allowed: Option<&RoaringTreemap>) -> Vec<u64> {
    let found = index.search(query, params, allowed).expect("sound").neighbors;
    found.iter().take(params.k).map(|n| n.key).collect()
}

/// The 100 nearest of each query, exactly; kept beside the vectors.
fn truth(folder: &Path, index: &Index, queries: &[Vec<f32>]) -> Vec<Vec<u64>> {
    let path = folder.join("truth.u32");
    if !path.exists() {
        let nearest = |query: &Vec<f32>| keys(index, query, exact(100), None);
        let bytes = queries.iter().flat_map(nearest).flat_map(|key| (key as u32).to_le_bytes());
        fs::write(&path, bytes.collect::<Vec<u8>>()).expect("room on the disk");
    }
    let bytes = fs::read(&path).expect("a file");
    let numbers: Vec<u64> = bytes.as_chunks::<4>().0.iter().map(|&b| u64::from(u32::from_le_bytes(b))).collect();
    numbers.chunks_exact(100).map(<[u64]>::to_vec).collect()
}

/// Recall and the milliseconds of processor time a query of the fastest of three rounds.
fn recall(index: &Index, queries: &[Vec<f32>], truth: &[Vec<u64>], params: SearchParams) -> (f64, f64) {
    let mut best = f64::INFINITY;
    let mut hits = 0;
    for _ in 0..3 {
        hits = 0;
        let start = thread_seconds();
        for (query, truth) in queries.iter().zip(truth) {
            let found = index.search(query, params, None).expect("sound").neighbors;
            hits += found.iter().take(params.k).filter(|n| truth[..params.k].contains(&n.key)).count();
        }
        best = best.min(thread_seconds() - start);
    }
    (hits as f64 / (params.k * queries.len()) as f64, best * 1e3 / queries.len() as f64)
}

fn curve(index: &Index, queries: &[Vec<f32>], truth: &[Vec<u64>], options: &Options) {
    for k in options.numbers("k", &[10, 100]) {
        for ef in options.numbers("ef", &[16, 20, 24, 32, 48, 64, 96, 112, 128, 160, 200, 250]) {
            if ef >= k {
                let (recall, ms) = recall(index, queries, truth, SearchParams { k, ef: Some(ef), exact: false });
                println!(r#"{{"k": {k}, "ef": {ef}, "recall": {recall:.5}, "ms": {ms:.5}}}"#);
            }
        }
    }
}

/// Milliseconds of all searches of so many threads, rising, and searches a second.
fn latencies(
    index: &Index,
    queries: &[Vec<f32>],
    threads: usize,
    rounds: usize,
    params: SearchParams,
) -> (Vec<f64>, f64) {
    let start = Instant::now();
    let run = |offset: usize| {
        let order = queries.iter().cycle().skip(offset * 97).take(queries.len() * rounds);
        let time = |query: &Vec<f32>| {
            let start = Instant::now();
            index.search(query, params, None).expect("sound");
            start.elapsed().as_secs_f64() * 1e3
        };
        order.map(time).collect::<Vec<_>>()
    };
    let mut all: Vec<f64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|n| scope.spawn(move || run(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let rate = all.len() as f64 / start.elapsed().as_secs_f64();
    all.sort_by(f64::total_cmp);
    (all, rate)
}

fn print_latencies(name: &str, (all, rate): &(Vec<f64>, f64)) {
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
    println!(r#"{{"latency": "{name}", "p50": {p50:.4}, "p99": {p99:.4}, "p999": {p999:.4}, "a_second": {rate:.0}}}"#);
}

fn filters(index: &Index, queries: &[Vec<f32>]) {
    let count = index.len() as u64;
    let queries = &queries[..queries.len().min(200)];
    let mut random = Random(5);
    let mut share = |wanted: u64| -> RoaringTreemap { (0..count).filter(|_| random.bits() % count < wanted).collect() };
    let mut sets: Vec<(String, RoaringTreemap)> = Vec::new();
    for percent in [90, 50, 30, 20, 10, 5, 2, 1] {
        sets.push((format!("{percent} %"), share(count * percent / 100)));
    }
    sets.push(("10".into(), (0..10).map(|n| n * count / 10).collect()));
    sets.push(("1".into(), [count / 2].into_iter().collect()));
    sets.push(("none".into(), RoaringTreemap::new()));
    // A tenth and a half that lie in one region, and queries from everywhere.
    let near = keys(index, &queries[0], exact(index.len() / 2), None);
    sets.push(("50 % in one region".into(), near.iter().copied().collect()));
    sets.push(("10 % in one region".into(), near[..near.len() / 5].iter().copied().collect()));
    for (name, set) in sets {
        let params = SearchParams { k: 10, ef: None, exact: false };
        let (mut hits, mut wanted) = (0, 0);
        for query in queries.iter().take(50) {
            let truth = keys(index, query, exact(10), Some(&set));
            let found = keys(index, query, params, Some(&set));
            assert_eq!(found.len(), truth.len(), "never short");
            hits += found.iter().filter(|key| truth.contains(key)).count();
            wanted += truth.len();
        }
        let start = thread_seconds();
        queries.iter().for_each(|query| drop(keys(index, query, params, Some(&set))));
        let ms = (thread_seconds() - start) * 1e3 / queries.len() as f64;
        let recall = hits as f64 / wanted.max(1) as f64;
        println!(r#"{{"filter": "{name}", "recall": {recall:.4}, "ms": {ms:.4}}}"#);
    }
}

/// Half deleted, as many others added, against an index that was built of what is there then.
fn churn(index: &Index, folder: &Path, dimension: usize, params: Params, queries: &[Vec<f32>]) {
    let count = index.len() as u64;
    let bytes = index.memory().total();
    let start = Instant::now();
    (0..count).filter(|key| key % 2 == 0).for_each(|key| _ = index.remove(key));
    index.settle();
    let deleted = start.elapsed().as_secs_f64();
    insert(index, &folder.join("extra.f32"), dimension, count, |_| true);
    index.settle();
    let added = start.elapsed().as_secs_f64() - deleted;
    index.check().expect("sound");
    let fresh = Index::temporary(dimension, params, cosines).expect("made");
    insert(&fresh, &folder.join("base.f32"), dimension, 0, |key| key % 2 == 1);
    insert(&fresh, &folder.join("extra.f32"), dimension, count, |_| true);
    fresh.settle();
    let queries = &queries[..queries.len().min(500)];
    let truth: Vec<Vec<u64>> = queries.iter().map(|query| keys(&fresh, query, exact(100), None)).collect();
    println!(
        r#"{{"churn_s": [{deleted:.2}, {added:.2}], "len": [{}, {}], "bytes": [{}, {}, {bytes}]}}"#,
        index.len(),
        fresh.len(),
        index.memory().total(),
        fresh.memory().total()
    );
    for (k, ef) in [(10, 24), (10, 64), (100, 128)] {
        let params = SearchParams { k, ef: Some(ef), exact: false };
        for (name, index) in [("churned", index), ("fresh", &fresh)] {
            let (recall, ms) = recall(index, queries, &truth, params);
            println!(r#"{{"churn": "{name}", "k": {k}, "ef": {ef}, "recall": {recall:.5}, "ms": {ms:.5}}}"#);
        }
    }
}

/// Searches beside an import, a save and a consolidation.
fn beside(index: &Index, folder: &Path, dimension: usize, queries: &[Vec<f32>]) {
    let params = SearchParams { k: 10, ef: None, exact: false };
    print_latencies("idle", &latencies(index, queries, 1, 3, params));
    let count = index.len() as u64;
    let done = AtomicBool::new(false);
    let measure = |name: &str, work: &(dyn Fn() + Sync)| {
        done.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            scope.spawn(|| {
                work();
                done.store(true, Ordering::Relaxed);
            });
            let (mut all, start) = (Vec::new(), Instant::now());
            while !done.load(Ordering::Relaxed) {
                all.extend(latencies(index, &queries[..100], 1, 1, params).0);
            }
            let rate = all.len() as f64 / start.elapsed().as_secs_f64();
            all.sort_by(f64::total_cmp);
            print_latencies(name, &(all, rate));
        });
    };
    measure("beside an import", &|| {
        insert(index, &folder.join("extra.f32"), dimension, 10 * count, |key| key < 10 * count + 20_000);
        index.settle();
    });
    measure("beside removals and consolidation", &|| {
        (0..count).step_by(8).for_each(|key| _ = index.remove(key));
        index.settle();
    });
    measure("beside a save", &|| drop(index.save(2)));
}

pub(crate) fn run(options: &Options) {
    let dimension: usize = options.number("dimension", 768);
    let folder = Path::new(options.text("folder").expect("--folder"));
    let params = Params {
        m: options.number("m", 16),
        ef_construction: options.number("ef-construction", 100),
        ef_search: options.number("ef-search", 128),
        exact_below: 1000,
        threads: options.number("threads", 2),
    };
    let queries = read(&folder.join("queries.f32"), dimension);
    let before = status("VmRSS:");
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let index = match options.text("index").map(Path::new) {
        Some(home) if home.join("graph").exists() => {
            let opened = Index::open(home, "bench", dimension, params, cosines).expect("whole");
            println!(r#"{{"open_s": {:.3}}}"#, start.elapsed().as_secs_f64());
            opened.index
        }
        home => {
            let index = match home {
                Some(home) => Index::create(home, "bench", dimension, params, cosines).expect("made"),
                None => Index::temporary(dimension, params, cosines).expect("made"),
            };
            insert(&index, &folder.join("base.f32"), dimension, 0, |_| true);
            let taken_in = start.elapsed().as_secs_f64();
            index.settle();
            let (built, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
            println!(r#"{{"upsert_s": {taken_in:.2}, "build_s": {built:.2}, "build_cpu_s": {cpu:.2}}}"#);
            if home.is_some() {
                let start = Instant::now();
                index.save(1).expect("room on the disk");
                println!(r#"{{"save_s": {:.3}}}"#, start.elapsed().as_secs_f64());
            }
            index
        }
    };
    let (resident, memory) = (status("VmRSS:") - before, index.memory());
    println!(
        r#"{{"isa": "{}", "len": {}, "bytes_a_point": {:.1}, "counted": {:.1}, "waiting": {}, "memory": "{memory:?}"}}"#,
        index.isa(),
        index.len(),
        resident as f64 / index.len() as f64,
        memory.total() as f64 / index.len() as f64,
        index.waiting(),
    );
    for part in options.text("parts").unwrap_or("curve").split(',') {
        match part {
            "curve" => curve(&index, &queries, &truth(folder, &index, &queries), options),
            "threads" => {
                for threads in [1, 2, 4, 8] {
                    let params = SearchParams { k: 10, ef: None, exact: false };
                    print_latencies(&format!("{threads} threads"), &latencies(&index, &queries, threads, 3, params));
                }
            }
            "misses" => {
                let truth = truth(folder, &index, &queries);
                for ef in [24, 64, 160, 500, 2000] {
                    let mut histogram = [0; 11];
                    for (query, truth) in queries.iter().zip(&truth) {
                        let found = keys(&index, query, SearchParams { k: 10, ef: Some(ef), exact: false }, None);
                        histogram[found.iter().filter(|key| truth[..10].contains(key)).count()] += 1;
                    }
                    println!("{ef} {histogram:?}");
                }
            }
            "filters" => filters(&index, &queries),
            "churn" => churn(&index, folder, dimension, params, &queries),
            "beside" => beside(&index, folder, dimension, &queries),
            other => panic!("{other:?} is no part"),
        }
    }
}
