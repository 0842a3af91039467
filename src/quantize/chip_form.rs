//! From real scales and biases to the chip's integers.

use super::QuantizeError;
use super::float::FloatConv;
use crate::asic::ConvParams;

/// The largest 12-bit multiplier.
const MULTIPLIER_MAX: f64 = 4095.0;

/// A quantised layer in real numbers: `y = scale[c] * sum(input * level) + bias[c]`.
pub(super) struct RealLayer<'a> {
    pub(super) codebook: [i8; 4],
    /// `[cout][ky][kx][cin]`.
    pub(super) codes: Vec<u8>,
    /// The real value of one level times one input step, `[cout]`.
    pub(super) scales: &'a [f32],
    /// Mean of the float network's sums, `[cout]`.
    pub(super) mean_y: &'a [f64],
    /// Mean of the integer inputs, `[9 * cin]`.
    pub(super) mean_x: &'a [f64],
}

impl RealLayer<'_> {
    /// Mean of the integer sums, `[cout]`.
    fn mean_sums(&self) -> Vec<f64> {
        self.codes
            .chunks_exact(self.mean_x.len())
            .map(|codes| {
                codes.iter().zip(self.mean_x).map(|(&code, x)| f64::from(self.codebook[usize::from(code)]) * x).sum()
            })
            .collect()
    }

    /// The biases at which the quantised layer's mean is the float network's, for the given scales.
    fn biases(&self, scales: impl Iterator<Item = f64>) -> Vec<f64> {
        self.mean_sums().iter().zip(self.mean_y).zip(scales).map(|((sum, y), scale)| y - scale * sum).collect()
    }

    /// The biases for the scales as they are, before the multipliers are rounded.
    pub(super) fn real_biases(&self) -> Vec<f64> {
        self.biases(self.scales.iter().map(|&scale| f64::from(scale)))
    }

    /// The layer as the chip runs it, with output steps of `step`.
    ///
    /// The shift is the largest at which every multiplier fits 12 bits and no sum can overflow; the biases are fitted
    /// again for the rounded multipliers.
    ///
    /// # Errors
    ///
    /// [`QuantizeError::Model`] when no shift fits.
    pub(super) fn on_chip(self, float: &FloatConv, step: f32) -> Result<ConvParams, QuantizeError> {
        let step = f64::from(step);
        let largest = self.scales.iter().fold(0.0_f64, |largest, &scale| largest.max(f64::from(scale))) / step;
        let mut params = ConvParams {
            name: float.name.clone(),
            cin: float.cin,
            cout: float.cout,
            codebook: self.codebook,
            codes: Vec::new(),
            multiplier: Vec::new(),
            shift: 30,
            bias: Vec::new(),
            output_scale: step as f32,
            pool: float.pool,
        };
        while params.shift > 1 && largest * f64::from(1_u32 << params.shift) > MULTIPLIER_MAX {
            params.shift -= 1;
        }
        let mut real = self;
        loop {
            let unit = f64::from(1_u32 << params.shift);
            params.multiplier = real
                .scales
                .iter()
                .map(|&scale| (f64::from(scale) / step * unit).round().clamp(1.0, MULTIPLIER_MAX) as u16)
                .collect();
            let exact = params.multiplier.iter().map(|&multiplier| f64::from(multiplier) * step / unit);
            // A cast from float to integer saturates; the proof of the chip then refuses the layer.
            params.bias = real.biases(exact).iter().map(|bias| (bias / step * unit).round() as i32).collect();
            params.codes = std::mem::take(&mut real.codes);
            match params.validate() {
                Ok(()) => return Ok(params),
                Err(_) if params.shift > 1 => {
                    params.shift -= 1;
                    real.codes = std::mem::take(&mut params.codes);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
