//! The flags that every command with a configuration has.

use std::path::PathBuf;

use crate::config::{self, Loaded, Override};
use crate::telemetry::{self, LogOptions};

use eyrie_terminal::CliError;
use eyrie_terminal::output;

/// Where the configuration and the data are.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Settings {
    /// Configuration file (TOML) with the keys that differ from the defaults [env: EYRIE_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the SQLite database, created where it is missing [env: EYRIE_DATA_DIR] [default:
    /// ./eyrie-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Use this Postgres (postgres://USER:PASSWORD@HOST/DATABASE) instead of SQLite; other users of
    /// this machine can read a command line, so prefer the variable [env: EYRIE_DATABASE_URL]
    #[arg(long, value_name = "URL", hide_default_value = true)]
    database_url: Option<String>,
}

/// A flag as an override, where it was given.
pub(super) fn given(flag: &'static str, key: &'static str, value: Option<&String>) -> Option<Override> {
    value.map(|value| Override { flag, key, value: value.clone() })
}

impl Settings {
    /// Whether a flag names a database.
    pub(super) fn names_database(&self) -> bool {
        self.data_dir.is_some() || self.database_url.is_some()
    }

    /// Loads the configuration with these flags and `more` of them.
    pub(super) fn load(&self, more: impl IntoIterator<Item = Override>) -> Result<Loaded, CliError> {
        let flags: Vec<Override> = given("--data-dir", "storage.data_dir", self.data_dir.as_ref())
            .into_iter()
            .chain(given("--database-url", "storage.database_url", self.database_url.as_ref()))
            .chain(more)
            .collect();
        config::load(self.config.as_deref(), environment()?, &flags).map_err(|e| CliError::Usage(e.to_string()))
    }

    /// [`Settings::load`] for a command that does one thing and ends: its log holds warnings only,
    /// unless the configuration says otherwise, and the configuration's own warnings are told at
    /// once.
    pub(super) fn load_quietly(&self, more: impl IntoIterator<Item = Override>) -> Result<Loaded, CliError> {
        let loaded = self.load(more)?;
        let mut log = loaded.config.log.clone();
        if loaded.sources.get("log.level") == Some(&config::Source::Default) {
            log.level = "warn".to_owned();
        }
        init_logging(&log)?;
        for warning in &loaded.warnings {
            output::note(&format!("warning: {warning}"));
        }
        Ok(loaded)
    }
}

/// Starts the log of this process.
pub(super) fn init_logging(options: &LogOptions) -> Result<(), CliError> {
    telemetry::init_logging(options).map_err(CliError::Usage)
}

/// The environment as text.
fn environment() -> Result<Vec<(String, String)>, CliError> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("EYRIE_"))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(CliError::Usage(format!("the environment variable {name} is not UTF-8"))),
        })
        .collect()
}

#[cfg(feature = "lab")]
impl eyrie_lab::commands::Machine for Settings {
    fn describer_options(
        &self,
        isa: Option<&str>,
        threads: Option<usize>,
    ) -> Result<eyrie_vision::DescriberOptions, CliError> {
        let isa = isa.map(|value| Override { flag: "--isa", key: "extractor.isa", value: value.to_owned() });
        let threads = threads.map(|n| Override { flag: "--threads", key: "extractor.threads", value: n.to_string() });
        Ok(self.load_quietly(isa.into_iter().chain(threads))?.config.extractor.describer)
    }
}
