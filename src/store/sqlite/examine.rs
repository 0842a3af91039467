//! Looking at a database without changing it.

use std::path::Path;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::super::StoreError;
use super::super::codec::SummaryRow;
use super::super::examine::{ALL_IMAGES, Count, Examination, VERSION_AT, WITH_FEATURES, summaries};
use super::super::migrate::Database;
use super::SqliteStore;
use super::backup::reader;
use super::open::{FILE, applied};

/// Images without local features of this version.
const OUTDATED_FEATURES: &str = "SELECT (SELECT count(*) FROM images) \
     - (SELECT count(*) FROM local_features WHERE substr(bytes, $1 + 1, 1) = $2) AS count";

impl SqliteStore {
    /// Looks at the database in a data directory without changing it; `None` where there is none.
    /// `model` is the fingerprint of the running model, `features` the version of its local
    /// features.
    ///
    /// # Errors
    /// [`StoreError::Setup`] where it is newer than this program, or another program's.
    pub async fn examine(data_dir: &Path, model: &str, features: u8) -> Result<Option<Examination>, StoreError> {
        let path = data_dir.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let looked = async {
            let mut connection = reader(&path).await?;
            let found = look_at(&mut connection, model, features).await?;
            connection.close().await?;
            Ok(found)
        };
        looked.await.map(Some).map_err(|error: StoreError| error.about(&path.display().to_string()))
    }
}

async fn look_at(connection: &mut SqliteConnection, model: &str, features: u8) -> Result<Examination, StoreError> {
    let mut found = Examination::begin(Database::Sqlite, &applied(connection).await?)?;
    if found.schema == 0 {
        return Ok(found);
    }
    let rows: Vec<SummaryRow<i64>> =
        sqlx::query_as(summaries(found.schema)).bind(model).bind(None::<&str>).fetch_all(&mut *connection).await?;
    found.collections = rows.into_iter().map(SummaryRow::into_summary).collect::<Result<_, _>>()?;
    let outdated: Count = match found.schema < WITH_FEATURES {
        true => sqlx::query_as(ALL_IMAGES).fetch_one(connection).await?,
        false => {
            let version: &[u8] = &[features];
            sqlx::query_as(OUTDATED_FEATURES).bind(VERSION_AT).bind(version).fetch_one(connection).await?
        }
    };
    found.outdated_features = outdated.get();
    Ok(found)
}
