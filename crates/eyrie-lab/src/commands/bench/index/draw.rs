//! Descriptors like those of pictures.
//!
//! A descriptor is a point between a real one and one of its ten nearest neighbours, plus noise of
//! 0.35 of the distance between the two, scaled to unit norm: so local density, dimension and
//! clusters are those of the real ones. Without real ones, the points between which it lies are
//! 2,000 made-up ones whose spectrum falls as `1 / (1 + i / 50)`. Queries are drawn in the same way
//! and are not among the descriptors. Everything follows from the seed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use eyrie_chip::Random;
use rayon::prelude::*;

use eyrie_terminal::{CliError, Progress};

/// What is in the index at first.
pub(super) const BASE: &str = "base.f32";
/// What is looked for.
pub(super) const QUERIES: &str = "queries.f32";
/// What is added later: half as many.
pub(super) const EXTRA: &str = "extra.f32";

/// Neighbours of a real descriptor that others are put between.
const NEIGHBOURS: usize = 10;
/// Length of the noise, in distances between the two real ones.
const NOISE: f32 = 0.35;
/// Copies of one picture are as good as one point.
const SAME: f32 = 0.9999;
const MADE_UP: usize = 2000;
const SEED: u64 = 1;

/// How many of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) count: usize,
    pub(super) queries: usize,
    pub(super) dimension: usize,
}

/// What descriptors are drawn between.
pub(super) enum Source {
    Real(Vec<Vec<f32>>),
    MadeUp,
}

/// What is wrong with a file or a folder, as the error of the command.
pub(super) fn failed(what: &Path) -> impl Fn(std::io::Error) -> CliError {
    let what = what.display().to_string();
    move |error| CliError::Failed(format!("{what}: {error}"))
}

/// Whether the folder holds what is wanted.
///
/// # Errors
/// [`CliError::Usage`] where it holds something else.
pub(super) fn is_there(work: &Path, wanted: &Wanted) -> Result<bool, CliError> {
    let size = |name: &str| fs::metadata(work.join(name)).map(|file| file.len()).ok();
    let bytes = |count: usize| Some((count * wanted.dimension * 4) as u64);
    match (size(BASE), size(QUERIES)) {
        (None, _) => Ok(false),
        (base, queries) if base == bytes(wanted.count) && queries == bytes(wanted.queries) => Ok(true),
        _ => Err(CliError::Usage(format!(
            "{} holds another number of descriptors than {} and {} queries of {} values: name those, or another folder",
            work.display(),
            wanted.count,
            wanted.queries,
            wanted.dimension
        ))),
    }
}

/// Descriptors of a file of little-endian 32-bit floats.
///
/// # Errors
/// [`CliError`]: it cannot be read, or is not made of such rows.
pub(super) fn read(path: &Path, dimension: usize) -> Result<Vec<Vec<f32>>, CliError> {
    let bytes = fs::read(path).map_err(failed(path))?;
    let row = dimension * 4;
    if bytes.is_empty() || !bytes.len().is_multiple_of(row) {
        return Err(CliError::Usage(format!("{} is not made of rows of {dimension} 32-bit floats", path.display())));
    }
    let values = |row: &[u8]| row.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    Ok(bytes.chunks_exact(row).map(values).collect())
}

