//! A schema of one server's own in PostgreSQL.

use std::str::FromStr;

use sqlx::{
    Connection, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgRow},
};
use uuid::Uuid;

use crate::Result;

/// A schema, dropped with this.
pub(crate) struct Schema {
    name: String,
    database: String,
}

impl Schema {
    pub(crate) fn create(database: &str) -> Result<Self> {
        let name = format!("mission_load_{}", Uuid::new_v4().simple());
        run(database, &format!("CREATE SCHEMA {name}"))?;
        Ok(Schema {
            name,
            database: database.to_owned(),
        })
    }

    /// The database's address with this as the only schema that is looked into.
    pub(crate) fn url(&self) -> String {
        let joint = if self.database.contains('?') { '&' } else { '?' };
        format!("{}{joint}options=-csearch_path%3D{}", self.database, self.name)
    }

    /// Runs statements in it.
    pub(crate) fn run(&self, sql: &str) -> Result<()> {
        run(&self.url(), sql).map(drop)
    }

    /// Whether a query in it finds anything.
    pub(crate) fn has_rows(&self, sql: &str) -> Result<bool> {
        Ok(!run(&self.url(), sql)?.is_empty())
    }

    /// The number that a query in it answers.
    pub(crate) fn number(&self, sql: &str) -> Result<i64> {
        let rows = run(&self.url(), sql)?;
        Ok(rows.first().ok_or("a query answered nothing")?.try_get(0)?)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Err(error) = run(&self.database, &format!("DROP SCHEMA {} CASCADE", self.name)) {
            eprintln!("the schema {} stays behind: {error}", self.name);
        }
    }
}

/// Runs statements, and answers the rows that they gave.
fn run(database: &str, sql: &str) -> Result<Vec<PgRow>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect_with(&PgConnectOptions::from_str(database)?).await?;
        let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(rows)
    })
}
