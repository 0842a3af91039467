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
mod error;
mod float;
mod gptq;
mod moments;
mod samples;
mod target;
mod view;
mod whitening;

#[cfg(test)]
mod tests;

pub use calibrate::{LayerReport, Options, Progress, QuantizeReport, quantize};
pub use error::QuantizeError;
pub use float::{DEVIATION, FloatConv, FloatMap, FloatVgg, MEAN};
pub use view::{Picture, synthetic_view};
pub use whitening::{discriminative_whitening, pca_whitening};