/// Draws what is wanted into the folder.
///
/// # Errors
/// [`CliError`]: too few real ones, or no room.
pub(super) fn draw(work: &Path, wanted: &Wanted, source: Source) -> Result<(), CliError> {
    let mut random = Random::new(SEED);
    let dimension = wanted.dimension;
    let real: Vec<Vec<f32>> = match source {
        Source::Real(real) => real.into_iter().map(unit).collect(),
        Source::MadeUp => (0..MADE_UP).map(|_| made_up(dimension, &mut random)).collect(),
    };
    let near = neighbours(&real);
    let drawn_between: Vec<usize> = (0..real.len()).filter(|n| !near[*n].is_empty()).collect();
    if drawn_between.is_empty() {
        return Err(CliError::Failed("there are not two different descriptors to draw others between".to_owned()));
    }
    let mut one = |values: &mut Vec<f32>| {
        let n = drawn_between[random.below(drawn_between.len())];
        let m = near[n][random.below(near[n].len())];
        let (share, distance) = (random.uniform() as f32, (2.0 - 2.0 * dot(&real[n], &real[m])).max(0.0).sqrt());
        let deviation = NOISE * distance / (dimension as f32).sqrt();
        values.clear();
        values.extend(real[n].iter().zip(&real[m]).map(|(a, b)| a + share * (b - a) + deviation * random.normal()));
        let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        values.iter_mut().for_each(|v| *v /= norm);
    };
    fs::create_dir_all(work).map_err(failed(work))?;
    let progress = Progress::start("drawing", wanted.count + wanted.queries + wanted.count / 2);
    let mut values = Vec::new();
    // The one whose presence says that all is there comes last.
    for (name, count) in [(EXTRA, wanted.count / 2), (QUERIES, wanted.queries), (BASE, wanted.count)] {
        let (aside, path) = (work.join(format!("{name}.part")), work.join(name));
        let mut file = BufWriter::new(File::create(&aside).map_err(failed(&aside))?);
        for _ in 0..count {
            one(&mut values);
            for value in &values {
                file.write_all(&value.to_le_bytes()).map_err(failed(&aside))?;
            }
            progress.step();
        }
        file.flush().and_then(|()| fs::rename(&aside, &path)).map_err(failed(&path))?;
    }
    progress.end();
    Ok(())
}

fn made_up(dimension: usize, random: &mut Random) -> Vec<f32> {
    unit((0..dimension).map(|i| random.normal() / (1.0 + i as f32 / 50.0)).collect())
}

/// The nearest others of each, copies left out.
fn neighbours(real: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let nearest = |n: usize| -> Vec<usize> {
        let scores = real.iter().enumerate().filter(|(m, _)| *m != n).map(|(m, other)| (dot(&real[n], other), m));
        let mut others: Vec<(f32, usize)> = scores.filter(|(score, _)| *score < SAME).collect();
        others.sort_by(|a, b| b.0.total_cmp(&a.0));
        others.into_iter().take(NEIGHBOURS).map(|(_, m)| m).collect()
    };
    (0..real.len()).into_par_iter().map(nearest).collect()
}

fn unit(mut values: Vec<f32>) -> Vec<f32> {
    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    values.iter_mut().for_each(|v| *v /= norm);
    values
}

/// In sixteen sums, which the compiler makes vector instructions of.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        (0..16).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_of_unit_norm_near_real_ones_and_the_same_each_time() {
        let dir = tempfile::tempdir().expect("folder");
        let wanted = Wanted { count: 200, queries: 20, dimension: 24 };
        let mut random = Random::new(5);
        let real: Vec<Vec<f32>> = (0..50).map(|_| made_up(24, &mut random)).collect();
        let [first, second] = ["first", "second"].map(|name| dir.path().join(name));
        for folder in [&first, &second] {
            assert!(!is_there(folder, &wanted).expect("looked at"));
            draw(folder, &wanted, Source::Real(real.clone())).expect("drawn");
            assert!(is_there(folder, &wanted).expect("looked at"));
        }
        for (name, count) in [(BASE, 200), (QUERIES, 20), (EXTRA, 100)] {
            let drawn = read(&first.join(name), 24).expect("readable");
            assert_eq!(drawn, read(&second.join(name), 24).expect("readable"));
            assert_eq!(drawn.len(), count);
            for one in &drawn {
                assert!((dot(one, one) - 1.0).abs() < 1e-5);
                // Half way between two neighbours is never farther from both than they are apart.
                assert!(real.iter().any(|other| dot(one, other) > 0.6));
            }
        }
        let other = Wanted { count: 300, ..wanted };
        assert!(matches!(is_there(&first, &other), Err(CliError::Usage(_))));
    }

    #[test]
    fn copies_alone_are_nothing_to_draw_between() {
        let dir = tempfile::tempdir().expect("folder");
        let wanted = Wanted { count: 10, queries: 1, dimension: 2 };
        let same = Source::Real(vec![vec![1.0, 0.0]; 3]);
        assert!(matches!(draw(dir.path(), &wanted, same), Err(CliError::Failed(_))));
    }
}
