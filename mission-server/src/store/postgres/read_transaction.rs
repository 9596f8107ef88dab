//! One moment of a PostgreSQL database.

use std::str::FromStr;

use mission_core::ports::store::StoreError;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgRow},
};

use super::connection::{OpenError, arguments, migrations, numbered};
use crate::store::{
    SchemaError,
    read_transaction::{ReadDialect, ReadTransaction},
    record::unavailable,
    sql_builder::SqlBuilder,
};

/// A transaction that may only read, and sees one moment.
#[derive(Debug)]
pub(crate) struct PostgresReadTransaction(PgConnection);

impl PostgresReadTransaction {
    /// Connects, and stays at the moment at which this answers.
    ///
    /// # Errors
    /// When the address cannot be read, the server refuses, or the schema is not this program's. Tells no password.
    pub(crate) async fn begin(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::NotAnAddress)?;
        let options = options
            .application_name("mission audit")
            .extra_float_digits(None)
            .disable_statement_logging();
        let opening = |error: sqlx::Error| OpenError::of(&error, &options);
        let mut connection = PgConnection::connect_with(&options).await.map_err(opening)?;
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut connection)
            .await
            .map_err(opening)?;
        let found = sqlx::query("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(opening)?;
        match SchemaError::of_reader(found, &migrations()) {
            None => Ok(PostgresReadTransaction(connection)),
            Some(schema) => Err(OpenError::Migrate(schema)),
        }
    }
}

impl ReadTransaction for PostgresReadTransaction {
    type Row = PgRow;

    const DIALECT: ReadDialect = ReadDialect {
        is_any_number: "= ANY(?)",
        commands: "SELECT root_id, number, recorded_at, name, coalesce(caller, '00000000-0000-0000-0000-000000000000'),
            command, CAST(NULL AS uuid), CAST(CAST(refusal IS NOT NULL AS int) AS bigint), request FROM journal",
    };

    async fn read(&mut self, query: SqlBuilder) -> Result<Vec<PgRow>, StoreError> {
        let (sql, values) = query.into_parts();
        let arguments = arguments(values).map_err(unavailable)?;
        let rows = sqlx::query_with(&numbered(&sql), arguments)
            .fetch_all(&mut self.0)
            .await;
        rows.map_err(unavailable)
    }
}
