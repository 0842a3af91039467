//! Connecting: the URL, the schema, the pool, and connections that are lent for one piece of work.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor};
use tokio::time::timeout;

use super::super::StoreError;
use super::super::migrate::{self, Database};

/// How long the server works on one statement.
pub(super) const STATEMENT_TIMEOUT_MS: u32 = 20_000;
/// How long a call waits for a connection, a new one included.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the first connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the schema may take, the wait for another server that is at it included.
const MIGRATE_TIMEOUT: Duration = Duration::from_secs(600);

/// The parameters of a URL that sqlx knows. It would log any other with its value, which may be a secret.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Checks the URL, connects once, brings the schema up to date, and makes the pool.
pub(super) async fn pool(url: &str, max_connections: u32) -> Result<PgPool, StoreError> {
    let options = options(url)?;
    let host = options.get_host().to_owned();
    let first = async {
        let mut conn = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options))
            .await
            .map_err(|_| StoreError::Unavailable(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())))??;
        timeout(MIGRATE_TIMEOUT, migrate::migrator(Database::Postgres).run(&mut conn))
            .await
            .map_err(|_| StoreError::Unavailable("another server is at the schema for too long".to_owned()))?
            .map_err(|e| migrate::failure(Database::Postgres, e))?;
        Ok(conn.close().await?)
    };
    first.await.map_err(|error: StoreError| {
        let named = |text: String| format!("Postgres on host {host:?}: {text}");
        match error {
            StoreError::Unavailable(text) => StoreError::Unavailable(named(text)),
            StoreError::Full(text) => StoreError::Full(named(text)),
            StoreError::Internal(text) => StoreError::Internal(named(text)),
        }
    })?;
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(true)
        .after_connect(|conn, _| {
            Box::pin(async move {
                // A client that vanished in the middle of a transaction must not keep its locks for long.
                let limits = format!(
                    "SET statement_timeout = {STATEMENT_TIMEOUT_MS}; \
                     SET idle_in_transaction_session_timeout = {STATEMENT_TIMEOUT_MS}"
                );
                conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(limits))).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options))
}

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let invalid = |reason: &dyn std::fmt::Display| {
        StoreError::Internal(format!(
            "the database URL is not valid ({reason}); one looks like postgres://user:password@host/database"
        ))
    };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(invalid(&"it does not begin with postgres://"));
    }
    let options = known_parameters(url).parse::<PgConnectOptions>().map_err(|error| {
        if let sqlx::Error::Configuration(reason) = &error { invalid(reason) } else { error.into() }
    })?;
    Ok(options.application_name("eyrie"))
}

/// The URL without the parameters that sqlx does not know.
fn known_parameters(url: &str) -> String {
    let Some((base, query)) = url.split_once('?') else { return url.to_owned() };
    let (known, unknown): (Vec<&str>, Vec<&str>) = query.split('&').partition(|parameter| {
        let key = parameter.split('=').next().unwrap_or_default();
        PARAMETERS.contains(&key) || key.starts_with("options[")
    });
    if !unknown.is_empty() {
        tracing::warn!(count = unknown.len(), "parameters of the database URL are not known and are left out");
    }
    format!("{base}?{}", known.join("&"))
}

/// Lets the statements of this transaction take longer than others.
pub(super) async fn allow(tx: &mut PgConnection, limit: Duration) -> Result<(), StoreError> {
    sqlx::query("SELECT set_config('statement_timeout', $1, true)")
        .bind(limit.as_millis().to_string())
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2secret";

    fn text(error: StoreError) -> String {
        format!("{error} {error:?}")
    }

    #[test]
    fn an_invalid_url_is_refused_without_repeating_it() {
        for url in [
            format!("mysql://u:{SECRET}@host/db"),
            format!("postgres://u:{SECRET}@host:port/db"),
            format!("postgres://u:{SECRET}@host/db?sslmode=perhaps"),
            format!("postgres://u:{SECRET}@ho st/db"),
            SECRET.to_owned(),
            String::new(),
        ] {
            let text = text(options(&url).expect_err("invalid"));
            assert!(!text.contains(SECRET), "{text}");
            assert!(text.contains("postgres://user:password@host/database"), "{text}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_server_is_unavailable_and_the_password_stays_secret() {
        // A port that was free a moment ago and on which nobody listens now.
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let error = pool(&format!("postgres://u:{SECRET}@127.0.0.1:{port}/db"), 1).await.expect_err("nobody there");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        let text = text(error);
        assert!(!text.contains(SECRET), "{text}");
        assert!(text.contains("127.0.0.1"), "{text}");
    }

    #[test]
    fn parameters_that_would_be_logged_are_left_out() {
        assert_eq!(
            known_parameters("postgres://h/db?sslmode=require&passwrd=x&options[a]=b"),
            "postgres://h/db?sslmode=require&options[a]=b"
        );
        assert_eq!(known_parameters("postgres://h/db"), "postgres://h/db");
    }
}
