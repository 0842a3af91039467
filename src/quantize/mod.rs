//! From float weights to the 2-bit model: calibration, error feedback, whitening.
