//! What is proven of a layer when it is packed, and the constants that follow.
//!
//! Sums are taken modulo 2^32, where additions in whatever order are exact; so it does not matter what an intermediate sum is
//! (`vpdpbusd`, `sdot` and the additions wrap around). What must hold:
//!
//! 1. transformed inputs are bytes: a fact of the algebra for activations of at most 31, tested there;
//! 2. transformed weights are signed bytes: 9 or 18 times the largest level at most, else looked up in the codes themselves;
//! 3. the result, 4 or 8 times the direct sum, fits 32 bits signed, so that the shift that follows gives the direct sum;
//! 4. where products are added in 16 bits (AVX2), no such sum leaves them: the runs are cut so.

use crate::arith::{ACTIVATION_MAX, accumulator_bound};
use crate::params::ConvParams;
use crate::winograd::algebra::{MOST_PLACES, TILE_ROWS, Tile, outputs, weights};

/// The largest transformed input of a narrow tile with its offset; the least is 0.
#[cfg(any(target_arch = "x86_64", test))]
pub(crate) const NARROW_INPUT_MAX: u8 = 126;

/// What the offsets of the transformed inputs add to each output of a tile, taken away again: to be added to the sums before they
/// are shifted, `[tile row][tile column][output channel]`. `None` where the sums cannot be computed with such tiles.
pub(crate) fn corrections(params: &ConvParams, tile: Tile) -> Option<Vec<i32>> {
    match tile {
        Tile::Narrow => corrections_of::<false>(params),
        Tile::Wide => corrections_of::<true>(params),
    }
}

fn corrections_of<const WIDE: bool>(params: &ConvParams) -> Option<Vec<i32>> {
    let tile = Tile::of(WIDE);
    if params.input_max() > ACTIVATION_MAX || !weights_are_bytes::<WIDE>(params) {
        return None;
    }
    let mut corrections = vec![0; TILE_ROWS * tile.width() * params.cout];
    for (channel, codes) in params.codes.chunks_exact(9 * params.cin).enumerate() {
        let level = |code: &u8| params.codebook[usize::from(*code)];
        let bound = accumulator_bound(codes.iter().map(level), params.input_max());
        if bound << tile.shift() > i64::from(i32::MAX) {
            return None;
        }
        // The transform is linear: the sums of its places over the inputs are the transform of the sums.
        let mut sums = [[0i64; 3]; 3];
        for (tap, codes) in codes.chunks_exact(params.cin).enumerate() {
            sums[tap / 3][tap % 3] = codes.iter().map(|code| i64::from(level(code))).sum();
        }
        let mut offsets = weights::<WIDE, i64>(sums);
        for (place, sum) in offsets.iter_mut().enumerate() {
            *sum *= i64::from(tile.offset(place));
        }
        for (row, columns) in outputs::<WIDE, i64>(offsets).into_iter().enumerate() {
            for (column, sum) in columns.into_iter().take(tile.width()).enumerate() {
                // Modulo 2^32, like the sums that it is added to.
                corrections[(row * tile.width() + column) * params.cout + channel] = sum.wrapping_neg() as i32;
            }
        }
    }
    Some(corrections)
}

/// Whether every transformed weight of the layer is a signed byte.
fn weights_are_bytes<const WIDE: bool>(params: &ConvParams) -> bool {
    let largest = params.codebook.into_iter().map(|level| i32::from(level).abs()).max().unwrap_or(0);
    if largest * if WIDE { 18 } else { 9 } <= i32::from(i8::MAX) {
        return true;
    }
    let cin = params.cin;
    params.codes.chunks_exact(9 * cin).all(|codes| {
        (0..cin).all(|input| {
            let level = |tap: usize| i32::from(params.codebook[usize::from(codes[tap * cin + input])]);
            let window = [0, 1, 2].map(|ky| [0, 1, 2].map(|kx| level(3 * ky + kx)));
            let transformed: [i32; MOST_PLACES] = weights::<WIDE, i32>(window);
            transformed[..Tile::of(WIDE).places()].iter().all(|&weight| i8::try_from(weight).is_ok())
        })
    })
}

#[cfg(target_arch = "x86_64")]
pub(crate) use runs::runs;

#[cfg(target_arch = "x86_64")]
mod runs {
    use std::array;
    use std::ops::{Add, Sub};

    use super::NARROW_INPUT_MAX;
    use crate::pack::{BLOCK, PackedConv};
    use crate::winograd::algebra::{Tile, weights};

    /// Output channels whose runs are the same.
    const PART: usize = BLOCK / 2;

    /// The most that transformed weights of one sign may add up to under inputs of at most [`NARROW_INPUT_MAX`]: 260.
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

