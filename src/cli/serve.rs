//! `eyrie serve`.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use clap::Args;

use crate::app::{self, App, StartError};
use crate::config::Loaded;
use crate::telemetry::Exporting;
use crate::{operate, telemetry};

use super::settings::{Settings, given, init_logging};
use super::signals::{ReloadRequests, StopRequests};
use eyrie_terminal::CliError;
use eyrie_terminal::output;

const EXAMPLES: &str = "\
Examples:
  eyrie serve
  eyrie serve --data-dir /var/lib/eyrie
  EYRIE_ADMIN_KEY_FILE=/run/secrets/admin eyrie serve --bind 0.0.0.0:8080
  EYRIE_DATABASE_URL=postgres://eyrie:PASSWORD@db/eyrie eyrie serve --config production.toml
  eyrie serve --config production.toml --check-config

The line \"listening\" of the log names the address; with port 0 the system chooses a free port. \
On an address that other machines reach it starts with a key only (`eyrie keys add`, EYRIE_ADMIN_KEY), \
or where server.allow_anonymous says what is open. \
SIGTERM and Ctrl-C let the requests under way finish (server.shutdown_grace_ms) and end with exit code 0. \
SIGHUP reads the configuration again and takes over log.level; the log names every other key that changed and needs a restart. \
Every other setting is a key of the configuration file or a variable: `eyrie config defaults` explains them.

--check-config: exit codes 0 a start would get as far as its port and its database, 2 the configuration is wrong, 3 a part that it \
names is (the model, the chip, the database's URL).";

/// How long the last traces and metrics may take, where the requests under way took all of the
/// grace.
const LEAST_TO_EXPORT: Duration = Duration::from_secs(1);

/// Serve the HTTP interface
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// Address and port to listen on [env: EYRIE_BIND] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<String>,
    /// Check the configuration and say what would be started; nothing is opened or written
    #[arg(long)]
    check_config: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.load()?;
        if self.check_config {
            return check(&loaded);
        }
        init_logging(&loaded.config.log)?;
        let exporting = Exporting::start(&loaded.config.telemetry).map_err(StartError::from)?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let grace = loaded.config.server.http.shutdown_grace;
        let asked = OnceLock::new();
        app::runtime()?.block_on(async {
            let mut stop = StopRequests::receive()?;
            let reload = ReloadRequests::receive()?;
            let app = tokio::select! {
                app = App::builder(loaded.config.clone()).start() => app?,
                () = stop.next() => return Ok(()),
            };
            let stopping = async {
                stop.next().await;
                asked.get_or_init(Instant::now);
            };
            tokio::select! {
                () = app.serve(stopping) => {}
                () = self.keep_reloading(reload, loaded) => {}
            }
            Ok::<_, CliError>(())
        })?;
        let taken = asked.get().map_or(Duration::ZERO, Instant::elapsed);
        exporting.end(grace.saturating_sub(taken).max(LEAST_TO_EXPORT));
        Ok(())
    }

    fn load(&self) -> Result<Loaded, CliError> {
        self.settings.load(given("--bind", "server.bind", self.bind.as_ref()))
    }

    /// Reads the configuration again whenever that is asked for; never returns.
    async fn keep_reloading(&self, mut requests: ReloadRequests, mut running: Loaded) {
        loop {
            requests.next().await;
            let newer = match self.load() {
                Ok(newer) => newer,
                Err(error) => {
                    tracing::error!(%error, "the configuration is not taken over: everything stays as it is");
                    continue;
                }
            };
            for warning in &newer.warnings {
                tracing::warn!("{warning}");
            }
            let mut changed = running.changed_in(&newer);
            if changed.is_empty() {
                tracing::info!("the configuration was read again: nothing has changed");
                continue;
            }
            changed.retain(|key| key != LEVEL);
            if !changed.is_empty() {
                tracing::warn!(keys = changed.join(", "), "these settings have changed and need a restart");
            }
            let level = &mut running.config.log.level;
            if *level != newer.config.log.level {
                match telemetry::reload_level(level, &newer.config.log.level) {
                    Ok(()) => level.clone_from(&newer.config.log.level),
                    Err(reason) => tracing::warn!(reason, "log.level is not taken over"),
                }
            }
        }
    }
}

/// What is taken over while the server runs.
const LEVEL: &str = "log.level";

fn check(loaded: &Loaded) -> Result<(), CliError> {
    for warning in &loaded.warnings {
        output::note(&format!("warning: {warning}"));
    }
    // That RUST_LOG is a filter shows here.
    init_logging(&loaded.config.log)?;
    let plan = operate::plan(&loaded.config)?;
    output::results(|out| writeln!(out, "{plan}the configuration is valid; nothing was started"))
}
