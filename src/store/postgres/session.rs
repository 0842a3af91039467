//! One connection, lent for one piece of work.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{AssertSqlSafe, Either, Error, Execute, Executor, Postgres, SqlStr};

use super::super::StoreError;
use super::super::lease::Lease;

/// Runs statements on a connection, each with a name on the server (parsed once a connection) or
/// without one.
#[derive(Debug)]
pub(super) struct Session {
    lease: Lease<Postgres>,
    prepared: bool,
}

impl Session {
    pub(super) async fn from(pool: &PgPool, prepared: bool) -> Result<Self, StoreError> {
        Ok(Self { lease: Lease::from(pool).await?, prepared })
    }

    /// Begins a transaction in which the server works on one statement, or waits for the next one,
    /// for `limit` at most. It takes one round trip.
    pub(super) async fn begin(&mut self, limit: Duration) -> Result<(), StoreError> {
        let statements = format!("BEGIN; {}", limits("SET LOCAL", limit));
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(self.lease.connection()).await?;
        Ok(())
    }

    /// Commits the transaction.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        sqlx::raw_sql("COMMIT").execute(self.lease.connection()).await?;
        Ok(())
    }

    /// Gives the connection back. Without this it is closed, which rolls back what was begun.
    pub(super) fn done<T>(self, result: T) -> T {
        self.lease.done(result)
    }
}

/// Statements that bound the server's time. A client that vanished in the middle of a transaction
/// must not keep its locks for long.
pub(super) fn limits(set: &str, limit: Duration) -> String {
    let limit = limit.as_millis();
    format!("{set} statement_timeout = {limit}; {set} idle_in_transaction_session_timeout = {limit}")
}

/// A statement without a name on the server.
struct Unnamed<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unnamed<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let connection: &'c mut PgConnection = self.lease.connection();
        if self.prepared { connection.fetch_many(query) } else { connection.fetch_many(Unnamed(query)) }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let connection: &'c mut PgConnection = self.lease.connection();
        if self.prepared { connection.fetch_optional(query) } else { connection.fetch_optional(Unnamed(query)) }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.lease.connection().prepare_with(sql, parameters)
    }
}
