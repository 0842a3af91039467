//! JPEG.
//!
//! The segments are walked by [`File::read`], which also finds what the picture's bytes need
//! besides its pixels: the first EXIF segment, the colour profile, how colours are coded.
//! [`entropy`] checks that no scan lacks data. The decoder is given the segments that pixels depend
//! on and no others, so that nothing in metadata can make it refuse a picture.
//!
//! Two decoders: zune-jpeg is right on what nearly all files are ([`File::is_usual`]); it is wrong
//! or refuses other samplings, which go to jpeg-decoder. In scans that hold some of the components
//! both may lose their place; [`interleave`] writes such files anew first
//! ([`File::needs_interleaving`]). So all of the sampling matrix (tests/pictures) is right.

mod entropy;
mod file;
mod huffman;
mod interleave;

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder};
use jpeg_decoder::ColorTransform;

use self::file::{Colours, File};
use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;
use super::raster::{Channels, Raster};
use super::reading::{check_size, damaged, refusal};

/// Decodes a JPEG; see the module.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let file = File::read(bytes)?;
    let frame = &file.frame;
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    check_size(width, height, limits)?;
    if file.bytes_to_decode() > limits.max_bytes() {
        return Err(PictureError::TooMuchMemory { width, height });
    }
    let essential = if file.needs_interleaving() {
        interleave::interleaved(&file, &entropy::coefficients(&file)?)?
    } else {
        entropy::check(&file)?;
        file.essential()
    };
    let orientation = file.exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    let profile = file.profile();
    let keeps_ink = frame.components.len() == 4 && profile.is_some();
    let (channels, data) =
        if file.is_usual() && !keeps_ink { usual(&essential)? } else { unusual(&essential, file.colours)? };
    if data.len() != width as usize * height as usize * channels.count() {
        return Err(damaged("the decoder gave another size than the header"));
    }
    Ok(Raster { width, height, channels, data, orientation, profile })
}

fn usual(bytes: &[u8]) -> Result<(Channels, Vec<u8>), PictureError> {
    let refused = |error| refusal(error, ImageFormat::Jpeg);
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    let channels = if decoder.color_type() == ColorType::L8 { Channels::Grey } else { Channels::Rgb };
    let mut data = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX)];
    decoder.read_image(&mut data).map_err(refused)?;
    Ok((channels, data))
}

fn unusual(bytes: &[u8], colours: Colours) -> Result<(Channels, Vec<u8>), PictureError> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let (transform, channels) = match colours {
        Colours::Grey => (ColorTransform::Grayscale, Channels::Grey),
        Colours::YCbCr => (ColorTransform::YCbCr, Channels::Rgb),
        Colours::Rgb => (ColorTransform::RGB, Channels::Rgb),
        Colours::Cmyk => (ColorTransform::CMYK, Channels::Cmyk),
        Colours::Ycck => (ColorTransform::YCCK, Channels::Cmyk),
    };
    decoder.set_color_transform(transform);
    let data = decoder.decode().map_err(|error| match error {
        jpeg_decoder::Error::Io(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => PictureError::Truncated,
        jpeg_decoder::Error::Unsupported(_) => PictureError::UnsupportedKind(format!("JPEG ({error})")),
        jpeg_decoder::Error::Io(_) | jpeg_decoder::Error::Format(_) | jpeg_decoder::Error::Internal(_) => {
            damaged(&error.to_string())
        }
    })?;
    Ok((channels, data))
}
