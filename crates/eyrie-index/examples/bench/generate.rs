//! Vectors like those of pictures.
//!
//! From real descriptors (`--real`, rows of little-endian `f32`): a vector is a point between a real
//! one and one of its ten nearest neighbours, plus noise of 0.35 of the distance between the two,
//! scaled to unit norm. So local density, dimension and clusters are those of the real ones. Without
//! real ones: around 1 of 2,000 centres, all with a spectrum that falls as `1 / (1 + i / 50)`.
//! Queries are drawn in the same way and are not among the vectors. Everything follows from the
//! seed.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::options::Options;

/// Neighbours of a real vector that points are put between.
const NEIGHBOURS: usize = 10;
/// Length of the noise, in distances between the two real vectors.
const NOISE: f32 = 0.35;
const CENTRES: usize = 2000;

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn uniform(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 16_777_216.0
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Near a normal distribution: a sum of four uniform ones, with variance 1.
    fn normal(&mut self) -> f32 {
        let bits = self.bits();
        let sum: u32 = (0..4).map(|i| (bits >> (16 * i) & 0xffff) as u32).sum();
        (sum as f32 / 65_536.0 - 2.0) * 3.0_f32.sqrt()
    }
}

fn unit(mut values: Vec<f32>) -> Vec<f32> {
    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    values.iter_mut().for_each(|v| *v /= norm);
    values
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.as_chunks::<16>().0, b.as_chunks::<16>().0);
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        (0..16).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    sums.iter().sum()
}

pub(crate) fn read(path: &Path, dimension: usize) -> Vec<Vec<f32>> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    values.chunks_exact(dimension).map(<[f32]>::to_vec).collect()
}

fn synthetic(dimension: usize, random: &mut Random) -> Vec<Vec<f32>> {
    let spectrum: Vec<f32> = (0..dimension).map(|i| 1.0 / (1.0 + i as f32 / 50.0)).collect();
    (0..CENTRES).map(|_| unit(spectrum.iter().map(|s| s * random.normal()).collect())).collect()
}

pub(crate) fn generate(options: &Options) {
    let dimension = options.number("dimension", 768);
    let folder = Path::new(options.text("out").expect("--out"));
    let mut random = Random(options.number("seed", 1));
    let real = match options.text("real") {
        Some(path) => read(Path::new(path), dimension).into_iter().map(unit).collect(),
        None => synthetic(dimension, &mut random),
    };
    let neighbours: Vec<Vec<usize>> = real
        .iter()
        .enumerate()
        .map(|(n, v)| {
            let mut others: Vec<(f32, usize)> =
                real.iter().enumerate().filter(|(m, _)| *m != n).map(|(m, w)| (dot(v, w), m)).collect();
            // Copies of one picture are as good as one point.
            others.retain(|(score, _)| *score < 0.9999);
            others.sort_by(|a, b| b.0.total_cmp(&a.0));
            others.into_iter().take(NEIGHBOURS).map(|(_, m)| m).collect()
        })
        .collect();
    fs::create_dir_all(folder).expect("a folder");
    let mut write = |name: &str, count: usize| {
        let mut file = BufWriter::new(File::create(folder.join(name)).expect("a file"));
        for _ in 0..count {
            let n = random.below(real.len());
            let m = neighbours[n][random.below(neighbours[n].len())];
            let (share, distance) = (random.uniform(), (2.0 - 2.0 * dot(&real[n], &real[m])).max(0.0).sqrt());
            let deviation = NOISE * distance / (dimension as f32).sqrt();
            let values = real[n].iter().zip(&real[m]);
            let values = values.map(|(a, b)| a + share * (b - a) + deviation * random.normal()).collect();
            for value in unit(values) {
                file.write_all(&value.to_le_bytes()).expect("room on the disk");
            }
        }
        file.flush().expect("room on the disk");
    };
    write("base.f32", options.number("count", 100_000));
    write("queries.f32", options.number("queries", 1000));
}
