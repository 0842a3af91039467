//! How large a picture may be.

/// Bytes of memory for each allowed pixel while a file is decoded.
const BYTES_PER_PIXEL: u64 = 11;
/// What a decoder may take besides, for tables and metadata.
const OVERHEAD_BYTES: u64 = 1 << 20;

/// Limits that are checked before pixels are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Width times height.
    pub max_pixels: u64,
    /// Longer side over shorter side.
    pub max_aspect_ratio: u32,
}

impl DecodeLimits {
    /// Bytes of memory that decoding may take beside the file itself: 11 for each allowed pixel,
    /// which is room for every kind of file but a few that keep more (a progressive JPEG of four
    /// full components, a picture of 16-bit CMYK).
    #[must_use]
    pub const fn max_bytes(self) -> u64 {
        self.max_pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(OVERHEAD_BYTES)
    }
}
