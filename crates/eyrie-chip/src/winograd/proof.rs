//! What is proven of a layer when it is packed, and the constants that follow.
//!
//! Sums are taken modulo 2^32, where additions in whatever order are exact; so it does not matter
//! what an intermediate sum is (`vpdpbusd`, `sdot` and the additions wrap around). What must hold:
//!
//! 1. transformed inputs are bytes: a fact of the algebra for activations of at most 31, tested
//!    there;
//! 2. transformed weights are signed bytes: 9 or 18 times the largest level at most, else looked up
//!    in the codes themselves;
//! 3. the result, 4 or 8 times the direct sum, fits 32 bits signed, so that the shift that follows
//!    gives the direct sum;
//! 4. where products are added in 16 bits (AVX2), no such sum leaves them: the runs are cut so.

use crate::arith::{ACTIVATION_MAX, accumulator_bound};
use crate::params::ConvParams;
use crate::winograd::algebra::{MOST_PLACES, TILE_ROWS, Tile, outputs, weights};

/// The largest transformed input of a narrow tile with its offset; the least is 0.
#[cfg(any(target_arch = "x86_64", test))]
pub(crate) const NARROW_INPUT_MAX: u8 = 126;

/// What the offsets of the transformed inputs add to each output of a tile, taken away again: to be
/// added to the sums before they are shifted, `[tile row][tile column][output channel]`; for each
/// of [`Tile::ALL`]. `None` where the sums cannot be computed with such tiles.
pub(crate) fn corrections(params: &ConvParams) -> [Option<Vec<i32>>; 2] {
    if params.input_max() > ACTIVATION_MAX {
        return [None, None];
    }
    let channels: Vec<Channel> =
        params.codes.chunks_exact(9 * params.cin).map(|codes| Channel::new(params, codes)).collect();
    [corrections_of::<false>(params, &channels), corrections_of::<true>(params, &channels)]
}

/// What both tiles need of an output channel.
struct Channel {
    /// See [`accumulator_bound`].
    bound: i64,
    /// The sum of the levels of each tap.
    sums: [[i64; 3]; 3],
}

impl Channel {
    fn new(params: &ConvParams, codes: &[u8]) -> Self {
        let level = |code: &u8| params.codebook[usize::from(*code)];
        let mut sums = [[0; 3]; 3];
        for (tap, codes) in codes.chunks_exact(params.cin).enumerate() {
            sums[tap / 3][tap % 3] = codes.iter().map(|code| i64::from(level(code))).sum();
        }
        Self { bound: accumulator_bound(codes.iter().map(level), params.input_max()), sums }
    }
}

fn corrections_of<const WIDE: bool>(params: &ConvParams, channels: &[Channel]) -> Option<Vec<i32>> {
    let tile = Tile::of(WIDE);
    let fits = |channel: &Channel| channel.bound << tile.shift() <= i64::from(i32::MAX);
    if !channels.iter().all(fits) || !weights_are_bytes::<WIDE>(params) {
        return None;
    }
    let mut corrections = vec![0; TILE_ROWS * tile.width() * params.cout];
    for (channel, &Channel { sums, .. }) in channels.iter().enumerate() {
        // The transform is linear: the sums of its places over the inputs are the transform of the
        // sums.
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
            // The windows whose transforms are the largest: of one sign, and with a first column of
            // the other.
            let mut params = params(64, [-level, -1, 1, level]);
            params.codes[..9 * 64].fill(3);
            for tap in 0..9 {
                params.codes[(9 + tap) * 64..][..64].fill(if tap % 3 == 0 { 0 } else { 3 });
            }
            assert_eq!(corrections(&params)[Tile::Narrow as usize].is_some(), narrow, "{level}");
            assert_eq!(corrections(&params)[Tile::Wide as usize].is_some(), wide, "{level}");
        }
    }

    #[test]
    fn higher_levels_are_proven_where_the_codes_themselves_stay_small() {
        // Only the levels 0 and 1 are used.
        let mut params = params(64, [-128, 0, 1, 127]);
        params.codes.iter_mut().for_each(|code| *code = 1 + *code % 2);
        assert!(corrections(&params)[Tile::Wide as usize].is_some());
        // One window of the highest level is enough to refuse.
        params.codes[4711] = 3;
        assert!(
            corrections(&params)[Tile::Wide as usize].is_none()
                && corrections(&params)[Tile::Narrow as usize].is_none()
        );
    }

    #[test]
    fn images_and_sums_that_a_shift_would_not_fit_are_refused() {
        assert_eq!(corrections(&params(3, [-3, -1, 1, 3]))[Tile::Narrow as usize], None, "inputs of a byte");
        // 9 * 31 * 7 * cin * 8 passes 2^31 at 137,500 inputs; all levels of one sign.
        let mut wide = params(137_536, [4, 5, 6, 7]);
        wide.codes.fill(3);
        assert!(corrections(&wide)[Tile::Narrow as usize].is_some());
        assert_eq!(corrections(&wide)[Tile::Wide as usize], None);
    }
}
