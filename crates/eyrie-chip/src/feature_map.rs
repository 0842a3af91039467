//! Activations between two layers.

/// Activations, 0 to 31, channels last: `data[(y * width + x) * channels + c]`.
///
/// An image is a map of three channels (R, G, B) with values 0 to 255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureMap {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Row by row, pixel by pixel, channel by channel.
    pub data: Vec<u8>,
}

impl FeatureMap {
    /// A map of zeros.
    pub fn zeros(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, data: vec![0; height * width * channels] }
    }

    /// The channels of one pixel.
    ///
    /// # Panics
    /// If `y` or `x` lies outside the map.
    pub fn pixel(&self, y: usize, x: usize) -> &[u8] {
        assert!(y < self.height && x < self.width, "pixel ({y}, {x}) of a {}x{} map", self.height, self.width);
        &self.data[(y * self.width + x) * self.channels..][..self.channels]
    }
}
