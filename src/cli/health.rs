//! `eyrie health`: is the service that this configuration describes ready?

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Args;

use super::settings::{Settings, given};
use eyrie_terminal::CliError;
use eyrie_terminal::output;

const EXAMPLES: &str = "\
Examples:
  eyrie health
  eyrie health --bind 127.0.0.1:9000

Asks /readyz of the address that `eyrie serve` listens on with the same settings, and prints the answer. \
It needs no other program, which suits the health check of a container.

Exit codes: 0 ready, 1 not ready or no answer, 2 wrong usage or configuration.";

/// The answer has to come within this time.
const BOUND: Duration = Duration::from_secs(4);

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Ask a running service whether it is ready
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Health {
    /// Address that the service listens on [env: EYRIE_BIND] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Health {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly(given("--bind", "server.bind", self.bind.as_ref()))?;
        let bind = &loaded.config.server.bind;
        let (head, body) = ask(bind).map_err(|e| CliError::Failed(format!("{bind} does not answer: {e}")))?;
        output::results(|out| writeln!(out, "{}", body.trim()))?;
        // "HTTP/1.1 200 OK"
        if head.split(' ').nth(1) == Some("200") { Ok(()) } else { Err(CliError::Failed("not ready".to_owned())) }
    }
}

/// The first line and the body of the answer to `GET /readyz`.
fn ask(bind: &str) -> std::io::Result<(String, String)> {
    let address = bind
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&reachable(address), BOUND)?;
    stream.set_read_timeout(Some(BOUND))?;
    stream.set_write_timeout(Some(BOUND))?;
    // HTTP/1.0: the server closes after the answer and sends it in one piece.
    write!(stream, "GET /readyz HTTP/1.0\r\nHost: {bind}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()))
}

/// An address that stands for all interfaces is reached through loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}
