//! Connecting: the URL, the schema, the pool.

use std::sync::Arc;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use tokio::time::timeout;

use super::super::migrate::{self, APPLIED, Applied, Database, NOTE};
use super::super::{StoreError, failure};
use super::pulse::Pulse;
use super::{PostgresOptions, session};

/// How long a call waits for a connection at most, a new one included.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection that was idle may take for a sign of life. Less than a probe waits.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the first connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the schema may take, the wait for another server that is at it included.
const MIGRATE_TIMEOUT: Duration = Duration::from_secs(600);

/// The lock under which the schema is brought up to date; any number that every Eyrie agrees on.
const SCHEMA_LOCK: i64 = 0x6579_7269_655f_7363;

/// The table as sqlx's own migrator makes it.
const MIGRATIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations ( \
     version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), \
     success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)";

const ENCODE_HINT: &str = "percent-encode special characters in the user name and the password: %40 for @, %2F for /, \
                           %23 for #, %3F for ?, %25 for %";
const CHECK_HINT: &str = "check the user name, the password and the database in EYRIE_DATABASE_URL";

/// The parameters of a URL that sqlx knows. It would log any other with its value, which may be a
/// secret.
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
pub(super) async fn pool(
    url: &str,
    PostgresOptions { max_connections, prepared_statements, statement_timeout }: PostgresOptions,
) -> Result<PgPool, StoreError> {
    let mut options = parse(url)?;
    if !prepared_statements {
        // A pooler refuses parameters of a connection that it does not know.
        options = options.statement_cache_capacity(0).extra_float_digits(None);
    }
    let acquire_timeout = ACQUIRE_TIMEOUT.min(statement_timeout);
    // Then there is time left for a new one.
    let pulse = Arc::new(Pulse::new(PATIENCE.min(acquire_timeout / 2)));
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        // The pool's own test waits for ever.
        .test_before_acquire(false)
        .before_acquire(move |connection, about| {
            let pulse = Arc::clone(&pulse);
            Box::pin(async move { Ok(pulse.is_felt(connection, about.idle_for).await) })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                // Behind a pooler a connection has no settings of its own: there each transaction
                // makes them.
                if prepared_statements {
                    let limits = session::limits("SET", statement_timeout);
                    connection.execute(sqlx::raw_sql(AssertSqlSafe(limits))).await?;
                }
                Ok(())
            })
        })
        .connect_lazy_with(options.clone());
    let host = options.get_host().to_owned();
    first_connection(&options, &pool, prepared_statements)
        .await
        .map_err(|error| error.about(&format!("Postgres on host {host:?}")))?;
    Ok(pool)
}

async fn first_connection(
    options: &PgConnectOptions,
    pool: &PgPool,
    prepared_statements: bool,
) -> Result<(), StoreError> {
    let mut connection = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options))
        .await
        .map_err(|_| StoreError::Unavailable(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())))?
        .map_err(explain)?;
    timeout(MIGRATE_TIMEOUT, migrate(&mut connection))
        .await
        .map_err(|_| StoreError::Unavailable("another server is at the schema for too long".to_owned()))??;
    // Two connections that are open have a process each on the server, unless a pooler shares one
    // among them.
    if prepared_statements
        && let Ok(mut second) = pool.acquire().await
        && server_process(&mut connection).await? == server_process(&mut second).await?
    {
        return Err(failure::pooler("two connections of this program are one on the server"));
    }
    Ok(connection.close().await?)
}

async fn server_process(connection: &mut PgConnection) -> Result<i32, StoreError> {
    Ok(sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)?)
}

/// Brings the schema up to date. Statements have no names on the server, since a pooler may stand
/// between.
async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    let lock = format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *connection).await?;
    let encoding: String = sqlx::query_scalar("SELECT current_setting('server_encoding')")
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    if encoding != "UTF8" {
        return Err(StoreError::Setup {
            reason: format!("the database holds texts as {encoding}; Eyrie needs UTF8"),
            hint: "create it with ENCODING 'UTF8': CREATE DATABASE eyrie ENCODING 'UTF8' TEMPLATE template0",
        });
    }
    let pending = migrate::pending(Database::Postgres, &applied(connection).await?)?;
    // A role without the right to create may use what is up to date.
    if !pending.is_empty() {
        sqlx::raw_sql(MIGRATIONS_TABLE).execute(&mut *connection).await.map_err(explain)?;
    }
    for migration in pending {
        sqlx::raw_sql(migration.sql).execute(&mut *connection).await.map_err(explain)?;
        sqlx::query(NOTE)
            .bind(migration.version)
            .bind(migration.description)
            .bind(migration.checksum)
            .persistent(false)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(())
}

/// What was applied, oldest first.
pub(super) async fn applied(connection: &mut PgConnection) -> Result<Vec<Applied>, StoreError> {
    let has_table: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    Ok(match has_table {
        true => sqlx::query_as(APPLIED).persistent(false).fetch_all(connection).await?,
        false => Vec::new(),
    })
}

