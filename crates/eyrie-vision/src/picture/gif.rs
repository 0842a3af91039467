//! GIF: the first frame, on the screen that the file states. As in browsers a screen too small for
//! the frame grows to it.

use gif::{ColorOutput, DecodeOptions, DecodingError};
use image::metadata::Orientation;

use super::error::PictureError;
use super::limits::DecodeLimits;
use super::raster::{Channels, Raster};
use super::reading::{check_size, damaged, ends_early};

/// Decodes a GIF. What follows the first frame is not read, so that it does not matter whether it
/// is whole.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.allow_unknown_blocks(true);
    let mut decoder = options.read_info(bytes).map_err(refusal)?;
    let screen = [decoder.width(), decoder.height()].map(u32::from);
    let Some(frame) = decoder.next_frame_info().map_err(refusal)? else {
        let [width, height] = screen;
        return Err(match screen {
            [0, _] | [_, 0] => PictureError::ZeroSized { width, height },
            _ => damaged("it has no frame"),
        });
    };
    let [left, top, columns, rows] = [frame.left, frame.top, frame.width, frame.height].map(u32::from);
    let transparent = frame.transparent;
    if columns == 0 || rows == 0 {
        return Err(PictureError::ZeroSized { width: columns, height: rows });
    }
    let (width, height) = (screen[0].max(left + columns), screen[1].max(top + rows));
    check_size(width, height, limits)?;
    let palette = decoder.palette().map(<[u8]>::to_vec).unwrap_or_default();
    let mut indices = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut indices).map_err(refusal)?;

    let colour = |index: u8| {
        let found = palette.get(usize::from(index) * 3..).and_then(|rest| rest.first_chunk::<3>());
        found.copied().filter(|_| transparent != Some(index))
    };
    let covered = left == 0 && top == 0 && columns == width && rows == height;
    let orientation = Orientation::NoTransforms;
    if covered && indices.iter().all(|&index| colour(index).is_some()) {
        let data = indices.iter().flat_map(|&index| colour(index).unwrap_or_default()).collect();
        return Ok(Raster { width, height, channels: Channels::Rgb, data, orientation, profile: None });
    }
    let mut data = vec![0; width as usize * height as usize * 4];
    let stride = width as usize * 4;
    let rows_of_frame = data.chunks_exact_mut(stride).skip(top as usize);
    for (row, indices) in rows_of_frame.zip(indices.chunks_exact(columns as usize)) {
        let pixels = row[left as usize * 4..].as_chunks_mut().0;
        for (pixel, &index) in pixels.iter_mut().zip(indices) {
            *pixel = colour(index).map_or([0; 4], |[r, g, b]| [r, g, b, 255]);
        }
    }
    Ok(Raster { width, height, channels: Channels::Rgba, data, orientation, profile: None })
}

fn refusal(error: DecodingError) -> PictureError {
    if ends_early(&error) || matches!(error, DecodingError::UnexpectedEof) || error.to_string().contains("truncated") {
        return PictureError::Truncated;
    }
    damaged(&error.to_string())
}
