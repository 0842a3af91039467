//! AVIF: a still picture, or the one that an animated file states for those who show none.
//!
//! mp4parse reads the container and rav1d (dav1d in Rust) the AV1 data. What mp4parse hands out by
//! pointer alone (size, mirroring, coding of colours) is read from its boxes by [`Properties`].

use std::io::Cursor;

use image::metadata::Orientation;
use moxcms::ColorProfile;
use mp4parse::{AvifContext, ImageRotation, ParseStrictness};
use re_rav1d::dav1d::pixel::{MatrixCoefficients, YUVRange};
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent as Component, Settings};

use super::error::PictureError;
use super::limits::DecodeLimits;
use super::raster::{Channels, Raster};
use super::reading::{check_size, damaged};

/// Decodes an AVIF; see the module.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let properties = Properties::of(bytes);
    if let Some([width, height]) = properties.size {
        check_size(width, height, limits)?;
    }
    let file = mp4parse::read_avif(&mut Cursor::new(bytes), ParseStrictness::Permissive);
    // Where it does not like a file whose last box is cut off, that is the reason.
    let ends_early = boxes(bytes).map(|(_, payload)| payload.len() + 8).sum::<usize>() < bytes.len();
    let file = file.map_err(|error| if ends_early { PictureError::Truncated } else { refusal(error) })?;
    let coded = file.primary_item_coded_data().filter(|data| !data.is_empty());
    let Some(coded) = coded else {
        return Err(unsupported(if file.sequence.is_some() { "frames without a still picture" } else { "a grid" }));
    };
    let mut picture = Frame::decode(coded, limits)?;
    if let Some(coding) = properties.coding {
        picture.coding = coding;
    }
    let (width, height) = (picture.picture.width(), picture.picture.height());
    let alpha = file.alpha_item_coded_data().filter(|data| !data.is_empty());
    let count = if alpha.is_some() { 4 } else { 3 };
    let mut data = vec![u8::MAX; width as usize * height as usize * count];
    picture.write_rgb(&mut data, count)?;
    let profile = profile(&file, picture.coding);
    drop(picture);
    if let Some(alpha) = alpha {
        let alpha = Frame::decode(alpha, limits)?;
        if (alpha.picture.width(), alpha.picture.height()) != (width, height) {
            return Err(damaged("its alpha has another size"));
        }
        alpha.write_alpha(&mut data);
        if file.premultiplied_alpha {
            for [colours @ .., alpha] in data.as_chunks_mut::<4>().0 {
                let alpha = u32::from(*alpha).max(1);
                colours.iter_mut().for_each(|c| *c = ((u32::from(*c) * 255 + alpha / 2) / alpha).min(255) as u8);
            }
        }
    }
    let rotation = file.image_rotation().map_err(refusal)?;
    let orientation = orientation(rotation, properties.mirror);
    let channels = if count == 4 { Channels::Rgba } else { Channels::Rgb };
    Ok(Raster { width, height, channels, data, orientation, profile })
}

fn unsupported(kind: &str) -> PictureError {
    PictureError::UnsupportedKind(format!("AVIF ({kind})"))
}

fn refusal(error: mp4parse::Error) -> PictureError {
    if let mp4parse::Error::Unsupported(what) = error {
        unsupported(what)
    } else if matches!(error, mp4parse::Error::UnexpectedEOF) {
        PictureError::Truncated
    } else {
        damaged(&format!("{error:?}"))
    }
}

/// The embedded profile, or that of the colours that the file names; `None` for sRGB and what is
/// taken for it.
fn profile(file: &AvifContext, coding: Coding) -> Option<Vec<u8>> {
    if let Some(Ok(icc)) = file.icc_colour_information() {
        return Some(icc.to_vec());
    }
    let named = match coding.primaries {
        9 if matches!(coding.transfer, 1 | 6 | 13 | 14 | 15) => ColorProfile::new_bt2020(),
        12 => ColorProfile::new_display_p3(),
        _ => return None,
    };
    named.encode().ok()
}

