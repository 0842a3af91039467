//! No bytes make a picture's decoding crash, hang or take more memory than its limits allow; what
//! is decoded has the pixels that its sides say, is the same the second time, and gives a picture
//! to each step behind decoding.
//!
//! Panics of the decoders' crates are caught where they are called and are no finding here.

#![no_main]

use std::panic;

use eyrie_vision::local::LocalFeatures;
use eyrie_vision::picture::{DecodeLimits, PictureError, QueryRegion, crop, decode, encode_png, luma, sniff};
use libfuzzer_sys::fuzz_target;

/// Small, so that many files are tried.
const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 1 << 18, max_aspect_ratio: 100 };

fuzz_target!(
    init: {
        // The fuzzer's own hook would end the process for a panic that is caught.
        panic::set_hook(Box::new(|_| ()));
    },
    |data: &[u8]| {
        let _ = sniff(data);
        let picture = match decode(data, LIMITS) {
            Ok(picture) => picture,
            Err(PictureError::Internal(reason)) => panic!("an error of ours: {reason}"),
            Err(_) => return,
        };
        let (width, height) = (picture.width as usize, picture.height as usize);
        assert!(width > 0 && height > 0 && (width * height) as u64 <= LIMITS.max_pixels);
        assert_eq!(picture.rgb.len(), 3 * width * height);
        let again = decode(data, LIMITS).expect("what was decoded once");
        assert!(again.rgb == picture.rgb && (again.width, again.height) == (picture.width, picture.height));
        assert!(!encode_png(&picture).expect("a picture").is_empty());
        let features = LocalFeatures::extract(&luma(&picture), width, height, 50).expect("a picture");
        assert!(features.len() <= 50);
        let middle = QueryRegion::new([0.25, 0.25, 0.5, 0.5]).expect("inside");
        if let Ok((part, _)) = crop(picture, middle, LIMITS) {
            assert_eq!(part.rgb.len(), 3 * (part.width * part.height) as usize);
        }
    }
);
