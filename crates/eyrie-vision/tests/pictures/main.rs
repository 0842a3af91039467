//! Every kind of file is shown as a reference decoder shows it, pixel by pixel, or refused by its
//! name. make.py makes the files again.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use eyrie_vision::picture::{DecodeLimits, Decoded, PictureError, decode};

const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 50_000_000, max_aspect_ratio: 20 };

/// How far pixels may be from those of the reference decoder: the mean and the largest difference
/// of a channel.
#[derive(Clone, Copy)]
struct Near(f64, u8);

/// Nothing is lost.
const EXACT: Near = Near(0.0, 0);
/// Rounding, of a blend or of a colour.
const ROUNDED: Near = Near(1.1, 4);
/// Another inverse transform or another way to enlarge chroma; a picture that is shifted by a pixel
/// or turned is far beyond.
const LOSSY: Near = Near(1.5, 60);

/// Files that are shown, each in `expected/` as its reference decoder shows it.
const SHOWN: &[(&str, Near)] = &[
    ("jpeg_420.jpg", LOSSY),
    ("jpeg_one_scan_a_component.jpg", LOSSY),
    ("jpeg_one_scan_a_component_restart.jpg", LOSSY),
    ("jpeg_tables_between_scans.jpg", LOSSY),
    ("jpeg_444_two_scans.jpg", LOSSY),
    ("jpeg_progressive.jpg", LOSSY),
    ("jpeg_grey.jpg", LOSSY),
    ("jpeg_grey_2x2.jpg", LOSSY),
    ("jpeg_rgb.jpg", LOSSY),
    ("jpeg_cmyk.jpg", LOSSY),
    ("jpeg_two_exif.jpg", LOSSY),
    ("jpeg_short_app14.jpg", LOSSY),
    ("jpeg_no_eoi.jpg", LOSSY),
    ("jpeg_zeros_for_eoi.jpg", LOSSY),
    ("jpeg_padded_with_zeros.jpg", LOSSY),
    ("jpeg_stray_bytes.jpg", LOSSY),
    ("jpeg_blank_optimised_no_eoi.jpg", LOSSY),
    ("jpeg_profile_adobe_rgb.jpg", LOSSY),
    ("jpeg_profile_wide.jpg", LOSSY),
    ("jpeg_profile_srgb.jpg", LOSSY),
    ("jpeg_profile_broken.jpg", LOSSY),
    ("jpeg_profile_of_grey.jpg", LOSSY),
    ("png_rgb.png", EXACT),
    ("png_rgba.png", ROUNDED),
    ("png_palette_transparent.png", EXACT),
    ("png_grey_alpha.png", ROUNDED),
    ("png_one_bit.png", EXACT),
    ("png_no_iend.png", EXACT),
    ("png_exif.png", EXACT),
    ("png_profile_wide.png", ROUNDED),
    ("png_profile_bomb.png", EXACT),
    ("png_text_bomb.png", EXACT),
    ("png_white_shape_one.png", EXACT),
    ("png_white_shape_two.png", EXACT),
    ("gif.gif", EXACT),
    ("gif_no_trailer.gif", EXACT),
    ("gif_zeros_for_trailer.gif", EXACT),
    ("gif_zero_block.gif", EXACT),
    ("gif_unknown_extension.gif", EXACT),
    ("gif_frame_larger_than_screen.gif", EXACT),
    ("gif_no_screen.gif", EXACT),
    ("gif_frame_in_larger_screen.gif", EXACT),
    ("gif_animated_cut_in_second_frame.gif", EXACT),
    ("webp_lossless_alpha.webp", ROUNDED),
    ("webp_exif_prefix.webp", EXACT),
    ("webp_profile_wide.webp", ROUNDED),
    ("webp_animated.webp", EXACT),
    ("webp_lossy.webp", LOSSY),
    ("tiff_rgb_big_endian.tif", EXACT),
    ("tiff_associated_alpha.tif", ROUNDED),
    ("tiff_straight_alpha.tif", ROUNDED),
    ("tiff_fourth_sample_of_no_meaning.tif", EXACT),
    ("tiff_one_bit.tif", EXACT),
    ("tiff_one_bit_fill_order_2.tif", EXACT),
    ("tiff_white_is_zero.tif", EXACT),
    ("tiff_group_4.tif", EXACT),
    ("tiff_group_4_fill_order_2.tif", EXACT),
    ("tiff_group_3.tif", EXACT),
    ("tiff_grey_2.tif", EXACT),
    ("tiff_grey_4.tif", EXACT),
    ("tiff_palette_2.tif", EXACT),
    ("tiff_palette_4.tif", EXACT),
    ("tiff_palette_8.tif", EXACT),
    ("tiff_rgb_16.tif", EXACT),
    ("tiff_rgb_uint32.tif", EXACT),
    ("tiff_rgb_int32.tif", EXACT),
    ("tiff_rgb_float.tif", EXACT),
    ("tiff_ycbcr.tif", ROUNDED),
    ("tiff_ycbcr_420.tif", ROUNDED),
    ("tiff_planar.tif", EXACT),
    ("tiff_tiled.tif", EXACT),
    ("tiff_tiled_planar.tif", EXACT),
    ("tiff_byte_counts_too_large.tif", EXACT),
    ("tiff_cmyk.tif", ROUNDED),
    ("tiff_jpeg.tif", LOSSY),
    ("tiff_big.tif", EXACT),
    ("tiff_lzw_predictor.tif", EXACT),
    ("tiff_profile_wide.tif", ROUNDED),
    ("tiff_orientation_6.tif", EXACT),
    ("avif_420.avif", LOSSY),
    ("avif_422.avif", LOSSY),
    ("avif_444.avif", LOSSY),
    ("avif_grey.avif", LOSSY),
    ("avif_10_bit.avif", LOSSY),
    ("avif_12_bit.avif", LOSSY),
    ("avif_limited.avif", LOSSY),
    ("avif_bt709.avif", LOSSY),
    ("avif_identity.avif", EXACT),
    ("avif_alpha.avif", LOSSY),
    ("avif_rotated.avif", LOSSY),
    ("avif_mirrored.avif", LOSSY),
    ("avif_rotated_mirrored.avif", LOSSY),
    ("avif_brand_mif1.avif", LOSSY),
    ("avif_profile_wide.avif", LOSSY),
    ("avif_animated.avif", LOSSY),
    ("jxl_lossy.jxl", LOSSY),
    ("jxl_lossy_alpha.jxl", LOSSY),
    ("jxl_lossy_grey.jxl", LOSSY),
    ("jxl_progressive.jxl", LOSSY),
    ("jxl_from_jpeg.jxl", LOSSY),
    ("jxl_orientation_6.jxl", LOSSY),
    ("jxl_lossless.jxl", EXACT),
    ("jxl_lossless_alpha.jxl", ROUNDED),
    ("jxl_lossless_grey.jxl", EXACT),
    ("jxl_16_bit.jxl", EXACT),
    ("jxl_palette.jxl", EXACT),
    ("jxl_container.jxl", EXACT),
    ("jxl_profile_wide.jxl", ROUNDED),
    ("jxl_animated.jxl", EXACT),
    ("bmp_24.bmp", EXACT),
    ("bmp_palette.bmp", EXACT),
    ("pnm_ppm.ppm", EXACT),
    ("pnm_pgm.pgm", EXACT),
    ("pnm_pbm.pbm", EXACT),
    ("ico_png.ico", ROUNDED),
    ("ico_bmp.ico", ROUNDED),
];

