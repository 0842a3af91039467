//! The formats of pictures.

use serde::{Deserialize, Serialize};

/// The formats that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// JPEG, baseline and progressive, grey, YCbCr and CMYK.
    Jpeg,
    /// PNG, 8 and 16 bits.
    Png,
    /// WebP, lossy and lossless.
    Webp,
    /// GIF; the first frame counts.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF; the first page counts.
    Tiff,
    /// AVIF; the still picture counts.
    Avif,
    /// JPEG XL; the still picture or the first frame counts.
    Jxl,
    /// The Quite OK Image format.
    Qoi,
    /// Portable anymaps: PBM, PGM, PPM and PAM.
    Pnm,
    /// Windows icons; the largest picture counts.
    Ico,
}

impl ImageFormat {
    /// Every format.
    pub const ALL: [Self; 11] = [
        Self::Jpeg,
        Self::Png,
        Self::Webp,
        Self::Gif,
        Self::Bmp,
        Self::Tiff,
        Self::Avif,
        Self::Jxl,
        Self::Qoi,
        Self::Pnm,
        Self::Ico,
    ];

    /// The registered media type, for example `image/jpeg`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Avif => "image/avif",
            Self::Jxl => "image/jxl",
            Self::Qoi => "image/qoi",
            Self::Pnm => "image/x-portable-anymap",
            Self::Ico => "image/vnd.microsoft.icon",
        }
    }

    /// The short name used in the API and the database, for example `jpeg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
            Self::Avif => "avif",
            Self::Jxl => "jxl",
            Self::Qoi => "qoi",
            Self::Pnm => "pnm",
            Self::Ico => "ico",
        }
    }

    /// The name that people know it by, for example `WebP`.
    #[must_use]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Avif => "AVIF",
            Self::Jxl => "JPEG XL",
            Self::Qoi => "QOI",
            Self::Pnm => "PNM",
            Self::Ico => "ICO",
        }
    }

    /// The format with that short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == name)
    }
}
