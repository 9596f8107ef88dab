//! Users who have claimed rewards before anything is measured, written past the server into its tables.

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{Result, backend::Database, schema::Schema};

/// Points of a user with a number: whole ones up to 9,999 for most, as daily rewards give.
const POINTS: &str = "((i * 7919) % 10000) * 1000000";
/// Somewhere in 2026.
const CLAIMED: &str = "1780000000000000 + i";

/// Gives so many users one claimed reward each; the ids are those of [`crate::client::user`].
pub(crate) fn prefill(database: &Database, users: u32) -> Result<()> {
    let folder = match database {
        Database::File(folder) => folder,
        Database::Schema(schema) => return in_postgres(schema, users),
    };
    let id = |kind: &str| format!("unhex('0190{kind}000070008000' || printf('%012x', i))");
    let (user, reward, source) = (id("0000"), id("0001"), id("0002"));
    let sql = format!(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;
        WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {users})
        INSERT INTO rewards (user_id, id, reward_type, source_id, status, total_micros, claimed_at, data)
        SELECT {user}, {reward}, 'task_completion', {source}, 'claimed', {POINTS}, {CLAIMED}, '{{}}' FROM s;"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let options = SqliteConnectOptions::new()
            .filename(Database::file(folder))
            .busy_timeout(std::time::Duration::from_secs(60));
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::raw_sql(&sql).execute(&mut connection).await?;
        Ok(connection.close().await?)
    })
}

fn in_postgres(schema: &Schema, users: u32) -> Result<()> {
    let id = |kind: &str| format!("('0190{kind}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid");
    let (user, reward, source) = (id("0000"), id("0001"), id("0002"));
    schema.run(&format!(
        "INSERT INTO rewards (user_id, id, reward_type, source_id, status, total_micros, claimed_at, data)
            SELECT {user}, {reward}, 'task_completion', {source}, 'claimed', {POINTS}, {CLAIMED}, '{{}}'
            FROM generate_series(1, {users}::bigint) AS s (i); ANALYZE;"
    ))
}
