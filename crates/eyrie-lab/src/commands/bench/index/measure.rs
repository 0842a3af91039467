//! Build, memory, recall and time; threads; filters; changes.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use clap::ValueEnum;
use eyrie_chip::Random;
use eyrie_index::{Index, Params, SaveError, SearchParams, cosines};
use roaring::RoaringTreemap;

use super::clocks;
use super::draw::{self, BASE, EXTRA, QUERIES, Wanted, failed};
use super::report::{Build, Churn, Filtered, Latency, Point, Report, Side};
use eyrie_terminal::{CliError, Progress};

/// Results of the searches whose time is measured by the clock.
const K: usize = 10;
/// Results whose exact ranking is kept.
const TRUTH: usize = 100;
const ROUNDS: usize = 3;
/// Descriptors read at once.
const PIECE: usize = 1024;
/// What the index is of, so that another one in the folder is told.
const HOLDS: &str = "eyrie bench index";

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Recall against the processor time of a search, for some numbers of candidates.
    Curve,
    /// Searches a second and latencies with 1, 2, 4 and 8 threads.
    Threads,
    /// Searches under filters.
    Filters,
    /// Half deleted and as many others added, against an index built of what is there then.
    Churn,
    /// Searches beside an import, removals and a save.
    Beside,
}

/// What is measured of what.
pub(super) struct Measure<'a> {
    pub(super) work: &'a Path,
    pub(super) wanted: Wanted,
    pub(super) params: Params,
    pub(super) candidates: Vec<usize>,
    pub(super) parts: &'a [Part],
}

