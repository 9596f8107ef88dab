//! What the store over a SQL database asks of SQLite.

use chrono::{DateTime, Utc};
use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::{
        bus::ParkRequest,
        store::{Change, CommitOutcome, StoreError},
    },
};
use sqlx::sqlite::SqliteRow;

use super::{
    commit::commit,
    connection::{Database, unavailable},
    fold::fold,
    load::load,
    rows::{Rows, key_text},
};
use crate::store::{
    PoolUse, PrunedRows,
    database::{Dialect, Durability, SqlDatabase},
    keys::Keys,
    record::{root_id, root_kind, to_json},
    retention::RetainedTable,
    sql_builder::SqlBuilder,
};

impl SqlDatabase for Database {
    type Row = SqliteRow;

    const DIALECT: Dialect = Dialect {
        is_any_id: "IN (SELECT unhex(value) FROM json_each(?))",
        newest_of_bands: "SELECT DISTINCT p.file_id, p.user_id, p.task_id, p.hash
            FROM json_each(?) band CROSS JOIN pictures p ON p.band = band.value AND p.file_id >= coalesce(
                (SELECT file_id FROM pictures WHERE band = band.value ORDER BY file_id DESC LIMIT 1 OFFSET ? - 1), x'')",
        // The request names a task or reward under the command's own name.
        accepted_commands: "SELECT j.root_id, j.number, j.recorded_at, j.request,
                coalesce(t.mission_id, r.mission_id)
            FROM journal j
            LEFT JOIN tasks t ON t.user_id = j.root_id
                AND t.id = unhex(j.request->>('$[0].' || j.name || '.task'), '-')
            LEFT JOIN rewards r ON r.user_id = j.root_id
                AND r.id = unhex(j.request->>('$[0].' || j.name || '.reward'), '-')
            WHERE j.root_kind = 'user' AND j.request IS NOT NULL AND j.answer LIKE '{\"Ok\":%'",
        in_turn: "",
        journal_by_age: "SELECT number, root_kind, root_id, recorded_at, name, request, answer FROM journal
            ORDER BY number",
    };

    async fn read(&self, query: SqlBuilder) -> Result<Vec<SqliteRow>, StoreError> {
        self.query(query).await.map_err(unavailable)
    }

    async fn write(
        &self,
        durability: Durability,
        statement: SqlBuilder,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut guard = self.lock_writer().await?;
        let rows = guard.write(durability, statement).await.map_err(unavailable)?;
        guard.finished();
        Ok(rows)
    }

    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        load(self, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        commit(&mut self.lock_writer().await?, changes).await
    }

    /// One process sends all.
    async fn outbox_shards(&self) -> Result<Option<Vec<i64>>, StoreError> {
        Ok(None)
    }

    async fn mark_sent(&self, entries: &[i64]) -> Result<(), StoreError> {
        let mut script = SqlBuilder::new("BEGIN IMMEDIATE;");
        script
            .then("DELETE FROM outbox_parked WHERE entry IN (SELECT value FROM json_each(?));")
            .bind(entries.to_vec())
            .then("DELETE FROM outbox_entries WHERE number IN (SELECT value FROM json_each(?));")
            .bind(entries.to_vec())
            .then("COMMIT;");
        // Lost with a power cut, the events would be sent again: that is allowed, an fsync for each is not needed.
        self.write(Durability::Relaxed, script).await.map(drop)
    }

    async fn park(&self, events: &[ParkRequest]) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        for event in events {
            rows.row()
                .id(root_id(event.root))
                .text(root_kind(event.root))
                .number(event.entry)
                .id(event.event.0)
                .instant(event.at)
                .instant(event.retry_at)
                .text(&to_json(event)?);
        }
        let statement = SqlBuilder::new(
            "INSERT INTO outbox_parked AS p (root_id, root_kind, entry, event_id, attempts, since, retry_at, data)
            SELECT unhex(value->>0), value->>1, value->>2, unhex(value->>3), 1, value->>4, value->>5, value->>6
                FROM json_each(?) WHERE TRUE
            ON CONFLICT (root_id, root_kind) DO UPDATE SET
                attempts = CASE WHEN p.entry = excluded.entry THEN p.attempts + 1 ELSE 1 END,
                since = CASE WHEN p.entry = excluded.entry THEN p.since ELSE excluded.since END,
                entry = excluded.entry, event_id = excluded.event_id, retry_at = excluded.retry_at,
                data = excluded.data",
        );
        let statement = statement.with(rows.into_text());
        self.write(Durability::Relaxed, statement).await.map(drop)
    }

    async fn fold(&self) -> Result<u64, StoreError> {
        fold(self).await
    }

    async fn prune(&self, now: DateTime<Utc>) -> Result<PrunedRows, StoreError> {
        super::housekeeping::prune(self, now).await
    }

    async fn remove(&self, table: RetainedTable, keys: Keys) -> Result<(), StoreError> {
        let sql = match table {
            RetainedTable::Journal => {
                "DELETE FROM journal WHERE number IN (SELECT value->>1 FROM json_each(?))"
            }
            RetainedTable::ExpiredTasks => {
                "DELETE FROM tasks WHERE (user_id, id) IN
                    (SELECT unhex(value->>0), unhex(value->>1) FROM json_each(?))"
            }
        };
        let statement = SqlBuilder::new(sql).with(key_text(&keys));
        self.write(Durability::Relaxed, statement).await.map(drop)
    }

    fn leased_shards(&self) -> Option<u64> {
        None
    }

    fn pool_use(&self) -> PoolUse {
        self.connections_in_use()
    }

    async fn close(&self) {
        self.close_connections().await;
    }
}
