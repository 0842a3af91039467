//! Which server a command works with, and the key for it.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;

use super::client::{Client, Connection};
use crate::cli::settings::Settings;
use crate::domain::Secret;
use eyrie_terminal::CliError;
use eyrie_terminal::output::note;

/// Names the server where no flag does.
const SERVER_VARIABLE: &str = "EYRIE_SERVER";
/// Holds the key.
const KEY_VARIABLE: &str = "EYRIE_API_KEY";
/// Names the file that holds the key.
const KEY_FILE_VARIABLE: &str = "EYRIE_API_KEY_FILE";

/// Keys are short; a larger file is another one by mistake.
const LONGEST_KEY_FILE: u64 = 4096;

/// A server in place of the database of this machine.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(in crate::cli) struct ServerFlags {
    /// Work with the server at this address (http://HOST:PORT or https://HOST, with the path that a
    /// proxy adds) in place of a database [env: EYRIE_SERVER]
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse, conflicts_with_all = ["data_dir", "database_url"])]
    server: Option<ServerUrl>,
    /// API key of the server; other users of this machine can read a command line, so prefer the
    /// variable or a file [env: EYRIE_API_KEY]
    #[arg(long, value_name = "KEY", value_parser = secret, conflicts_with = "api_key_file")]
    api_key: Option<Secret>,
    /// File that holds the API key alone [env: EYRIE_API_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's may be signed by, beside those that this machine trusts
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long the server may take for an answer, 1 to 86400
    #[arg(
        long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    server_timeout: u64,
}

/// In the form that clap takes.
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// The address of a server, without a slash at its end.
#[derive(Debug, Clone)]
struct ServerUrl(Url);

impl ServerUrl {
    fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "an address is http://HOST:PORT or https://HOST, for example http://127.0.0.1:8080";
        let url = Url::parse(text).map_err(|_| FORM.to_owned())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(FORM.to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address has no user and no password; the server takes an API key".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(FORM.to_owned());
        }
        Ok(Self(url))
    }

    fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// A variable of the environment that is there and not empty.
fn variable(name: &str) -> Result<Option<String>, CliError> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(CliError::Usage(format!("the environment variable {name} is not UTF-8")))
        }
    }
}

impl ServerFlags {
    /// A client of the server that the flags or the environment name; `None` where the command
    /// works with the database. A flag that names a database beats the environment.
    pub(in crate::cli) fn connect(&self, settings: &Settings) -> Result<Option<Client>, CliError> {
        let Some(url) = self.url(settings)? else {
            let given = [
                ("--api-key", self.api_key.is_some()),
                ("--api-key-file", self.api_key_file.is_some()),
                ("--ca-file", self.ca_file.is_some()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((flag, _)) => Err(CliError::Usage(format!("{flag} goes with --server"))),
                None => Ok(None),
            };
        };
        let key = self.key()?;
        if key.is_some() && url.0.scheme() == "http" && !url.is_loopback() {
            let host = url.0.host_str().unwrap_or_default();
            note(&format!(
                "warning: the API key goes to {host} over plain http, where whoever is on the way can read it; use https"
            ));
        }
        let certificates = self.ca_file.as_deref().map(read).transpose()?;
        let is_loopback = url.is_loopback();
        let timeout = Duration::from_secs(self.server_timeout);
        Client::new(Connection { url: url.0, is_loopback, key, certificates, timeout }).map(Some)
    }

    fn url(&self, settings: &Settings) -> Result<Option<ServerUrl>, CliError> {
        if self.server.is_some() {
            return Ok(self.server.clone());
        }
        if settings.names_database() {
            return Ok(None);
        }
        let parse = |text: String| {
            ServerUrl::parse(&text).map_err(|reason| CliError::Usage(format!("{SERVER_VARIABLE}: {reason}")))
        };
        variable(SERVER_VARIABLE)?.map(parse).transpose()
    }

    /// The key: a flag beats the environment, and there the key itself beats a file.
    fn key(&self) -> Result<Option<Secret>, CliError> {
        let key = match (&self.api_key, &self.api_key_file) {
            (Some(key), _) => Some(key.clone()),
            (None, Some(file)) => Some(key_in(file)?),
            (None, None) => match (variable(KEY_VARIABLE)?, variable(KEY_FILE_VARIABLE)?) {
                (Some(key), _) => Some(Secret::new(key)),
                (None, Some(file)) => Some(key_in(Path::new(&file))?),
                (None, None) => None,
            },
        };
        let is_key = |key: &Secret| !key.reveal().is_empty() && key.reveal().bytes().all(|b| b.is_ascii_graphic());
        if key.as_ref().is_some_and(|key| !is_key(key)) {
            return Err(CliError::Usage("the API key is empty, or has characters that no key has".to_owned()));
        }
        Ok(key)
    }
}

fn key_in(file: &Path) -> Result<Secret, CliError> {
    let length = std::fs::metadata(file).map_or(0, |data| data.len());
    if length > LONGEST_KEY_FILE {
        return Err(CliError::Usage(format!("{} is too large to be an API key", file.display())));
    }
    let text = String::from_utf8(read(file)?)
        .map_err(|_| CliError::Usage(format!("{} holds no API key: it is not text", file.display())))?;
    Ok(Secret::new(text.trim()))
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(file).map_err(|e| CliError::Usage(format!("cannot read {}: {e}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_server_and_has_no_secrets() {
        for valid in ["http://127.0.0.1:8080", "https://example.org", "https://example.org/eyrie/", "http://[::1]:1"] {
            assert!(ServerUrl::parse(valid).is_ok(), "{valid}");
        }
        for invalid in [
            "",
            "127.0.0.1:8080",
            "localhost:8080",
            "ftp://example.org",
            "https://user:secret@example.org",
            "http://h/?a",
            "http://h/#a",
            "http://",
        ] {
            assert!(ServerUrl::parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn loopback_is_known_by_its_names() {
        let is_loopback = |text: &str| ServerUrl::parse(text).expect("an address").is_loopback();
        for loopback in
            ["http://127.0.0.1:1", "http://127.1.2.3", "http://[::1]", "http://localhost", "http://a.localhost"]
        {
            assert!(is_loopback(loopback), "{loopback}");
        }
        for other in ["http://10.0.0.1", "http://localhost.example", "http://[2001:db8::1]"] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn what_is_parsed_does_not_show_the_key() {
        let shown = format!("{:?}", secret("k-123456"));
        assert!(!shown.contains("123456"), "{shown}");
    }
}
