//! A small seeded generator: the quantiser's samples must be the same in every run and with every library version.

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0 (inclusive) to 1 (exclusive).
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `low` (inclusive) to `high` (exclusive).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.uniform() * (high - low)
    }

    /// Nearly normal, mean 0 and deviation 1: the sum of twelve uniform values less six. Good enough for noise.
    pub(super) fn normal(&mut self) -> f32 {
        ((0..12).map(|_| self.uniform()).sum::<f64>() - 6.0) as f32
    }
}

/// `count` of `positions` positions, rising, each once: one from each of `count` equal stretches. All when there are no more.
pub(super) fn sample_positions(positions: usize, count: usize, seed: u64) -> Vec<usize> {
    if count >= positions {
        return (0..positions).collect();
    }
    let mut random = Random::new(seed);
    (0..count)
        .map(|stretch| {
            let (start, end) = (stretch * positions / count, (stretch + 1) * positions / count);
            start + (random.next() % (end - start) as u64) as usize
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampled_positions_are_distinct_and_repeatable() {
        let first = sample_positions(1000, 300, 7);
        assert_eq!(first, sample_positions(1000, 300, 7));
        assert_ne!(first, sample_positions(1000, 300, 8));
        assert!(first.windows(2).all(|pair| pair[0] < pair[1]) && first.len() == 300 && first[299] < 1000);
        assert_eq!(sample_positions(5, 9, 7), [0, 1, 2, 3, 4]);
    }
}
