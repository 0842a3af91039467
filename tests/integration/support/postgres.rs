//! Databases and servers of a test's own. `./scripts/postgres run` starts the server that the
//! databases live in.

use std::path::Path;
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// An empty database of the test server; dropped with this value.
pub(crate) struct TestDatabase {
    /// Its `postgres://` URL.
    pub(crate) url: String,
    /// Its name.
    pub(crate) name: String,
}

/// The URL of the test server.
///
/// # Panics
/// When the tests were started without a server. They fail rather than pass without having tested
/// anything.
pub(crate) fn server_url() -> String {
    std::env::var("EYRIE_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("this test needs Postgres (EYRIE_TEST_POSTGRES_URL is not set): run ./scripts/test, or ./scripts/postgres run cargo test")
    })
}

/// Creates an empty database.
pub(crate) async fn fresh_database() -> TestDatabase {
    database_with("").await
}

/// Creates an empty database with these options of `CREATE DATABASE`.
pub(crate) async fn database_with(options: &str) -> TestDatabase {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    execute(&server_url(), format!("CREATE DATABASE {name} {options}")).await;
    TestDatabase { url: with_database(&server_url(), &name), name }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread with a runtime of its own: the test's may be at its end.
        let dropped = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(execute(&server_url(), statement));
        })
        .join();
        if !std::thread::panicking() {
            dropped.expect("the test's database can be dropped");
        }
    }
}

/// Runs one statement on a connection of its own.
pub(crate) async fn execute(url: &str, statement: String) {
    let mut conn = PgConnection::connect(url).await.expect("the test server answers");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await.expect("the statement runs");
    conn.close().await.expect("the connection closes");
}

/// The URL with another database.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = base.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}?{query}")
}

/// A server of the test's own, which may be stopped and started. Stopped and removed with this
/// value.
pub(crate) struct PrivateCluster {
    dir: TempDir,
}

impl PrivateCluster {
    /// Creates a server and starts it.
    pub(crate) fn started() -> Self {
        let cluster = Self { dir: tempfile::Builder::new().prefix("eyrie-pg.").tempdir().expect("a folder") };
        cluster.script("init");
        cluster.start();
        cluster
    }

    /// The URL of its database; the same after each start.
    pub(crate) fn url(&self) -> String {
        self.script("url").trim().to_owned()
    }

    /// Starts the stopped server and waits until it answers.
    pub(crate) fn start(&self) {
        self.script("start");
    }

    /// Stops it at once, as a crash would: connections are cut.
    pub(crate) fn stop(&self) {
        self.script("stop");
    }

    fn script(&self, command: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres");
        let output = Command::new(script).arg(command).arg(self.dir.path()).output().expect("scripts/postgres runs");
        assert!(output.status.success(), "scripts/postgres {command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        } else {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres");
            let _ = Command::new(script).arg("stop").arg(self.dir.path()).output();
        }
    }
}
