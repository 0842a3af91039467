//! Decoding, on images that the tests encode themselves (and a few fixtures, see
//! tests/fixtures/README.md).

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::decode::{Decoded, decode};
use super::error::PictureError;
use super::format::ImageFormat;
use super::limits::DecodeLimits;

const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 1_000_000, max_aspect_ratio: 20 };
/// cyan, magenta, yellow, white, black, dark red: the squares of the fixtures.
const SQUARES: [[u8; 3]; 6] = [[0, 255, 255], [255, 0, 255], [255, 255, 0], [255, 255, 255], [0, 0, 0], [127, 0, 0]];

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 9) as u8, (y * 13) as u8, ((x * y) % 200) as u8]))
}

fn encode(image: &DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

fn encode_rgb(image: &RgbImage, format: image::ImageFormat) -> Vec<u8> {
    encode(&DynamicImage::ImageRgb8(image.clone()), format)
}

fn ok(bytes: &[u8]) -> Decoded {
    decode(bytes, LIMITS).expect("decodes")
}

fn pixel(image: &Decoded, x: u32, y: u32) -> [u8; 3] {
    let at = (y * image.width + x) as usize * 3;
    [image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]]
}

/// One image in each format, with the library's name for it.
fn one_of_each() -> Vec<(ImageFormat, Vec<u8>)> {
    let image = picture(37, 23);
    [
        (ImageFormat::Jpeg, image::ImageFormat::Jpeg),
        (ImageFormat::Png, image::ImageFormat::Png),
        (ImageFormat::Webp, image::ImageFormat::WebP),
        (ImageFormat::Gif, image::ImageFormat::Gif),
        (ImageFormat::Bmp, image::ImageFormat::Bmp),
        (ImageFormat::Tiff, image::ImageFormat::Tiff),
        (ImageFormat::Qoi, image::ImageFormat::Qoi),
        (ImageFormat::Pnm, image::ImageFormat::Pnm),
        (ImageFormat::Ico, image::ImageFormat::Ico),
    ]
    .into_iter()
    .map(|(format, library)| (format, encode_rgb(&image, library)))
    .collect()
}

fn fixtures() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("cmyk.jpg", include_bytes!("../../../../tests/fixtures/cmyk.jpg")),
        ("ycck.jpg", include_bytes!("../../../../tests/fixtures/ycck.jpg")),
        ("progressive.jpg", include_bytes!("../../../../tests/fixtures/progressive.jpg")),
        ("lossy.webp", include_bytes!("../../../../tests/fixtures/lossy.webp")),
        ("animated.webp", include_bytes!("../../../../tests/fixtures/animated.webp")),
        ("lzw.tif", include_bytes!("../../../../tests/fixtures/lzw.tif")),
    ]
}

#[test]
fn every_format_is_found_by_content_and_decoded() {
    let original = picture(37, 23);
    for (format, bytes) in one_of_each() {
        let decoded = ok(&bytes);
        assert_eq!((decoded.format, decoded.width, decoded.height), (format, 37, 23));
        assert_eq!(decoded.rgb.len(), 37 * 23 * 3);
        let error: u32 = decoded.rgb.iter().zip(original.as_raw()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        match format {
            ImageFormat::Png | ImageFormat::Webp | ImageFormat::Bmp | ImageFormat::Tiff => assert_eq!(error, 0),
            ImageFormat::Jpeg | ImageFormat::Gif => assert!(error < 37 * 23 * 3 * 12, "{format:?} {error}"),
            ImageFormat::Avif | ImageFormat::Jxl | ImageFormat::Qoi | ImageFormat::Pnm | ImageFormat::Ico => {
                assert_eq!(error, 0);
            }
        }
    }
}

#[test]
fn all_fixtures_show_their_six_squares_cmyk_and_ycck_included() {
    for (name, bytes) in fixtures() {
        let decoded = ok(bytes);
        assert_eq!((decoded.width, decoded.height), (48, 32), "{name}");
        for (i, expected) in (0u32..).zip(SQUARES) {
            let found = pixel(&decoded, i % 3 * 16 + 8, i / 3 * 16 + 8);
            assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 12), "{name} {i} {found:?} {expected:?}");
        }
    }
}

#[test]
fn sixteen_bits_are_rounded_to_eight() {
    let deep = ImageBuffer::<Rgb<u16>, _>::from_fn(16, 16, |x, _| Rgb([(x * 4369) as u16, 128, 65535 - 128]));
    for format in [image::ImageFormat::Png, image::ImageFormat::Tiff] {
        let decoded = ok(&encode(&DynamicImage::ImageRgb16(deep.clone()), format));
        assert_eq!(pixel(&decoded, 15, 3), [255, 0, 255]);
        assert_eq!(pixel(&decoded, 7, 3), [7 * 17, 0, 255]);
    }
}

