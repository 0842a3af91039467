//! Puts the layers over each other and remembers which of them set each value.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::validate::validate;
use super::{Config, ConfigError};

/// The text of `config/default.toml`.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Short names of environment variables, and the keys they set.
const SHORT_NAMES: [(&str, &str); 3] = [
    ("EYRIE_BIND", "server.bind"),
    ("EYRIE_DATA_DIR", "storage.data_dir"),
    ("EYRIE_DATABASE_URL", "storage.database_url"),
];

/// Names the configuration file.
const FILE_VARIABLE: &str = "EYRIE_CONFIG";

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

/// A value given by a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag, for example `--bind`.
    pub flag: &'static str,
    /// The key it sets, for example `server.bind`.
    pub key: &'static str,
    /// The value as it was typed.
    pub value: String,
}

/// A checked configuration and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// For every key, in order, the layer that set it.
    pub sources: BTreeMap<String, Source>,
    /// Sentences for the log: things that are probably mistakes but no reason to stop.
    pub warnings: Vec<String>,
}

/// Loads the configuration: defaults, then the file (`file`, or the one that `EYRIE_CONFIG` names), then the
/// environment, then the flags.
///
/// `environment` holds all variables of the process; those that do not start with `EYRIE_` and those that start with
/// `EYRIE_TEST_` are left alone. A name with `__` that is no key is an error. Other unknown names are only
/// warned about, since supervisors make such names up (Kubernetes sets `EYRIE_PORT` in every pod beside a service of
/// that name).
///
/// # Errors
/// [`ConfigError`].
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[Override],
) -> Result<Loaded, ConfigError> {
    let defaults = toml_keys(DEFAULTS, &Source::Default)?;
    let mut layers = Layers { figment: Figment::new(), sources: BTreeMap::new(), known: defaults.clone() };
    for (key, value) in defaults {
        layers.set(key, value, Source::Default);
    }

    let environment: BTreeMap<String, String> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with("EYRIE_") && !name.starts_with("EYRIE_TEST_"))
        .collect();
    let named = environment.get(FILE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    if let Some(path) = file.map(Path::to_owned).or(named) {
        let source = Source::File(path.clone());
        let text = std::fs::read_to_string(&path)
            .map_err(|e| ConfigError::File { path: path.clone(), reason: e.to_string() })?;
        for (key, value) in toml_keys(&text, &source)? {
            layers.check_known(&key, &source)?;
            layers.set(key, value, source.clone());
        }
    }

    let mut warnings = Vec::new();
    let mut by_environment: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (name, text) in environment {
        if name == FILE_VARIABLE {
            continue;
        }
        let Some(key) = key_of_variable(&name) else {
            warnings.push(unknown_variable(&name, &layers.known));
            continue;
        };
        let source = Source::Environment(name.clone());
        layers.check_known(&key, &source)?;
        if let Some((first, other)) = by_environment.get(&key)
            && *other != text
        {
            return Err(ConfigError::Ambiguous { key, first: first.clone(), second: name });
        }
        layers.set_text(&key, &text, source)?;
        by_environment.insert(key, (name, text));
    }
    for flag in flags {
        layers.set_text(flag.key, &flag.value, Source::Flag(flag.flag.to_owned()))?;
    }

    let config: Config = layers.figment.extract().map_err(|e| ConfigError::Value(e.to_string()))?;
    validate(&config, &layers.sources)?;
    Ok(Loaded { config, sources: layers.sources, warnings })
}

/// The stack while it grows.
struct Layers {
    figment: Figment,
    sources: BTreeMap<String, Source>,
    /// Every key that exists, with its default; the default's type is the key's type.
    known: BTreeMap<String, Value>,
}

impl Layers {
    fn check_known(&self, key: &str, source: &Source) -> Result<(), ConfigError> {
        if self.known.contains_key(key) {
            return Ok(());
        }
        let nearest = nearest(key, self.known.keys().map(String::as_str)).map(str::to_owned);
        Err(ConfigError::UnknownKey { key: key.to_owned(), source_name: source.to_string(), nearest })
    }

    fn set(&mut self, key: String, value: Value, source: Source) {
        let layer = OneValue { key: key.clone(), value, source: source.clone() };
        self.figment = std::mem::take(&mut self.figment).merge(layer);
        self.sources.insert(key, source);
    }

    /// Reads a text as a value of the key's type. The type comes from the key and not from the text, so that a folder
    /// may be called `2024` and a password `true`. The elements of a list have commas between them.
    fn set_text(&mut self, key: &str, text: &str, source: Source) -> Result<(), ConfigError> {
        let is_number = matches!(self.known.get(key), Some(Value::Num(..)));
        let is_list = matches!(self.known.get(key), Some(Value::Array(..)));
        let value = if is_list {
            Value::from(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>())
        } else if is_number {
            let number: i64 = text
                .trim()
                .parse()
                .map_err(|_| ConfigError::Value(format!("{key} is {text:?} ({source}); it must be a whole number")))?;
            Value::from(number)
        } else {
            Value::from(text)
        };
        self.set(key.to_owned(), value, source);
        Ok(())
    }
}

/// One value at one key, with a name that figment's messages show.
struct OneValue {
    key: String,
    value: Value,
    source: Source,
}

impl Provider for OneValue {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.to_string()).interpolater(|_, path| path.join("."))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

/// The keys of a TOML text, sections joined by dots.
fn toml_keys(text: &str, source: &Source) -> Result<BTreeMap<String, Value>, ConfigError> {
    let mut profiles =
        Toml::string(text).data().map_err(|e| ConfigError::Value(format!("{source} is not valid TOML: {e}")))?;
    let mut keys = BTreeMap::new();
    flatten("", profiles.remove(&Profile::Default).unwrap_or_default(), &mut keys);
    Ok(keys)
}

fn flatten(prefix: &str, dict: Dict, keys: &mut BTreeMap<String, Value>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value.as_dict() {
            Some(inner) => flatten(&key, inner.clone(), keys),
            None => {
                keys.insert(key, value);
            }
        }
    }
}

/// `EYRIE_SERVER__BIND` and `EYRIE_BIND` are `server.bind`; `None` for a name of no such form.
fn key_of_variable(name: &str) -> Option<String> {
    if let Some((_, key)) = SHORT_NAMES.iter().find(|(short, _)| *short == name) {
        return Some((*key).to_owned());
    }
    let rest = name.strip_prefix("EYRIE_")?;
    let (section, key) = rest.split_once("__")?;
    Some(format!("{}.{}", section.to_ascii_lowercase(), key.to_ascii_lowercase()))
}

fn unknown_variable(name: &str, known: &BTreeMap<String, Value>) -> String {
    let long_names = known.keys().map(|key| format!("EYRIE_{}", key.replace('.', "__").to_ascii_uppercase()));
    let names: Vec<String> =
        long_names.chain(SHORT_NAMES.iter().map(|(n, _)| (*n).to_owned())).chain([FILE_VARIABLE.to_owned()]).collect();
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("the environment variable {name} means nothing to eyrie; did you mean {near}?"),
        None => format!("the environment variable {name} means nothing to eyrie"),
    }
}

/// The candidate that looks most like `text`, if one looks like it at all.
fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
