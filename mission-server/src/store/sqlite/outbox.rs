//! The outbox: journal rows with events that have not been sent.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    engine::OutboundEvent,
    ports::{
        bus::{Backlog, Outbox, OutboxPosition, Outgoing},
        store::StoreError,
    },
};

use super::{
    SqliteStore,
    connection::{Durability, Script, unavailable},
    load::Found,
};
use crate::store::record::{Parcel, from_json, instant, root_of};

#[async_trait]
impl Outbox for SqliteStore {
    async fn waiting(&self, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        let entries = sqlx::query(
            "SELECT number, root_kind, hex(root_id), recorded_at, outbox FROM journal
            WHERE outbox IS NOT NULL AND sent_at IS NULL ORDER BY number LIMIT ?",
        )
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        let mut waiting = Vec::with_capacity(limit.min(entries.len() * 2));
        for entry in &entries {
            if waiting.len() >= limit {
                break;
            }
            unpack(&Found(entry), &mut waiting)?;
        }
        Ok(waiting)
    }

    async fn sent(&self, entries: &[i64], at: DateTime<Utc>) -> Result<(), StoreError> {
        let numbers = serde_json::Value::from(entries).to_string();
        let mut script = Script::default();
        script
            .then("BEGIN IMMEDIATE;")
            // What tells of an erased user stayed for its events alone.
            .then("DELETE FROM journal WHERE request IS NULL AND number IN (SELECT value FROM json_each(?));")
            .bind(numbers.clone())?
            .then("UPDATE journal SET sent_at = ? WHERE number IN (SELECT value FROM json_each(?));")
            .bind(at.timestamp_micros())?
            .bind(numbers)?
            .then("COMMIT;");
        let mut turn = self.database.turn().await?;
        // Lost with a power cut, the events would be sent again: that is allowed, an fsync for each is not needed.
        turn.write(Durability::Relaxed, script)
            .await
            .map_err(unavailable)?;
        turn.finished();
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let row = sqlx::query(
            "SELECT count(*), min(recorded_at) FROM journal WHERE outbox IS NOT NULL AND sent_at IS NULL",
        )
        .fetch_one(self.database.readers())
        .await
        .map_err(unavailable)?;
        let row = Found(&row);
        Ok(Backlog {
            entries: u64::try_from(row.get::<i64>(0)?).unwrap_or_default(),
            oldest: row.get::<Option<i64>>(1)?.map(instant).transpose()?,
        })
    }
}

fn unpack(entry: &Found<'_>, waiting: &mut Vec<Outgoing>) -> Result<(), StoreError> {
    let number = entry.get(0)?;
    let root = root_of(entry.get(1)?, entry.id(2)?);
    let recorded_at = instant(entry.get(3)?)?;
    let parcel: Parcel<Option<String>, Vec<OutboundEvent>> = from_json(entry.get(4)?)?;
    for (event, outbound) in parcel.events.into_iter().enumerate() {
        waiting.push(Outgoing {
            position: OutboxPosition { entry: number, event },
            root,
            event: outbound,
            correlation_id: parcel.correlation_id.clone(),
            recorded_at,
        });
    }
    Ok(())
}
