//! Schemas that cannot be brought up to date, in words.

use std::cmp::Ordering;

use sqlx::migrate::{MigrateError, Migrator};

/// Why a schema cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer program has migrated the database.
    #[error(
        "its schema is of migration {found}, newer than this program, which knows {known}: start a mission-server that is \
         at least as new as the one that was here last, or restore the backup from before"
    )]
    Newer {
        /// The newest migration that was found.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It was not brought up to date since this program was installed, and whoever asks may only read.
    #[error(
        "its schema is of migration {found}, older than this program, which knows {known}: start a mission-server of this \
         version once, or use the program that goes with the one that was here last"
    )]
    Older {
        /// The newest migration that was found; 0 where there is none.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// What was migrated is not what this program would have made of it.
    #[error(
        "migration {0} was made by another program, or was changed since: use a database of mission-server's own, or one \
         that a release has made"
    )]
    Foreign(i64),
    /// The database did not do it.
    #[error(transparent)]
    Failed(MigrateError),
}

impl SchemaError {
    /// Why `migrations` could not be carried out.
    pub(super) fn of(error: MigrateError, migrations: &Migrator) -> Self {
        let known = migrations
            .iter()
            .map(|migration| migration.version)
            .max()
            .unwrap_or(0);
        match error {
            MigrateError::VersionMissing(found) if found > known => SchemaError::Newer { found, known },
            MigrateError::VersionMissing(version)
            | MigrateError::VersionMismatch(version)
            | MigrateError::Dirty(version) => SchemaError::Foreign(version),
            other => SchemaError::Failed(other),
        }
    }

    /// Why a database of which the newest migration is `found` cannot be read as it is.
    pub(super) fn of_reader(found: Option<i64>, migrations: &Migrator) -> Option<Self> {
        let known = migrations.iter().map(|migration| migration.version).max();
        let (found, known) = (found.unwrap_or(0), known.unwrap_or(0));
        match found.cmp(&known) {
            Ordering::Less => Some(SchemaError::Older { found, known }),
            Ordering::Equal => None,
            Ordering::Greater => Some(SchemaError::Newer { found, known }),
        }
    }

    /// What the database said, where it is the database that refused.
    pub(super) fn refusal(&self) -> Option<&sqlx::Error> {
        match self {
            SchemaError::Failed(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                Some(error)
            }
            _ => None,
        }
    }
}
