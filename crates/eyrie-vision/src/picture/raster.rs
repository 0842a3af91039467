//! The pixels of a file as its decoder gives them, before colour, transparency and orientation are
//! dealt with.

use image::metadata::Orientation;

/// What the bytes of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    /// One byte.
    Grey,
    /// Grey and alpha.
    GreyAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
    /// Cyan, magenta, yellow, black; 255 is full ink.
    Cmyk,
}

impl Channels {
    /// Bytes of a pixel.
    pub(super) const fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }
}

/// A decoded picture: 8 bits a channel, row by row, alpha not multiplied in.
#[derive(Debug)]
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: Channels,
    /// `width * height` pixels.
    pub(super) data: Vec<u8>,
    /// How the picture is turned to stand upright.
    pub(super) orientation: Orientation,
    /// The embedded colour profile, as it stands in the file.
    pub(super) profile: Option<Vec<u8>>,
}