    /// What a group of four inputs adds to the 16-bit lanes of half a block: for both pairs of inputs the positive weights and the
    /// negated negative ones.
    type Added = [[i16; PART]; 4];

    /// How many sums of two products fit a signed 16-bit lane one after the other, whatever the inputs and wherever among the
    /// groups of four inputs one begins: `[block][half][place]`, for narrow tiles whose weights are signed bytes.
    ///
    /// One number for a place rather than runs as long as each may be: a loop whose length the processor can foresee is worth more
    /// than the few sums that it saves.
    pub(crate) fn runs(conv: &PackedConv) -> Vec<u16> {
        let (places, groups) = (Tile::Narrow.places(), conv.cin / 4);
        let mut added = vec![[[0; PART]; 4]; 2 * places * groups];
        let mut runs = Vec::with_capacity(conv.blocks() * 2 * places);
        for block in 0..conv.blocks() {
            for group in 0..groups {
                let four: [_; 4] = array::from_fn(|input| {
                    let lanes = |tap: usize| Lanes(conv.group_levels(block, tap, group, input));
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
        use crate::params::{ConvParams, SoundConv};

        /// Two products of the largest input and the most negative weight, the largest sum of a pair, fit.
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
                // A window of one level: an outer row or column doubles it, the second adds three of it, the third leaves one.
                let factor = |at: usize| [2, 3, 1, 2][at];
                let weight = 3 * factor([1, 0, 2, 3][place % 4]) * factor(place / 4);
                assert_eq!(all.run(1, 1, place), (260 / (2 * weight)).min(16), "place {place}");
            }
            // Weights of zero never fill a lane.
            assert_eq!(packed([-1, 0, 1, 2], |_| 1).run(0, 0, 5), 16);
        }

        #[test]
        fn the_worst_stretch_of_the_inputs_decides() {
            // Only the inputs 20 to 39 of one output channel of the second block's second half have weights.
            let one = packed([-1, 0, 3, 7], |at| {
                let (channel, input) = (at / (9 * 64), at % 64);
                if channel == 55 && (20..40).contains(&input) { 3 } else { 1 }
            });
            // 63 for every input at the place of all sums: two pairs fit.
            assert_eq!((one.run(1, 1, 4), one.run(1, 0, 4), one.run(0, 1, 4)), (2, 16, 16));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(cin: usize, codebook: [i8; 4]) -> ConvParams {
        let codes = (0..9 * cin * 64).map(|i| ((i * 7 + i / 9) % 4) as u8).collect();
        ConvParams {
            name: "conv".into(),
            cin,
            cout: 64,
            codebook,
            codes,
            multiplier: vec![1; 64],
            shift: 1,
            bias: vec![0; 64],
            output_scale: 1.0,
            pool: false,
        }
    }

    #[test]
    fn levels_up_to_seven_are_always_proven_for_wide_tiles_and_up_to_fourteen_for_narrow_ones() {
        for (level, narrow, wide) in
            [(3, true, true), (7, true, true), (8, true, false), (14, true, false), (15, false, false)]
        {
            // The windows whose transforms are the largest: of one sign, and with a first column of the other.
            let mut params = params(64, [-level, -1, 1, level]);
            params.codes[..9 * 64].fill(3);
            for tap in 0..9 {
                params.codes[(9 + tap) * 64..][..64].fill(if tap % 3 == 0 { 0 } else { 3 });
            }
            assert_eq!(corrections(&params, Tile::Narrow).is_some(), narrow, "{level}");
            assert_eq!(corrections(&params, Tile::Wide).is_some(), wide, "{level}");
        }
    }

    #[test]
    fn higher_levels_are_proven_where_the_codes_themselves_stay_small() {
        // Only the levels 0 and 1 are used.
        let mut params = params(64, [-128, 0, 1, 127]);
        params.codes.iter_mut().for_each(|code| *code = 1 + *code % 2);
        assert!(corrections(&params, Tile::Wide).is_some());
        // One window of the highest level is enough to refuse.
        params.codes[4711] = 3;
        assert!(corrections(&params, Tile::Wide).is_none() && corrections(&params, Tile::Narrow).is_none());
    }

    #[test]
    fn images_and_sums_that_a_shift_would_not_fit_are_refused() {
        assert_eq!(corrections(&params(3, [-3, -1, 1, 3]), Tile::Narrow), None, "inputs of a byte");
        // 9 * 31 * 7 * cin * 8 passes 2^31 at 137,500 inputs; all levels of one sign.
        let mut wide = params(137_536, [4, 5, 6, 7]);
        wide.codes.fill(3);
        assert!(corrections(&wide, Tile::Narrow).is_some());
        assert_eq!(corrections(&wide, Tile::Wide), None);
    }
}
