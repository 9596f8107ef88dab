//! The outbox: journal rows with events that have not been sent.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    EventId,
    engine::OutboundEvent,
    ports::{
        bus::{Backlog, Outbox, OutboxEvent, OutboxPosition, ParkRequest, ParkedEvent},
        store::StoreError,
    },
};

use super::{
    SqliteStore,
    connection::{Durability, SqlBuilder, unavailable},
    load::ResultRow,
    rows::Rows,
};
use crate::store::record::{
    OutboxEnvelope, from_json, instant, parked_event, root_id, root_kind, root_of, to_json,
};

#[async_trait]
impl Outbox for SqliteStore {
    async fn waiting(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<OutboxEvent>, StoreError> {
        let entries = sqlx::query(
            "SELECT j.number, j.root_kind, hex(j.root_id), j.recorded_at, j.outbox,
                CASE WHEN p.entry = j.number THEN p.attempts ELSE 0 END
            FROM journal j LEFT JOIN outbox_parked p ON p.root_id = j.root_id AND p.root_kind = j.root_kind
            WHERE j.outbox IS NOT NULL AND j.sent_at IS NULL AND (p.entry IS NULL OR p.retry_at <= ?)
            ORDER BY j.number LIMIT ?",
        )
        .bind(now.timestamp_micros())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        let mut waiting = Vec::with_capacity(limit.min(entries.len() * 2));
        for entry in &entries {
            if waiting.len() >= limit {
                break;
            }
            unpack(&ResultRow(entry), &mut waiting)?;
        }
        Ok(waiting)
    }

    async fn sent(&self, entries: &[i64], at: DateTime<Utc>) -> Result<(), StoreError> {
        let numbers = serde_json::Value::from(entries).to_string();
        let mut script = SqlBuilder::default();
        script
            .then("BEGIN IMMEDIATE;")
            // What tells of an erased user stayed for its events alone.
            .then("DELETE FROM journal WHERE request IS NULL AND number IN (SELECT value FROM json_each(?));")
            .bind(numbers.clone())?
            .then("DELETE FROM outbox_parked WHERE entry IN (SELECT value FROM json_each(?));")
            .bind(numbers.clone())?
            .then("UPDATE journal SET sent_at = ? WHERE number IN (SELECT value FROM json_each(?));")
            .bind(at.timestamp_micros())?
            .bind(numbers)?
            .then("COMMIT;");
        // Lost with a power cut, the events would be sent again: that is allowed, an fsync for each is not needed.
        self.note(Durability::Relaxed, script).await
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
        if rows.is_empty() {
            return Ok(());
        }
        let mut script = SqlBuilder::default();
        script
            .then("BEGIN IMMEDIATE;")
            .then(
                "INSERT INTO outbox_parked AS p (root_id, root_kind, entry, event_id, attempts, since, retry_at, data)
                SELECT unhex(value->>0), value->>1, value->>2, unhex(value->>3), 1, value->>4, value->>5, value->>6
                    FROM json_each(?) WHERE TRUE
                ON CONFLICT (root_id, root_kind) DO UPDATE SET
                    attempts = CASE WHEN p.entry = excluded.entry THEN p.attempts + 1 ELSE 1 END,
                    since = CASE WHEN p.entry = excluded.entry THEN p.since ELSE excluded.since END,
                    entry = excluded.entry, event_id = excluded.event_id, retry_at = excluded.retry_at,
                    data = excluded.data;",
            )
            .bind(rows.into_text())?
            .then("COMMIT;");
        self.note(Durability::Relaxed, script).await
    }

    async fn parked(&self, after: Option<i64>, limit: usize) -> Result<Vec<ParkedEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT p.attempts, p.since, p.retry_at, p.data, (SELECT count(*) FROM journal j
                WHERE j.root_id = p.root_id AND j.root_kind = p.root_kind AND j.number > p.entry
                    AND j.outbox IS NOT NULL AND j.sent_at IS NULL)
            FROM outbox_parked p WHERE p.entry > ? ORDER BY p.entry LIMIT ?",
        )
        .bind(after.unwrap_or(i64::MIN))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        let rows = rows.iter().map(ResultRow);
        rows.map(|row| parked_event(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            .collect()
    }

    async fn retry_parked(&self, event: Option<EventId>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let id = event.map(|event| event.0.as_bytes().to_vec());
        let mut script = SqlBuilder::default();
        script
            .then("UPDATE outbox_parked SET retry_at = ? WHERE ")
            .bind(now.timestamp_micros())?;
        match id {
            Some(id) => script.then("event_id = ?").bind(id)?,
            None => script.then("TRUE"),
        };
        script.then(" RETURNING entry;");
        let mut turn = self.database.lock_writer().await?;
        let rows = turn.write(Durability::Full, script).await.map_err(unavailable)?;
        turn.finished();
        Ok(rows.len() as u64)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let row = sqlx::query(
            "SELECT count(*), min(recorded_at), (SELECT count(*) FROM outbox_parked) FROM journal
            WHERE outbox IS NOT NULL AND sent_at IS NULL",
        )
        .fetch_one(self.database.readers())
        .await
        .map_err(unavailable)?;
        let row = ResultRow(&row);
        Ok(Backlog {
            entries: u64::try_from(row.get::<i64>(0)?).unwrap_or_default(),
            oldest: row.get::<Option<i64>>(1)?.map(instant).transpose()?,
            parked: u64::try_from(row.get::<i64>(2)?).unwrap_or_default(),
        })
    }
}

impl SqliteStore {
    async fn note(&self, durability: Durability, script: SqlBuilder) -> Result<(), StoreError> {
        let mut turn = self.database.lock_writer().await?;
        turn.write(durability, script).await.map_err(unavailable)?;
        turn.finished();
        Ok(())
    }
}

fn unpack(entry: &ResultRow<'_>, waiting: &mut Vec<OutboxEvent>) -> Result<(), StoreError> {
    let number = entry.get(0)?;
    let root = root_of(entry.get(1)?, entry.id(2)?);
    let recorded_at = instant(entry.get(3)?)?;
    let attempts = u32::try_from(entry.get::<i64>(5)?).unwrap_or(u32::MAX);
    let parcel: OutboxEnvelope<Option<String>, Vec<OutboundEvent>> = from_json(entry.get(4)?)?;
    for (event, outbound) in parcel.events.into_iter().enumerate() {
        waiting.push(OutboxEvent {
            position: OutboxPosition { entry: number, event },
            root,
            event: outbound,
            correlation_id: parcel.correlation_id.clone(),
            recorded_at,
            attempts,
        });
    }
    Ok(())
}
