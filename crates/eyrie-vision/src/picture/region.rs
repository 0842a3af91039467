//! The part of a query picture that is searched for.

use std::str::FromStr;

use serde::Deserialize;

/// A box may reach beyond the border by so much, in fractions of a side: rounding in clients' sums.
/// Less than a pixel of any picture.
const ROUNDING: f64 = 1e-6;

/// An upright box in a picture: x, y, width and height in fractions of the picture's width and
/// height, from its upper left corner, upright as its EXIF data say. It lies in the picture and is
/// not empty.
///
/// Read from a list of four numbers (serde) or from a text with commas between them ([`FromStr`]).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Vec<f64>")]
pub struct QueryRegion {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Why numbers are not a box in a picture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidRegion {
    /// More or fewer than four.
    #[error("four numbers are needed (x, y, width, height), not {0}")]
    Count(usize),
    /// A part of the text is no number.
    #[error("{0:?} is not a number; four are needed (x,y,width,height)")]
    NotANumber(String),
    /// NaN or infinite.
    #[error("each of the four numbers must be finite")]
    NotFinite,
    /// A width or height that is zero or negative.
    #[error("width and height must be greater than 0")]
    Empty,
    /// Not inside the picture.
    #[error(
        "the box must lie in the picture, in fractions of its width and height: x and y at least 0, x + width and \
         y + height at most 1"
    )]
    Outside,
}

impl QueryRegion {
    /// The box with these x, y, width and height.
    ///
    /// # Errors
    /// [`InvalidRegion`] when one of them is not finite, when the box is empty or when it is not
    /// inside the picture.
    pub fn new([x, y, width, height]: [f64; 4]) -> Result<Self, InvalidRegion> {
        if ![x, y, width, height].iter().all(|value| value.is_finite()) {
            return Err(InvalidRegion::NotFinite);
        }
        if width <= 0.0 || height <= 0.0 {
            return Err(InvalidRegion::Empty);
        }
        if x < 0.0 || y < 0.0 || x + width > 1.0 + ROUNDING || y + height > 1.0 + ROUNDING {
            return Err(InvalidRegion::Outside);
        }
        Ok(Self { x, y, width, height })
    }

    /// x, y, width and height.
    #[must_use]
    pub fn to_array(self) -> [f64; 4] {
        [self.x, self.y, self.width, self.height]
    }

    /// Where a point of the box lies in the whole picture; both in fractions.
    #[must_use]
    pub fn to_whole(self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.x + x * self.width, self.y + y * self.height]
    }
}

impl TryFrom<Vec<f64>> for QueryRegion {
    type Error = InvalidRegion;
    fn try_from(numbers: Vec<f64>) -> Result<Self, InvalidRegion> {
        let numbers: [f64; 4] = numbers.try_into().map_err(|numbers: Vec<f64>| InvalidRegion::Count(numbers.len()))?;
        Self::new(numbers)
    }
}

impl FromStr for QueryRegion {
    type Err = InvalidRegion;
    fn from_str(text: &str) -> Result<Self, InvalidRegion> {
        let number = |part: &str| part.trim().parse().map_err(|_| InvalidRegion::NotANumber(part.to_owned()));
        text.split(',').map(number).collect::<Result<Vec<f64>, _>>()?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_read_from_a_text_and_from_a_list() {
        let expected = QueryRegion::new([0.5, 0.0, 0.25, 1.0]).expect("inside");
        assert_eq!("0.5,0,0.25,1".parse(), Ok(expected));
        assert_eq!(" .5, 0,  0.25 ,1e0".parse(), Ok(expected));
        assert_eq!(serde_json::from_str::<QueryRegion>("[0.5, 0, 0.25, 1]").expect("reads"), expected);
        assert_eq!(expected.to_array(), [0.5, 0.0, 0.25, 1.0]);
    }

    #[test]
    fn what_is_no_box_in_the_picture_has_its_reason() {
        for (text, reason) in [
            ("", InvalidRegion::NotANumber(String::new())),
            ("0,0,1,", InvalidRegion::NotANumber(String::new())),
            ("0,0,half,1", InvalidRegion::NotANumber("half".to_owned())),
            ("0,0,1", InvalidRegion::Count(3)),
            ("0,0,1,1,1", InvalidRegion::Count(5)),
            ("NaN,0,1,1", InvalidRegion::NotFinite),
            ("0,0,inf,1", InvalidRegion::NotFinite),
            ("0,0,1,1e999", InvalidRegion::NotFinite),
            ("0,0,0,1", InvalidRegion::Empty),
            ("0,0,1,-0.5", InvalidRegion::Empty),
            ("-0.1,0,1,1", InvalidRegion::Outside),
            ("0,-1e-9,1,1", InvalidRegion::Outside),
            ("0.6,0,0.5,1", InvalidRegion::Outside),
            ("0,0.5,1,0.50001", InvalidRegion::Outside),
            ("10,20,100,80", InvalidRegion::Outside),
            ("1,0,0.1,1", InvalidRegion::Outside),
            ("1e308,0,1e308,1", InvalidRegion::Outside),
        ] {
            assert_eq!(text.parse::<QueryRegion>(), Err(reason), "{text}");
        }
        assert!(serde_json::from_str::<QueryRegion>("[0, 0, 1]").is_err());
        assert!(serde_json::from_str::<QueryRegion>("[0, 0, 1, null]").is_err());
        assert!(serde_json::from_str::<QueryRegion>("\"0,0,1,1\"").is_err());
    }

    #[test]
    fn sums_that_round_to_a_little_more_than_the_picture_are_inside() {
        for (x, width) in [(0.1_f32, 0.9_f32), (0.7, 0.3), (0.3, 0.7)] {
            assert!(QueryRegion::new([x.into(), 0.0, width.into(), 1.0]).is_ok(), "{x} + {width}");
        }
    }

    #[test]
    fn a_point_of_the_box_has_its_place_in_the_whole() {
        let region = QueryRegion::new([0.5, 0.25, 0.25, 0.5]).expect("inside");
        assert_eq!(region.to_whole([0.0, 0.0]), [0.5, 0.25]);
        assert_eq!(region.to_whole([1.0, 1.0]), [0.75, 0.75]);
        assert_eq!(region.to_whole([0.5, -0.5]), [0.625, 0.0]);
    }
}