/// First turned, then mirrored, as the properties stand in a file by MIAF.
fn orientation(rotation: ImageRotation, mirror: Option<u8>) -> Orientation {
    // `irot` counts anticlockwise. Mirror 0 exchanges top and bottom, 1 left and right.
    match (rotation, mirror) {
        (ImageRotation::D0, None) => Orientation::NoTransforms,
        (ImageRotation::D90, None) => Orientation::Rotate270,
        (ImageRotation::D180, None) => Orientation::Rotate180,
        (ImageRotation::D270, None) => Orientation::Rotate90,
        (ImageRotation::D0, Some(0)) => Orientation::FlipVertical,
        (ImageRotation::D0, Some(_)) => Orientation::FlipHorizontal,
        (ImageRotation::D90, Some(0)) => Orientation::Rotate90FlipH,
        (ImageRotation::D90, Some(_)) => Orientation::Rotate270FlipH,
        (ImageRotation::D180, Some(0)) => Orientation::FlipHorizontal,
        (ImageRotation::D180, Some(_)) => Orientation::FlipVertical,
        (ImageRotation::D270, Some(0)) => Orientation::Rotate270FlipH,
        (ImageRotation::D270, Some(_)) => Orientation::Rotate90FlipH,
    }
}

/// How colours are coded: numbers of ITU-T H.273.
#[derive(Debug, Clone, Copy)]
struct Coding {
    primaries: u16,
    transfer: u16,
    matrix: u16,
    full_range: bool,
}

/// Boxes of `meta/iprp/ipco`. The first of each kind counts.
#[derive(Debug, Default)]
struct Properties {
    size: Option<[u32; 2]>,
    mirror: Option<u8>,
    coding: Option<Coding>,
}

impl Properties {
    fn of(bytes: &[u8]) -> Self {
        let inner = |bytes, kind| boxes(bytes).find(|&(found, _)| found == kind).map(|(_, payload)| payload);
        let meta = inner(bytes, *b"meta").and_then(|full| full.get(4..));
        let list = meta.and_then(|meta| inner(meta, *b"iprp")).and_then(|iprp| inner(iprp, *b"ipco"));
        let mut properties = Self::default();
        let u16_at = |payload: &[u8], at: usize| Some(u16::from_be_bytes(*payload.get(at..)?.first_chunk()?));
        let u32_at = |payload: &[u8], at: usize| Some(u32::from_be_bytes(*payload.get(at..)?.first_chunk()?));
        for (kind, payload) in boxes(list.unwrap_or_default()) {
            match &kind {
                b"ispe" if properties.size.is_none() => {
                    properties.size = u32_at(payload, 4).zip(u32_at(payload, 8)).map(|(width, height)| [width, height]);
                }
                b"imir" if properties.mirror.is_none() => properties.mirror = payload.first().map(|axis| axis & 1),
                b"colr" if properties.coding.is_none() && payload.starts_with(b"nclx") => {
                    let coding = |at| u16_at(payload, at);
                    if let (Some(primaries), Some(transfer), Some(matrix), Some(range)) =
                        (coding(4), coding(6), coding(8), payload.get(10))
                    {
                        properties.coding = Some(Coding { primaries, transfer, matrix, full_range: range >> 7 == 1 });
                    }
                }
                _ => {}
            }
        }
        properties
    }
}

/// Kinds and payloads of the boxes that stand one after the other.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (&length, rest) = bytes.split_first_chunk::<4>()?;
        let (&kind, _) = rest.split_first_chunk::<4>()?;
        let length = match u32::from_be_bytes(length) {
            0 => bytes.len(),
            length => length as usize,
        };
        let payload = bytes.get(8..length)?;
        bytes = &bytes[length..];
        Some((kind, payload))
    })
}

/// A decoded AV1 picture.
struct Frame {
    picture: Picture,
    coding: Coding,
}

