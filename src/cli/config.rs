//! `eyrie config`: what is configured, and where it comes from.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::config::{DEFAULTS, Loaded};

use super::settings::Settings;
use eyrie_terminal::CliError;
use eyrie_terminal::output;

/// Show or check the configuration
#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every key with its value and where it was set (default, file, environment, flag).
    /// Secrets are hidden
    Show {
        #[command(flatten)]
        settings: Settings,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the configuration without starting anything: exit code 0 when it is valid, 2 with the
    /// reason when not
    Check {
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the default configuration file, which explains every key
    Defaults,
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.action {
            Action::Show { settings, json } => show(&load(&settings)?, json),
            Action::Check { settings } => {
                load(&settings)?;
                output::results(|out| writeln!(out, "the configuration is valid"))
            }
            Action::Defaults => output::results(|out| out.write_all(DEFAULTS.as_bytes())),
        }
    }
}

fn load(settings: &Settings) -> Result<Loaded, CliError> {
    let loaded = settings.load([])?;
    for warning in &loaded.warnings {
        output::note(&format!("warning: {warning}"));
    }
    Ok(loaded)
}

fn show(loaded: &Loaded, as_json: bool) -> Result<(), CliError> {
    let config = serde_json::to_value(&loaded.config).map_err(|e| CliError::Failed(e.to_string()))?;
    let value_of = |key: &str| config.pointer(&format!("/{}", key.replace('.', "/"))).unwrap_or(&Value::Null);
    if as_json {
        let keys = loaded
            .sources
            .iter()
            .map(|(key, source)| (key.clone(), json!({"value": value_of(key), "source": source.to_string()})));
        return output::json(&Value::Object(keys.collect()));
    }
    let mut table = output::table(["KEY", "VALUE", "FROM"]);
    for (key, source) in &loaded.sources {
        table.add_row([key.clone(), value_of(key).to_string(), source.to_string()]);
    }
    output::results(|out| writeln!(out, "{}", table.trim_fmt()))
}
