//! What an error of the database means to the callers.

use std::borrow::Cow;

use sqlx::error::DatabaseError;

use super::StoreError;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(inner) = &error {
            return from_database(inner.as_ref());
        }
        let text = error.to_string();
        if matches!(&error, sqlx::Error::Io(inner) if inner.kind() == std::io::ErrorKind::StorageFull) {
            return Self::Full(text);
        }
        let unavailable = matches!(
            &error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed
        );
        if unavailable { Self::Unavailable(text) } else { Self::Internal(text) }
    }
}

fn from_database(error: &dyn DatabaseError) -> StoreError {
    let code = error.code().unwrap_or(Cow::Borrowed(""));
    let sqlite = sqlite_class(&code);
    let text = error.to_string();
    match (sqlite, code.as_ref()) {
        (Some(SQLITE_FULL), _) | (None, "53100") => StoreError::Full(text),
        (Some(SQLITE_BUSY | SQLITE_LOCKED | SQLITE_IOERR), _) => StoreError::Unavailable(text),
        (Some(SQLITE_READONLY), _) | (None, "25006") => StoreError::ReadOnly(text),
        (None, "26000" | "42P05") => pooler(&text),
        (None, code) if unavailable_in_postgres(code) => StoreError::Unavailable(text),
        (Some(_) | None, _) => StoreError::Internal(text),
    }
}

/// Whether another connection holds the lock that a SQLite statement needs.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).and_then(|code| sqlite_class(&code)) == Some(SQLITE_BUSY)
}

/// SQLite's codes are decimal numbers of which the low byte is the class; those of Postgres have
/// five characters.
fn sqlite_class(code: &str) -> Option<i32> {
    (code.len() != 5).then(|| code.parse::<i32>().ok()).flatten().map(|extended| extended & 0xff)
}

/// A pooler stands between this program and Postgres, and mixes up what belongs to one connection.
pub(super) fn pooler(text: &str) -> StoreError {
    StoreError::Setup {
        reason: format!("a pooler such as pgbouncer gives each transaction another connection: {text}"),
        hint: "set storage.prepared_statements = false (EYRIE_STORAGE__PREPARED_STATEMENTS=false), or let the pooler \
               work by session",
    }
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
/// The disk failed, or a quota of it is used up: SQLite says `SQLITE_FULL` of `ENOSPC` alone.
const SQLITE_IOERR: i32 = 10;
const SQLITE_FULL: i32 = 13;

/// Connection errors (class 08), lack of resources (53), a shutdown or failover (57P), time-outs
/// and conflicts between transactions. See
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn unavailable_in_postgres(code: &str) -> bool {
    ["08", "53", "57P"].iter().any(|class| code.starts_with(class))
        || ["57014", "25P03", "40001", "40P01", "55P03"].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Answer(&'static str);

    impl std::fmt::Display for Answer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Answer {}

    impl DatabaseError for Answer {
        fn message(&self) -> &str {
            self.0
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(self.0))
        }
        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> sqlx::error::ErrorKind {
            sqlx::error::ErrorKind::Other
        }
    }

    fn meaning(code: &'static str) -> &'static str {
        match StoreError::from(sqlx::Error::Database(Box::new(Answer(code)))) {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Full(_) => "full",
            StoreError::ReadOnly(_) => "read-only",
            StoreError::Setup { .. } => "setup",
            StoreError::Internal(_) => "internal",
        }
    }

    #[test]
    fn codes_of_both_databases_are_understood() {
        for (code, expected) in [
            ("5", "unavailable"),
            ("517", "unavailable"), // SQLITE_BUSY_SNAPSHOT
            ("6", "unavailable"),
            ("8", "read-only"),
            ("1032", "read-only"),  // SQLITE_READONLY_DBMOVED
            ("778", "unavailable"), // SQLITE_IOERR_WRITE
            ("13", "full"),
            ("11", "internal"),
            ("787", "internal"),    // a foreign key
            ("25006", "read-only"), // a standby
            ("26000", "setup"),     // a prepared statement of another connection
            ("42P05", "setup"),
            ("53100", "full"),
            ("53300", "unavailable"),
            ("57014", "unavailable"),
            ("57P01", "unavailable"),
            ("57P03", "unavailable"),
            ("08006", "unavailable"),
            ("40P01", "unavailable"),
            ("23505", "internal"),
            ("42P01", "internal"),
        ] {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }

    #[test]
    fn lost_connections_and_an_exhausted_pool_may_be_tried_again() {
        for error in [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        ] {
            assert!(matches!(StoreError::from(error), StoreError::Unavailable(_)));
        }
        assert!(matches!(StoreError::from(sqlx::Error::RowNotFound), StoreError::Internal(_)));
    }
}