/// Files that end before their pictures do.
const TRUNCATED: &[&str] = &[
    "jpeg_cut_closed_with_eoi.jpg",
    "jpeg_tail_of_zeros.jpg",
    "jpeg_tail_of_zeros_eoi.jpg",
    "jpeg_progressive_cut_closed_with_eoi.jpg",
    "png_cut.png",
    "gif_cut.gif",
    "webp_cut.webp",
    "tiff_cut.tif",
    "tiff_rows_missing.tif",
    "avif_cut.avif",
    "jxl_cut.jxl",
    "jxl_container_cut.jxl",
];

/// Files of kinds that are not shown, and what the refusal says.
const NAMED: &[(&str, &str)] =
    &[("tiff_lab.tif", "TIFF"), ("tiff_12_bit.tif", "12-bit"), ("dds.dds", "DDS"), ("tga.tga", "TGA")];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name)
}

fn shown(name: &str) -> Result<Decoded, PictureError> {
    decode(&fs::read(folder("files").join(name)).unwrap(), LIMITS)
}

/// The mean and the largest difference.
fn difference<'a>(found: impl Iterator<Item = &'a u8>, expected: &[u8]) -> (f64, u8) {
    let differences: Vec<u8> = found.zip(expected).map(|(a, b)| a.abs_diff(*b)).collect();
    assert_eq!(differences.len(), expected.len());
    let sum: u64 = differences.iter().map(|&d| u64::from(d)).sum();
    (sum as f64 / differences.len() as f64, differences.into_iter().max().unwrap_or(0))
}

