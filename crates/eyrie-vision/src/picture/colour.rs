//! Embedded colour profiles.
//!
//! A profile is applied when it says something else than sRGB. One that is broken, for another kind
//! of pixels or larger than any that pictures have is ignored, as browsers do: the pixels are then
//! taken for sRGB.

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};
use std::sync::Arc;

use super::raster::{Channels, Raster};

/// The largest profile that is read, in bytes. Profiles of printers have up to 3 MB.
pub(super) const PROFILE_BYTES_MAX: usize = 4 << 20;
/// A profile that moves no colour by more than this is taken for sRGB: rounding, and the several
/// definitions of its curve.
const ALIKE: u8 = 3;
/// Pixels that are converted together.
const BLOCK: usize = 4096;

/// Applies the embedded profile, if there is one that can be applied.
pub(super) fn to_srgb(mut raster: Raster) -> Raster {
    let Some(transform) = raster.profile.take().and_then(|profile| transform(&profile, raster.channels)) else {
        return raster;
    };
    let Raster { channels, ref mut data, .. } = raster;
    match channels {
        Channels::Cmyk => {
            apply::<4, 3>(data, &transform);
            raster.channels = Channels::Rgb;
        }
        Channels::Rgb => apply::<3, 3>(data, &transform),
        Channels::Rgba => apply::<4, 4>(data, &transform),
        Channels::Grey => apply::<1, 1>(data, &transform),
        Channels::GreyAlpha => apply::<2, 2>(data, &transform),
    }
    raster
}

/// Converts pixels of `N` bytes to pixels of `M`, block by block, in place.
fn apply<const N: usize, const M: usize>(data: &mut Vec<u8>, transform: &Arc<Transform8BitExecutor>) {
    let pixels = data.len() / N;
    let mut converted = vec![0; BLOCK * M];
    for first in (0..pixels).step_by(BLOCK) {
        let count = BLOCK.min(pixels - first);
        let from = &data[first * N..(first + count) * N];
        // Lengths that fit are all that it asks for.
        if transform.transform(from, &mut converted[..count * M]).is_err() {
            return;
        }
        data[first * M..(first + count) * M].copy_from_slice(&converted[..count * M]);
    }
    data.truncate(pixels * M);
    data.shrink_to_fit();
}

/// The way from the profile's colours to sRGB; `None` where there is nothing to do, or nothing that
/// can be done.
fn transform(profile: &[u8], channels: Channels) -> Option<Arc<Transform8BitExecutor>> {
    if profile.len() > PROFILE_BYTES_MAX {
        return None;
    }
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (space, from, to) = match channels {
        Channels::Grey => (DataColorSpace::Gray, Layout::Gray, Layout::Gray),
        Channels::GreyAlpha => (DataColorSpace::Gray, Layout::GrayAlpha, Layout::GrayAlpha),
        Channels::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb),
        Channels::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Layout::Rgba),
        Channels::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb),
    };
    if profile.color_space != space {
        return None;
    }
    let target = match channels {
        Channels::Grey | Channels::GreyAlpha => grey_srgb(),
        Channels::Rgb | Channels::Rgba | Channels::Cmyk => ColorProfile::new_srgb(),
    };
    let transform = profile.create_transform_8bit(from, &target, to, TransformOptions::default()).ok()?;
    changes_colours(&*transform, channels).then_some(transform)
}

/// Grey with the curve of sRGB.
fn grey_srgb() -> ColorProfile {
    let srgb = ColorProfile::new_srgb();
    let mut grey = ColorProfile::new_gray_with_gamma(2.2);
    grey.gray_trc = srgb.red_trc;
    grey
}

/// Whether a transform does anything to a grid of colours.
fn changes_colours(transform: &Transform8BitExecutor, channels: Channels) -> bool {
    let steps = || (0..=255).step_by(51).map(|value: u32| value as u8);
    let grid: Vec<u8> = match channels {
        Channels::Cmyk => return true,
        Channels::Grey => steps().collect(),
        Channels::GreyAlpha => steps().flat_map(|grey| [grey, 255]).collect(),
        Channels::Rgb => {
            steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]))).collect()
        }
        Channels::Rgba => {
            steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b, 255]))).collect()
        }
    };
    let mut converted = vec![0; grid.len()];
    transform.transform(&grid, &mut converted).is_ok()
        && grid.iter().zip(&converted).any(|(before, after)| before.abs_diff(*after) > ALIKE)
}
