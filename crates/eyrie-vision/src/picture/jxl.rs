//! JPEG XL: the still picture or the first frame, by the decoder of Chromium and Firefox.

use std::borrow::Cow;

use image::metadata::Orientation;
use jxl::api::{
    AlphaMode, Event, ExtraChannel, JxlColorProfile, JxlColorType, JxlDataFormat, JxlDecoder, JxlDecoderOptions,
    JxlOutputBuffer, JxlPixelFormat, JxlTransferFunction, ProfileLevel,
};
use jxl::error::Error;

use super::error::PictureError;
use super::limits::DecodeLimits;
use super::raster::{Channels, Raster};
use super::reading::{check_size, damaged};

/// Channels of a picture: three of colour (grey counts as three), alpha and one of depth or the like.
const CHANNELS_MAX: u64 = 5;

/// Decodes a JPEG XL; see the module.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let mut options = JxlDecoderOptions::default();
    options.alpha_mode = AlphaMode::Unpremultiplied;
    options.max_profile_level = ProfileLevel::Main10;
    options.sample_limit = usize::try_from(limits.max_pixels.saturating_mul(CHANNELS_MAX).saturating_add(1)).ok();
    let mut decoder = JxlDecoder::new(options);
    let mut rest = bytes;
    advance(&mut decoder, &mut rest, None, limits)?;
    let info = decoder.basic_info().ok_or_else(|| damaged("JPEG XL without a header"))?.clone();
    let (width, height) = sides(info.size);
    check_size(width, height, limits)?;

    let has_alpha = info.extra_channels.iter().any(|channel| channel.ec_type == ExtraChannel::Alpha);
    let profile = decoder.embedded_color_profile();
    if profile.is_some_and(JxlColorProfile::is_cmyk) {
        return Err(unsupported("CMYK"));
    }
    let is_grey = profile.is_some_and(|profile| profile.channels() == 1);
    let (channels, color_type) = match (is_grey, has_alpha) {
        (true, false) => (Channels::Grey, JxlColorType::Grayscale),
        (true, true) => (Channels::GreyAlpha, JxlColorType::GrayscaleAlpha),
        (false, false) => (Channels::Rgb, JxlColorType::Rgb),
        (false, true) => (Channels::Rgba, JxlColorType::Rgba),
    };
    let format = JxlPixelFormat {
        color_type,
        color_data_format: Some(JxlDataFormat::U8 { bit_depth: 8 }),
        extra_channel_format: vec![None; info.extra_channels.len()],
    };
    decoder.set_pixel_format(format).map_err(|error| refusal(error, limits))?;

    let row = width as usize * channels.count();
    let mut data = vec![0; row * height as usize];
    let mut output = [JxlOutputBuffer::new(&mut data, height as usize, row)];
    while !matches!(advance(&mut decoder, &mut rest, Some(&mut output), limits)?, Event::FrameComplete { .. }) {}
    let profile = decoder.output_color_profile().filter(|profile| !is_high_dynamic_range(profile));
    let profile = profile.and_then(JxlColorProfile::try_as_icc).map(Cow::into_owned);
    Ok(Raster { width, height, channels, data, orientation: Orientation::NoTransforms, profile })
}

/// Goes on to the next event that is not the wish for more bytes.
fn advance(
    decoder: &mut JxlDecoder,
    rest: &mut &[u8],
    output: Option<&mut [JxlOutputBuffer<'_>]>,
    limits: DecodeLimits,
) -> Result<Event, PictureError> {
    match decoder.process(rest, output, None).map_err(|error| refusal(error, limits))? {
        Event::NeedMoreInput { .. } => Err(PictureError::Truncated),
        Event::Complete => Err(damaged("JPEG XL without a frame")),
        event @ (Event::BasicInfo | Event::FrameHeader | Event::FrameComplete { .. }) => Ok(event),
    }
}

fn sides((width, height): (usize, usize)) -> (u32, u32) {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    (side(width), side(height))
}

/// PQ and HLG, which are taken as they stand.
fn is_high_dynamic_range(profile: &JxlColorProfile) -> bool {
    matches!(profile.transfer_function(), Some(JxlTransferFunction::PQ | JxlTransferFunction::HLG))
}

fn unsupported(kind: &str) -> PictureError {
    PictureError::UnsupportedKind(format!("JPEG XL ({kind})"))
}

fn refusal(error: Error, limits: DecodeLimits) -> PictureError {
    if let Error::ImageSizeTooLarge(width, height) = error {
        let (width, height) = sides((width, height));
        PictureError::TooManyPixels { width, height, max_pixels: limits.max_pixels }
    } else if let Error::LevelLimitExceeded { limit, .. } = error {
        unsupported(&format!("beyond its level: {limit}"))
    } else {
        damaged(&format!("JPEG XL: {error}"))
    }
}
