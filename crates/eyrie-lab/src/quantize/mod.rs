//! From float weights to the 2-bit model: calibration, error feedback, whitening.
//!
//! `docs/QUANTIZER.md` explains the method. [`quantize`] is the whole of it; [`pca_whitening`] and
//! [`discriminative_whitening`] learn what comes after the network.

mod activation;
mod calibrate;
mod chip_form;
mod codebook;
mod descent;
mod equalise;
mod float;
mod gptq;
mod moments;
mod random;
mod samples;
mod target;
mod view;
mod whitening;

#[cfg(test)]
mod tests;

pub use calibrate::{LayerReport, Options, Progress, Report, quantize};
pub use float::{DEVIATION, FloatConv, FloatMap, FloatVgg, MEAN};
pub use view::{Picture, synthetic_view};
pub use whitening::{discriminative_whitening, pca_whitening};

use eyrie_chip::ModelError;

/// Why weights could not be brought to 2 bits.
#[derive(Debug, thiserror::Error)]
pub enum QuantizeError {
    /// The float weights file is not what is expected.
    #[error("float weights: {0}")]
    Weights(String),
    /// Too few images or vectors, or some of another size than the rest.
    #[error("calibration data: {0}")]
    Data(String),
    /// A matrix that should be positive definite is not: the values are not finite, or there is nothing to learn from.
    #[error("{0}: the second moments are degenerate")]
    Degenerate(String),
    /// The chip refuses the parameters.
    #[error(transparent)]
    Model(#[from] ModelError),
}
