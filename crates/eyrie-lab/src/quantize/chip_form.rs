//! From real scales and biases to the chip's integers.

use super::codebook::Codebook;
use super::error::QuantizeError;
use super::float::FloatConv;
use eyrie_chip::{ConvParams, SoundConv};

/// The largest 12-bit multiplier.
const MULTIPLIER_MAX: f64 = 4095.0;

/// A quantised layer in real numbers: `y = scale[c] * sum(input * level) + bias[c]`.
pub(super) struct RealLayer<'a> {
    pub(super) codebook: Codebook,
    /// `[cout][ky][kx][cin]`.
    pub(super) codes: Vec<u8>,
    /// The real value of one level times one input step, `[cout]`.
    pub(super) scales: Vec<f32>,
    /// `[cout]`.
    pub(super) biases: Vec<f32>,
    /// Mean of the integer inputs, `[9 * cin]`.
    pub(super) mean_x: &'a [f64],
}

impl<'a> RealLayer<'a> {
    /// With the biases at which the means of the sums are `mean_y`.
    pub(super) fn with_mean(
        codebook: Codebook,
        codes: Vec<u8>,
        scales: Vec<f32>,
        mean_x: &'a [f64],
        mean_y: &[f64],
    ) -> Self {
        let mut layer = Self { codebook, codes, scales, biases: Vec::new(), mean_x };
        let sums = layer.mean_sums();
        layer.biases = (0..sums.len()).map(|c| (mean_y[c] - f64::from(layer.scales[c]) * sums[c]) as f32).collect();
        layer
    }

    /// Mean of the integer sums, `[cout]`.
    fn mean_sums(&self) -> Vec<f64> {
        self.codes
            .chunks_exact(self.mean_x.len())
            .map(|codes| codes.iter().zip(self.mean_x).map(|(&code, x)| f64::from(self.codebook.value(code)) * x).sum())
            .collect()
    }

    /// The layer as the chip runs it, with output steps of `step` times the channel's factor.
    ///
    /// The shift is the largest at which every multiplier fits 12 bits and no sum can overflow; the
    /// biases make up for the rounding of the multipliers, so that the mean stays.
    ///
    /// # Errors
    ///
    /// [`QuantizeError::Model`] when no shift fits.
    pub(super) fn on_chip(mut self, float: &FloatConv, step: f32, factors: &[f32]) -> Result<SoundConv, QuantizeError> {
        let steps: Vec<f64> = factors.iter().map(|&factor| f64::from(factor) * f64::from(step)).collect();
        let largest =
            self.scales.iter().zip(&steps).fold(0.0_f64, |largest, (&s, step)| largest.max(f64::from(s) / step));
        let mean_sums = self.mean_sums();
        let mut params = ConvParams {
            name: float.name.clone(),
            cin: float.cin,
            cout: float.cout,
            codebook: self.codebook.levels,
            codes: std::mem::take(&mut self.codes),
            multiplier: Vec::new(),
            shift: 30,
            bias: Vec::new(),
            output_scale: step,
            pool: float.pool,
        };
        while params.shift > 1 && largest * f64::from(1_u32 << params.shift) > MULTIPLIER_MAX {
            params.shift -= 1;
        }
        loop {
            let unit = f64::from(1_u32 << params.shift);
            params.multiplier = self
                .scales
                .iter()
                .zip(&steps)
                .map(|(&scale, step)| (f64::from(scale) / step * unit).round().clamp(1.0, MULTIPLIER_MAX) as u16)
                .collect();
            // A cast from float to integer saturates; the proof of the chip then refuses the layer.
            params.bias = (0..self.scales.len())
                .map(|c| {
                    let exact = f64::from(params.multiplier[c]) * steps[c] / unit;
                    let bias = f64::from(self.biases[c]) + (f64::from(self.scales[c]) - exact) * mean_sums[c];
                    (bias / steps[c] * unit).round() as i32
                })
                .collect();
            match SoundConv::new(params.clone()) {
                Ok(sound) => return Ok(sound),
                Err(_) if params.shift > 1 => params.shift -= 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