/// What an error while opening means to the person who starts the program.
pub(super) fn explain(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(DatabaseError::code).unwrap_or_default().into_owned();
    let text = error.as_database_error().map(DatabaseError::message).unwrap_or_default().to_owned();
    let setup = |reason: String, hint: &'static str| StoreError::Setup { reason, hint };
    match code.as_str() {
        "28000" | "28P01" => setup(format!("the server refuses the role or its password: {text}"), CHECK_HINT),
        "3D000" => {
            setup(text, "create it: CREATE DATABASE name ENCODING 'UTF8', or name another in EYRIE_DATABASE_URL")
        }
        "3F000" => setup(
            format!("the search path names no schema that is there: {text}"),
            "create the schema that the URL's options name: CREATE SCHEMA eyrie",
        ),
        "42501" => setup(
            format!("the role may not create Eyrie's tables: {text}"),
            "as the owner of the database run GRANT CREATE ON SCHEMA public TO the role, or give it a schema of its own: \
             CREATE SCHEMA eyrie AUTHORIZATION the role, and ?options=-csearch_path%3Deyrie at the end of the database URL",
        ),
        "42P07" => migrate::foreign(Database::Postgres),
        "08P01" if text.contains("parameter: options") => setup(
            format!("a pooler such as pgbouncer refuses the options of the URL: {text}"),
            "leave them out of the database URL and say ALTER ROLE name SET search_path = eyrie instead",
        ),
        "08P01" if text.contains("parameter: ") => failure::pooler(&text),
        _ => error.into(),
    }
}

pub(super) fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    let invalid = |reason: &dyn std::fmt::Display| StoreError::Setup {
        reason: format!(
            "the database URL is not valid ({reason}); one looks like postgres://user:password@host/database"
        ),
        hint: ENCODE_HINT,
    };
    let Some(rest) = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) else {
        return Err(invalid(&"it does not begin with postgres://"));
    };
    // Where a character of a password ends its part of the URL, the rest of it would pass for a
    // host or a database.
    if looks_unescaped(rest) {
        return Err(invalid(&"a special character in it is not percent-encoded"));
    }
    let options = known_parameters(url).parse::<PgConnectOptions>().map_err(|error| {
        if let sqlx::Error::Configuration(reason) = &error { invalid(reason) } else { error.into() }
    })?;
    Ok(options.application_name("eyrie"))
}

/// Whether `/`, `?` or `#` stand where only a user name or a password can be meant: no host, path
/// or name of a parameter has an `@` unescaped, and no database URL has a fragment.
fn looks_unescaped(rest: &str) -> bool {
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = base.split_once('/').map_or("", |(_, path)| path);
    let has_odd_name = |parameter: &str| parameter.split('=').next().is_some_and(|name| name.contains('@'));
    rest.contains('#') || path.contains('@') || query.split('&').any(has_odd_name)
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2secret";
    const OPTIONS: PostgresOptions =
        PostgresOptions { max_connections: 1, prepared_statements: true, statement_timeout: Duration::from_secs(20) };

    fn text(error: &StoreError) -> String {
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
            let text = text(&parse(&url).expect_err("invalid"));
            assert!(!text.contains(SECRET), "{text}");
            assert!(text.contains("postgres://user:password@host/database"), "{text}");
        }
    }

    #[test]
    fn nothing_of_an_unescaped_password_is_printed_and_the_hint_says_to_encode_it() {
        for password in
            ["p@ss/w#rd", "pass/word", "12/34", "pass#word", "pass?word", "p@ss?w@rd", "/pass", "#", "a?b=c@d"]
        {
            let Err(StoreError::Setup { reason, hint }) =
                parse(&format!("postgres://eyrie:{password}@db.internal/eyrie"))
            else {
                panic!("{password} is refused")
            };
            assert!(hint.contains("percent-encode") && hint.contains("%40 for @"), "{hint}");
            let parts = password.split(['@', '/', '#', '?', '=']).filter(|part| part.len() > 1);
            for part in parts {
                let plain = reason.replace("password@host", "");
                assert!(!plain.contains(part), "{part} of {password} in {reason}");
            }
        }
        let escaped = parse("postgres://eyrie:p%40ss%2Fw%23rd@db.internal/eyrie?options=-csearch_path%3Deyrie");
        assert_eq!(escaped.expect("valid").get_host(), "db.internal");
        // An @ in the password and one in a parameter's value have one meaning only.
        assert_eq!(parse("postgres://eyrie:p@ss@db/eyrie?application_name=a@b").expect("valid").get_host(), "db");
    }

    #[tokio::test]
    async fn an_unreachable_server_is_unavailable_and_the_password_stays_secret() {
        // A port that was free a moment ago and on which nobody listens now.
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let error =
            pool(&format!("postgres://u:{SECRET}@127.0.0.1:{port}/db"), OPTIONS).await.expect_err("nobody there");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        let text = text(&error);
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
