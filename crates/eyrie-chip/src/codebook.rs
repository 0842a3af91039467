//! Four-level codebooks: what two bits stand for.

/// Output channels whose codes are packed and expanded together.
pub(crate) const BLOCK: usize = 32;

/// The levels of a layer, indexed by code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Codebook(pub(crate) [i8; 4]);

impl Codebook {
    /// The four levels that one packed byte stands for, lowest bits first.
    #[inline]
    pub(crate) fn expand(self, byte: u8) -> [i8; 4] {
        [0, 2, 4, 6].map(|bits| self.0[usize::from(byte >> bits & 3)])
    }

    /// How many sums of two products fit a signed 16-bit lane, for inputs of 0 to `input_max`; 0 if
    /// not even one does.
    ///
    /// This is what `vpmaddubsw` (unsigned times signed bytes, added in pairs, saturating) allows
    /// before the lanes must be widened.
    #[cfg(any(target_arch = "x86_64", test))]
    pub(crate) fn pairs_in_16_bits(self, input_max: u8) -> usize {
        let pair = |level: i8| 2 * usize::from(level.unsigned_abs()) * usize::from(input_max);
        let negative = pair(self.0.into_iter().min().unwrap_or(0).min(0));
        let positive = pair(self.0.into_iter().max().unwrap_or(0).max(0));
        let fit = |room: usize, pair: usize| room.checked_div(pair).unwrap_or(usize::MAX);
        fit(32768, negative).min(fit(32767, positive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_expands_to_its_four_codes_lowest_bits_first() {
        let codebook = Codebook([-7, -2, 2, 7]);
        assert_eq!(codebook.expand(0b11_10_01_00), [-7, -2, 2, 7]);
        assert_eq!(codebook.expand(0b00_00_00_11), [7, -7, -7, -7]);
        for byte in 0..=255u8 {
            let codes = codebook.expand(byte).map(|level| codebook.0.iter().position(|&l| l == level));
            let packed = codes.iter().rev().fold(0, |sum, code| sum * 4 + code.expect("a level of the codebook"));
            assert_eq!(packed, usize::from(byte));
        }
    }

    #[test]
    fn additions_that_fit_16_bits_follow_from_levels_and_inputs() {
        assert_eq!(Codebook([-3, -1, 1, 3]).pairs_in_16_bits(31), 176);
        assert_eq!(Codebook([-3, -1, 1, 3]).pairs_in_16_bits(255), 21);
        assert_eq!(Codebook([-128, -1, 1, 2]).pairs_in_16_bits(31), 4);
        assert_eq!(Codebook([-64, -1, 1, 64]).pairs_in_16_bits(255), 1);
        assert_eq!(Codebook([-3, -1, 1, 65]).pairs_in_16_bits(255), 0);
        assert_eq!(Codebook([-128, -1, 1, 127]).pairs_in_16_bits(255), 0);
    }
}