impl Measure<'_> {
    pub(super) fn run(&self) -> Result<Report, CliError> {
        let Wanted { dimension, .. } = self.wanted;
        let queries = draw::read(&self.work.join(QUERIES), dimension)?;
        let before = clocks::resident()?;
        let (index, build, open_s) = self.index()?;
        let points = index.len() as f64;
        let mut report = Report {
            isa: index.isa(),
            count: index.len(),
            dimension,
            m: self.params.m,
            ef_construction: self.params.ef_construction,
            threads: self.params.threads,
            build,
            open_s,
            bytes_a_point: clocks::resident()?.saturating_sub(before) as f64 / points,
            counted_bytes_a_point: index.memory().total() as f64 / points,
            curve: Vec::new(),
            threads_searching: Vec::new(),
            filters: Vec::new(),
            churn: None,
            beside: Vec::new(),
        };
        for part in self.parts {
            match part {
                Part::Curve => report.curve = self.curve(&index, &queries, &self.truth(&index, &queries)?)?,
                Part::Threads => {
                    for threads in [1, 2, 4, 8] {
                        let times = times(&index, &queries, threads, ROUNDS)?;
                        report.threads_searching.push(latency(format!("{threads} searching"), times));
                    }
                }
                Part::Filters => report.filters = filters(&index, &queries)?,
                Part::Churn => {}
                Part::Beside => report.beside = self.beside(&index, &queries)?,
            }
        }
        // It changes what the others measure.
        if self.parts.contains(&Part::Churn) {
            report.churn = Some(self.churn(&index, &queries)?);
        }
        Ok(report)
    }

    /// The index that is kept in the folder, or a new one.
    fn index(&self) -> Result<(Index, Option<Build>, Option<f64>), CliError> {
        let (home, dimension) = (self.work.join("index"), self.wanted.dimension);
        let (start, processor) = (Instant::now(), clocks::of_process()?);
        if home.join("graph").exists() {
            let opened = Index::open(&home, HOLDS, dimension, self.params, cosines)
                .map_err(|e| CliError::Failed(format!("{}: {e}", home.display())))?;
            return Ok((opened.index, None, Some(start.elapsed().as_secs_f64())));
        }
        let index = Index::create(&home, HOLDS, dimension, self.params, cosines).map_err(not_saved)?;
        let progress = Progress::start("inserting", self.wanted.count);
        self.insert(&index, BASE, 0, |key| {
            progress.set(key as usize);
            true
        })?;
        progress.end();
        index.settle();
        let (seconds, processor_s) = (start.elapsed().as_secs_f64(), clocks::of_process()? - processor);
        let start = Instant::now();
        index.save(1).map_err(not_saved)?;
        Ok((index, Some(Build { seconds, processor_s, save_s: start.elapsed().as_secs_f64() }), None))
    }

    /// Inserts those of a file, under the keys from `first` on, that are `wanted`.
    fn insert(&self, index: &Index, name: &str, first: u64, wanted: impl Fn(u64) -> bool) -> Result<(), CliError> {
        let (path, dimension) = (self.work.join(name), self.wanted.dimension);
        let mut file = File::open(&path).map_err(failed(&path))?;
        let mut bytes = Vec::new();
        let mut key = first;
        loop {
            bytes.clear();
            let piece = (PIECE * dimension * 4) as u64;
            if file.by_ref().take(piece).read_to_end(&mut bytes).map_err(failed(&path))? == 0 {
                return Ok(());
            }
            let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let points = (key..).zip(values.chunks_exact(dimension)).filter(|(key, _)| wanted(*key));
            index.upsert(&points.collect::<Vec<_>>()).map_err(|e| CliError::Failed(e.to_string()))?;
            key += (values.len() / dimension) as u64;
        }
    }

    /// The nearest of each query, exactly; kept beside the descriptors.
    fn truth(&self, index: &Index, queries: &[Vec<f32>]) -> Result<Vec<Vec<u64>>, CliError> {
        let path = self.work.join("truth.u32");
        if !path.exists() {
            let progress = Progress::start("searching exactly", queries.len());
            let mut bytes = Vec::new();
            for query in queries {
                let nearest = keys(index, query, exact(TRUTH), None)?;
                bytes.extend(nearest.into_iter().flat_map(|key| (key as u32).to_le_bytes()));
                progress.step();
            }
            progress.end();
            fs::write(&path, bytes).map_err(failed(&path))?;
        }
        let bytes = fs::read(&path).map_err(failed(&path))?;
        let keys: Vec<u64> = bytes.as_chunks::<4>().0.iter().map(|b| u64::from(u32::from_le_bytes(*b))).collect();
        Ok(keys.chunks_exact(TRUTH.min(index.len())).map(<[u64]>::to_vec).collect())
    }

    fn curve(&self, index: &Index, queries: &[Vec<f32>], truth: &[Vec<u64>]) -> Result<Vec<Point>, CliError> {
        let mut points = Vec::new();
        for k in [10, TRUTH] {
            for &ef in self.candidates.iter().filter(|ef| **ef >= k) {
                points.push(point(index, queries, truth, k, ef)?);
            }
        }
        Ok(points)
    }

    /// Half deleted, as many others added, against an index that is built of what is there then.
    fn churn(&self, index: &Index, queries: &[Vec<f32>]) -> Result<Churn, CliError> {
        let (count, dimension) = (self.wanted.count as u64, self.wanted.dimension);
        let bytes_before = index.memory().total();
        let start = Instant::now();
        for key in (0..count).step_by(2) {
            index.remove(key);
        }
        index.settle();
        let delete_s = start.elapsed().as_secs_f64();
        self.insert(index, EXTRA, count, |_| true)?;
        index.settle();
        let add_s = start.elapsed().as_secs_f64() - delete_s;
        index.check().map_err(CliError::Failed)?;
        let fresh = Index::temporary(dimension, self.params, cosines).map_err(not_saved)?;
        self.insert(&fresh, BASE, 0, |key| key % 2 == 1)?;
        self.insert(&fresh, EXTRA, count, |_| true)?;
        fresh.settle();
        let queries = &queries[..queries.len().min(500)];
        let truth = queries.iter().map(|query| keys(&fresh, query, exact(TRUTH), None));
        let truth = truth.collect::<Result<Vec<_>, _>>()?;
        let side = |index: &Index| -> Result<Side, CliError> {
            let curve = [(10, 24), (10, 64), (TRUTH, 128)].map(|(k, ef)| point(index, queries, &truth, k, ef));
            let curve = curve.into_iter().collect::<Result<_, _>>()?;
            Ok(Side { points: index.len(), bytes: index.memory().total(), curve })
        };
        Ok(Churn { delete_s, add_s, bytes_before, churned: side(index)?, fresh: side(&fresh)? })
    }

    /// Searches beside an import, removals and a save. The index is as before afterwards, to the
    /// eye.
    fn beside(&self, index: &Index, queries: &[Vec<f32>]) -> Result<Vec<Latency>, CliError> {
        let count = self.wanted.count as u64;
        // Behind all others.
        let added = 10 * count..10 * count + (count / 5).min(20_000);
        let mut latencies = vec![latency("nothing".to_owned(), times(index, queries, 1, ROUNDS)?)];
        let import = || {
            self.insert(index, EXTRA, added.start, |key| added.contains(&key))?;
            index.settle();
            Ok(())
        };
        let remove = || {
            added.clone().for_each(|key| _ = index.remove(key));
            index.settle();
            Ok(())
        };
        let save = || index.save(2).map_err(not_saved);
        latencies.push(latency("an import".to_owned(), while_working(index, queries, &import)?));
        latencies.push(latency("removals".to_owned(), while_working(index, queries, &remove)?));
        latencies.push(latency("a save".to_owned(), while_working(index, queries, &save)?));
        Ok(latencies)
    }
}

fn not_saved(error: SaveError) -> CliError {
    CliError::Failed(error.to_string())
}

fn exact(k: usize) -> SearchParams {
    SearchParams { k, ef: None, exact: true }
}

fn usual(k: usize, ef: Option<usize>) -> SearchParams {
    SearchParams { k, ef, exact: false }
}

fn keys(
    index: &Index,
    query: &[f32],
    params: SearchParams,
    allowed: Option<&RoaringTreemap>,
) -> Result<Vec<u64>, CliError> {
    let found = index.search(query, params, allowed).map_err(|e| CliError::Failed(e.to_string()))?.neighbors;
    Ok(found.iter().take(params.k).map(|n| n.key).collect())
}

/// How many of `truth` are found.
fn hits(found: &[u64], truth: &[u64]) -> usize {
    found.iter().filter(|key| truth.contains(key)).count()
}