impl Frame {
    fn decode(coded: &[u8], limits: DecodeLimits) -> Result<Self, PictureError> {
        let refused = |error: Error| match error {
            Error::Again => PictureError::Truncated,
            Error::UnsupportedBitstream => unsupported("this kind of AV1"),
            Error::InvalidArgument | Error::NotEnoughMemory | Error::UnknownError(_) => {
                damaged(&format!("AV1: {error}"))
            }
            _ => damaged("AV1"),
        };
        let mut settings = Settings::new();
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_frame_size_limit(u32::try_from(limits.max_pixels).unwrap_or(u32::MAX));
        let mut decoder = Decoder::with_settings(&settings).map_err(refused)?;
        match decoder.send_data(coded.to_vec(), None, None, None) {
            Ok(()) | Err(Error::Again) => {}
            Err(error) => return Err(refused(error)),
        }
        let picture = decoder.get_picture().map_err(refused)?;
        check_size(picture.width(), picture.height(), limits)?;
        let matrix = match picture.matrix_coefficients() {
            MatrixCoefficients::Identity => 0,
            MatrixCoefficients::BT709 => 1,
            MatrixCoefficients::BT470M => 4,
            MatrixCoefficients::BT470BG | MatrixCoefficients::ST170M => 6,
            MatrixCoefficients::ST240M => 7,
            MatrixCoefficients::YCgCo => 8,
            MatrixCoefficients::BT2020NonConstantLuminance => 9,
            MatrixCoefficients::Unspecified => 2,
            MatrixCoefficients::Reserved => 3,
            MatrixCoefficients::BT2020ConstantLuminance => 10,
            MatrixCoefficients::ST2085 => 11,
            MatrixCoefficients::ChromaticityDerivedNonConstantLuminance => 12,
            MatrixCoefficients::ChromaticityDerivedConstantLuminance => 13,
            MatrixCoefficients::ICtCp => 14,
        };
        let full_range = picture.color_range() == YUVRange::Full;
        Ok(Self { picture, coding: Coding { primaries: 2, transfer: 2, matrix, full_range } })
    }

    fn plane(&self, component: Component) -> Plane {
        let high = self.picture.bit_depth() > 8;
        Plane { stride: self.picture.stride(component) as usize, high, bytes: self.picture.plane(component) }
    }

    /// The value of luma that is black, and how many steps there are to white and from one end of
    /// chroma to the other.
    fn range(&self) -> [f32; 3] {
        let step = (1_u32 << (self.picture.bit_depth() - 8)) as f32;
        let full = ((1_u32 << self.picture.bit_depth()) - 1) as f32;
        if self.coding.full_range { [0.0, full, full] } else { [16.0 * step, 219.0 * step, 224.0 * step] }
    }

