//! `eyrie serve`.

use clap::Args;

use crate::app::{self, App};

use super::settings::{Settings, given, init_logging};
use super::signals::StopRequests;
use eyrie_terminal::CliError;

const EXAMPLES: &str = "\
Examples:
  eyrie serve
  eyrie serve --data-dir /var/lib/eyrie
  EYRIE_ADMIN_KEY_FILE=/run/secrets/admin eyrie serve --bind 0.0.0.0:8080
  EYRIE_DATABASE_URL=postgres://eyrie:PASSWORD@db/eyrie eyrie serve --config production.toml

The line \"listening\" of the log names the address; with port 0 the system chooses a free port. \
On an address that other machines reach it starts with a key only (`eyrie keys add`, EYRIE_ADMIN_KEY), \
or where server.allow_anonymous says what is open. \
SIGTERM and Ctrl-C let the requests under way finish (server.shutdown_grace_ms) and end with exit code 0. \
Every other setting is a key of the configuration file or a variable: `eyrie config defaults` explains them.";

/// Serve the HTTP interface
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// Address and port to listen on [env: EYRIE_BIND] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load(given("--bind", "server.bind", self.bind.as_ref()))?;
        init_logging(&loaded.config.log)?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        app::runtime()?.block_on(async {
            let mut stop = StopRequests::receive()?;
            let app = tokio::select! {
                app = App::builder(loaded.config).start() => app?,
                () = stop.next() => return Ok(()),
            };
            app.serve(stop.next()).await;
            Ok(())
        })
    }
}
