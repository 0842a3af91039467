//! The schema, embedded: `migrations/sqlite` and `migrations/postgres` with the same numbers and names.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::StoreError;

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

/// Every migration of a database, oldest first.
pub(super) fn migrator(database: Database) -> Migrator {
    Migrator::with_migrations(match database {
        Database::Sqlite => migrations!("sqlite": (1, "0001", "initial"), (2, "0002", "local_features")),
        Database::Postgres => migrations!("postgres": (1, "0001", "initial"), (2, "0002", "local_features")),
    })
}

/// What a failed migration means, in words for the person who starts the program.
pub(super) fn failure(database: Database, error: MigrateError) -> StoreError {
    if let MigrateError::VersionMissing(found) = error {
        let known = migrator(database).iter().map(|m| m.version).max().unwrap_or(0);
        return StoreError::Internal(format!(
            "the database has schema {found}, this program knows up to {known}: it was written by a newer version of Eyrie"
        ));
    }
    if let MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) = error {
        return inner.into();
    }
    StoreError::Internal(format!("the database's schema is not the one that this program knows: {error}"))
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
        migrator(database).iter().map(|m| format!("{:04}_{}.sql", m.version, m.description)).collect()
    }

    #[test]
    fn both_databases_have_the_same_migrations_and_all_are_embedded() {
        assert_eq!(files("sqlite"), files("postgres"));
        assert_eq!(embedded(Database::Sqlite), files("sqlite"));
        assert_eq!(embedded(Database::Postgres), files("postgres"));
    }
}
