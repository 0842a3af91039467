//! The fields of a request, whichever way they came: as members of a JSON object, as parameters of
//! a query string or as parts of a form. Readers take them out by name and know the code of what
//! can be wrong with them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{self, NotNumbers, Shape};
use crate::domain::{
    CollectionName, DescriptorVersion, FieldPath, Filter, FilterLimits, ImageId, InvalidId, InvalidOrigin,
    InvalidVersion, Origin, QueryRegion, Quota,
};
use crate::http::error::{ApiError, Code};

/// A value as it came.
#[derive(Debug)]
enum Field {
    /// From a JSON object.
    Json(Box<RawValue>),
    /// From a query string or a form.
    Text(String),
}

impl Field {
    /// The text of a number, a switch or another word.
    fn token(&self) -> &str {
        match self {
            Self::Json(json) => json.get(),
            Self::Text(text) => text.trim(),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Json(json) if json.get() == "null")
    }

    /// Whether both say the same, though one may be JSON and the other text.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(text), Self::Json(json)) | (Self::Json(json), Self::Text(text)) => {
                let Ok(value) = serde_json::from_str::<Value>(json.get()) else { return false };
                value == *text.as_str() || serde_json::from_str::<Value>(text).is_ok_and(|other| other == value)
            }
            (Self::Json(a), Self::Json(b)) => a.get() == b.get(),
            (Self::Text(a), Self::Text(b)) => a == b,
        }
    }
}

/// What is read from fields.
pub(crate) trait FromFields: Sized {
    /// How many images may come with it.
    const MOST_IMAGES: usize = 1;

    /// Takes the fields that this is made of. Failures are kept in `fields`; a value that comes
    /// with one is never used.
    fn from_fields(fields: &mut Fields) -> Self;
}

/// Fields by name. The first failure to read one is kept until [`Fields::read`] ends.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    given: BTreeMap<String, Field>,
    /// Fields whose bytes are no text, by name.
    unreadable: BTreeMap<String, ApiError>,
    known: Vec<&'static str>,
    failure: Option<ApiError>,
}

