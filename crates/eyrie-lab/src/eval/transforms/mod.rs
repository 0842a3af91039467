//! Copies of a picture as people make them: recompressed, scaled, cropped, turned, relit, written
//! over, framed.
//!
//! A transform is deterministic: the same pixels and seed give the same copy (on one platform:
//! gamma and rotations use its mathematical functions). The seed, which comes from the file's
//! bytes, decides what a person would choose freely: where a crop lies, where a logo stands, how a
//! photograph is slanted. Copies are kept as pixels, except that the transforms of JPEG go through
//! its encoder and decoder.

mod colour;
mod geometry;
mod overlay;

use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageReader, RgbImage};

use eyrie_chip::Random;
use eyrie_vision::picture::Decoded;

/// Raise it whenever some transform gives another copy, so that vectors kept of old ones are not
/// used.
pub const TRANSFORMS_REVISION: u32 = 1;

macro_rules! transforms {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A way to change a picture.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Transform { $($(#[$doc])* $variant,)* }

        impl Transform {
            /// Every transform, in the order of reports.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Its name on the command line and in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

transforms! {
    /// JPEG of quality 90.
    Jpeg90 = "jpeg-90",
    /// JPEG of quality 70.
    Jpeg70 = "jpeg-70",
    /// JPEG of quality 50.
    Jpeg50 = "jpeg-50",
    /// JPEG of quality 30.
    Jpeg30 = "jpeg-30",
    /// JPEG of quality 20.
    Jpeg20 = "jpeg-20",
    /// JPEG of quality 10.
    Jpeg10 = "jpeg-10",
    /// Both sides scaled to 75 %.
    Scale75 = "scale-75",
    /// Both sides scaled to 50 %.
    Scale50 = "scale-50",
    /// Both sides scaled to 25 %.
    Scale25 = "scale-25",
    /// 90 % of the area, the shape kept, anywhere in the picture.
    Crop90 = "crop-90",
    /// 70 % of the area.
    Crop70 = "crop-70",
    /// Half of the area.
    Crop50 = "crop-50",
    /// 30 % of the area.
    Crop30 = "crop-30",
    /// Turned by 5 degrees, on a black ground that grows with it.
    Rotate5 = "rotate-5",
    /// Turned by 15 degrees, on a black ground that grows with it.
    Rotate15 = "rotate-15",
    /// A quarter turn.
    Rotate90 = "rotate-90",
    /// A half turn.
    Rotate180 = "rotate-180",
    /// Left and right exchanged.
    Mirror = "mirror",
    /// Gaussian blur, with a deviation of 1/150 of the shorter side, at least 1 pixel.
    Blur = "blur",
    /// Gaussian noise of deviation 20 on each channel.
    Noise = "noise",
    /// 50 added to each channel.
    BrightnessUp = "brightness-up",
    /// 50 taken from each channel.
    BrightnessDown = "brightness-down",
    /// Distances from middle grey times 1.5.
    ContrastUp = "contrast-up",
    /// Distances from middle grey times 0.6.
    ContrastDown = "contrast-down",
    /// Gamma 1.8: lighter middle tones.
    GammaUp = "gamma-up",
    /// Gamma 0.55: darker middle tones.
    GammaDown = "gamma-down",
    /// Hue turned by 30 degrees.
    HueUp = "hue-up",
    /// Hue turned by -30 degrees.
    HueDown = "hue-down",
    /// Without colour.
    Grey = "grey",
    /// A word in white letters with dark edges across the picture, in the upper, middle or lower
    /// part.
    Text = "text",
    /// A half-transparent emblem a third as high as the shorter side, in one of the corners.
    Logo = "logo",
    /// A white border of a tenth of the shorter side all around.
    Border = "border",
    /// Seen at an angle: each corner moved by up to 12 % of the sides, on a grey ground.
    Perspective = "perspective",
    /// As part of a screen: a bar above, the picture with margins, lines of writing below.
    Screenshot = "screenshot",
    /// 70 % of the area, scaled to 75 %, JPEG of quality 50.
    CropScaleJpeg = "crop-scale-jpeg",
    /// Turned by 5 degrees, lighter, with a text and a border, JPEG of quality 30.
    Meme = "meme",
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A copy that cannot be made: its pixels cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transform {transform}: {reason}")]
pub struct TransformError {
    /// Which copy.
    pub transform: Transform,
    /// What the encoder or decoder says.
    pub reason: String,
}

/// A name that is no transform's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown transform {0:?}")]
pub struct UnknownTransform(pub String);

impl FromStr for Transform {
    type Err = UnknownTransform;
    fn from_str(text: &str) -> Result<Self, UnknownTransform> {
        Self::ALL.into_iter().find(|t| t.name() == text).ok_or_else(|| UnknownTransform(text.to_owned()))
    }
}

impl Transform {
    /// A changed copy of `image`.
    ///
    /// # Errors
    /// [`TransformError`] when the pixels do not have the length that the sides say, or cannot be
    /// encoded as JPEG.
    pub fn apply(self, image: &Decoded, seed: u64) -> Result<Decoded, TransformError> {
        let refused = |reason: &dyn fmt::Display| TransformError { transform: self, reason: reason.to_string() };
        let picture = RgbImage::from_raw(image.width, image.height, image.rgb.clone())
            .ok_or_else(|| refused(&"the pixels do not have the length that the sides say"))?;
        // Another place in each transform.
        let mut random = Random::new(seed ^ (self as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let copy = self.changed(&picture, &mut random).map_err(|error| refused(&error))?;
        Ok(Decoded { width: copy.width(), height: copy.height(), format: image.format, rgb: copy.into_raw() })
    }

    fn changed(self, picture: &RgbImage, random: &mut Random) -> Result<RgbImage, image::ImageError> {
        Ok(match self {
            Self::Jpeg90 => jpeg(picture, 90)?,
            Self::Jpeg70 => jpeg(picture, 70)?,
            Self::Jpeg50 => jpeg(picture, 50)?,
            Self::Jpeg30 => jpeg(picture, 30)?,
            Self::Jpeg20 => jpeg(picture, 20)?,
            Self::Jpeg10 => jpeg(picture, 10)?,
            Self::Scale75 => geometry::scale(picture, 0.75),
            Self::Scale50 => geometry::scale(picture, 0.5),
            Self::Scale25 => geometry::scale(picture, 0.25),
            Self::Crop90 => geometry::crop(picture, 0.9, random),
            Self::Crop70 => geometry::crop(picture, 0.7, random),
            Self::Crop50 => geometry::crop(picture, 0.5, random),
            Self::Crop30 => geometry::crop(picture, 0.3, random),
            Self::Rotate5 => geometry::rotate(picture, 5.0),
            Self::Rotate15 => geometry::rotate(picture, 15.0),
            Self::Rotate90 => image::imageops::rotate90(picture),
            Self::Rotate180 => image::imageops::rotate180(picture),
            Self::Mirror => image::imageops::flip_horizontal(picture),
            Self::Blur => colour::blur(picture),
            Self::Noise => colour::noise(picture, 20.0, random),
            Self::BrightnessUp => colour::by_table(picture, |v| v + 50.0),
            Self::BrightnessDown => colour::by_table(picture, |v| v - 50.0),
            Self::ContrastUp => colour::by_table(picture, |v| 127.5 + 1.5 * (v - 127.5)),
            Self::ContrastDown => colour::by_table(picture, |v| 127.5 + 0.6 * (v - 127.5)),
            Self::GammaUp => colour::by_table(picture, |v| 255.0 * (v / 255.0).powf(1.0 / 1.8)),
            Self::GammaDown => colour::by_table(picture, |v| 255.0 * (v / 255.0).powf(1.0 / 0.55)),
            Self::HueUp => image::imageops::huerotate(picture, 30),
            Self::HueDown => image::imageops::huerotate(picture, -30),
            Self::Grey => colour::grey(picture),
            Self::Text => overlay::text(picture, random),
            Self::Logo => overlay::logo(picture, random),
            Self::Border => overlay::border(picture),
            Self::Perspective => geometry::perspective(picture, random),
            Self::Screenshot => overlay::screenshot(picture, random),
            Self::CropScaleJpeg => jpeg(&geometry::scale(&geometry::crop(picture, 0.7, random), 0.75), 50)?,
            Self::Meme => {
                let lighter = colour::by_table(&geometry::rotate(picture, 5.0), |v| v + 30.0);
                jpeg(&overlay::border(&overlay::text(&lighter, random)), 30)?
            }
        })
    }
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<RgbImage, image::ImageError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    let reader = ImageReader::with_format(Cursor::new(bytes), image::ImageFormat::Jpeg);
    Ok(reader.decode()?.into_rgb8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_vision::picture::ImageFormat;

    /// A colourful picture with edges and areas.
    fn original(width: u32, height: u32) -> Decoded {
        let pixel = |x: u32, y: u32| {
            let tile = (x / 16 + y / 12) % 3;
            [(x * 2 + 40 * tile) % 256, (y * 3 + 90 * tile) % 256, (x + y + 30 * tile) % 256].map(|v| v as u8)
        };
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        Decoded { rgb, format: ImageFormat::Png, width, height }
    }

    fn size(transform: Transform) -> (u32, u32) {
        let copy = transform.apply(&original(120, 80), 1).expect("a copy");
        (copy.width, copy.height)
    }

    #[test]
    fn the_same_picture_and_seed_give_the_same_copy_and_each_changes_the_picture() {
        let picture = original(120, 80);
        for transform in Transform::ALL {
            let copy = transform.apply(&picture, 5).expect("a copy");
            assert_eq!(copy, transform.apply(&picture, 5).expect("a copy"), "{transform}");
            assert_eq!(copy.rgb.len(), copy.width as usize * copy.height as usize * 3, "{transform}");
            assert_ne!(copy.rgb, picture.rgb, "{transform}");
        }
    }

    #[test]
    fn the_seed_moves_what_a_person_would_choose() {
        let picture = original(120, 80);
        for transform in [Transform::Crop50, Transform::Noise, Transform::Logo, Transform::Text, Transform::Perspective]
        {
            let copies: Vec<_> = (0..6).map(|seed| transform.apply(&picture, seed).expect("a copy").rgb).collect();
            assert!(copies.iter().any(|copy| *copy != copies[0]), "{transform}");
        }
    }

    #[test]
    fn copies_have_the_size_that_their_transform_says() {
        use Transform as T;
        let same = [
            T::Jpeg90,
            T::Jpeg10,
            T::Rotate180,
            T::Mirror,
            T::Blur,
            T::Noise,
            T::BrightnessUp,
            T::ContrastDown,
            T::GammaUp,
            T::HueDown,
            T::Grey,
            T::Text,
            T::Logo,
            T::Perspective,
        ];
        assert!(same.iter().all(|t| size(*t) == (120, 80)));
        assert_eq!([T::Scale75, T::Scale50, T::Scale25].map(size), [(90, 60), (60, 40), (30, 20)]);
        for (transform, share) in [(T::Crop90, 0.9), (T::Crop70, 0.7), (T::Crop50, 0.5), (T::Crop30, 0.3)] {
            let (width, height) = size(transform);
            assert!((f64::from(width * height) / 9600.0 - share).abs() < 0.02, "{transform}: {width}x{height}");
        }
        assert_eq!(size(T::Rotate90), (80, 120));
        // 120 cos + 80 sin by 120 sin + 80 cos.
        assert_eq!([T::Rotate5, T::Rotate15].map(size), [(127, 90), (137, 108)]);
        assert_eq!(size(T::Border), (136, 96));
        assert_eq!(size(T::Screenshot), (144, 152));
        assert!(size(T::CropScaleJpeg).0 < 90);
    }

    #[test]
    fn lower_qualities_are_further_from_the_original() {
        let picture = original(120, 80);
        let distance = |transform: Transform| -> u64 {
            let copy = transform.apply(&picture, 0).expect("a copy");
            copy.rgb.iter().zip(&picture.rgb).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
        };
        assert!(distance(Transform::Jpeg90) < distance(Transform::Jpeg50));
        assert!(distance(Transform::Jpeg50) < distance(Transform::Jpeg10));
    }

    #[test]
    fn pictures_of_one_pixel_are_transformed_too() {
        for transform in Transform::ALL {
            let copy = transform.apply(&original(1, 1), 3).expect("a copy");
            assert!(copy.width > 0 && copy.height > 0, "{transform}");
        }
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for transform in Transform::ALL {
            assert_eq!(transform.name().parse(), Ok(transform));
        }
        assert_eq!("no".parse::<Transform>(), Err(UnknownTransform("no".into())));
    }

    #[test]
    fn pixels_of_another_length_are_refused() {
        let mut broken = original(10, 10);
        broken.rgb.pop();
        assert!(matches!(
            Transform::Mirror.apply(&broken, 0),
            Err(TransformError { transform: Transform::Mirror, .. })
        ));
    }
}
