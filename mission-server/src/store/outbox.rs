//! The outbox: the events of journal entries, until they are sent.

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
    database::{Durability, SqlDatabase, SqlStore},
    record::{OutboxEnvelope, from_json, instant, parked_event, root_of},
    row::SqlRow,
    sql_builder::SqlBuilder,
};

#[async_trait]
impl<D: SqlDatabase> Outbox for SqlStore<D> {
    /// The oldest events that wait, where servers share the outbox those in the shards of this process. Another process
    /// that relays gets its shards when this one asks the next time.
    async fn waiting(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<OutboxEvent>, StoreError> {
        let shards = self.database.outbox_shards().await?;
        let mut query = SqlBuilder::new(
            "SELECT o.number, o.root_kind, o.root_id, o.recorded_at, o.envelope,
                CASE WHEN p.entry = o.number THEN p.attempts ELSE 0 END
            FROM outbox_entries o LEFT JOIN outbox_parked p ON p.root_id = o.root_id AND p.root_kind = o.root_kind
            WHERE (p.entry IS NULL OR p.retry_at <= ?)",
        );
        query.bind(now.timestamp_micros());
        if let Some(shards) = shards {
            query.then(" AND o.shard = ANY(?)").bind(shards);
        }
        query.then(" ORDER BY o.number").limit(limit);
        let entries = self.database.read(query).await?;
        let mut waiting = Vec::with_capacity(limit.min(entries.len() * 2));
        for entry in &entries {
            if waiting.len() >= limit {
                break;
            }
            unpack(entry, &mut waiting)?;
        }
        Ok(waiting)
    }

    async fn sent(&self, entries: &[i64], _at: DateTime<Utc>) -> Result<(), StoreError> {
        self.database.mark_sent(entries).await
    }

    async fn park(&self, events: &[ParkRequest]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        self.database.park(events).await
    }

    async fn parked(&self, after: Option<i64>, limit: usize) -> Result<Vec<ParkedEvent>, StoreError> {
        let query = SqlBuilder::new(
            "SELECT p.attempts, p.since, p.retry_at, p.data, count(o.number) FROM
                (SELECT * FROM outbox_parked WHERE entry > ? ORDER BY entry",
        );
        let mut query = query.with(after.unwrap_or(i64::MIN));
        query.limit(limit).then(
            ") AS p LEFT JOIN outbox_entries o
                ON o.root_id = p.root_id AND o.root_kind = p.root_kind AND o.number > p.entry
            GROUP BY p.entry, p.attempts, p.since, p.retry_at, p.data ORDER BY p.entry",
        );
        let rows = self.database.read(query).await?;
        rows.iter().map(parked_event).collect()
    }

    async fn retry_parked(&self, event: Option<EventId>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut update = SqlBuilder::new("UPDATE outbox_parked SET retry_at = ?");
        update.bind(now.timestamp_micros());
        if let Some(event) = event {
            update.then(" WHERE event_id = ?").bind(event.0);
        }
        update.then(" RETURNING entry");
        Ok(self.database.write(Durability::Full, update).await?.len() as u64)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let query = SqlBuilder::new(
            "SELECT count(*), min(recorded_at), (SELECT count(*) FROM outbox_parked) FROM outbox_entries",
        );
        let rows = self.database.read(query).await?;
        let Some(row) = rows.first() else {
            return Ok(Backlog::default());
        };
        Ok(Backlog {
            entries: row.count(0)?,
            oldest: row.optional_number(1)?.map(instant).transpose()?,
            parked: row.count(2)?,
        })
    }
}

fn unpack(entry: &impl SqlRow, waiting: &mut Vec<OutboxEvent>) -> Result<(), StoreError> {
    let number = entry.number(0)?;
    let root = root_of(entry.text(1)?, entry.id(2)?);
    let recorded_at = instant(entry.number(3)?)?;
    let attempts = u32::try_from(entry.number(5)?).unwrap_or(u32::MAX);
    let envelope: OutboxEnvelope<Option<String>, Vec<OutboundEvent>> = from_json(entry.text(4)?)?;
    let live = envelope.live.into_iter().flatten();
    for (event, outbound) in envelope.events.into_iter().chain(live).enumerate() {
        waiting.push(OutboxEvent {
            position: OutboxPosition { entry: number, event },
            root,
            event: outbound,
            correlation_id: envelope.correlation_id.clone(),
            recorded_at,
            attempts,
        });
    }
    Ok(())
}
