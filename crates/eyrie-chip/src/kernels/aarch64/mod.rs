//! Kernels for 64-bit Arm.

pub(super) mod neon;
pub(super) mod tables;
pub(super) mod winograd;
