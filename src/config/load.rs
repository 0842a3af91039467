//! Finds the layers, puts them over each other and checks the result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::layers::{Layers, SECRETS, Source, nearest};
use super::rules::check;
use super::sections::Config;

/// The text of `config/default.toml`.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Short names of environment variables, and the keys they set.
const SHORT_NAMES: [(&str, &str); 4] = [
    ("EYRIE_ADMIN_KEY", "server.admin_key"),
    ("EYRIE_BIND", "server.bind"),
    ("EYRIE_DATA_DIR", "storage.data_dir"),
    ("EYRIE_DATABASE_URL", "storage.database_url"),
];

/// Names the configuration file.
const FILE_VARIABLE: &str = "EYRIE_CONFIG";

/// What commands that work with a server read; no part of the configuration.
const CLIENT_VARIABLES: [&str; 3] = ["EYRIE_SERVER", "EYRIE_API_KEY", "EYRIE_API_KEY_FILE"];

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

/// Loads the configuration: defaults, then the file (`file`, or the one that `EYRIE_CONFIG` names),
/// then the environment, then the flags.
///
/// `environment` holds all variables of the process; those that do not start with `EYRIE_` and
/// those that start with `EYRIE_TEST_` are left alone. A name with `__` that is no key is an error.
/// Other unknown names are only warned about, since supervisors make such names up (Kubernetes sets
/// `EYRIE_PORT` in every pod beside a service of that name).
///
/// # Errors
/// [`ConfigError`].
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[Override],
) -> Result<Loaded, ConfigError> {
    let environment: BTreeMap<String, String> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with("EYRIE_") && !name.starts_with("EYRIE_TEST_"))
        .collect();
    let mut layers = Layers::new(DEFAULTS)?;

    let named = environment.get(FILE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    if let Some(path) = file.map(Path::to_owned).or(named) {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| ConfigError::File { path: path.clone(), reason: e.to_string() })?;
        layers.set_file(&text, path)?;
    }

    let mut warnings = Vec::new();
    let mut by_environment: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (name, text) in environment {
        if name == FILE_VARIABLE || CLIENT_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let (key, text) = match secret_in_file(&name) {
            Some(key) => (key, read_secret(&name, &text)?),
            None => match key_of_variable(&name) {
                Some(key) => (key, text),
                None => {
                    warnings.push(unknown_variable(&name, layers.keys()));
                    continue;
                }
            },
        };
        layers.set_text(&key, &text, Source::Environment(name.clone()))?;
        if let Some((first, other)) = by_environment.get(&key)
            && *other != text
        {
            return Err(ConfigError::Ambiguous { key, first: first.clone(), second: name });
        }
        by_environment.insert(key, (name, text));
    }
    for flag in flags {
        layers.set_text(flag.key, &flag.value, Source::Flag(flag.flag.to_owned()))?;
    }

    check(&layers)?;
    let config = serde_path_to_error::deserialize(layers.nested())
        .map_err(|e| ConfigError::Shape { key: e.path().to_string(), reason: e.inner().message().to_owned() })?;
    Ok(Loaded { config, sources: layers.sources(), warnings })
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

/// The secret whose file a variable names: `EYRIE_DATABASE_URL_FILE`, as containers are given them.
fn secret_in_file(name: &str) -> Option<String> {
    key_of_variable(name.strip_suffix("_FILE")?).filter(|key| SECRETS.contains(&key.as_str()))
}

/// A secret from its file, without the line's end that editors add.
fn read_secret(variable: &str, path: &str) -> Result<String, ConfigError> {
    let refusal = |reason: String| ConfigError::SecretFile { variable: variable.to_owned(), path: path.into(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| refusal(error.to_string()))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err(refusal("it is empty".to_owned())) } else { Ok(text.to_owned()) }
}

fn unknown_variable<'a>(name: &str, keys: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = keys
        .map(|key| format!("EYRIE_{}", key.replace('.', "__").to_ascii_uppercase()))
        .chain(SHORT_NAMES.map(|(short, _)| short.to_owned()))
        .chain(SHORT_NAMES.iter().filter(|(_, key)| SECRETS.contains(key)).map(|(short, _)| format!("{short}_FILE")))
        .chain([FILE_VARIABLE.to_owned()])
        .chain(CLIENT_VARIABLES.map(str::to_owned))
        .collect();
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("the environment variable {name} means nothing to eyrie; did you mean {near}?"),
        None => format!("the environment variable {name} means nothing to eyrie"),
    }
}
