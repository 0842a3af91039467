//! Eyrie's laboratory: it makes models from float weights and measures how well pictures are found
//! again.
//!
//! * [`quantize`]: float weights to a 2-bit model: calibration, error feedback, whitening.
//! * [`eval`]: retrieval protocols: metrics, intervals, transformed copies, reports.
//! * [`commands`]: `eval`, `quantize`, `whiten` and `bench`.
//!
//! The service needs none of it.

pub mod commands;
pub mod eval;
pub mod quantize;
