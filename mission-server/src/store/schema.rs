//! Schemas that cannot be brought up to date, in words.

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
