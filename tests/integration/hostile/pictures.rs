//! Pictures that are bombs, lie, are two things at once or none, and archives of such.

use super::{Answer, Case, post, request, server, withstands};
use crate::http_archives::tar;
use crate::support::app::{COLLECTION, images, search};
use crate::support::archives::{gzip, zip};
use crate::support::pictures::{black_png, heic, jpeg, png, zero_sized_png};

const AVIF: &[u8] = include_bytes!("../../../crates/eyrie-vision/tests/pictures/files/avif_420.avif");

const JXL: &[u8] = include_bytes!("../../../crates/eyrie-vision/tests/pictures/files/jxl_lossless.jxl");

fn upload(name: &str, picture: &[u8], status: u16, code: &'static str) -> Case {
    Case::refused(name, post(&images(""), "image/png", picture), status, code)
}

/// What is a picture whatever else it is: nothing of the rest is kept or run.
fn query(name: &str, picture: &[u8]) -> Case {
    Case::new(name, post(&search(), "image/png", picture), Answer::Fine(200))
}

/// A chunk of a PNG, with its checksum.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = u32::try_from(data.len()).expect("small").to_be_bytes();
    [&length[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// A PNG of these chunks.
fn png_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

fn ihdr(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &rest].concat())
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A PNG with other chunks behind its head.
fn png_with(extra: &[u8]) -> Vec<u8> {
    let whole = png(1);
    // The signature and the first chunk.
    let (head, rest) = whole.split_at(33);
    [head, extra, rest].concat()
}

/// A JPEG with a segment behind its first marker.
fn jpeg_with(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("small").to_be_bytes();
    let whole = jpeg(1);
    [&whole[..2], &[0xff, marker], &length, data, &whole[2..]].concat()
}

/// A progressive JPEG with its last scan so many times.
fn jpeg_of_scans(times: usize) -> Vec<u8> {
    let whole = include_bytes!("../../../crates/eyrie-vision/tests/pictures/files/jpeg_progressive.jpg");
    let scan = whole.windows(2).rposition(|two| two == [0xff, 0xda]).expect("a scan");
    let (rest, end) = whole.split_at(whole.len() - 2);
    [rest, &rest[scan..].repeat(times), end].concat()
}

/// An AVIF that says that it has this size.
fn avif_of(width: u32, height: u32) -> Vec<u8> {
    let mut whole = AVIF.to_vec();
    let size = whole.windows(4).position(|four| four == b"ispe").expect("its size") + 8;
    whole[size..size + 8].copy_from_slice(&[width.to_be_bytes(), height.to_be_bytes()].concat());
    whole
}

/// A JPEG XL that says that it has sides of so many pixels, up to 2^18, and whose metadata are
/// those by default.
fn jxl_of(side: u32) -> Vec<u8> {
    let header = u64::from(side - 1) << 3 | 0b100 | 1 << 21 | 1 << 24;
    [&b"\xff\x0a"[..], &header.to_le_bytes(), &[0; 64]].concat()
}

/// A JPEG whose frame says that it has this size.
fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
    let mut whole = jpeg(1);
    let frame = whole.windows(2).position(|two| two == [0xff, 0xc0]).expect("a baseline frame");
    whole[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    whole[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    whole
}

fn bmp(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM\xff\xff\xff\x7f\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    bytes.extend(b"\x01\0\x18\0");
    bytes.resize(200, 0);
    bytes
}

fn gif(width: u16, height: u16, rest: &[u8]) -> Vec<u8> {
    [b"GIF89a", &width.to_le_bytes()[..], &height.to_le_bytes(), b"\x80\0\0\0\0\0\xff\xff\xff", rest].concat()
}

/// A TIFF whose one directory has these entries: tag, type, count and value.
fn tiff(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut bytes = b"II\x2a\0\x08\0\0\0".to_vec();
    bytes.extend(u16::try_from(entries.len()).expect("few").to_le_bytes());
    for (tag, kind, count, value) in entries {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend(next.to_le_bytes());
    bytes
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = bombs();
    cases.extend(liars());
    cases.extend(polyglots());
    cases.extend(archives());
    cases
}

fn bombs() -> Vec<Case> {
    let idat = chunk(b"IDAT", &zlib(&vec![0; 1 << 20]));
    let end = chunk(b"IEND", b"");
    let profile = [b"icc\0\0".to_vec(), zlib(&vec![0; 60 << 20])].concat();
    let text = [b"Comment\0\0".to_vec(), zlib(&vec![b'a'; 60 << 20])].concat();
    let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xfe\xbf\xff\x0f\0\0\0\0\0\0\0\0\0";
    let wide =
        [(256, 4, 1, 65_535), (257, 4, 1, 65_535), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 8)];
    vec![
        upload("a PNG of 1.2 million black pixels in 200 bytes", &black_png(1200, 1000), 422, "image_too_many_pixels"),
        upload(
            "a PNG of 65 535 by 65 535",
            &png_of(&[ihdr(65_535, 65_535, [8, 6, 0, 0, 0]), idat.clone(), end.clone()]),
            422,
            "image_too_many_pixels",
        ),
        upload(
            "a PNG of 2^31 - 1 by 2^31 - 1, 16 bits, interlaced",
            &png_of(&[ihdr(i32::MAX as u32, i32::MAX as u32, [16, 6, 0, 0, 1]), idat.clone(), end.clone()]),
            422,
            "image_too_many_pixels",
        ),
        upload(
            "a PNG of 2^32 - 1 by 1",
            &png_of(&[ihdr(u32::MAX, 1, [1, 0, 0, 0, 0]), idat.clone(), end.clone()]),
            422,
            "image_too_many_pixels",
        ),
        query(
            "a PNG whose pixels inflate to 60 MiB where 16 bytes belong",
            &png_of(&[ihdr(4, 4, [8, 0, 0, 0, 0]), chunk(b"IDAT", &zlib(&vec![0; 60 << 20])), end]),
        ),
        query("a PNG with a profile that inflates to 60 MiB", &png_with(&chunk(b"iCCP", &profile))),
        query("a PNG with a text that inflates to 60 MiB", &png_with(&chunk(b"zTXt", &text))),
        query("a PNG with 20 000 chunks", &png_with(&chunk(b"tEXt", b"a\0b").repeat(20_000))),
        upload("a JPEG of 65 535 by 65 535", &jpeg_of(65_535, 65_535), 422, "image_too_many_pixels"),
        upload("a JPEG of 3 000 scans", &jpeg_of_scans(3_000), 400, "image_corrupt"),
        upload("an AVIF of 65 535 by 65 535", &avif_of(65_535, 65_535), 422, "image_too_many_pixels"),
        upload("an AVIF of 2^32 - 1 by 2^32 - 1", &avif_of(u32::MAX, u32::MAX), 422, "image_too_many_pixels"),
        upload("a JPEG XL of 16 384 by 16 384", &jxl_of(16_384), 422, "image_too_many_pixels"),
        upload("a JPEG XL of 2^18 by 2^18", &jxl_of(1 << 18), 422, "image_too_many_pixels"),
        upload("a JPEG of 65 535 by 1", &jpeg_of(65_535, 1), 422, "image_aspect_ratio"),
        upload(
            "a GIF of 65 535 by 65 535",
            &gif(65_535, 65_535, b",\0\0\0\0\xff\xff\xff\xff\0\x08\0;"),
            422,
            "image_too_many_pixels",
        ),
        upload("a BMP of 2^31 - 1 by 2^31 - 1", &bmp(i32::MAX, i32::MAX), 422, "image_too_many_pixels"),
        upload("a WebP of 16 383 by 16 383", webp, 422, "image_too_many_pixels"),
        upload("a TIFF of 65 535 by 65 535", &tiff(&wide, 0), 422, "image_too_many_pixels"),
        upload("an upload over the limit", &vec![0x89; (1 << 20) + 1], 413, "upload_too_large"),
    ]
}

fn liars() -> Vec<Case> {
    let whole = png(1);
    let mut lying_chunk = whole.clone();
    lying_chunk[33..37].fill(0xff);
    let mut wrong_checksum = whole.clone();
    wrong_checksum[29] ^= 1;
    let mut garbled = whole.clone();
    let middle = garbled.len() / 2;
    garbled[middle..middle + 8].fill(0xff);
    let jpeg = jpeg(1);
    let loops = tiff(&[(256, 4, 1, 8), (257, 4, 1, 8)], 8);
    let strips =
        [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, u32::MAX, 8), (279, 4, u32::MAX, 8)];
    let exif = [&b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x08\0\0\0\x08\0\0\0"[..]].concat();
    vec![
        upload("no byte", b"", 400, "image_empty"),
        upload("one byte", b"\x89", 400, "not_an_image"),
        upload("the signature of a PNG alone", &whole[..8], 400, "image_truncated"),
        upload("half a PNG", &whole[..whole.len() / 2], 400, "image_truncated"),
        upload(
            "a PNG without pixels",
            &png_of(&[ihdr(64, 64, [8, 2, 0, 0, 0]), chunk(b"IEND", b"")]),
            400,
            "image_corrupt",
        ),
        upload("a PNG with a chunk of 4 GiB", &lying_chunk, 400, "image_corrupt"),
        upload("a PNG with a wrong checksum", &wrong_checksum, 400, "image_corrupt"),
        upload("a PNG with garbled pixels", &garbled, 400, "image_corrupt"),
        upload(
            "a PNG with a colour type that is none",
            &png_of(&[ihdr(64, 64, [8, 5, 0, 0, 0]), chunk(b"IDAT", b""), chunk(b"IEND", b"")]),
            400,
            "image_corrupt",
        ),
        upload("a PNG without width", &zero_sized_png(), 422, "image_zero_sized"),
        upload("a PNG of 2 by 60", &black_png(2, 60), 422, "image_aspect_ratio"),
        upload("half an AVIF", &AVIF[..AVIF.len() / 2], 400, "image_truncated"),
        upload("an AVIF without width", &avif_of(0, 64), 422, "image_zero_sized"),
        upload("half a JPEG XL", &JXL[..JXL.len() / 2], 400, "image_truncated"),
        upload("half a JPEG", &jpeg[..jpeg.len() / 2], 400, "image_truncated"),
        upload("a JPEG of two markers", b"\xff\xd8\xff\xd9", 400, "image_corrupt"),
        upload("a JPEG without height", &jpeg_of(64, 0), 422, "image_zero_sized"),
        query("a JPEG with Exif of 2^32 - 1 orientations", &jpeg_with(0xe1, &exif)),
        query("a JPEG with half a profile", &jpeg_with(0xe2, b"ICC_PROFILE\0\x01\xff\xff\xff\xff\xff")),
        upload("a BMP of negative width", &bmp(-8, 8), 400, "image_corrupt"),
        upload("a BMP of the least height", &bmp(8, i32::MIN), 422, "image_too_many_pixels"),
        upload("a GIF without a frame", &gif(64, 64, b";"), 400, "image_truncated"),
        upload("a GIF of no width", &gif(0, 0, b",\0\0\0\0\0\0\0\0\0\x08\0;"), 422, "image_zero_sized"),
        upload("a TIFF whose directory is its own next one, without pixels", &loops, 400, "image_corrupt"),
        upload("a TIFF with 2^32 - 1 strips", &tiff(&strips, 0), 400, "image_corrupt"),
        upload(
            "a WebP of 4 GiB in 30 bytes",
            b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff\0\0\0\x9d\x01\x2a\x08\0\x08\0",
            400,
            "image_truncated",
        ),
        upload("the head of a HEIC", &heic(), 415, "unsupported_image_format"),
        Case::refused(
            "a picture in gzip",
            request("POST", &images(""), &[b"content-type: image/png", b"content-encoding: gzip"], &gzip(&whole)),
            415,
            "unsupported_media_type",
        ),
        Case::refused(
            "a picture as a form of a page",
            post(&images(""), "application/x-www-form-urlencoded", &whole),
            415,
            "unsupported_media_type",
        ),
    ]
}

fn polyglots() -> Vec<Case> {
    let page = b"<html><script>alert(1)</script></html>";
    let external = b"<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
                     <svg xmlns=\"http://www.w3.org/2000/svg\"><text>&x;</text></svg>";
    vec![
        query("a PNG with a zip behind it", &[png(1), zip(&[("a.png", png(2))])].concat()),
        query("a PNG with a page in a text", &png_with(&chunk(b"tEXt", &[&b"a\0"[..], page].concat()))),
        query("a JPEG with PHP in a comment", &jpeg_with(0xfe, b"<?php system($_GET['c']); ?>")),
        query("a JPEG with a zip behind it", &[jpeg(1), zip(&[("a.png", png(2))])].concat()),
        upload("a page that begins as a GIF", b"GIF89a/*<script>*/=1;alert(1)</script>", 400, "image_truncated"),
        upload("a page", page, 400, "not_an_image"),
        upload("an SVG with an external entity", external, 415, "unsupported_image_format"),
        upload("a PDF", b"%PDF-1.7\n1 0 obj\n<</OpenAction 1>>\nendobj\n", 415, "unsupported_image_format"),
        upload("a program for Linux", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0", 400, "not_an_image"),
        upload("a program for Windows", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", 400, "not_an_image"),
        upload("a script", b"#!/bin/sh\nrm -rf /\n", 400, "not_an_image"),
        upload("PostScript", b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n", 400, "not_an_image"),
        upload(
            "an MVG of ImageMagick",
            b"push graphic-context\nimage over 0,0 0,0 'https://evil.example/'\n",
            400,
            "not_an_image",
        ),
        upload("a zip", &zip(&[("a.png", png(1))]), 400, "not_an_image"),
        upload(
            "a HEIC that is a PNG from byte 12 on",
            &[&b"\0\0\0\x0cftypheic"[..], &png(1)].concat(),
            415,
            "unsupported_image_format",
        ),
    ]
}

fn archives() -> Vec<Case> {
    let import =
        |media_type: &str, body: &[u8]| post(&format!("/v1/collections/{COLLECTION}/import"), media_type, body);
    let entry = |kind: tar::EntryType, name: &[u8], link: &str| {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().expect("GNU").name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(0);
        if !link.is_empty() {
            header.set_link_name(link).expect("short");
        }
        header.set_cksum();
        archive.append(&header, &b""[..]).expect("memory");
        archive.into_inner().expect("memory")
    };
    let mut header = tar::Header::new_gnu();
    header.set_path("a.png").expect("short");
    header.set_size((8 << 30) - 1);
    header.set_cksum();
    let lying = [&header.as_bytes()[..], &png(1)].concat();
    let mut no_list = zip(&[("a.png", png(1))]);
    no_list.truncate(no_list.len() - 30);
    let zip_type = "application/zip";
    let tar_type = "application/x-tar";
    vec![
        Case::refused(
            "a gzip that inflates to 40 MiB",
            import("application/gzip", &gzip(&tar(&vec![("z", vec![0; 40 << 20])]))),
            400,
            "incomplete_import",
        ),
        Case::refused("a zip that is none", import(zip_type, b"PK\x03\x04 and no more"), 400, "invalid_archive"),
        Case::refused("a zip without its list", import(zip_type, &no_list), 400, "invalid_archive"),
        Case::refused("an archive over the limit", import(zip_type, &vec![0; 200_001]), 413, "upload_too_large"),
        Case::new("a zip of a zip", import(zip_type, &zip(&[("b.zip", zip(&[("a.png", png(3))]))])), Answer::Fine(200)),
        Case::new(
            "a zip with a file outside",
            import(zip_type, &zip(&[("../../etc/cron.d/x", b"* * * * * root".to_vec())])),
            Answer::Fine(200),
        ),
        Case::new(
            "a zip with a text that inflates to 40 MiB",
            import(zip_type, &zip(&[("z.txt", vec![0; 40 << 20])])),
            Answer::Fine(200),
        ),
        Case::new(
            "a tar with a link to /etc/passwd",
            import(tar_type, &entry(tar::EntryType::Symlink, b"a.png", "/etc/passwd")),
            Answer::Fine(200),
        ),
        Case::new(
            "a tar with a device",
            import(tar_type, &entry(tar::EntryType::Char, b"a.png", "")),
            Answer::Fine(200),
        ),
        Case::new(
            "a tar with a name that leads out",
            import(tar_type, &entry(tar::EntryType::Regular, b"/../../a.txt", "")),
            Answer::Fine(200),
        ),
        Case::refused("a tar with an entry of 8 GiB", import(tar_type, &lying), 400, "invalid_archive"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_pictures_are_answered_as_the_table_says() {
    withstands(&server().await, &cases()).await;
}