#[test]
fn grey_becomes_three_equal_channels() {
    let grey = GrayImage::from_fn(20, 20, |x, y| Luma([(x * 10 + y) as u8]));
    for format in [image::ImageFormat::Png, image::ImageFormat::Jpeg, image::ImageFormat::Tiff] {
        let decoded = ok(&encode(&DynamicImage::ImageLuma8(grey.clone()), format));
        assert!(decoded.rgb.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
        assert!(pixel(&decoded, 19, 10)[0].abs_diff(200) < 6);
    }
    let deep = ImageBuffer::<Luma<u16>, _>::from_pixel(20, 20, Luma([0x8080]));
    assert_eq!(pixel(&ok(&encode(&DynamicImage::ImageLuma16(deep), image::ImageFormat::Png)), 3, 3), [0x80; 3]);
}

#[test]
fn transparent_pixels_are_laid_over_white() {
    let image = RgbaImage::from_fn(16, 16, |x, _| match x {
        0 => Rgba([10, 20, 30, 0]),
        1 => Rgba([10, 20, 30, 255]),
        _ => Rgba([0, 100, 255, 128]),
    });
    for format in [image::ImageFormat::Png, image::ImageFormat::WebP, image::ImageFormat::Tiff] {
        let decoded = ok(&encode(&DynamicImage::ImageRgba8(image.clone()), format));
        assert_eq!(pixel(&decoded, 0, 5), [255, 255, 255]);
        assert_eq!(pixel(&decoded, 1, 5), [10, 20, 30]);
        assert_eq!(pixel(&decoded, 2, 5), [127, 177, 255]);
    }
}

#[test]
fn of_an_animation_the_first_frame_counts() {
    let mut bytes = Vec::new();
    {
        let mut encoder = GifEncoder::new(&mut bytes);
        for colour in [[255, 0, 0, 255], [0, 0, 255, 255]] {
            encoder.encode_frame(Frame::new(RgbaImage::from_pixel(12, 9, Rgba(colour)))).expect("encodes");
        }
    }
    assert_eq!(ok(&bytes).rgb, [255, 0, 0].repeat(12 * 9));
}

/// Splices an EXIF segment with nothing but an orientation behind the SOI of a JPEG.
pub(crate) fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0], &[0; 4]].concat();
    let length = (2 + 6 + tiff.len()) as u16;
    [&jpeg[..2], b"\xff\xe1", &length.to_be_bytes(), b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

#[test]
fn all_eight_exif_orientations_are_undone() {
    // Orientation by orientation: where the picture's left upper, right upper and left lower
    // corners come from.
    let jpeg = encode_rgb(&picture(40, 24), image::ImageFormat::Jpeg);
    let plain = ok(&jpeg);
    assert_eq!(ok(&with_orientation(&jpeg, 1)), plain);
    type Source = fn(u32, u32) -> (u32, u32);
    let sources: [(u8, Source); 7] = [
        (2, |x, y| (39 - x, y)),
        (3, |x, y| (39 - x, 23 - y)),
        (4, |x, y| (x, 23 - y)),
        (5, |x, y| (y, x)),
        (6, |x, y| (y, 23 - x)),
        (7, |x, y| (39 - y, 23 - x)),
        (8, |x, y| (39 - y, x)),
    ];
    for (orientation, source) in sources {
        let turned = ok(&with_orientation(&jpeg, orientation));
        let expected = if orientation < 5 { (40, 24) } else { (24, 40) };
        assert_eq!((turned.width, turned.height), expected, "{orientation}");
        for y in 0..turned.height {
            for x in 0..turned.width {
                let (from_x, from_y) = source(x, y);
                assert_eq!(pixel(&turned, x, y), pixel(&plain, from_x, from_y), "{orientation} {x} {y}");
            }
        }
    }
    assert_eq!(ok(&with_orientation(&jpeg, 9)), plain, "an orientation that does not exist is ignored");
}

#[test]
fn no_cut_of_a_file_is_another_picture() {
    let mut files: Vec<(String, Vec<u8>)> =
        one_of_each().into_iter().map(|(format, bytes)| (format.as_str().to_owned(), bytes)).collect();
    files.extend(fixtures().into_iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())));
    for (name, bytes) in files {
        let whole = ok(&bytes);
        for end in 0..bytes.len() {
            match decode(&bytes[..end], LIMITS) {
                // What is missing is the end mark, or comes after the first frame.
                Ok(picture) => assert!(picture == whole, "{name} of {} bytes cut at {end}", bytes.len()),
                Err(PictureError::Empty) => assert_eq!(end, 0, "{name}"),
                Err(PictureError::NotAnImage) => assert!(end < 18, "{name} cut at {end}"),
                Err(PictureError::Truncated) => {}
                other => panic!("{name} of {} bytes cut at {end}: {other:?}", bytes.len()),
            }
        }
    }
}

#[test]
fn bytes_after_the_end_do_no_harm() {
    for (format, mut bytes) in one_of_each() {
        let expected = ok(&bytes);
        bytes.extend_from_slice(b"\0\0something else\xff\xd8\xff");
        assert!(ok(&bytes) == expected, "{format:?}");
    }
}

