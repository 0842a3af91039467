//! The arithmetic of the chip, and the proof that it never overflows. Nothing else in the program
//! rounds or clamps an activation; the vector kernels repeat [`requantise`] instruction by
//! instruction and are tested to equal it.
//!
//! A layer computes, for each output channel `c` and pixel,
//!
//! ```text
//! acc = sum over the 3x3 window and the input channels of activation * level          (i32, exact)
//! out = clamp((acc * multiplier[c] + bias[c] + 2^(shift-1)) >> shift, 0, 31)           (i32, exact, floor)
//! ```
//!
//! The right shift of a negative number rounds towards minus infinity; with the added half this is
//! rounding to nearest, halves up. The clamp at zero is the ReLU.

/// The largest activation: five bits.
pub const ACTIVATION_MAX: u8 = 31;

/// The largest input of the first layer: a byte of the image.
pub const PIXEL_MAX: u8 = 255;

/// The largest multiplier: twelve bits.
pub const MULTIPLIER_MAX: u16 = 4095;

/// The largest shift of a requantisation.
pub const SHIFT_MAX: u32 = 30;

/// What the rounding shift adds before it shifts: half of one output step.
///
/// `shift` is 1 to 30.
#[inline]
pub const fn rounding(shift: u32) -> i32 {
    1 << (shift - 1)
}

/// An exact sum turned into an activation, 0 to 31.
///
/// `multiplier` is 1 to 4095 and `shift` 1 to 30. No step overflows where [`requantise_bound`] of
/// the largest possible `acc` is at most `i32::MAX`, which the validation of every model ensures.
#[inline]
pub const fn requantise(acc: i32, multiplier: i32, bias: i32, shift: u32) -> u8 {
    let scaled = (acc * multiplier + bias + rounding(shift)) >> shift;
    if scaled < 0 {
        0
    } else if scaled > ACTIVATION_MAX as i32 {
        ACTIVATION_MAX
    } else {
        scaled as u8
    }
}

/// The largest magnitude that the sum of one output channel can reach, for inputs of 0 to
/// `input_max`.
///
/// The sum is largest when every input under a positive level is at its maximum and every other is
/// zero, and smallest the other way round; every partial sum, in whatever order, lies between the
/// two.
pub fn accumulator_bound(levels: impl Iterator<Item = i8>, input_max: u8) -> i64 {
    let (mut positive, mut negative) = (0i64, 0i64);
    for level in levels {
        if level > 0 {
            positive += i64::from(level);
        } else {
            negative -= i64::from(level);
        }
    }
    positive.max(negative) * i64::from(input_max)
}

/// The largest magnitude that any step of [`requantise`] can reach when `|acc|` is at most
/// `acc_bound`.
///
/// Terms are added with their magnitudes, so the bound holds for every order of the additions.
pub fn requantise_bound(acc_bound: i64, multiplier: u16, bias: i32, shift: u32) -> i64 {
    acc_bound * i64::from(multiplier) + i64::from(bias.unsigned_abs()) + i64::from(rounding(shift))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The formula in 128-bit integers with a division instead of a shift.
    fn oracle(acc: i32, multiplier: i32, bias: i32, shift: u32) -> u8 {
        let sum = i128::from(acc) * i128::from(multiplier) + i128::from(bias) + (1i128 << (shift - 1));
        sum.div_euclid(1i128 << shift).clamp(0, 31) as u8
    }

    #[test]
    fn halves_round_up_and_negatives_become_zero() {
        assert_eq!(requantise(0, 1, 0, 1), 0);
        assert_eq!(requantise(1, 1, 0, 1), 1, "one half");
        assert_eq!(requantise(-1, 1, 0, 1), 0, "minus one half");
        assert_eq!(requantise(-1_000_000, 4095 / 2, 0, 4), 0);
        assert_eq!(requantise(61, 1, 0, 1), 31, "thirty and a half");
        assert_eq!(requantise(62, 1, 0, 1), 31);
        assert_eq!(requantise(64, 1, 0, 1), 31, "thirty-two is capped");
        assert_eq!(requantise(59, 1, 0, 1), 30);
    }

    #[test]
    fn every_small_sum_equals_the_division_by_a_power_of_two() {
        for shift in [1, 2, 5, 12, 29, 30] {
            for multiplier in [1, 2, 3, 1023, 4094, 4095] {
                for acc in -600..=600 {
                    for bias in [-70_000, -1, 0, 1, 70_000] {
                        assert_eq!(
                            requantise(acc, multiplier, bias, shift),
                            oracle(acc, multiplier, bias, shift),
                            "acc {acc} multiplier {multiplier} bias {bias} shift {shift}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_extremes_that_the_bound_allows_do_not_overflow() {
        for shift in 1..=SHIFT_MAX {
            for multiplier in [1u16, 2, 4095] {
                let room = i64::from(i32::MAX) - i64::from(rounding(shift));
                let acc = (room / i64::from(multiplier)) as i32;
                let bias = (room - i64::from(acc) * i64::from(multiplier)) as i32;
                assert!(requantise_bound(acc.into(), multiplier, bias, shift) <= i64::from(i32::MAX));
                for (acc, bias) in [(acc, bias), (-acc, -bias), (acc, -bias), (-acc, bias)] {
                    assert_eq!(
                        requantise(acc, multiplier.into(), bias, shift),
                        oracle(acc, multiplier.into(), bias, shift)
                    );
                }
            }
        }
    }

    #[test]
    fn the_bound_of_a_sum_is_reached_by_the_worst_input() {
        let levels = [-3i8, -1, 1, 3, 3, -3, -3];
        let worst: i64 = levels.iter().filter(|&&level| level < 0).map(|&level| i64::from(level) * 31).sum();
        assert_eq!(accumulator_bound(levels.into_iter(), 31), -worst);
        assert_eq!(accumulator_bound([127i8, 127].into_iter(), 255), 2 * 127 * 255);
        assert_eq!(accumulator_bound([-128i8, 127].into_iter(), 255), 128 * 255);
        assert_eq!(accumulator_bound(std::iter::empty(), 255), 0);
    }

    proptest! {
        #[test]
        fn within_the_bound_the_result_equals_the_oracle(
            multiplier in 1u16..=4095, shift in 1u32..=30, bias in -1.0f64..=1.0, acc in -1.0f64..=1.0,
        ) {
            let room = f64::from(i32::MAX - rounding(shift));
            let bias = (bias * room) as i32;
            let acc = (acc * (room - f64::from(bias).abs()) / f64::from(multiplier)) as i32;
            prop_assert!(requantise_bound(i64::from(acc).abs(), multiplier, bias, shift) <= i64::from(i32::MAX));
            prop_assert_eq!(requantise(acc, multiplier.into(), bias, shift), oracle(acc, multiplier.into(), bias, shift));
        }

        #[test]
        fn no_input_exceeds_the_bound_of_a_sum(pairs in prop::collection::vec((any::<i8>(), 0u8..=31), 0..200)) {
            let sum: i64 = pairs.iter().map(|&(level, x)| i64::from(level) * i64::from(x)).sum();
            prop_assert!(sum.abs() <= accumulator_bound(pairs.iter().map(|&(level, _)| level), 31));
        }
    }
}
