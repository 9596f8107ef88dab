//! What the store over a SQL database asks of PostgreSQL.

use chrono::{DateTime, Utc};
use mission_core::{
    engine::{LoadedRecords, ReadSet},
    ports::{
        bus::ParkRequest,
        store::{Change, CommitOutcome, RECEIPT_LIFETIME, StoreError},
    },
};
use sqlx::postgres::PgRow;

use super::{
    breaker::is_lost,
    commit::commit,
    connection::Database,
    fold::fold,
    load::load,
    rows::{
        Kind::{Id, Number, Text},
        Rows,
    },
};
use crate::store::{
    INBOUND_LIFETIME, PoolUse, PrunedRows,
    database::{Dialect, Durability, SqlDatabase, delete_in_parts},
    keys::Keys,
    record::{root_id, root_kind, unavailable},
    retention::RetainedTable,
    sql_builder::SqlBuilder,
};

/// A thousand rows a transaction of housekeeping, so that nothing is locked for long.
const RECEIPTS: &str = "DELETE FROM receipts WHERE (caller, command) IN (SELECT caller, command FROM receipts
    WHERE recorded_at <= ? LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING 1";
const INBOUND: &str = "DELETE FROM claims WHERE (kind, key) IN (SELECT kind, key FROM claims
    WHERE kind = 'inbound' AND taken_at <= ? LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING 1";

impl SqlDatabase for Database {
    type Row = PgRow;

    const DIALECT: Dialect = Dialect {
        is_any_id: "= ANY(?)",
        newest_of_bands: "SELECT DISTINCT newest.* FROM unnest(?) bands (band) CROSS JOIN LATERAL (
                SELECT file_id, user_id, task_id, hash FROM pictures WHERE band = bands.band
                ORDER BY file_id DESC LIMIT ?) newest",
        // The request names a task or reward under the command's own name.
        accepted_commands: "SELECT j.root_id, j.number, j.recorded_at, j.request,
                coalesce(t.mission_id, r.mission_id)
            FROM journal j
            LEFT JOIN tasks t ON t.user_id = j.root_id
                AND t.id = (j.request::jsonb #>> ARRAY['0', j.name, 'task'])::uuid
            LEFT JOIN rewards r ON r.user_id = j.root_id
                AND r.id = (j.request::jsonb #>> ARRAY['0', j.name, 'reward'])::uuid
            WHERE j.root_kind = 'user' AND j.request IS NOT NULL AND j.refusal IS NULL",
        in_turn: " CROSS JOIN (SELECT pg_advisory_xact_lock(1835627379)) AS turn",
        journal_by_age: "SELECT number, root_kind, root_id, recorded_at, name, request,
                coalesce(answer, '{\"Err\":' || refusal || '}') AS answer
            FROM journal ORDER BY recorded_at, number",
    };

    async fn read(&self, query: SqlBuilder) -> Result<Vec<PgRow>, StoreError> {
        // A connection that was lost since its last use is replaced.
        for _ in 0..2 {
            match self.run(query.clone()).await {
                Err(error) if is_lost(&error) => {}
                rows => return rows.map_err(unavailable),
            }
        }
        self.run(query).await.map_err(unavailable)
    }

    async fn write(&self, durability: Durability, statement: SqlBuilder) -> Result<Vec<PgRow>, StoreError> {
        self.run_with(durability, statement).await.map_err(unavailable)
    }

    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        load(self, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        commit(self, changes).await
    }

    async fn outbox_shards(&self) -> Result<Option<Vec<i64>>, StoreError> {
        self.lease.shards(self).await.map(Some)
    }

    async fn mark_sent(&self, entries: &[i64]) -> Result<(), StoreError> {
        let statement = SqlBuilder::new(
            "WITH unparked AS (DELETE FROM outbox_parked WHERE entry = ANY(?))
            DELETE FROM outbox_entries WHERE number = ANY(?)",
        );
        let statement = statement.with(entries.to_vec()).with(entries.to_vec());
        self.write(Durability::Relaxed, statement).await?;
        self.outbox_entries.removed(self, entries.len() as u64).await;
        Ok(())
    }

    async fn park(&self, events: &[ParkRequest]) -> Result<(), StoreError> {
        let mut rows = Rows::of(&[Id, Text, Number, Id, Number, Number, Text]);
        for event in events {
            rows.row()
                .id(root_id(event.root))
                .text(root_kind(event.root))
                .number(event.entry)
                .id(event.event.0)
                .instant(event.at)
                .instant(event.retry_at)
                .record(event)?;
        }
        let mut statement = SqlBuilder::new(
            "INSERT INTO outbox_parked AS p (root_id, root_kind, entry, event_id, attempts, since, retry_at, data)
            SELECT root_id, root_kind, entry, event_id, 1, at, retry_at, data FROM ",
        );
        statement.rows(rows)?.then(
            " AS t (root_id, root_kind, entry, event_id, at, retry_at, data)
            ON CONFLICT (root_id, root_kind) DO UPDATE SET
                attempts = CASE WHEN p.entry = excluded.entry THEN p.attempts + 1 ELSE 1 END,
                since = CASE WHEN p.entry = excluded.entry THEN p.since ELSE excluded.since END,
                entry = excluded.entry, event_id = excluded.event_id, retry_at = excluded.retry_at,
                data = excluded.data",
        );
        self.write(Durability::Relaxed, statement).await.map(drop)
    }

    async fn fold(&self) -> Result<u64, StoreError> {
        fold(self).await
    }

    async fn prune(&self, now: DateTime<Utc>) -> Result<PrunedRows, StoreError> {
        Ok(PrunedRows {
            receipts: delete_in_parts(self, RECEIPTS, (now - RECEIPT_LIFETIME).timestamp_micros()).await?,
            inbound: delete_in_parts(self, INBOUND, (now - INBOUND_LIFETIME).timestamp_micros()).await?,
            ..PrunedRows::default()
        })
    }

    async fn remove(&self, table: RetainedTable, keys: Keys) -> Result<(), StoreError> {
        let (before, after) = match table {
            RetainedTable::Journal => (
                "DELETE FROM journal t USING ",
                " AS k(root_id, number) WHERE t.root_id = k.root_id AND t.number = k.number",
            ),
            RetainedTable::ExpiredTasks => (
                "DELETE FROM tasks t USING ",
                " AS k(user_id, id) WHERE t.user_id = k.user_id AND t.id = k.id",
            ),
        };
        let mut statement = SqlBuilder::new(before);
        statement.rows(Rows::of_keys(keys))?.then(after);
        self.write(Durability::Relaxed, statement).await.map(drop)
    }

    fn leased_shards(&self) -> Option<u64> {
        Some(self.lease.count())
    }

    fn pool_use(&self) -> PoolUse {
        self.connections_in_use()
    }

    async fn close(&self) {
        if let Err(error) = self.lease.release(self).await {
            tracing::warn!(%error, "the shards of the outbox were not released; others take them over in seconds");
        }
        self.close_pool().await;
    }
}
