//! Vectors that are the same on every run, and the plainest index there is.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;

use crate::ranking::TopK;
use crate::{Index, Neighbor, Params, cosines};

pub(crate) const PARAMS: Params = Params { m: 8, ef_construction: 48, ef_search: 48, exact_below: 100, threads: 2 };

/// The score that answers have: a sum in order, cut to [-1, 1].
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    dot.clamp(-1.0, 1.0) as f32
}

#[allow(clippy::cast_possible_truncation)]
pub(crate) fn unit(mut values: Vec<f32>) -> Vec<f32> {
    let norm = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
    values.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
    values
}

pub(crate) fn index(dimension: usize, params: Params) -> Index {
    Index::temporary(dimension, params, cosines).expect("valid")
}

/// Uniform in [-1, 1).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn next(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    pub(crate) fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.next()).collect()
    }

    pub(crate) fn unit(&mut self, dimension: usize) -> Vec<f32> {
        self.unit_of_power(dimension, 1)
    }

    /// The higher the power, the fewer values hold most of the norm.
    pub(crate) fn unit_of_power(&mut self, dimension: usize, power: i32) -> Vec<f32> {
        let mut values: Vec<f32> = self.vector(dimension).iter().map(|v| v.powi(power)).collect();
        values[0] += 1e-3;
        unit(values)
    }
}

/// `count` vectors around 50 centres.
pub(crate) fn clustered(count: usize, dimension: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut centres = Random(12345);
    let centres: Vec<_> = (0..50).map(|_| centres.vector(dimension)).collect();
    let mut random = Random(seed);
    let mut around = |i: usize| unit(centres[i % 50].iter().map(|c| c + 0.4 * random.next()).collect());
    (0..count).map(&mut around).collect()
}

/// With keys from 0.
pub(crate) fn numbered(vectors: Vec<Vec<f32>>) -> Vec<(u64, Vec<f32>)> {
    (0..).zip(vectors).collect()
}

/// As an index takes them.
pub(crate) fn borrowed(points: &[(u64, Vec<f32>)]) -> Vec<(u64, &[f32])> {
    points.iter().map(|(key, values)| (*key, values.as_slice())).collect()
}

/// The exact scan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flat(pub(crate) BTreeMap<u64, Vec<f32>>);

impl Flat {
    pub(crate) fn upsert(&mut self, points: &[(u64, Vec<f32>)]) {
        self.0.extend(points.iter().cloned());
    }

    pub(crate) fn remove(&mut self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }

    pub(crate) fn search(&self, query: &[f32], k: usize, allowed: Option<&RoaringTreemap>) -> Vec<Neighbor> {
        let mut top = TopK::new(k);
        for (&key, values) in &self.0 {
            if allowed.is_none_or(|set| set.contains(key)) {
                top.push(cosine(query, values), key);
            }
        }
        top.into_neighbors()
    }
}
