//! Build, memory, recall and time.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use eyrie_index::{Index, Params, SearchParams, cosines};

use super::generate::read;
use super::options::Options;

fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok()).expect("kilobytes") * 1024
}

/// The 100 nearest of each query, exactly; kept beside the vectors.
fn truth(folder: &Path, index: &Index, queries: &[Vec<f32>]) -> Vec<Vec<u32>> {
    let path = folder.join("truth.u32");
    if let Ok(bytes) = fs::read(&path) {
        let numbers: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect();
        return numbers.chunks_exact(100).map(<[u32]>::to_vec).collect();
    }
    let exact = SearchParams { k: 100, ef: None, exact: true };
    let nearest = |query: &Vec<f32>| {
        let found = index.search(query, exact, None).expect("sound").neighbors;
        found.iter().take(100).map(|n| n.key as u32).collect::<Vec<_>>()
    };
    let truth: Vec<Vec<u32>> = queries.iter().map(nearest).collect();
    let bytes: Vec<u8> = truth.iter().flatten().flat_map(|n| n.to_le_bytes()).collect();
    fs::write(path, bytes).expect("room on the disk");
    truth
}

fn fill(index: &Index, path: &Path, dimension: usize) {
    let mut file = fs::File::open(path).expect("a file");
    let start = Instant::now();
    let mut key = 0;
    let mut bytes = vec![0; 1024 * dimension * 4];
    loop {
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read(&mut bytes[filled..]).expect("a file") {
                0 => break,
                n => filled += n,
            }
        }
        if filled == 0 {
            break;
        }
        let values: Vec<f32> = bytes[..filled].as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        let points: Vec<(u64, &[f32])> = (key..).zip(values.chunks_exact(dimension)).collect();
        key += points.len() as u64;
        index.upsert(&points).expect("sound");
    }
    let taken_in = start.elapsed().as_secs_f64();
    index.settle();
    let built = start.elapsed().as_secs_f64();
    println!("{}: {} points taken in after {taken_in:.2} s, built after {built:.2} s", index.isa(), index.len());
}

pub fn run(options: &Options) {
    let dimension: usize = options.number("dimension", 768);
    let folder = Path::new(options.text("folder").expect("--folder"));
    let params = Params {
        m: options.number("m", 16),
        ef_construction: options.number("ef-construction", 100),
        ef_search: 100,
        exact_below: 1000,
        threads: options.number("threads", 2),
    };
    let queries = read(&folder.join("queries.f32"), dimension);
    let before = resident();
    let index = match options.text("index").map(Path::new) {
        Some(home) if home.join("graph").exists() => {
            let start = Instant::now();
            let opened = Index::open(home, "bench", dimension, params, cosines).expect("whole");
            println!("opened in {:.2} s", start.elapsed().as_secs_f64());
            opened.index
        }
        home => {
            let index = match home {
                Some(home) => Index::create(home, "bench", dimension, params, cosines).expect("made"),
                None => Index::temporary(dimension, params, cosines).expect("made"),
            };
            fill(&index, &folder.join("base.f32"), dimension);
            if home.is_some() {
                let start = Instant::now();
                index.save(1).expect("room on the disk");
                println!("saved in {:.2} s", start.elapsed().as_secs_f64());
            }
            index
        }
    };
    let memory = index.memory();
    println!(
        "{} points: {} bytes a point by VmRSS, {} by its count {memory:?}, {} waiting",
        index.len(),
        (resident() - before) / index.len(),
        memory.total() / index.len(),
        index.waiting(),
    );
    let truth = truth(folder, &index, &queries);
    for ef in options.numbers("ef", &[16, 24, 32, 48, 64, 96, 128, 160, 200]) {
        for k in options.numbers("k", &[10, 100]) {
            if ef < k {
                continue;
            }
            let params = SearchParams { k, ef: Some(ef), exact: false };
            let mut hits = 0;
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                hits = 0;
                let start = Instant::now();
                for (query, truth) in queries.iter().zip(&truth) {
                    let found = index.search(query, params, None).expect("sound").neighbors;
                    hits += found.iter().take(k).filter(|n| truth[..k].contains(&(n.key as u32))).count();
                }
                best = best.min(start.elapsed().as_secs_f64());
            }
            println!(
                "ef {ef:3} recall@{k} {:.4} {:.4} ms",
                hits as f64 / (k * queries.len()) as f64,
                best * 1e3 / queries.len() as f64
            );
        }
    }
}
