//! The fields of a request, from JSON, from a query string or from the text parts of a form, read into one and the
//! same type, with an error that names the field.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::error::{ApiError, Code};
use super::routes::App;
use crate::domain::QueryRegion;

/// Reads a JSON text into `T`.
pub(super) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = text(bytes, "the body")?;
    // Serde would take a list for a structure, by position.
    if text.trim_start().starts_with('[') {
        return Err(ApiError::new(Code::InvalidRequest, "a JSON object is needed, not a list"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().clone();
        json_error(&path, error.into_inner())
    })?;
    deserializer.end().map_err(|error| ApiError::new(Code::InvalidJson, error.to_string()))?;
    Ok(value)
}

/// Takes bytes as UTF-8; `place` says whose bytes they are.
pub(super) fn text<'a>(bytes: &'a [u8], place: &str) -> Result<&'a str, ApiError> {
    std::str::from_utf8(bytes).map_err(|error| {
        ApiError::new(Code::InvalidUtf8, format!("{place} is not valid UTF-8 from byte {} on", error.valid_up_to()))
    })
}

fn json_error(path: &serde_path_to_error::Path, error: serde_json::Error) -> ApiError {
    let message = error.to_string();
    match error.classify() {
        Category::Data => shape_error(path, &message),
        Category::Syntax if message.starts_with("recursion limit") && root(path).as_deref() == Some("metadata") => {
            ApiError::new(Code::MetadataTooDeep, "metadata are nested more than 127 levels deep")
        }
        Category::Syntax if message.starts_with("number out of range") => number_out_of_range(path),
        Category::Syntax | Category::Eof | Category::Io => ApiError::new(Code::InvalidJson, message),
    }
}

fn number_out_of_range(path: &serde_path_to_error::Path) -> ApiError {
    let detail = format!("{path}: the number is too large");
    match root(path).as_deref() {
        Some("descriptor") => ApiError::new(Code::DescriptorNotFinite, detail),
        Some("region") => ApiError::new(Code::InvalidRegion, detail),
        _ => ApiError::new(Code::OutOfRange, detail),
    }
}

/// JSON that is well-formed but not what the call takes.
fn shape_error(path: &serde_path_to_error::Path, message: &str) -> ApiError {
    let number = message.starts_with("invalid value: integer") || message.starts_with("invalid type: floating point");
    let code = match root(path).as_deref() {
        _ if message.starts_with("unknown field") => Code::UnknownField,
        _ if message.starts_with("duplicate field") => Code::DuplicateField,
        Some("descriptor") => Code::InvalidDescriptor,
        Some("id") => Code::InvalidImageId,
        Some("metadata") => Code::InvalidMetadata,
        Some("filter") => Code::InvalidFilter,
        Some("region") => Code::InvalidRegion,
        Some("k" | "offset" | "ef" | "limit" | "width" | "height") if number => Code::OutOfRange,
        _ => Code::InvalidRequest,
    };
    let place = path.to_string();
    let detail =
        if place == "." || code == Code::UnknownField { message.to_owned() } else { format!("{place}: {message}") };
    ApiError::new(code, detail)
}

fn root(path: &serde_path_to_error::Path) -> Option<String> {
    path.iter().next().map(ToString::to_string)
}

/// Fields that came as text, from a query string or from the parts of a form.
#[derive(Debug, Default)]
pub(super) struct TextFields(Map<String, Value>);

impl TextFields {
    /// Reads a query string.
    pub(super) fn from_query(query: Option<&str>) -> Result<Self, ApiError> {
        let mut fields = Self::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            fields.insert(&decode(name)?, &decode(value)?)?;
        }
        Ok(fields)
    }

    /// Adds a field. Numbers and switches are read as such, `metadata`, `filter` and `params` are JSON texts, and
    /// `include` and `region` are lists separated by commas.
    pub(super) fn insert(&mut self, name: &str, text: &str) -> Result<(), ApiError> {
        let value = match name {
            "k" | "offset" | "ef" | "limit" | "min_score" | "exact" | "width" | "height" => {
                match serde_json::from_str(text) {
                    Ok(scalar @ (Value::Number(_) | Value::Bool(_))) => scalar,
                    _ => Value::String(text.to_owned()),
                }
            }
            "metadata" => json_field(text, Code::InvalidMetadata, "metadata")?,
            "filter" => json_field(text, Code::InvalidFilter, "filter")?,
            "params" => return self.insert_all(text),
            "descriptor" => json_field(text, Code::InvalidDescriptor, "descriptor")?,
            "include" => text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(Value::from).collect(),
            "region" => region_field(text)?,
            _ => Value::String(text.to_owned()),
        };
        self.insert_value(name.to_owned(), value)
    }

    fn insert_all(&mut self, text: &str) -> Result<(), ApiError> {
        let params: Map<String, Value> = read_json(text.as_bytes())?;
        params.into_iter().try_for_each(|(name, value)| self.insert_value(name, value))
    }

    fn insert_value(&mut self, name: String, value: Value) -> Result<(), ApiError> {
        if self.0.contains_key(&name) {
            return Err(ApiError::new(Code::DuplicateField, format!("the field {name:?} was given twice")));
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// Whether there is a field of this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Reads the fields into `T`.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        serde_path_to_error::deserialize(Value::Object(self.0)).map_err(|error| {
            let path = error.path().clone();
            shape_error(&path, &error.into_inner().to_string())
        })
    }
}

fn region_field(text: &str) -> Result<Value, ApiError> {
    let region: Result<QueryRegion, _> = text.parse();
    let region = region.map_err(|error| ApiError::new(Code::InvalidRegion, format!("region: {error}")))?;
    Ok(Value::from(region.to_array().to_vec()))
}

fn json_field(text: &str, code: Code, name: &str) -> Result<Value, ApiError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        if code == Code::InvalidMetadata && message.starts_with("recursion limit") {
            return ApiError::new(Code::MetadataTooDeep, "metadata are nested more than 127 levels deep");
        }
        if code == Code::InvalidDescriptor && message.starts_with("number out of range") {
            return ApiError::new(Code::DescriptorNotFinite, format!("descriptor: {message}"));
        }
        ApiError::new(code, format!("{name} is not valid JSON: {message}"))
    })
}

fn decode(component: &str) -> Result<String, ApiError> {
    let spaced = component.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| ApiError::new(Code::InvalidUtf8, "the query string is not valid UTF-8"))
}

/// The parameters of a query string.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        TextFields::from_query(parts.uri.query())?.read().map(Self)
    }
}
