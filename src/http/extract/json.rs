//! JSON texts, read member by member, so that an error knows whose it is without a look at its
//! message.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::http::error::{ApiError, Code};

/// The members of a JSON object, each still as text.
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The levels of nesting that are read.
const MAX_DEPTH: usize = 127;

/// Takes bytes as UTF-8; `place` says whose bytes they are.
pub(crate) fn utf8<'a>(bytes: &'a [u8], place: &str) -> Result<&'a str, ApiError> {
    std::str::from_utf8(bytes).map_err(|error| {
        ApiError::new(Code::InvalidUtf8, format!("{place} is not valid UTF-8 from byte {} on", error.valid_up_to()))
    })
}

/// Reads a JSON object whose members have different names.
pub(crate) fn object(text: &str) -> Result<Members<'_>, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let pairs = deserializer.deserialize_map(Pairs).and_then(|pairs| deserializer.end().map(|()| pairs));
    let pairs = pairs.map_err(|error| match error.classify() {
        Category::Data => ApiError::new(Code::InvalidRequest, "a JSON object is needed"),
        Category::Syntax | Category::Eof | Category::Io => ApiError::new(Code::InvalidJson, error.to_string()),
    })?;
    let mut members = Members::new();
    for (name, value) in pairs {
        if members.contains_key(&name) {
            return Err(ApiError::new(Code::DuplicateField, format!("the field `{name}` was given twice")));
        }
        members.insert(name, value);
    }
    Ok(members)
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

/// Whether a text is one JSON number.
pub(crate) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// What a valid JSON text has outside of its strings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    depth: usize,
    has_huge_number: bool,
}

impl Shape {
    /// Looks through a valid JSON text.
    pub(crate) fn of(json: &str) -> Self {
        let mut shape = Self { depth: 0, has_huge_number: false };
        let mut open = 0_usize;
        let mut rest = json;
        while let Some(first) = rest.bytes().next() {
            let length = match first {
                b'"' => string_length(rest),
                b'-' | b'0'..=b'9' => {
                    let length = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                    let number = &rest[..length.unwrap_or(rest.len())];
                    shape.has_huge_number |= number.parse::<f64>().is_ok_and(f64::is_infinite);
                    number.len()
                }
                b'{' | b'[' => {
                    open += 1;
                    shape.depth = shape.depth.max(open);
                    1
                }
                b'}' | b']' => {
                    open = open.saturating_sub(1);
                    1
                }
                _ => 1,
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        shape
    }

    /// Whether it is nested deeper than is read.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.depth > MAX_DEPTH
    }

    /// Whether it has a number beyond those of 64-bit floats.
    pub(crate) fn has_huge_number(&self) -> bool {
        self.has_huge_number
    }
}

/// The length of the string that the text begins with, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Why a JSON text is not a list of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotNumbers {
    /// It is no list.
    NotAList,
    /// The element at this position is no number.
    Element(usize),
}

/// The elements of a valid JSON text that is a list of numbers.
pub(crate) fn numbers<T: FromStr>(json: &str) -> Result<Vec<T>, NotNumbers> {
    let inside = json.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or(NotNumbers::NotAList)?;
    if inside.trim().is_empty() {
        return Ok(Vec::new());
    }
    // Only a list of numbers alone has a number between each two of its commas: what begins with a
    // digit in valid JSON is one, and anything else begins otherwise.
    let number = |(at, element): (usize, &str)| {
        let element = element.trim();
        element.parse().ok().filter(|_| is_number(element)).ok_or(NotNumbers::Element(at))
    };
    inside.split(',').enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_its_members_once_and_is_an_object() {
        let members = object(r#" {"a": 1e999, "b": {"c": [1]}} "#).expect("an object");
        assert_eq!(
            members.into_iter().map(|(k, v)| (k, v.get())).collect::<Vec<_>>(),
            [("a".to_owned(), "1e999"), ("b".to_owned(), r#"{"c": [1]}"#)]
        );
        for (text, code) in [
            ("", Code::InvalidJson),
            ("{", Code::InvalidJson),
            ("{} {}", Code::InvalidJson),
            ("[]", Code::InvalidRequest),
            ("5", Code::InvalidRequest),
            (r#"{"a": 1, "a": 1}"#, Code::DuplicateField),
        ] {
            assert_eq!(object(text).err().map(|error| error.code()), Some(code), "{text}");
        }
    }

    #[test]
    fn depth_and_numbers_are_told_outside_of_strings_only() {
        let shape = |json: &str| (Shape::of(json).depth, Shape::of(json).has_huge_number);
        assert_eq!(shape(r#"{"a": [1, {"b": 2}]}"#), (3, false));
        assert_eq!(shape(r#"["[[[ 1e999 \" ]", -1e400]"#), (1, true));
        assert_eq!(shape("1.7e308"), (0, false));
        assert!(Shape::of(&"[".repeat(128)).is_too_deep());
    }

    #[test]
    fn a_list_of_numbers_has_nothing_else_in_it() {
        assert_eq!(numbers("[1, -2.5e3 ,0]"), Ok(vec![1.0, -2.5e3, 0.0]));
        assert_eq!(numbers::<f64>("[ ]"), Ok(vec![]));
        assert_eq!(numbers::<f64>("5"), Err(NotNumbers::NotAList));
        for (json, at) in [("[1, null]", 1), (r#"["1, 2"]"#, 0), ("[[1, 2]]", 0), (r#"[1, {"a": 2}]"#, 1)] {
            assert_eq!(numbers::<f64>(json), Err(NotNumbers::Element(at)), "{json}");
        }
    }
}
