//! TIFF: the first page.
//!
//! The `tiff` crate undoes compression and byte order; what the samples mean is decided here. So it
//! is given a directory that is written anew ([`directory::Plain`]), which says that the samples
//! are grey whatever they are: it then hands them out as they are stored, for every kind of colour.
//! A file of separate planes becomes one such page a plane.

mod directory;
mod refusal;
mod samples;

use std::io::Cursor;

use image::metadata::Orientation;
use tiff::decoder::Decoder;

use self::directory::{CCITT_3, Page, Plain};
use self::refusal::refusal;
use self::samples::Reader;
use super::error::PictureError;
use super::limits::DecodeLimits;
use super::raster::Raster;
use super::reading::check_size;

/// Decodes a TIFF; see the module.
///
/// # Errors
/// Those of [`super::decode()`].
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Raster, PictureError> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(refusal)?;
    let page = Page::read(&mut decoder)?;
    check_size(page.width, page.height, limits)?;
    let reader = Reader::of(&page)?;
    let pixels = u64::from(page.width) * u64::from(page.height);
    let chunk_bytes = page.chunk_bytes();
    if chunk_bytes.saturating_add(pixels * reader.channels.count() as u64) > limits.max_bytes() {
        let (width, height) = (page.width, page.height);
        return Err(PictureError::TooMuchMemory { width, height });
    }
    let plain = Plain::new(bytes, &page)?;
    let mut data = vec![0; pixels as usize * reader.channels.count()];
    let mut planes = if page.compression == CCITT_3 { Vec::new() } else { plain.decoders(chunk_bytes)? };
    let mut chunks = vec![Vec::new(); page.planes()];
    for index in 0..page.chunks_per_plane() {
        if page.compression == CCITT_3 {
            chunks[0] = plain.fax(&page, index)?;
        }
        for (decoder, chunk) in planes.iter_mut().zip(&mut chunks) {
            let layout = decoder.image_chunk_buffer_layout(index).map_err(refusal)?;
            chunk.resize(layout.len, 0);
            decoder.read_chunk_bytes(index, chunk).map_err(refusal)?;
        }
        reader.place(&page, index, &chunks, &mut data)?;
    }
    let orientation = Orientation::from_exif(page.orientation).unwrap_or(Orientation::NoTransforms);
    Ok(Raster {
        width: page.width,
        height: page.height,
        channels: reader.channels,
        data,
        orientation,
        profile: page.profile,
    })
}
