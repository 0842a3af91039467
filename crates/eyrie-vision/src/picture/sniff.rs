//! What kind of file the bytes are, by their content alone; what a client declares is never consulted.

use super::error::PictureError;
use super::format::ImageFormat;

/// How far into a text an `<svg` element is looked for.
const SVG_PROLOGUE_BYTES: usize = 1024;

/// The format of an upload.
///
/// # Errors
/// [`PictureError::Empty`] without bytes, [`PictureError::UnsupportedFormat`] for a format that is recognised but not
/// decoded, [`PictureError::NotAnImage`] for everything else.
pub fn sniff(bytes: &[u8]) -> Result<ImageFormat, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if let Some(format) = decodable(bytes) {
        return Ok(format);
    }
    match recognised(bytes) {
        Some(name) => Err(PictureError::UnsupportedFormat(name.to_owned())),
        None => Err(PictureError::NotAnImage),
    }
}

fn decodable(bytes: &[u8]) -> Option<ImageFormat> {
    if bytes.starts_with(b"\xff\xd8\xff") {
        Some(ImageFormat::Jpeg)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(ImageFormat::Webp)
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some(ImageFormat::Gif)
    } else if bytes.starts_with(b"BM") && is_bmp_header(bytes) {
        Some(ImageFormat::Bmp)
    } else if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| bytes.starts_with(*magic)) {
        Some(ImageFormat::Tiff)
    } else {
        None
    }
}

/// Two letters are too little evidence: the size of the second header must be one that exists.
fn is_bmp_header(bytes: &[u8]) -> bool {
    let Some(size) = bytes.get(14..18) else {
        return false;
    };
    matches!(size, [12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])
}

/// Image and document formats that people do upload and that get an answer with their name in it.
fn recognised(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12)? {
            b"avif" | b"avis" => Some("AVIF"),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => Some("HEIC"),
            _ => None,
        };
    }
    const MAGIC: [(&[u8], &str); 9] = [
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"%PDF-", "PDF"),
        (b"\0\0\x01\0", "ICO"),
        (b"8BPS", "PSD"),
        (b"DDS ", "DDS"),
        (b"qoif", "QOI"),
    ];
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    is_svg(bytes).then_some("SVG")
}

fn is_svg(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let prologue = &start[..start.len().min(SVG_PROLOGUE_BYTES)];
    prologue.starts_with(b"<") && prologue.windows(4).any(|window| window.eq_ignore_ascii_case(b"<svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_are_not_decoded_are_named() {
        let cases: [(&[u8], &str); 12] = [
            (b"\0\0\0\x20ftypavif\0\0\0\0", "AVIF"),
            (b"\0\0\0\x20ftypavis\0\0\0\0", "AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<SVG/>", "SVG"),
            (b"\xff\x0a\xfa\x1f", "JPEG XL"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
            (b"%PDF-1.7\n", "PDF"),
            (b"\0\0\x01\0\x01\0\x10\x10", "ICO"),
            (b"8BPS\0\x01", "PSD"),
        ];
        for (bytes, name) in cases {
            assert!(matches!(sniff(bytes), Err(PictureError::UnsupportedFormat(n)) if n == name), "{name}");
        }
    }

    #[test]
    fn what_is_no_image_is_not_taken_for_one() {
        assert!(matches!(sniff(b""), Err(PictureError::Empty)));
        let cases: [&[u8]; 9] = [
            b"\x89PN",
            b"\xff\xd8",
            b"BM is a text",
            b"hello",
            b"<html></html>",
            b"RIFF\0\0\0\0WAVE",
            b"\0\0\0\x18ftypmp42\0",
            b"\0",
            b"PK\x03\x04",
        ];
        for bytes in cases {
            assert!(matches!(sniff(bytes), Err(PictureError::NotAnImage)), "{bytes:?}");
        }
    }
}
