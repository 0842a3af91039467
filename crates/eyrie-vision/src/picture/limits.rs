//! How large a picture may be.

/// Limits that are checked before pixels are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Width times height.
    pub max_pixels: u64,
    /// Longer side over shorter side.
    pub max_aspect_ratio: u32,
}