/// Recall, and the processor time of the fastest of three rounds.
fn point(index: &Index, queries: &[Vec<f32>], truth: &[Vec<u64>], k: usize, ef: usize) -> Result<Point, CliError> {
    let mut best = f64::INFINITY;
    let mut found = 0;
    for _ in 0..ROUNDS {
        found = 0;
        let start = clocks::of_thread()?;
        for (query, truth) in queries.iter().zip(truth) {
            found += hits(&keys(index, query, usual(k, Some(ef)), None)?, &truth[..k.min(truth.len())]);
        }
        best = best.min(clocks::of_thread()? - start);
    }
    let searches = queries.len() as f64;
    Ok(Point { k, ef, recall: found as f64 / (k as f64 * searches), ms: best * 1e3 / searches })
}

/// The milliseconds of each search, and searches a second, of so many threads.
fn times(index: &Index, queries: &[Vec<f32>], threads: usize, rounds: usize) -> Result<(Vec<f64>, f64), CliError> {
    let start = Instant::now();
    let run = |thread: usize| -> Result<Vec<f64>, CliError> {
        // Each thread begins elsewhere.
        let order = queries.iter().cycle().skip(thread * 97).take(queries.len() * rounds);
        order.map(|query| timed(index, query)).collect()
    };
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|_| Err(panicked()));
        threads.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?
    .concat();
    let rate = all.len() as f64 / start.elapsed().as_secs_f64();
    Ok((all, rate))
}

fn timed(index: &Index, query: &[f32]) -> Result<f64, CliError> {
    let start = Instant::now();
    keys(index, query, usual(K, None), None)?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn panicked() -> CliError {
    CliError::Failed("a thread of the measurement panicked".to_owned())
}

/// The times of one thread's searches while `work` is done on another one.
fn while_working(
    index: &Index,
    queries: &[Vec<f32>],
    work: &(dyn Fn() -> Result<(), CliError> + Sync),
) -> Result<(Vec<f64>, f64), CliError> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let result = work();
            done.store(true, Ordering::Relaxed);
            result
        });
        let (mut all, start) = (Vec::new(), Instant::now());
        let mut order = queries.iter().cycle();
        // One at least, however short the work was.
        while let Some(query) = order.next()
            && (all.is_empty() || !(done.load(Ordering::Relaxed) || worker.is_finished()))
        {
            all.push(timed(index, query)?);
        }
        let rate = all.len() as f64 / start.elapsed().as_secs_f64();
        worker.join().unwrap_or_else(|_| Err(panicked()))?;
        Ok((all, rate))
    })
}

fn latency(what: String, (mut all, searches_per_s): (Vec<f64>, f64)) -> Latency {
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all.get(((all.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    Latency { what, p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), searches_per_s }
}

/// Sets of keys that filters leave, drawn and in one region.
fn allowed(index: &Index, query: &[f32]) -> Result<Vec<(String, RoaringTreemap)>, CliError> {
    let all: Vec<u64> = index.keys().into_iter().collect();
    let mut random = Random::new(5);
    let mut sets = Vec::new();
    for percent in [90, 50, 20, 10, 5, 2, 1] {
        let share = f64::from(percent) / 100.0;
        sets.push((format!("{percent} %"), all.iter().copied().filter(|_| random.uniform() < share).collect()));
    }
    sets.push(("10".to_owned(), all.iter().copied().step_by(all.len().div_ceil(10)).collect()));
    sets.push(("1".to_owned(), all.iter().copied().skip(all.len() / 2).take(1).collect()));
    sets.push(("none".to_owned(), RoaringTreemap::new()));
    // Queries come from everywhere.
    let near = keys(index, query, exact(all.len() / 2), None)?;
    for percent in [50, 10, 1] {
        let region = near.iter().copied().take(all.len() * percent / 100).collect();
        sets.push((format!("{percent} % in one region"), region));
    }
    Ok(sets)
}

fn filters(index: &Index, queries: &[Vec<f32>]) -> Result<Vec<Filtered>, CliError> {
    let mut filtered = Vec::new();
    for (allowed, set) in allowed(index, &queries[0])? {
        let (mut found, mut wanted) = (0, 0);
        for query in queries.iter().take(50) {
            let truth = keys(index, query, exact(K), Some(&set))?;
            let some = keys(index, query, usual(K, None), Some(&set))?;
            if some.len() != truth.len() {
                return Err(CliError::Failed(format!(
                    "{allowed}: {} results of {} that are there",
                    some.len(),
                    truth.len()
                )));
            }
            found += hits(&some, &truth);
            wanted += truth.len();
        }
        let queries = &queries[..queries.len().min(200)];
        let start = clocks::of_thread()?;
        for query in queries {
            keys(index, query, usual(K, None), Some(&set))?;
        }
        let ms = (clocks::of_thread()? - start) * 1e3 / queries.len() as f64;
        let recall = if wanted == 0 { 1.0 } else { f64::from(found as u32) / f64::from(wanted as u32) };
        filtered.push(Filtered { allowed, recall, ms });
    }
    Ok(filtered)
}
