//! What goes wrong between a command and a server, and what helps.

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use eyrie_terminal::CliError;

/// A failure as the server tells it (RFC 9457).
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Problem {
    /// The kind of failure in a few words.
    pub title: String,
    /// What is wrong with this request.
    pub detail: String,
    /// The kind of failure for programs.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// Members of some codes only.
    #[serde(flatten)]
    pub extension: Map<String, Value>,
}

/// Why a request to a server has no answer that is of use.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ServerError {
    /// The server says why.
    #[error("{}: {} ({})", .0.title, .0.detail, .0.code)]
    Problem(Box<Problem>),
    /// The server asks to be asked again later.
    #[error("{what}; it was to be asked again after {} s", .after.as_secs())]
    Busy {
        /// What it says.
        what: String,
        /// When to ask again.
        after: Duration,
    },
    /// Nothing listens there, or nothing leads there.
    #[error("cannot reach {server}: {reason}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What the operating system says.
        reason: String,
    },
    /// There is no trusted connection.
    #[error("no secure connection to {server}: {reason}")]
    Tls {
        /// Its address.
        server: String,
        /// What is wrong.
        reason: String,
    },
    /// It takes too long.
    #[error("{server} did not answer within {seconds} s")]
    TimedOut {
        /// Its address.
        server: String,
        /// How long it had.
        seconds: u64,
    },
    /// The connection ended in the middle.
    #[error("the connection to {server} broke: {reason}")]
    Broken {
        /// Its address.
        server: String,
        /// What the connection says.
        reason: String,
    },
    /// It is somewhere else.
    #[error("{server} sends its visitors to {to}")]
    Moved {
        /// Its address.
        server: String,
        /// Where to.
        to: String,
    },
    /// Whatever answers is not Eyrie.
    #[error("{server} answers, but not as Eyrie does: {what}")]
    NotEyrie {
        /// Its address.
        server: String,
        /// What it answered.
        what: String,
        /// With which status.
        status: StatusCode,
    },
}

impl ServerError {
    /// Why a request got no answer, or not the whole of one.
    pub(super) fn of_request(server: &str, seconds: u64, error: &reqwest::Error) -> Self {
        let server = server.to_owned();
        let reason = innermost(error);
        if error.is_timeout() {
            Self::TimedOut { server, seconds }
        } else if is_tls(error) {
            Self::Tls { server, reason }
        } else if error.is_connect() {
            Self::Unreachable { server, reason }
        } else {
            Self::Broken { server, reason }
        }
    }

    /// The problem, where the server told one.
    pub(in crate::cli) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Busy { .. }
            | Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::Moved { .. }
            | Self::NotEyrie { .. } => None,
        }
    }

    /// The code of the problem; empty where there is none.
    pub(in crate::cli) fn code(&self) -> &str {
        self.problem().map_or("", |problem| problem.code.as_str())
    }

    /// What the user can do about it.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Problem(problem) => hint_of(problem),
            Self::Busy { .. } => Some("the server has more to do than it can; try again later"),
            Self::Unreachable { .. } => Some(
                "check the address (--server, EYRIE_SERVER) and that `eyrie serve` runs there and listens on more than loopback",
            ),
            Self::Tls { .. } => Some(
                "--ca-file names the certificate of an authority that this machine does not know; a server without TLS \
                 is reached by http://",
            ),
            Self::TimedOut { .. } => {
                Some("--server-timeout gives it more time; its log and /readyz say what it is busy with")
            }
            Self::Broken { .. } => Some("was the server stopped? The same command may be given again"),
            Self::Moved { .. } => Some("give that address to --server, without /v1 and what follows it"),
            Self::NotEyrie { status, .. } => Some(match status.as_u16() {
                401 | 403 | 407 => {
                    "something in front of the server asks who you are; this command knows API keys only"
                }
                413 => "something in front of the server takes no bodies of this size (client_max_body_size in nginx)",
                502..=504 => "something in front of the server cannot reach it; does it run?",
                _ => {
                    "--server takes the address of Eyrie's page, with the path that a proxy adds, for example http://127.0.0.1:8080"
                }
            }),
        }
    }

    /// The same about one of several things, for example a file.
    pub(in crate::cli) fn about(self, what: &str) -> CliError {
        let message = match self.problem() {
            Some(_) => format!("{what}: {self}"),
            None => self.to_string(),
        };
        self.with_message(message)
    }

    fn with_message(self, message: String) -> CliError {
        let hint = self.hint();
        match self {
            Self::Problem(_) | Self::Busy { .. } | Self::TimedOut { .. } | Self::Broken { .. } => {
                CliError::Refused { message, hint }
            }
            Self::Unreachable { .. } | Self::Tls { .. } | Self::Moved { .. } | Self::NotEyrie { .. } => {
                CliError::Start { message, hint }
            }
        }
    }
}

impl From<ServerError> for CliError {
    fn from(error: ServerError) -> Self {
        let message = error.to_string();
        error.with_message(message)
    }
}

/// What helps against a failure with this code, where its detail does not say it.
fn hint_of(problem: &Problem) -> Option<&'static str> {
    match problem.status {
        401 => return Some("give an API key of the server: --api-key-file, EYRIE_API_KEY_FILE or EYRIE_API_KEY"),
        403 => return Some("this API key may not do this; perhaps another one may"),
        _ => {}
    }
    Some(match problem.code.as_str() {
        "unknown_collection" => "`eyrie import` creates collections; --collection names one",
        "upload_too_large" => "server.max_upload_bytes of the server says how large an image may be",
        "version_mismatch" | "unsupported_export" => "both sides need the same model and the same version of Eyrie",
        "quota_exceeded" => {
            "an admin key raises the limits of a collection: PATCH /v1/collections/NAME; those of a key stay"
        }
        "index_full" => "index.max_memory_mib of the server bounds how many pictures it takes",
        _ => return None,
    })
}

/// Whether the chain of causes has a failure of TLS in it.
fn is_tls(error: &reqwest::Error) -> bool {
    chain(error).any(is_of_rustls)
}

/// An error of input and output hides the one that it wraps from the chain of causes, several deep.
fn is_of_rustls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
    error.is::<rustls::Error>() || wrapped.is_some_and(|inner| is_of_rustls(inner))
}

/// The last cause, which says it in the fewest words.
fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source())
}
