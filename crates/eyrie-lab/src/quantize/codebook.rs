//! Four levels: rounding to the nearest one.

/// The codebooks that every layer may choose from.
pub(super) const CANDIDATES: [[i8; 4]; 4] = [[-3, -1, 1, 3], [-4, -1, 1, 4], [-5, -2, 2, 5], [-7, -2, 2, 7]];

/// A codebook with the borders between its levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codebook {
    pub(super) levels: [i8; 4],
    values: [f32; 4],
    borders: [f32; 3],
}

impl Codebook {
    pub(super) fn new(levels: [i8; 4]) -> Self {
        let values = levels.map(f32::from);
        let borders = std::array::from_fn(|i| 0.5 * (values[i] + values[i + 1]));
        Self { levels, values, borders }
    }

    /// The code of the level nearest to `value` (in units of the levels).
    #[inline]
    pub(super) fn nearest(&self, value: f32) -> u8 {
        u8::from(value > self.borders[0]) + u8::from(value > self.borders[1]) + u8::from(value > self.borders[2])
    }

    /// The level of a code.
    #[inline]
    pub(super) fn value(&self, code: u8) -> f32 {
        self.values[usize::from(code & 3)]
    }

    /// Root of the mean square of the levels.
    pub(super) fn rms(&self) -> f32 {
        (self.values.iter().map(|v| v * v).sum::<f32>() / 4.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_level_is_found_for_every_codebook() {
        for levels in CANDIDATES {
            let codebook = Codebook::new(levels);
            for step in -100..=100 {
                let value = step as f32 * 0.13;
                let got = (codebook.value(codebook.nearest(value)) - value).abs();
                let best = levels.iter().map(|&l| (f32::from(l) - value).abs()).fold(f32::INFINITY, f32::min);
                assert_eq!(got, best, "{value} in {levels:?}");
            }
        }
    }
}
