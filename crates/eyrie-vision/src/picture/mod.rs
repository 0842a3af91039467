//! Pictures as pixels: what the bytes of an upload show, and how it is cut, scaled and encoded.
//!
//! [`decode()`] is the one way in. It reads untrusted bytes under [`DecodeLimits`] and gives
//! upright RGB.

mod avif;
mod bmp;
mod colour;
mod crop;
mod decode;
#[cfg(test)]
pub(crate) mod decode_tests;
mod encode;
mod error;
mod format;
mod gif;
mod ground;
mod jpeg;
mod jxl;
mod limits;
mod luma;
mod others;
mod png;
mod raster;
mod reading;
mod region;
mod sample;
mod scale;
mod sniff;
mod thumbnail;
mod tiff;
mod webp;

pub use crop::crop;
pub use decode::{Decoded, decode, decoder_panics};
pub use encode::{encode_jpeg, encode_png};
pub use error::PictureError;
pub use format::ImageFormat;
pub use limits::DecodeLimits;
pub use luma::luma;
pub use region::{InvalidRegion, QueryRegion};
pub use sample::sample_jpeg;
pub use scale::{INPUT_BYTES, INPUT_SIDE, Scaler, cut, turn, whole_image_224};
pub use sniff::sniff;
pub use thumbnail::{THUMBNAIL_SIDE, Thumbnail, fitted, thumbnail, thumbnail_pixels};
