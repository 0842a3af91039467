//! Looking at a database without changing it.

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::super::StoreError;
use super::super::codec::SummaryRow;
use super::super::examine::{ALL_IMAGES, Count, Examination, VERSION_AT, WITH_FEATURES, summaries};
use super::super::migrate::Database;
use super::connect::{CONNECT_TIMEOUT, applied, explain, parse};
use super::{PostgresOptions, PostgresStore};

/// Images without local features of this version.
const OUTDATED_FEATURES: &str = "SELECT (SELECT count(*) FROM images) - (SELECT count(*) FROM local_features \
     WHERE octet_length(bytes) > $1 AND get_byte(bytes, $1) = $2) AS count";

impl PostgresStore {
    /// Looks at the database of a URL without changing it. `model` is the fingerprint of the
    /// running model, `features` the version of its local features.
    ///
    /// # Errors
    /// [`StoreError::Setup`] where it is newer than this program, or another program's.
    pub async fn examine(
        url: &str,
        PostgresOptions { prepared_statements, .. }: PostgresOptions,
        model: &str,
        features: u8,
    ) -> Result<Examination, StoreError> {
        let mut options = parse(url)?;
        if !prepared_statements {
            options = options.statement_cache_capacity(0).extra_float_digits(None);
        }
        let looked = async {
            let mut connection = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options))
                .await
                .map_err(|_| StoreError::Unavailable(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())))?
                .map_err(explain)?;
            // One transaction, so that a pooler keeps one connection for it.
            sqlx::raw_sql("BEGIN TRANSACTION READ ONLY").execute(&mut connection).await?;
            let found = look_at(&mut connection, model, features).await?;
            connection.close().await?;
            Ok(found)
        };
        looked.await.map_err(|error: StoreError| error.about(&format!("Postgres on host {:?}", options.get_host())))
    }

    /// The host that a URL names, for people.
    ///
    /// # Errors
    /// [`StoreError::Setup`] where the URL is none.
    pub fn host(url: &str) -> Result<String, StoreError> {
        Ok(parse(url)?.get_host().to_owned())
    }
}

async fn look_at(connection: &mut PgConnection, model: &str, features: u8) -> Result<Examination, StoreError> {
    let mut found = Examination::begin(Database::Postgres, &applied(connection).await?)?;
    if found.schema == 0 {
        return Ok(found);
    }
    let rows: Vec<SummaryRow<OffsetDateTime>> = sqlx::query_as(summaries(found.schema))
        .bind(model)
        .bind(None::<&str>)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    found.collections = rows.into_iter().map(SummaryRow::into_summary).collect::<Result<_, _>>()?;
    let outdated: Count = match found.schema < WITH_FEATURES {
        true => sqlx::query_as(ALL_IMAGES).persistent(false).fetch_one(connection).await?,
        false => {
            let query = sqlx::query_as(OUTDATED_FEATURES).bind(VERSION_AT).bind(i32::from(features));
            query.persistent(false).fetch_one(connection).await?
        }
    };
    found.outdated_features = outdated.get();
    Ok(found)
}
