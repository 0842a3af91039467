//! What transparent pictures are laid over.

use super::raster::{Channels, Raster};

/// Pictures whose pixels differ by no more than this, laid over a ground, cannot be told from the
/// ground.
const BLANK: u8 = 4;

/// The pixels of a picture in RGB, transparency laid over white. A picture that cannot be seen on
/// white (a white logo, say) is laid over black, unless it cannot be seen there either.
pub(super) fn lay(raster: Raster) -> Vec<u8> {
    let Raster { channels, mut data, .. } = raster;
    match channels {
        Channels::Grey => data.iter().flat_map(|&grey| [grey; 3]).collect(),
        Channels::Rgb => data,
        Channels::GreyAlpha => {
            let ground = ground(data.as_chunks().0.iter().map(|&[grey, alpha]| [grey, grey, grey, alpha]));
            let blended = data.as_chunks().0.iter().flat_map(|&[grey, alpha]| [blend(grey, alpha, ground); 3]);
            blended.collect()
        }
        Channels::Rgba => {
            let ground = ground(data.as_chunks().0.iter().copied());
            compact(&mut data, |[r, g, b, alpha]| [r, g, b].map(|channel| blend(channel, alpha, ground)));
            data
        }
        // By the rule of those who have no profile: each ink takes its share of the light that
        // black leaves.
        Channels::Cmyk => {
            compact(&mut data, |[c, m, y, k]| {
                [c, m, y].map(|ink| ((u32::from(255 - ink) * u32::from(255 - k) + 127) / 255) as u8)
            });
            data
        }
    }
}

/// Replaces each four bytes by three, in place.
pub(super) fn compact(data: &mut Vec<u8>, to_rgb: impl Fn([u8; 4]) -> [u8; 3]) {
    let pixels = data.len() / 4;
    for place in 0..pixels {
        if let Some(pixel) = data[place * 4..].first_chunk() {
            let rgb = to_rgb(*pixel);
            data[place * 3..place * 3 + 3].copy_from_slice(&rgb);
        }
    }
    data.truncate(pixels * 3);
    data.shrink_to_fit();
}

/// White, or black for a picture that is blank over white and not over black.
fn ground(pixels: impl Iterator<Item = [u8; 4]> + Clone) -> u8 {
    let blank = |ground: u8| {
        pixels.clone().all(|[r, g, b, alpha]| {
            alpha == 0 || [r, g, b].iter().all(|&channel| blend(channel, alpha, ground).abs_diff(ground) <= BLANK)
        })
    };
    let opaque = || pixels.clone().all(|[.., alpha]| alpha == u8::MAX);
    if blank(u8::MAX) && !opaque() && !blank(0) { 0 } else { u8::MAX }
}

fn blend(channel: u8, alpha: u8, ground: u8) -> u8 {
    let (channel, alpha, ground) = (u32::from(channel), u32::from(alpha), u32::from(ground));
    ((channel * alpha + ground * (255 - alpha) + 127) / 255) as u8
}
