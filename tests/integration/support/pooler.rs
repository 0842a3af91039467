//! pgbouncer in front of the test server, one for a test.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use super::postgres::{TestDatabase, server_url};

/// The user `nobody`, since pgbouncer refuses to run as root.
const NOBODY: u32 = 65_534;

/// A pgbouncer that gives each transaction one of two connections. Stopped with this value.
pub(crate) struct Pooler {
    dir: TempDir,
    child: Child,
    /// Held open: pgbouncer writes to it.
    _log: BufReader<ChildStderr>,
}

impl Pooler {
    /// Starts one with these further settings, and waits until it listens.
    ///
    /// # Panics
    /// When pgbouncer is not installed. `./scripts/test` installs it.
    pub(crate) fn started(settings: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("eyrie-pooler.").tempdir().expect("a folder");
        let server: PgConnectOptions = server_url().parse().expect("a URL");
        let server = server.get_socket().expect("the test server has a socket").display();
        let folder = dir.path().display();
        let configuration = format!(
            "[databases]\n* = host={server}\n[pgbouncer]\nunix_socket_dir = {folder}\nlisten_port = 6432\n\
             auth_type = trust\nauth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = 2\n\
             log_connections = 0\nlog_disconnections = 0\nlog_stats = 0\n{settings}\n"
        );
        std::fs::write(dir.path().join("pgbouncer.ini"), configuration).expect("written");
        std::fs::write(dir.path().join("users"), "\"eyrie\" \"\"\n").expect("written");
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("permitted");
        let program = Path::new("/usr/sbin/pgbouncer");
        let mut command = Command::new(if program.exists() { program } else { Path::new("pgbouncer") });
        command.arg(dir.path().join("pgbouncer.ini")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if std::fs::metadata(dir.path()).expect("there").uid() == 0 {
            chown(dir.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().expect("this test needs pgbouncer: run ./scripts/test, or install the package");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut said = String::new();
        while !said.contains("process up") {
            assert!(log.read_line(&mut said).expect("the log is text") > 0, "pgbouncer ended: {said}");
        }
        Self { dir, child, _log: log }
    }

    /// The URL of a database of the test server through the pooler.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        let folder = self.dir.path().display().to_string().replace('/', "%2F");
        format!("postgres://eyrie@localhost:6432/{}?host={folder}", database.name)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
