//! One moment of a SQLite file.

use std::str::FromStr;

use mission_core::ports::store::StoreError;
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::connection::{MIGRATIONS, OpenError, arguments, unavailable};
use crate::store::{
    SchemaError,
    read_transaction::{ReadDialect, ReadTransaction},
    sql_builder::SqlBuilder,
};

/// A transaction on a file that is opened to be read.
#[derive(Debug)]
pub(crate) struct SqliteReadTransaction(SqliteConnection);

impl SqliteReadTransaction {
    /// Opens a file that is there, and stays at the moment at which this answers.
    ///
    /// # Errors
    /// When the address is none of a file, there is no such file, or its schema is not this program's.
    pub(crate) async fn begin(url: &str) -> Result<Self, OpenError> {
        let options =
            SqliteConnectOptions::from_str(url).map_err(|_| OpenError::NotAFile { url: url.to_owned() })?;
        let options = options
            .read_only(true)
            .create_if_missing(false)
            .pragma("cache_size", "-65536")
            .row_buffer_size(4096)
            .disable_statement_logging();
        let opening = |source| OpenError::Open {
            url: url.to_owned(),
            source,
        };
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(opening)?;
        sqlx::raw_sql("BEGIN")
            .execute(&mut connection)
            .await
            .map_err(opening)?;
        let found = sqlx::query("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(opening)?;
        match SchemaError::of_reader(found, &MIGRATIONS) {
            None => Ok(SqliteReadTransaction(connection)),
            Some(source) => Err(OpenError::Migrate {
                url: url.to_owned(),
                source,
            }),
        }
    }
}

impl ReadTransaction for SqliteReadTransaction {
    type Row = SqliteRow;

    const DIALECT: ReadDialect = ReadDialect {
        is_any_number: "IN (SELECT value FROM json_each(?))",
        // Once a receipt's time is over, its key has made way for the seed of ids.
        commands: "SELECT root_id, number, recorded_at, name, coalesce(caller, zeroblob(16)),
            coalesce(command, CASE WHEN fingerprint IS NULL THEN engine_id END),
            CASE WHEN command IS NULL AND fingerprint IS NOT NULL THEN engine_id END,
            CAST(answer NOT LIKE '{\"Ok\":%' AS bigint), request FROM journal",
    };

    async fn read(&mut self, query: SqlBuilder) -> Result<Vec<SqliteRow>, StoreError> {
        let (sql, values) = query.into_parts();
        let arguments = arguments(values).map_err(unavailable)?;
        let rows = sqlx::query_with(&sql, arguments).fetch_all(&mut self.0).await;
        rows.map_err(unavailable)
    }
}
