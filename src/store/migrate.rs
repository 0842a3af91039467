//! The schema, embedded: `migrations/sqlite` and `migrations/postgres` with the same numbers and
//! names. What was applied stands in the table of sqlx's own migrator. This one does everything in
//! a single transaction, so that it works behind a pooler, and a role without the right to create
//! tables may use a schema that is up to date.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType};

use super::StoreError;
use super::codec::row;

macro_rules! migrations {
    ($database:literal: $(($number:literal, $digits:literal, $name:literal)),+ $(,)?) => {
        vec![$(Migration::new(
            $number,
            $name.into(),
            MigrationType::Simple,
            include_str!(concat!("../../migrations/", $database, "/", $digits, "_", $name, ".sql"))
                .into_sql_str(),
            false,
        )),+]
    };
}

/// Which database a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

/// What was applied, oldest first.
pub(super) const APPLIED: &str = "SELECT version, description, checksum FROM _sqlx_migrations ORDER BY version";

/// Notes that a migration was applied.
pub(super) const NOTE: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
     VALUES ($1, $2, TRUE, $3, -1)";

row! {
    /// A row of what was applied.
    #[derive(Debug)]
    pub(super) struct Applied {
        version: i64,
        description: String,
        checksum: Vec<u8>,
    }
}

/// Every migration of a database, oldest first.
fn migrations(database: Database) -> Vec<Migration> {
    match database {
        Database::Sqlite => migrations!(
            "sqlite": (1, "0001", "initial"), (2, "0002", "local_features"), (3, "0003", "image_keys"), (4, "0004", "followers"),
            (5, "0005", "orders_and_answers"), (6, "0006", "jobs"), (7, "0007", "originals"), (8, "0008", "job_data"),
            (9, "0009", "api_keys"), (10, "0010", "quotas")
        ),
        Database::Postgres => migrations!(
            "postgres": (1, "0001", "initial"), (2, "0002", "local_features"), (3, "0003", "image_keys"), (4, "0004", "followers"),
            (5, "0005", "orders_and_answers"), (6, "0006", "jobs"), (7, "0007", "originals"), (8, "0008", "job_data"),
            (9, "0009", "api_keys"), (10, "0010", "quotas")
        ),
    }
}

/// The newest schema that this program knows.
pub(super) fn newest(database: Database) -> i64 {
    migrations(database).last().map_or(0, |migration| migration.version)
}

/// The schema of a database; 0 for an empty one.
pub(super) fn newest_of(applied: &[Applied]) -> i64 {
    applied.last().map_or(0, |row| row.version)
}

/// The migrations that are missing, oldest first.
///
/// # Errors
/// [`StoreError::Setup`] when something was applied that this program does not know.
pub(super) fn pending(database: Database, applied: &[Applied]) -> Result<Vec<Migration>, StoreError> {
    let mut missing = migrations(database);
    let newest = missing.last().map_or(0, |migration| migration.version);
    for (place, row) in applied.iter().enumerate() {
        let is_ours = missing.first().is_some_and(|ours| {
            ours.version == row.version && ours.description == row.description && *ours.checksum == row.checksum
        });
        if is_ours {
            missing.remove(0);
        } else if place > 0 && missing.is_empty() {
            return Err(StoreError::Setup {
                reason: format!(
                    "the database has schema {}, this program knows up to {newest}: it was written by a newer version of \
                     Eyrie",
                    row.version
                ),
                hint: "start the newer version, or use another database",
            });
        } else {
            return Err(foreign(database));
        }
    }
    Ok(missing)
}

/// The tables that are there are those of another program.
pub(super) fn foreign(database: Database) -> StoreError {
    match database {
        Database::Sqlite => StoreError::Setup {
            reason: "the file belongs to another program: its migrations are not Eyrie's".to_owned(),
            hint: "choose another folder with --data-dir",
        },
        Database::Postgres => StoreError::Setup {
            reason: "the schema belongs to another program: its tables or migrations are not Eyrie's".to_owned(),
            hint: "give Eyrie a schema of its own: CREATE SCHEMA eyrie, and ?options=-csearch_path%3Deyrie at the end of \
                   the database URL",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &str) -> Vec<String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        let mut names: Vec<String> = std::fs::read_dir(path)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    fn embedded(database: Database) -> Vec<String> {
        migrations(database).iter().map(|m| format!("{:04}_{}.sql", m.version, m.description)).collect()
    }

    /// The rows that the first `count` migrations leave.
    fn rows(count: usize) -> Vec<Applied> {
        migrations(Database::Postgres)
            .into_iter()
            .take(count)
            .map(|m| Applied {
                version: m.version,
                description: m.description.into_owned(),
                checksum: m.checksum.into_owned(),
            })
            .collect()
    }

    fn missing(applied: &[Applied]) -> Result<Vec<i64>, String> {
        let pending = pending(Database::Postgres, applied).map_err(|error| error.to_string())?;
        Ok(pending.into_iter().map(|migration| migration.version).collect())
    }

    #[test]
    fn both_databases_have_the_same_migrations_and_all_are_embedded() {
        assert_eq!(files("sqlite"), files("postgres"));
        assert_eq!(embedded(Database::Sqlite), files("sqlite"));
        assert_eq!(embedded(Database::Postgres), files("postgres"));
    }

    #[test]
    fn what_was_not_applied_is_missing() {
        let all: Vec<i64> = migrations(Database::Postgres).iter().map(|m| m.version).collect();
        for applied in 0..=all.len() {
            assert_eq!(missing(&rows(applied)).as_deref(), Ok(&all[applied..]));
        }
    }

    #[test]
    fn rows_of_a_newer_eyrie_and_of_another_program_are_told_apart() {
        let other = |version| Applied { version, description: "users".to_owned(), checksum: vec![1; 48] };
        let mut newer = rows(usize::MAX);
        newer.push(other(9999));
        assert!(missing(&newer).is_err_and(|text| text.contains("schema 9999") && text.contains("newer version")));
        let mut changed = rows(3);
        changed[1].checksum = vec![0; 48];
        for foreign in [vec![other(1)], vec![other(20_240_101)], changed] {
            assert!(missing(&foreign).is_err_and(|text| text.contains("belongs to another program")), "{foreign:?}");
        }
    }
}