impl Fields {
    /// The parameters of a query string.
    pub(crate) fn from_query(query: Option<&str>) -> Result<Self, ApiError> {
        let mut fields = Self::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            fields.insert_text(decoded(name)?, decoded(value)?)?;
        }
        Ok(fields)
    }

    /// Adds a field that came as text.
    pub(crate) fn insert_text(&mut self, name: String, text: String) -> Result<(), ApiError> {
        self.insert(name, Field::Text(text))
    }

    /// Adds a field that came as bytes. That they must be UTF-8 is told only where the field is
    /// known.
    pub(crate) fn insert_bytes(&mut self, name: String, bytes: &[u8]) -> Result<(), ApiError> {
        match json::utf8(bytes, &format!("the field `{name}`")) {
            Ok(text) => self.insert_text(name, text.to_owned()),
            Err(error) => {
                self.unreadable.insert(name, error);
                Ok(())
            }
        }
    }

    /// Adds a member of a JSON object.
    pub(crate) fn insert_json(&mut self, name: String, json: &RawValue) -> Result<(), ApiError> {
        self.insert(name, Field::Json(json.to_owned()))
    }

    fn insert(&mut self, name: String, field: Field) -> Result<(), ApiError> {
        if let Some(there) = self.given.get(&name) {
            if there.same(&field) {
                return Ok(());
            }
            let detail = format!("the field `{name}` was given twice, with different values");
            return Err(ApiError::new(Code::DuplicateField, detail));
        }
        self.given.insert(name, field);
        Ok(())
    }

    /// Whether there is a field of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// Reads all of the fields. A field that nothing takes is an error; it lists the names that are
    /// known, `also` among them.
    pub(crate) fn read<T: FromFields>(mut self, also: &[&'static str]) -> Result<T, ApiError> {
        let value = T::from_fields(&mut self);
        if let Some(name) = self.given.keys().chain(self.unreadable.keys()).next() {
            self.known.extend(also);
            let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
            return Err(ApiError::new(Code::UnknownField, format!("unknown field `{name}`; known are {known}")));
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(value),
        }
    }

    /// Keeps a failure; only the first is told.
    pub(crate) fn fail(&mut self, code: Code, detail: impl Into<String>) {
        self.failure.get_or_insert_with(|| ApiError::new(code, detail));
    }

    /// Takes a field out of the way; JSON's null counts as left out.
    fn take(&mut self, name: &'static str) -> Option<Field> {
        self.known.push(name);
        if let Some(error) = self.unreadable.remove(name) {
            self.failure.get_or_insert(error);
        }
        self.given.remove(name).filter(|field| !field.is_null())
    }

    fn read_with<T>(&mut self, name: &'static str, read: impl FnOnce(&Field) -> Result<T, ApiError>) -> Option<T> {
        let field = self.take(name)?;
        read(&field).map_err(|error| self.failure.get_or_insert(error).code()).ok()
    }

    /// The members of a JSON text stand for fields of their own. Only a form can have it.
    pub(crate) fn spread(&mut self, name: &'static str) {
        if matches!(self.given.get(name), Some(Field::Json(_))) {
            return;
        }
        let Some(Field::Text(text)) = self.take(name) else { return };
        let spread = json::object(&text)
            .and_then(|members| members.into_iter().try_for_each(|(name, value)| self.insert_json(name, value)));
        if let Err(error) = spread {
            self.failure.get_or_insert(error);
        }
    }

    /// A whole number in a range.
    pub(crate) fn number(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        self.read_with(name, |field| {
            let number = float(name, field)?;
            let bounds = f64::from(*range.start())..=f64::from(*range.end());
            if number.fract() != 0.0 || !bounds.contains(&number) {
                let detail = format!("{name} must be a whole number from {} to {}", range.start(), range.end());
                return Err(ApiError::new(Code::OutOfRange, detail));
            }
            Ok(number as u32)
        })
    }

    /// The most that may be there of something: a whole number up to [`Quota::MOST`].
    pub(crate) fn limit(&mut self, name: &'static str) -> Option<u64> {
        self.read_with(name, |field| {
            let number = float(name, field)?;
            if number.fract() != 0.0 || !(0.0..=Quota::MOST as f64).contains(&number) {
                let detail = format!("{name} must be a whole number from 0 to {}", Quota::MOST);
                return Err(ApiError::new(Code::OutOfRange, detail));
            }
            Ok(number as u64)
        })
    }

    /// A limit that is changed; JSON's null takes it away.
    pub(crate) fn limit_change(&mut self, name: &'static str) -> Option<Option<u64>> {
        let is_taken_away = self.given.get(name).is_some_and(Field::is_null);
        let limit = self.limit(name);
        if is_taken_away { Some(None) } else { limit.map(Some) }
    }

    /// A cosine, -1 to 1.
    pub(crate) fn cosine(&mut self, name: &'static str) -> Option<f32> {
        self.read_with(name, |field| {
            let number = float(name, field)?;
            if !(-1.0..=1.0).contains(&number) {
                return Err(ApiError::new(Code::OutOfRange, format!("{name} must be from -1 to 1")));
            }
            Ok(number as f32)
        })
    }

    /// `true` or `false`.
    pub(crate) fn switch(&mut self, name: &'static str) -> Option<bool> {
        self.read_with(name, |field| match field.token() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(wrong_shape(name, &format!("{} is neither true nor false", shown(other)))),
        })
    }

    /// A text without the character U+0000, which Postgres cannot store.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.read_with(name, |field| {
            let text = string(name, field, Code::InvalidRequest)?;
            if text.contains('\0') {
                return Err(wrong_shape(name, "the character U+0000 is not accepted"));
            }
            Ok(text)
        })
    }

    /// The id of an image.
    pub(crate) fn id(&mut self, name: &'static str) -> Option<ImageId> {
        self.read_with(name, |field| {
            let text = string(name, field, Code::InvalidImageId)?;
            ImageId::new(text)
                .map_err(|error: InvalidId| ApiError::new(Code::InvalidImageId, format!("{name}: {error}")))
        })
    }

    /// The name of a collection.
    pub(crate) fn collection(&mut self, name: &'static str) -> Option<CollectionName> {
        self.read_with(name, |field| {
            let text = string(name, field, Code::InvalidCollectionName)?;
            CollectionName::new(text)
                .map_err(|error: InvalidId| ApiError::new(Code::InvalidCollectionName, format!("{name}: {error}")))
        })
    }

    /// Where a value is in metadata: keys with dots between them.
    pub(crate) fn field_path(&mut self, name: &'static str) -> Option<FieldPath> {
        self.read_with(name, |field| {
            let text = string(name, field, Code::InvalidRequest)?;
            FieldPath::parse(&text).map_err(|error| wrong_shape(name, &error.to_string()))
        })
    }

    /// The version of a descriptor.
    pub(crate) fn version(&mut self, name: &'static str) -> Option<DescriptorVersion> {
        self.read_with(name, |field| {
            let text = string(name, field, Code::InvalidRequest)?;
            text.parse().map_err(|error: InvalidVersion| ApiError::new(Code::InvalidVersion, error.to_string()))
        })
    }

    /// One of several names.
    pub(crate) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.read_with(name, |field| chosen(name, &string(name, field, Code::InvalidRequest)?, choices))
    }

    /// Several of several names: a JSON list, or a text with commas.
    pub(crate) fn choices<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<Vec<T>> {
        self.read_with(name, |field| {
            let words = match field {
                Field::Text(text) => {
                    text.split(',').map(|word| word.trim().to_owned()).filter(|w| !w.is_empty()).collect()
                }
                Field::Json(json) => serde_json::from_str::<Vec<String>>(json.get())
                    .map_err(|_| wrong_shape(name, "a list of names is needed"))?,
            };
            words.iter().map(|word| chosen(name, word, choices)).collect()
        })
    }

    /// JSON objects in a list, each still as text.
    pub(crate) fn objects(&mut self, name: &'static str) -> Option<Vec<Box<RawValue>>> {
        self.read_with(name, |field| {
            let json = json_text(name, field, Code::InvalidJson)?;
            let values: Vec<Box<RawValue>> =
                serde_json::from_str(json).map_err(|_| wrong_shape(name, "a list of objects is needed"))?;
            match values.iter().position(|value| !value.get().starts_with('{')) {
                Some(at) => Err(wrong_shape(name, &format!("[{at}] is not an object"))),
                None => Ok(values),
            }
        })
    }

    /// The ids of images: a JSON list of texts.
    pub(crate) fn ids(&mut self, name: &'static str) -> Option<Vec<ImageId>> {
        self.read_with(name, |field| {
            let json = json_text(name, field, Code::InvalidJson)?;
            let texts: Vec<String> =
                serde_json::from_str(json).map_err(|_| wrong_shape(name, "a list of ids is needed"))?;
            let id = |(at, text): (usize, String)| {
                ImageId::new(text)
                    .map_err(|error| ApiError::new(Code::InvalidImageId, format!("{name}[{at}]: {error}")))
            };
            texts.into_iter().enumerate().map(id).collect()
        })
    }

    /// The names of collections: a JSON list of texts.
    pub(crate) fn collections(&mut self, name: &'static str) -> Option<Vec<CollectionName>> {
        self.texts(name, |at, text| {
            CollectionName::new(text)
                .map_err(|error| ApiError::new(Code::InvalidCollectionName, format!("{name}[{at}]: {error}")))
        })
    }

    /// Origins of pages: a JSON list of texts.
    pub(crate) fn origins(&mut self, name: &'static str) -> Option<Vec<Origin>> {
        self.texts(name, |at, text| {
            text.parse().map_err(|error: InvalidOrigin| wrong_shape(name, &format!("[{at}]: {error}")))
        })
    }

    fn texts<T>(&mut self, name: &'static str, read: impl Fn(usize, String) -> Result<T, ApiError>) -> Option<Vec<T>> {
        self.read_with(name, |field| {
            let json = json_text(name, field, Code::InvalidJson)?;
            let texts: Vec<String> =
                serde_json::from_str(json).map_err(|_| wrong_shape(name, "a list of texts is needed"))?;
            texts.into_iter().enumerate().map(|(at, text)| read(at, text)).collect()
        })
    }

    /// A box in a picture: a JSON list of four numbers, or four numbers with commas.
    pub(crate) fn region(&mut self, name: &'static str) -> Option<QueryRegion> {
        let invalid = |reason: String| ApiError::new(Code::InvalidRegion, format!("{name}{reason}"));
        self.read_with(name, |field| {
            let region = match field {
                Field::Text(text) => text.parse(),
                Field::Json(json) => {
                    let numbers = json::numbers::<f64>(json.get()).map_err(|error| match error {
                        NotNumbers::NotAList => invalid(": a list of four numbers is needed".to_owned()),
                        NotNumbers::Element(at) => invalid(format!("[{at}]: a number is needed")),
                    })?;
                    if let Some(at) = numbers.iter().position(|number| number.is_infinite()) {
                        return Err(invalid(format!("[{at}]: the number is too large")));
                    }
                    numbers.try_into()
                }
            };
            region.map_err(|error| invalid(format!(": {error}")))
        })
    }

    /// The values of a descriptor: a JSON list of numbers.
    pub(crate) fn descriptor(&mut self, name: &'static str) -> Option<Vec<f32>> {
        self.read_with(name, |field| {
            let json = json_text(name, field, Code::InvalidDescriptor)?;
            let values = json::numbers::<f32>(json).map_err(|error| {
                let detail = match error {
                    NotNumbers::NotAList => format!("{name}: a list of numbers is needed"),
                    NotNumbers::Element(at) => format!("{name}[{at}]: a number is needed"),
                };
                ApiError::new(Code::InvalidDescriptor, detail)
            })?;
            match values.iter().position(|value| value.is_infinite()) {
                Some(at) => {
                    Err(ApiError::new(Code::DescriptorNotFinite, format!("{name}[{at}]: the number is too large")))
                }
                None => Ok(values),
            }
        })
    }

    /// Metadata as JSON, whatever it is: the service says what metadata are.
    pub(crate) fn metadata(&mut self, name: &'static str) -> Option<Value> {
        self.read_with(name, |field| value(name, field, Code::InvalidMetadata, Code::MetadataTooDeep))
    }

    /// A merge patch: a JSON object, which must be there.
    pub(crate) fn merge_patch(&mut self, name: &'static str) -> serde_json::Map<String, Value> {
        self.known.push(name);
        let Some(field) = self.given.remove(name) else {
            self.fail(Code::InvalidRequest, format!("the field `{name}` is missing"));
            return serde_json::Map::new();
        };
        match value(name, &field, Code::InvalidMetadata, Code::MetadataTooDeep) {
            Ok(Value::Object(patch)) => return patch,
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                self.fail(Code::InvalidMetadata, format!("{name}: a JSON object is needed"));
            }
            Err(error) => {
                self.failure.get_or_insert(error);
            }
        }
        serde_json::Map::new()
    }

    /// A filter over metadata; null is none.
    pub(crate) fn filter(&mut self, name: &'static str) -> Option<Filter> {
        let filter = self.read_with(name, |field| {
            let json = value(name, field, Code::InvalidFilter, Code::InvalidFilter)?;
            let filter = Some(json).filter(|json| !json.is_null());
            Ok(filter.map(|json| Filter::parse(&json, FilterLimits::default())).transpose()?)
        });
        filter.flatten()
    }
}

