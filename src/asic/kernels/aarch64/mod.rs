//! Kernels for 64-bit Arm.

pub(super) mod neon;

use super::tiles::{each_pixel, tiles};