    /// Writes red, green and blue, each pixel `count` bytes from the last, by the formulas of ITU-T
    /// H.273.
    fn write_rgb(&self, data: &mut [u8], count: usize) -> Result<(), PictureError> {
        let (width, height) = (self.picture.width() as usize, self.picture.height() as usize);
        let layout = self.picture.pixel_layout();
        let luma = self.plane(Component::Y);
        let [black, luma_steps, chroma_steps] = self.range();
        let middle = (1_u32 << (self.picture.bit_depth() - 1)) as f32;
        let byte = |value: f32| (value * 255.0).round().clamp(0.0, 255.0) as u8;
        let rows = data.chunks_exact_mut(width * count).enumerate();
        if layout == PixelLayout::I400 {
            for (y, row) in rows {
                let luma = luma.row(y);
                for (x, pixel) in row.chunks_exact_mut(count).enumerate() {
                    pixel[..3].fill(byte((luma.at(x) - black) / luma_steps));
                }
            }
            return Ok(());
        }
        let (kr, kb) = match self.coding.matrix {
            0 if layout == PixelLayout::I444 => (0.0, 0.0),
            0 => return Err(damaged("its colours cannot be subsampled")),
            // Unspecified: browsers and libavif take BT.601.
            2 | 5 | 6 => (0.299, 0.114),
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            8 => (0.0, 0.0),
            9 => (0.2627, 0.0593),
            other => return Err(unsupported(&format!("colour matrix {other}"))),
        };
        let kg = 1.0 - kr - kb;
        let [cb, cr] = [Component::U, Component::V].map(|component| self.plane(component));
        let (halved_x, halved_y) = (layout != PixelLayout::I444, layout == PixelLayout::I420);
        let columns = if halved_x { width.div_ceil(2) } else { width };
        let chroma_rows = if halved_y { height.div_ceil(2) } else { height };
        let mut chroma = [vec![0.0; columns], vec![0.0; columns]];
        for (y, row) in rows {
            // Samples lie in the middle of the pixels that they belong to: the nearer ones count
            // three times as much.
            for (plane, line) in [&cb, &cr].into_iter().zip(&mut chroma) {
                let (near, far) = if halved_y { neighbours(y, chroma_rows) } else { (y, y) };
                let (near, far) = (plane.row(near), plane.row(far));
                for (x, value) in line.iter_mut().enumerate() {
                    *value = near.at(x) * 0.75 + far.at(x) * 0.25;
                }
            }
            let luma_row = luma.row(y);
            for (x, pixel) in row.chunks_exact_mut(count).enumerate() {
                let (near, far) = if halved_x { neighbours(x, columns) } else { (x, x) };
                let [u, v] = [0, 1].map(|at: usize| chroma[at][near] * 0.75 + chroma[at][far] * 0.25);
                let luma = luma_row.at(x);
                let rgb = if self.coding.matrix == 0 {
                    [v, luma, u].map(|value| (value - black) / luma_steps)
                } else {
                    let luma = (luma - black) / luma_steps;
                    let [u, v] = [u, v].map(|value| (value - middle) / chroma_steps);
                    if self.coding.matrix == 8 {
                        [luma - u + v, luma + u, luma - u - v]
                    } else {
                        let red = luma + 2.0 * (1.0 - kr) * v;
                        let blue = luma + 2.0 * (1.0 - kb) * u;
                        [red, (luma - kr * red - kb * blue) / kg, blue]
                    }
                };
                pixel[..3].copy_from_slice(&rgb.map(byte));
            }
        }
        Ok(())
    }

    /// Writes the luma as the fourth byte of each pixel.
    fn write_alpha(&self, data: &mut [u8]) {
        let width = self.picture.width() as usize;
        let luma = self.plane(Component::Y);
        let [black, steps, _] = self.range();
        for (y, row) in data.chunks_exact_mut(width * 4).enumerate() {
            let luma = luma.row(y);
            for (x, [.., alpha]) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let value = (luma.at(x) - black) / steps;
                *alpha = (value * 255.0).round().clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// The sample that a place at twice the density lies in, and the other one that it lies next to.
fn neighbours(place: usize, count: usize) -> (usize, usize) {
    let near = place / 2;
    let far = if place.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(count - 1) };
    (near, far)
}

/// Samples of one component, of one byte or two.
struct Plane {
    bytes: re_rav1d::dav1d::Plane,
    stride: usize,
    high: bool,
}

impl Plane {
    fn row(&self, y: usize) -> Row<'_> {
        Row { bytes: &self.bytes[y * self.stride..][..self.stride], high: self.high }
    }
}

/// The samples of one row.
#[derive(Clone, Copy)]
struct Row<'a> {
    bytes: &'a [u8],
    high: bool,
}

impl Row<'_> {
    fn at(self, x: usize) -> f32 {
        if self.high {
            f32::from(u16::from_ne_bytes([self.bytes[2 * x], self.bytes[2 * x + 1]]))
        } else {
            f32::from(self.bytes[x])
        }
    }
}