fn chosen<T: Copy>(name: &str, word: &str, choices: &[(&str, T)]) -> Result<T, ApiError> {
    choices.iter().find(|(choice, _)| *choice == word).map(|(_, value)| *value).ok_or_else(|| {
        let known = choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>().join(", ");
        wrong_shape(name, &format!("{} is not one of {known}", shown(word)))
    })
}

fn float(name: &str, field: &Field) -> Result<f64, ApiError> {
    let token = field.token();
    token
        .parse()
        .ok()
        .filter(|_| json::is_number(token))
        .ok_or_else(|| wrong_shape(name, &format!("{} is not a number", shown(token))))
}

fn string(name: &str, field: &Field, code: Code) -> Result<String, ApiError> {
    match field {
        Field::Text(text) => Ok(text.clone()),
        Field::Json(json) if json.get().starts_with('"') => text_of(name, json),
        Field::Json(json) => Err(ApiError::new(code, format!("{name}: {} is not a text", shown(json.get())))),
    }
}

/// What a JSON string says.
pub(crate) fn text_of(name: &str, json: &RawValue) -> Result<String, ApiError> {
    // The only fault that a string can still have is half of a surrogate pair.
    serde_json::from_str(json.get()).map_err(|error| ApiError::new(Code::InvalidJson, format!("{name}: {error}")))
}

