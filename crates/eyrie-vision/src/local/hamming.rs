//! Hamming distances from one descriptor to many.

use pulp::{Arch, NullaryFnOnce};

/// Descriptors of 256 bits, word by word, so that a pass over them is a pass over four plain
/// arrays.
#[derive(Debug, Default)]
pub(super) struct Descriptors([Vec<u64>; 4]);

impl Descriptors {
    pub(super) fn new(descriptors: impl Iterator<Item = [u64; 4]> + Clone) -> Self {
        Self(std::array::from_fn(|word| descriptors.clone().map(|bits| bits[word]).collect()))
    }

    /// How many bits of each differ from `bits`, 0 to 256, to `out`, in order; and the smallest of
    /// them.
    pub(super) fn distances(&self, bits: [u64; 4], out: &mut Vec<u16>) -> u16 {
        out.clear();
        out.resize(self.0[0].len(), 0);
        let words = self.0.each_ref().map(Vec::as_slice);
        Arch::new().dispatch(Count { words, bits, out })
    }
}

/// The places of the distances of at most `limit`, in order.
pub(super) fn within(limit: u16, distances: &[u16]) -> impl Iterator<Item = usize> {
    // Most chunks have none, which is seen at once.
    const CHUNK: usize = 32;
    let near = move |chunk: &[u16]| chunk.iter().fold(false, |near, &distance| near | (distance <= limit));
    distances.chunks(CHUNK).enumerate().filter(move |(_, chunk)| near(chunk)).flat_map(move |(number, chunk)| {
        let places = chunk.iter().enumerate().filter(move |(_, distance)| **distance <= limit);
        places.map(move |(place, _)| number * CHUNK + place)
    })
}

/// The operands of [`count`], compiled for the CPU at hand: the least one of x86-64 has no
/// instruction that counts bits.
struct Count<'a> {
    words: [&'a [u64]; 4],
    bits: [u64; 4],
    out: &'a mut [u16],
}

impl NullaryFnOnce for Count<'_> {
    type Output = u16;

    #[inline(always)]
    fn call(self) -> u16 {
        count(self.words, self.bits, self.out)
    }
}

/// A loop that the compiler turns into the vectors of whatever CPU it is compiled for.
#[inline(always)]
fn count([a, b, c, d]: [&[u64]; 4], bits: [u64; 4], out: &mut [u16]) -> u16 {
    for (out, ((a, b), (c, d))) in out.iter_mut().zip(a.iter().zip(b).zip(c.iter().zip(d))) {
        let ones = (a ^ bits[0]).count_ones()
            + (b ^ bits[1]).count_ones()
            + (c ^ bits[2]).count_ones()
            + (d ^ bits[3]).count_ones();
        *out = ones as u16;
    }
    out.iter().fold(u16::MAX, |smallest, &distance| smallest.min(distance))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            let mut out = vec![7; 3];
            let smallest = expected.iter().copied().min().unwrap_or(u16::MAX);
            prop_assert_eq!(columns.distances(bits, &mut out), smallest);
            prop_assert_eq!(&out, &expected);
            // What another CPU would run.
            out.fill(0);
            prop_assert_eq!(count(columns.0.each_ref().map(Vec::as_slice), bits, &mut out), smallest);
            prop_assert_eq!(&out, &expected);
        }

        #[test]
        fn those_within_a_limit_are_found_in_order(distances in prop::collection::vec(0u16..=256, 0..100), limit in 0u16..=256) {
            let expected: Vec<usize> = (0..distances.len()).filter(|&i| distances[i] <= limit).collect();
            prop_assert_eq!(within(limit, &distances).collect::<Vec<_>>(), expected);
        }
    }
}
