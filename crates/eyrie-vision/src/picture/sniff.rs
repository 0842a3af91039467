//! What kind of file the bytes are, by their content alone; what a client declares is never
//! consulted.

use super::error::PictureError;
use super::format::ImageFormat;

/// How far into a text an `<svg` element is looked for.
const SVG_PROLOGUE_BYTES: usize = 1024;

/// The format of an upload.
///
/// # Errors
/// [`PictureError::Empty`] without bytes, [`PictureError::UnsupportedFormat`] for a format that is
/// recognised but not decoded, [`PictureError::NotAnImage`] for everything else.
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
    } else if is_avif(bytes) {
        Some(ImageFormat::Avif)
    } else if bytes.starts_with(b"\xff\x0a") || bytes.starts_with(b"\0\0\0\x0cJXL \r\n\x87\n") {
        Some(ImageFormat::Jxl)
    } else if bytes.starts_with(b"qoif") {
        Some(ImageFormat::Qoi)
    } else if is_pnm_header(bytes) {
        Some(ImageFormat::Pnm)
    } else if bytes.starts_with(b"\0\0\x01\0") && is_ico_header(bytes) {
        Some(ImageFormat::Ico)
    } else {
        None
    }
}

/// The brands of a file of boxes: the major one, then those that it is compatible with.
fn brands(bytes: &[u8]) -> impl Iterator<Item = &[u8; 4]> {
    let length = bytes.first_chunk().map_or(0, |four| u32::from_be_bytes(*four) as usize);
    let header = bytes.get(..length.min(bytes.len())).filter(|header| header.get(4..8) == Some(b"ftyp"));
    let header = header.unwrap_or_default();
    // Between the major brand and the others stands a number.
    let (major, others) = (header.get(8..12).unwrap_or_default(), header.get(16..).unwrap_or_default());
    major.as_chunks().0.iter().chain(others.as_chunks().0)
}

/// A file of boxes whose brands say AV1: the major one, or, behind one that only says how items are
/// stored, another.
fn is_avif(bytes: &[u8]) -> bool {
    let structural = |brand: &[u8; 4]| matches!(brand, b"mif1" | b"msf1" | b"miaf" | b"mif2");
    let coded = brands(bytes).find(|brand| !structural(brand) && !brand.starts_with(b"MA1"));
    coded.is_some_and(|brand| matches!(brand, b"avif" | b"avis"))
}

/// A number of the family and white space or a comment.
fn is_pnm_header(bytes: &[u8]) -> bool {
    let [b'P', b'1'..=b'7', space, rest @ ..] = bytes else {
        return false;
    };
    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    space.is_ascii_whitespace()
        && next.is_some_and(|&byte| byte == b'#' || if bytes[1] == b'7' { byte == b'W' } else { byte.is_ascii_digit() })
}

/// A count, and the reserved byte of the first entry.
fn is_ico_header(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, 1..=255, 0, _, _, _, 0, ..])
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
    let heic = |brand: &[u8; 4]| {
        matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs")
    };
    if brands(bytes).any(heic) {
        return Some("HEIC");
    }
    if brands(bytes).any(|brand| matches!(brand, b"mif1" | b"msf1" | b"mif2")) {
        return Some("HEIF");
    }
    const MAGIC: [(&[u8], &str); 6] = [
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"%PDF-", "PDF"),
        (b"8BPS", "PSD"),
        (b"DDS ", "DDS"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
    ];
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    if is_tga(bytes) {
        return Some("TGA");
    }
    is_svg(bytes).then_some("SVG")
}

/// TGA has no magic number: the footer of its second version is the only sure sign.
fn is_tga(bytes: &[u8]) -> bool {
    bytes.ends_with(b"TRUEVISION-XFILE.\0")
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
        let cases: [(&[u8], &str); 10] = [
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1unci", "HEIF"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<SVG/>", "SVG"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
            (b"%PDF-1.7\n", "PDF"),
            (b"8BPS\0\x01", "PSD"),
            (b"DDS \x7c\0\0\0", "DDS"),
            (b"\0\0\x02\0 some pixels \0\0\0\0\0\0\0\0TRUEVISION-XFILE.\0", "TGA"),
        ];
        for (bytes, name) in cases {
            assert!(matches!(sniff(bytes), Err(PictureError::UnsupportedFormat(n)) if n == name), "{name}");
        }
    }

    #[test]
    fn a_file_of_boxes_is_avif_when_its_brands_say_so() {
        let cases: [&[u8]; 4] = [
            b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf",
            b"\0\0\0\x18ftypavis\0\0\0\0msf1avif",
            b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf",
            b"\0\0\0\x18ftypmif1\0\0\0\0miafavif",
        ];
        for bytes in cases {
            assert!(matches!(sniff(bytes), Ok(ImageFormat::Avif)), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_image_is_not_taken_for_one() {
        assert!(matches!(sniff(b""), Err(PictureError::Empty)));
        let cases: [&[u8]; 11] = [
            b"P5 is a text",
            b"\0\0\x01\0",
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