/// A field as JSON text; where it came as another text, `invalid` is the code of one that is no
/// JSON.
fn json_text<'a>(name: &str, field: &'a Field, invalid: Code) -> Result<&'a str, ApiError> {
    match field {
        Field::Json(json) => Ok(json.get()),
        Field::Text(text) => serde_json::from_str::<&RawValue>(text)
            .map(RawValue::get)
            .map_err(|error| ApiError::new(invalid, format!("{name} is not valid JSON: {error}"))),
    }
}

fn value(name: &str, field: &Field, invalid: Code, too_deep: Code) -> Result<Value, ApiError> {
    let json = json_text(name, field, invalid)?;
    let shape = Shape::of(json);
    if shape.is_too_deep() {
        return Err(ApiError::new(too_deep, format!("{name} is nested more than 127 levels deep")));
    }
    if shape.has_huge_number() {
        return Err(ApiError::new(Code::OutOfRange, format!("{name}: a number is too large")));
    }
    serde_json::from_str(json).map_err(|error| ApiError::new(Code::InvalidJson, format!("{name}: {error}")))
}

fn wrong_shape(name: &str, reason: &str) -> ApiError {
    ApiError::new(Code::InvalidRequest, format!("{name}: {reason}"))
}

/// As much of a value as a message needs, in quotes.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn decoded(component: &str) -> Result<String, ApiError> {
    let spaced = component.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| ApiError::new(Code::InvalidUtf8, "the query string is not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sample {
        k: Option<u32>,
        words: Option<Vec<u8>>,
    }

    impl FromFields for Sample {
        fn from_fields(fields: &mut Fields) -> Self {
            fields.spread("params");
            Self { k: fields.number("k", 1..=9), words: fields.choices("words", &[("one", 1), ("two", 2)]) }
        }
    }

    fn from_json(text: &str) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in json::object(text).expect("an object") {
            fields.insert_json(name, value).expect("new");
        }
        fields
    }

    fn read(fields: Fields) -> Result<(Option<u32>, Option<Vec<u8>>), Code> {
        fields.read::<Sample>(&[]).map(|sample| (sample.k, sample.words)).map_err(|error| error.code())
    }

    #[test]
    fn a_field_is_the_same_from_json_from_a_query_and_from_the_params_of_a_form() {
        let expected = Ok((Some(5), Some(vec![2, 1])));
        assert_eq!(read(from_json(r#"{"k": 5, "words": ["two", "one"]}"#)), expected);
        assert_eq!(read(Fields::from_query(Some("words=two,+one&k=5&k=5")).expect("a query")), expected);
        let mut form = Fields::default();
        let params = r#"{"words": ["two", "one"], "k": 5}"#;
        form.insert_text("params".to_owned(), params.to_owned()).expect("new");
        form.insert_text("k".to_owned(), "5".to_owned()).expect("new");
        assert_eq!(read(form), expected);
        assert_eq!(read(from_json(r#"{"k": 5.0, "words": null}"#)), Ok((Some(5), None)));
    }

    #[test]
    fn the_code_of_a_wrong_field_comes_from_its_kind() {
        for (json, code) in [
            (r#"{"k": 0}"#, Code::OutOfRange),
            (r#"{"k": 1.5}"#, Code::OutOfRange),
            (r#"{"k": 1e999}"#, Code::OutOfRange),
            (r#"{"k": "5"}"#, Code::InvalidRequest),
            (r#"{"k": [5]}"#, Code::InvalidRequest),
            (r#"{"words": "one"}"#, Code::InvalidRequest),
            (r#"{"words": ["three"]}"#, Code::InvalidRequest),
            (r#"{"params": {"k": 5}}"#, Code::UnknownField),
            (r#"{"k": 0, "other": 1}"#, Code::UnknownField),
        ] {
            assert_eq!(read(from_json(json)), Err(code), "{json}");
        }
        let twice = Fields::from_query(Some("k=5&k=6")).err().map(|error| error.code());
        assert_eq!(twice, Some(Code::DuplicateField));
    }
}