#[test]
fn every_kind_of_file_is_shown_as_the_reference_decoder_shows_it() {
    let mut wrong = Vec::new();
    for &(name, Near(mean, most)) in SHOWN {
        let expected = image::open(folder("expected").join(format!("{name}.png"))).unwrap().into_rgb8();
        match shown(name) {
            Err(error) => wrong.push(format!("{name}: {error}")),
            Ok(found) if (found.width, found.height) != expected.dimensions() => {
                wrong.push(format!("{name}: {}x{}", found.width, found.height));
            }
            Ok(found) => {
                let (found_mean, found_most) = difference(found.rgb.iter(), expected.as_raw());
                if found_mean > mean || found_most > most {
                    wrong.push(format!("{name}: differs by {found_mean:.2}, at most {found_most}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_that_ends_before_its_picture_does_is_refused_as_truncated_whatever_its_format() {
    for name in TRUNCATED {
        let found = shown(name);
        assert!(matches!(found, Err(PictureError::Truncated)), "{name}: {:?}", found.err());
    }
}

#[test]
fn what_is_not_shown_is_refused_by_its_name() {
    for (name, says) in NAMED {
        let error = shown(name).unwrap_err();
        assert!(
            matches!(error, PictureError::UnsupportedFormat(_) | PictureError::UnsupportedKind(_))
                && error.to_string().contains(says),
            "{name}: {error}"
        );
    }
}

#[test]
fn every_file_is_in_a_table() {
    let known: Vec<&str> =
        SHOWN.iter().map(|row| row.0).chain(TRUNCATED.iter().copied()).chain(NAMED.iter().map(|row| row.0)).collect();
    for entry in fs::read_dir(folder("files")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name.as_str()), "{name}");
    }
}

/// Width and height of the pictures of the matrix, and which pixels of djpeg's are kept.
const MATRIX: (usize, usize, usize) = (37, 29, 3);

/// The files of each sampling that hold some of the components in each scan, and are baseline.
const SCANS_OF_SOME: [u8; 4] = [1, 2, 5, 6];

#[test]
fn all_samplings_of_three_components_are_shown_in_every_order_of_scans() {
    let packed = fs::read(folder("matrix.zlib")).unwrap();
    let unpacked = fdeflate::decompress_to_vec_bounded(&packed, 16 << 20).ok().unwrap();
    let mut rest = unpacked.as_slice();
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        rest = after;
        (taken, after.is_empty())
    };
    let (width, height, step) = MATRIX;
    let (mut files, mut wrong) = (0, Vec::new());
    loop {
        let factors = take(6).0.to_vec();
        let expected = take(width.div_ceil(step) * height.div_ceil(step) * 3).0;
        let count = take(1).0[0];
        let mut ended = false;
        let mut interleaved = Vec::new();
        for variant in 0..count {
            let length = u32::from_le_bytes(take(4).0.try_into().unwrap()) as usize;
            let (file, last) = take(length);
            ended = last;
            files += 1;
            let found = match decode(file, LIMITS) {
                Ok(found) => found,
                Err(error) => {
                    wrong.push(format!("{factors:?} {variant}: {error}"));
                    continue;
                }
            };
            assert_eq!((found.width as usize, found.height as usize), (width, height));
            if variant == 0 {
                interleaved.clone_from(&found.rgb);
            } else if SCANS_OF_SOME.contains(&variant) && found.rgb != interleaved {
                let (mean, most) = difference(found.rgb.iter(), &interleaved);
                wrong.push(format!("{factors:?} {variant}: not as interleaved: {mean:.2}, at most {most}"));
            }
            let kept = found
                .rgb
                .chunks_exact(width * 3)
                .step_by(step)
                .flat_map(|row| row.chunks_exact(3).step_by(step).flatten());
            let (mean, most) = difference(kept, expected);
            if mean > 1.0 || most > 40 {
                wrong.push(format!("{factors:?} {variant}: differs by {mean:.2}, at most {most}"));
            }
        }
        if ended {
            break;
        }
    }
    assert!(wrong.is_empty(), "{} of {files}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert_eq!(files, 311 * 4 + 47 * 5);
}
