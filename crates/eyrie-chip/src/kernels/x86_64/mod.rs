//! Kernels for x86-64.

pub(super) mod amx;
pub(super) mod avx2;
pub(super) mod avx512vnni;
pub(super) mod avxvnni;
#[cfg(all(test, target_os = "linux"))]
pub(super) mod emulator;
pub(super) mod tables;
pub(super) mod winograd;
