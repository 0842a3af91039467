//! Hamming distances from one descriptor to many.

use pulp::{Arch, NullaryFnOnce};

#[cfg(target_arch = "x86_64")]
pulp::simd_type! {
    /// Vectors of 512 bits, whose bits are counted by one instruction.
    struct CountingVectors {
        avx2: "avx2",
        bmi2: "bmi2",
        popcnt: "popcnt",
        avx512f: "avx512f",
        avx512bw: "avx512bw",
        avx512dq: "avx512dq",
        avx512vl: "avx512vl",
        avx512vpopcntdq: "avx512vpopcntdq",
    }
}

/// Runs `work` as compiled for the CPU at hand: the least one of x86-64 has no instruction that
/// counts bits. What it calls must be inlined into it.
pub(super) fn dispatch<W: NullaryFnOnce>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(vectors) = CountingVectors::try_new() {
        return vectors.vectorize(work);
    }
    Arch::new().dispatch(work)
}

/// Descriptors of 256 bits, word by word, so that a pass over them is a pass over four plain
/// arrays.
#[derive(Debug, Default)]
pub(super) struct Descriptors([Vec<u64>; 4]);

impl Descriptors {
    pub(super) fn new(descriptors: impl Iterator<Item = [u64; 4]> + Clone) -> Self {
        Self(std::array::from_fn(|word| descriptors.clone().map(|bits| bits[word]).collect()))
    }

    /// How many bits of each differ from `bits`, 0 to 256, to `out`, in order; and the smallest of
    /// them. A loop that the compiler turns into the vectors of whatever CPU it is compiled for,
    /// see [`dispatch`].
    #[inline(always)]
    pub(super) fn distances(&self, bits: [u64; 4], out: &mut Vec<u16>) -> u16 {
        let [a, b, c, d] = self.0.each_ref().map(Vec::as_slice);
        out.resize(a.len(), 0);
        for (out, ((a, b), (c, d))) in out.iter_mut().zip(a.iter().zip(b).zip(c.iter().zip(d))) {
            // As wide as the words, so that nothing is narrowed before the sum is.
            let ones = |word: u64, bits: u64| u64::from((word ^ bits).count_ones());
            *out = (ones(*a, bits[0]) + ones(*b, bits[1]) + ones(*c, bits[2]) + ones(*d, bits[3])) as u16;
        }
        out.iter().fold(u16::MAX, |smallest, &distance| smallest.min(distance))
    }
}

/// Of each of some descriptors the nearest of those that it was compared with: its distance in the
/// upper half, its number in the lower one.
pub(super) struct Nearest(Vec<u32>);

impl Nearest {
    /// Of so many descriptors.
    pub(super) fn new(descriptors: usize) -> Self {
        Self(vec![u32::MAX; descriptors])
    }

    /// Takes note of the distances of one more to each of them; of several that are equally near
    /// the one with the smallest number counts.
    #[inline(always)]
    pub(super) fn note(&mut self, number: u16, distances: &[u16]) {
        for (nearest, &distance) in self.0.iter_mut().zip(distances) {
            *nearest = (*nearest).min(u32::from(distance) << 16 | u32::from(number));
        }
    }

    /// The number of that which is nearest to the one at `place`.
    pub(super) fn to(&self, place: usize) -> u16 {
        self.0[place] as u16
    }
}

/// The first place of a distance of at most `limit` that is wanted.
#[inline(always)]
pub(super) fn find_within(limit: u16, distances: &[u16], mut is_wanted: impl FnMut(usize) -> bool) -> Option<usize> {
    // Most chunks have none, which is seen at once.
    const CHUNK: usize = 32;
    for (number, chunk) in distances.chunks(CHUNK).enumerate() {
        if !chunk.iter().fold(false, |near, &distance| near | (distance <= limit)) {
            continue;
        }
        for (place, &distance) in chunk.iter().enumerate() {
            let place = number * CHUNK + place;
            if distance <= limit && is_wanted(place) {
                return Some(place);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Distances<'a> {
        columns: &'a Descriptors,
        bits: [u64; 4],
        out: &'a mut Vec<u16>,
    }

    impl NullaryFnOnce for Distances<'_> {
        type Output = u16;

        #[inline(always)]
        fn call(self) -> u16 {
            self.columns.distances(self.bits, self.out)
        }
    }

    proptest! {
        #[test]
        fn distances_count_the_bits_that_differ(
            descriptors in prop::collection::vec(any::<[u64; 4]>(), 0..70), bits in any::<[u64; 4]>(),
        ) {
            let differing = |other: &[u64; 4]| {
                (0..256).filter(|bit| (other[bit / 64] ^ bits[bit / 64]) >> (bit % 64) & 1 == 1).count() as u16
            };
            let expected: Vec<u16> = descriptors.iter().map(differing).collect();
            let columns = Descriptors::new(descriptors.iter().copied());
            let smallest = expected.iter().copied().min().unwrap_or(u16::MAX);
            // As compiled for the least CPU, for one of its kind and for this one.
            let arch = Arch::new();
            let ways: [&dyn Fn(Distances<'_>) -> u16; 3] = [&|work| work.call(), &|work| arch.dispatch(work), &|work| dispatch(work)];
            for way in ways {
                let mut out = vec![7; 3];
                prop_assert_eq!(way(Distances { columns: &columns, bits, out: &mut out }), smallest);
                prop_assert_eq!(&out, &expected);
            }
        }

        #[test]
        fn the_first_of_the_nearest_is_noted(rows in prop::collection::vec(prop::collection::vec(0u16..=256, 9), 1..20)) {
            let mut nearest = Nearest::new(9);
            for (number, row) in (0..).zip(&rows) {
                nearest.note(number, row);
            }
            for place in 0..9 {
                let expected = (0..rows.len()).min_by_key(|&i| rows[i][place]);
                prop_assert_eq!(Some(usize::from(nearest.to(place))), expected);
            }
        }

        #[test]
        fn those_within_a_limit_are_found_in_order(distances in prop::collection::vec(0u16..=256, 0..100), limit in 0u16..=256) {
            let expected: Vec<usize> = (0..distances.len()).filter(|&i| distances[i] <= limit).collect();
            let mut found = Vec::new();
            prop_assert_eq!(find_within(limit, &distances, |place| { found.push(place); false }), None);
            prop_assert_eq!(find_within(limit, &distances, |_| true), expected.first().copied());
            prop_assert_eq!(found, expected);
        }
    }
}
