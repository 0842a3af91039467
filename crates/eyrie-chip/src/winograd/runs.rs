//! How many products of narrow tiles fit 16 bits, for AVX2.

use std::array;
use std::ops::{Add, Sub};

use crate::codebook::BLOCK;
use crate::winograd::algebra::{Tile, weights};
use crate::winograd::proof::NARROW_INPUT_MAX;

/// Output channels whose runs are the same.
const PART: usize = BLOCK / 2;

/// The most that transformed weights of one sign may add up to under inputs of at most
/// [`NARROW_INPUT_MAX`]: 260.
const MOST: i16 = i16::MAX / NARROW_INPUT_MAX as i16;

/// A number for each output channel of a block.
#[derive(Clone, Copy)]
struct Lanes([i16; BLOCK]);

impl Add for Lanes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }
}

impl Sub for Lanes {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }
}

/// What a group of four inputs adds to the 16-bit lanes of half a block: for both pairs of inputs
/// the positive weights and the negated negative ones.
type Added = [[i16; PART]; 4];

/// How many sums of two products fit a signed 16-bit lane one after the other, whatever the inputs
/// and wherever among the groups of four inputs one begins: `[block][half][place]`, for narrow
/// tiles whose weights are signed bytes. `levels(block, tap, group, input)` are those of a block's
/// channels for one of the four inputs of a group.
///
/// One number for a place rather than runs as long as each may be: a loop whose length the
/// processor can foresee is worth more than the few sums that it saves.
pub(crate) fn runs(
    blocks: usize,
    groups: usize,
    levels: impl Fn(usize, usize, usize, usize) -> [i16; BLOCK],
) -> Vec<u16> {
    let places = Tile::Narrow.places();
    let mut added = vec![[[0; PART]; 4]; 2 * places * groups];
    let mut runs = Vec::with_capacity(blocks * 2 * places);
    for block in 0..blocks {
        for group in 0..groups {
            let four: [_; 4] = array::from_fn(|input| {
                let lanes = |tap: usize| Lanes(levels(block, tap, group, input));
                weights::<false, Lanes>([0, 1, 2].map(|ky| [0, 1, 2].map(|kx| lanes(3 * ky + kx))))
            });
            for half in 0..2 {
                for place in 0..places {
                    let [a, b, c, d] = [0, 1, 2, 3].map(|input| &four[input][place].0[half * PART..][..PART]);
                    let sum = |sign: i16, a: &[i16], b: &[i16]| {
                        array::from_fn(|lane| (sign * a[lane]).max(0) + (sign * b[lane]).max(0))
                    };
                    added[(half * places + place) * groups + group] =
                        [sum(1, a, b), sum(-1, a, b), sum(1, c, d), sum(-1, c, d)];
                }
            }
        }
        runs.extend(added.chunks_exact(groups).map(longest));
    }
    runs
}

/// The longest run that fits wherever it begins.
fn longest(groups: &[Added]) -> u16 {
    let mut sums = [[0; PART]; 4];
    let (mut first, mut longest) = (0, groups.len());
    for (group, added) in groups.iter().enumerate() {
        add(&mut sums, added, 1);
        // A group alone always fits: two weights of -128 add up to 256.
        while sums.as_flattened().iter().any(|&sum| sum > MOST) {
            longest = longest.min(group - first);
            add(&mut sums, &groups[first], -1);
            first += 1;
        }
    }
    u16::try_from(longest).unwrap_or(u16::MAX)
}

fn add(sums: &mut Added, added: &Added, sign: i16) {
    for (sum, added) in sums.as_flattened_mut().iter_mut().zip(added.as_flattened()) {
        *sum += sign * added;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::PackedConv;
    use crate::params::{ConvParams, SoundConv};

    /// Two products of the largest input and the most negative weight, the largest sum of a pair,
    /// fit.
    const _: () = assert!(2 * 128 <= MOST);

    fn packed(codebook: [i8; 4], code: impl Fn(usize) -> u8) -> PackedConv {
        let params = ConvParams {
            name: "conv".into(),
            cin: 64,
            cout: 64,
            codebook,
            codes: (0..9 * 64 * 64).map(code).collect(),
            multiplier: vec![1; 64],
            shift: 1,
            bias: vec![0; 64],
            output_scale: 1.0,
            pool: false,
        };
        PackedConv::new(&SoundConv::new(params).expect("sound"))
    }

    #[test]
    fn a_run_is_as_long_as_the_weights_of_its_place_allow() {
        let all = packed([-3, -1, 1, 3], |_| 3);
        for place in 0..16 {
            // A window of one level: an outer row or column doubles it, the second adds three of
            // it, the third leaves one.
            let factor = |at: usize| [2, 3, 1, 2][at];
            let weight = 3 * factor([1, 0, 2, 3][place % 4]) * factor(place / 4);
            assert_eq!(all.run(1, 1, place), (260 / (2 * weight)).min(16), "place {place}");
        }
        // Weights of zero never fill a lane.
        assert_eq!(packed([-1, 0, 1, 2], |_| 1).run(0, 0, 5), 16);
    }

    #[test]
    fn the_worst_stretch_of_the_inputs_decides() {
        // Only the inputs 20 to 39 of one output channel of the second block's second half have
        // weights.
        let one = packed([-1, 0, 3, 7], |at| {
            let (channel, input) = (at / (9 * 64), at % 64);
            if channel == 55 && (20..40).contains(&input) { 3 } else { 1 }
        });
        // 63 for every input at the place of all sums: two pairs fit.
        assert_eq!((one.run(1, 1, 4), one.run(1, 0, 4), one.run(0, 1, 4)), (2, 16, 16));
    }
}
