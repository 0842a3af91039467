//! The keys and their values while the layers are put over each other.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use toml::{Table, Value};

use super::error::ConfigError;

/// The keys whose values are never shown. Their variables have a second form that ends in `_FILE`
/// and names a file with the value.
pub(super) const SECRETS: [&str; 5] = [
    "server.admin_key",
    "storage.database_url",
    "storage.s3_access_key_id",
    "storage.s3_secret_access_key",
    "telemetry.otlp_headers",
];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `config/default.toml`, as built in.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// What one key is set to.
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) source: Source,
}

impl Setting {
    /// That the value is not what its key allows. A secret is not shown.
    pub(super) fn refusal(&self, key: &str, allowed: impl Into<String>) -> ConfigError {
        ConfigError::Value {
            key: key.to_owned(),
            value: match key {
                key if SECRETS.contains(&key) => "a text that is not shown".to_owned(),
                _ => self.value.to_string(),
            },
            allowed: allowed.into(),
            source_name: self.source.to_string(),
        }
    }
}

/// Every key that exists, while the layers are put over each other. A key has the type of its
/// default for ever.
pub(super) struct Layers(BTreeMap<String, Setting>);

impl Layers {
    /// The first layer: every key with its default.
    pub(super) fn new(defaults: &str) -> Result<Self, ConfigError> {
        let keys = keys_of(defaults, &Source::Default)?.into_iter();
        Ok(Self(keys.map(|(key, value)| (key, Setting { value, source: Source::Default })).collect()))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Setting> {
        self.0.get(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// For every key, where its value comes from.
    pub(super) fn sources(&self) -> BTreeMap<String, Source> {
        self.0.iter().map(|(key, setting)| (key.clone(), setting.source.clone())).collect()
    }

    /// Puts the text of a file over what is there.
    pub(super) fn set_file(&mut self, text: &str, path: PathBuf) -> Result<(), ConfigError> {
        let source = Source::File(path);
        keys_of(text, &source)?.into_iter().try_for_each(|(key, value)| self.set(&key, value, source.clone()))
    }

    fn set(&mut self, key: &str, value: Value, source: Source) -> Result<(), ConfigError> {
        let Some(setting) = self.0.get_mut(key) else {
            let nearest = nearest(key, self.0.keys().map(String::as_str)).map(str::to_owned);
            return Err(ConfigError::UnknownKey { key: key.to_owned(), source_name: source.to_string(), nearest });
        };
        if !value.same_type(&setting.value) {
            let allowed = match &setting.value {
                Value::Integer(_) => "a whole number",
                Value::String(_) => "a text",
                Value::Boolean(_) => "true or false",
                Value::Array(_) => "a list",
                other @ (Value::Float(_) | Value::Datetime(_) | Value::Table(_)) => other.type_str(),
            };
            return Err(Setting { value, source }.refusal(key, allowed));
        }
        *setting = Setting { value, source };
        Ok(())
    }

    /// Reads a text as a value of the key's type. The type comes from the key and not from the
    /// text, so that a folder may be called `2024` and a password `true`. A text that is no such
    /// value is refused by [`Layers::set`].
    pub(super) fn set_text(&mut self, key: &str, text: &str, source: Source) -> Result<(), ConfigError> {
        let value = match self.0.get(key).map(|setting| &setting.value) {
            Some(Value::Integer(_)) => text.trim().parse().ok().map(Value::Integer),
            Some(Value::Boolean(_)) => text.trim().parse().ok().map(Value::Boolean),
            Some(Value::Array(_)) => Some(list(text)),
            Some(_) | None => None,
        };
        self.set(key, value.unwrap_or_else(|| text.into()), source)
    }

    /// The keys in their sections again.
    pub(super) fn nested(&self) -> Table {
        let mut sections = Table::new();
        for (key, setting) in &self.0 {
            let (section, name) = key.split_once('.').unwrap_or(("", key));
            let section = sections.entry(section).or_insert_with(|| Table::new().into());
            if let Some(section) = section.as_table_mut() {
                section.insert(name.to_owned(), setting.value.clone());
            }
        }
        sections
    }
}

/// A list of texts with commas between them.
fn list(text: &str) -> Value {
    Value::Array(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect())
}

/// The keys of a TOML text, sections joined by dots. An error names the line but shows nothing of
/// it: it may hold a secret.
fn keys_of(text: &str, source: &Source) -> Result<Vec<(String, Value)>, ConfigError> {
    let table: Table = toml::from_str(text).map_err(|e| ConfigError::Toml {
        source_name: source.to_string(),
        line: 1 + e.span().and_then(|span| text.get(..span.start)).map_or(0, |before| before.matches('\n').count()),
        reason: e.message().replace('\n', ", "),
    })?;
    let mut keys = Vec::new();
    flatten("", table, &mut keys);
    Ok(keys)
}

fn flatten(prefix: &str, table: Table, keys: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        if let Value::Table(inner) = value {
            flatten(&key, inner, keys);
        } else {
            keys.push((key, value));
        }
    }
}

/// The candidate that looks most like `text`, if one looks like it at all.
pub(super) fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