/// A PNG whose header claims another size; the checksum of the header is right.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let mut png = encode_rgb(&picture(8, 8), image::ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 })
    })
}

/// A JPEG whose frame header claims another size.
fn jpeg_that_claims(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = encode_rgb(&picture(8, 8), image::ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame header");
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let mut gif = encode_rgb(&picture(8, 8), image::ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0x50, 0xc3, 0x50, 0xc3]);
    let mut bmp = encode_rgb(&picture(8, 8), image::ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0x50, 0xc3, 0, 0, 0x50, 0xc3, 0, 0]);
    for bomb in [png_that_claims(50_000, 50_000), jpeg_that_claims(50_000, 50_000), gif, bmp] {
        assert!(matches!(
            decode(&bomb, LIMITS),
            Err(PictureError::TooManyPixels { width: 50_000, height: 50_000, max_pixels: 1_000_000 })
        ));
    }
}

#[test]
fn a_kind_of_file_that_takes_too_much_memory_is_refused_as_that() {
    // Four whole components, whose coefficients a progressive file keeps.
    let mut jpeg = include_bytes!("../../../../tests/fixtures/cmyk.jpg").to_vec();
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame header");
    jpeg[frame + 1] = 0xc2;
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x0b, 0xb8, 0x0b, 0xb8]);
    let scan = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
    // The first component alone, its averages.
    jpeg.splice(scan + 2..scan + 16, [0, 8, 1, b'C', 0, 0, 0, 0]);
    let limits = DecodeLimits { max_pixels: 9_000_000, ..LIMITS };
    let refused = decode(&jpeg, limits).map(|_| ()).expect_err("too much");
    assert!(matches!(refused, PictureError::TooMuchMemory { width: 3000, height: 3000 }), "{refused}");
}

#[test]
fn the_pixel_limit_is_exact() {
    let png = encode_rgb(&picture(40, 25), image::ImageFormat::Png);
    assert!(decode(&png, DecodeLimits { max_pixels: 1000, ..LIMITS }).is_ok());
    assert!(matches!(
        decode(&png, DecodeLimits { max_pixels: 999, ..LIMITS }),
        Err(PictureError::TooManyPixels { width: 40, height: 25, max_pixels: 999 })
    ));
}

#[test]
fn sides_of_zero_are_named() {
    let mut bmp = encode_rgb(&picture(8, 8), image::ImageFormat::Bmp);
    bmp[18..22].fill(0);
    for bytes in [png_that_claims(0, 8), jpeg_that_claims(0, 8), bmp] {
        assert!(matches!(decode(&bytes, LIMITS), Err(PictureError::ZeroSized { width: 0, height: 8 })));
    }
    assert!(matches!(decode(&jpeg_that_claims(8, 0), LIMITS), Err(PictureError::ZeroSized { width: 8, height: 0 })));
}

#[test]
fn the_ratio_limit_is_exact() {
    assert!(decode(&encode_rgb(&picture(200, 10), image::ImageFormat::Png), LIMITS).is_ok());
    for (width, height) in [(201, 10), (10, 201)] {
        assert!(matches!(
            decode(&encode_rgb(&picture(width, height), image::ImageFormat::Png), LIMITS),
            Err(PictureError::AspectRatio { max_ratio: 20, .. })
        ));
    }
}

#[test]
fn a_damaged_picture_is_corrupt() {
    let mut png = encode_rgb(&picture(40, 40), image::ImageFormat::Png);
    let middle = png.len() / 2;
    png[middle..middle + 8].fill(0x5a);
    assert!(matches!(decode(&png, LIMITS), Err(PictureError::Corrupt(_))));
    let no_scan = b"\xff\xd8\xff\xe0\0\x04ab\xff\xd9";
    assert!(matches!(decode(no_scan, LIMITS), Err(PictureError::Corrupt(_))));
}

#[test]
fn jpegs_that_the_decoder_does_not_know_are_named_as_such() {
    let mut arithmetic = encode_rgb(&picture(8, 8), image::ImageFormat::Jpeg);
    let frame = arithmetic.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame header");
    let mut deep = arithmetic.clone();
    arithmetic[frame + 1] = 0xc9;
    deep[frame + 4] = 12;
    for bytes in [arithmetic, deep] {
        assert!(matches!(decode(&bytes, LIMITS), Err(PictureError::UnsupportedKind(name)) if name.contains("JPEG")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damage_anywhere_never_panics(
        which in 0usize..15, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut files: Vec<Vec<u8>> = one_of_each().into_iter().map(|(_, bytes)| bytes).collect();
        files.extend(fixtures().into_iter().map(|(_, bytes)| bytes.to_vec()));
        let mut bytes = files.swap_remove(which);
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(image) = decode(&bytes, LIMITS) {
            prop_assert_eq!(image.rgb.len(), image.width as usize * image.height as usize * 3);
        }
    }
}
