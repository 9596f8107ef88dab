//! The outbox: journal rows with events that have not been sent, of the shards that this process has leased.
//!
//! Every process with a relay gets its part of the shards of the roots' hash, and keeps it for as long as it goes on
//! asking. So no two send the events of one root, and a part whose process is gone is taken over after seconds.
//! Leases go by the database's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

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
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    PostgresStore,
    connection::Database,
    load::ResultRow,
    rows::{Kind, Rows},
    sql_builder::SqlBuilder,
};
use crate::store::record::{
    OutboxEnvelope, from_json, instant, parked_event, root_id, root_kind, root_of, unavailable,
};

/// The lease of this process on its outbox shards.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    id: Uuid,
    duration: Duration,
    held: Arc<Mutex<HeldShards>>,
    count: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct HeldShards {
    shards: Vec<i16>,
    renewed: Option<Instant>,
}

/// Says that this relay is there, forgets those that are gone.
const ATTEND: &str =
    "WITH gone AS (DELETE FROM outbox_relays WHERE seen_at < now() - make_interval(secs => 60)
        AND id <> ?)
    INSERT INTO outbox_relays (id, seen_at) VALUES (?, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()";

/// Keeps and takes as many shards as are due to each relay that is there, and lets the others go.
const RENEW: &str = "WITH me AS (SELECT ?::uuid AS id, make_interval(secs => ?::float8) AS lease),
    due AS (SELECT ceil(64.0 / greatest(count(*), 1))::bigint AS shards FROM outbox_relays, me
        WHERE seen_at > now() - me.lease),
    keep AS MATERIALIZED (SELECT s.shard FROM outbox_shards s, me
        WHERE s.holder = me.id OR s.leased_until <= now()
        ORDER BY s.holder = me.id DESC NULLS LAST, s.shard LIMIT (SELECT shards FROM due)
        FOR UPDATE OF s SKIP LOCKED),
    surplus AS (UPDATE outbox_shards s SET holder = NULL, leased_until = '-infinity' FROM me
        WHERE s.holder = me.id AND s.shard NOT IN (SELECT shard FROM keep))
    UPDATE outbox_shards s SET holder = me.id, leased_until = now() + me.lease FROM me
        WHERE s.shard IN (SELECT shard FROM keep) RETURNING s.shard";

/// Lets everything go.
const RELEASE: &str = "WITH gone AS (DELETE FROM outbox_relays WHERE id = ?)
    UPDATE outbox_shards SET holder = NULL, leased_until = '-infinity' WHERE holder = ?";

impl Lease {
    pub(super) fn new(duration: Duration) -> Self {
        Lease {
            // Ids of relays are only compared with each other.
            id: Uuid::now_v7(),
            duration,
            held: Arc::default(),
            count: Arc::default(),
        }
    }

    /// The shards that are this process's own, renewed where a fifth of the lease is over.
    async fn shards(&self, database: &Database) -> Result<Vec<i16>, StoreError> {
        let mut held = self.held.lock().await;
        let fresh = |at: Instant| at.elapsed() < self.duration / 5;
        if !held.renewed.is_some_and(fresh) {
            held.renewed = None;
            let began = Instant::now();
            let mut attend = SqlBuilder::new(ATTEND);
            attend.bind(self.id)?.bind(self.id)?;
            database.run(attend).await.map_err(unavailable)?;
            let mut renew = SqlBuilder::new(RENEW);
            renew.bind(self.id)?.bind(self.duration.as_secs_f64())?;
            let rows = database.run(renew).await.map_err(unavailable)?;
            held.shards = rows
                .iter()
                .map(|row| ResultRow(row).get(0))
                .collect::<Result<_, _>>()?;
            held.renewed = Some(began);
            self.count.store(held.shards.len() as u64, Ordering::Relaxed);
        }
        Ok(held.shards.clone())
    }

    pub(super) async fn release(&self, database: &Database) -> Result<(), StoreError> {
        let mut held = self.held.lock().await;
        if held.renewed.take().is_some() {
            held.shards.clear();
            self.count.store(0, Ordering::Relaxed);
            let mut release = SqlBuilder::new(RELEASE);
            release.bind(self.id)?.bind(self.id)?;
            database.run(release).await.map_err(unavailable)?;
        }
        Ok(())
    }
}

impl PostgresStore {
    /// How many shards of the outbox this process has leased.
    #[cfg(feature = "server")]
    pub(crate) fn outbox_shards(&self) -> u64 {
        self.lease.count.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
impl PostgresStore {
    /// Has the lease renewed at once, as it is after a fifth of its time.
    pub(super) async fn renew_outbox_lease(&self) {
        self.lease.held.lock().await.renewed = None;
        self.waiting(1, DateTime::UNIX_EPOCH).await.unwrap();
    }
}

#[async_trait]
impl Outbox for PostgresStore {
    /// The oldest events that wait in the shards of this process. Another process that relays gets its shards when
    /// this one asks the next time.
    async fn waiting(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<OutboxEvent>, StoreError> {
        let shards = self.lease.shards(&self.database).await?;
        let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let entries = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "SELECT j.number, j.root_kind, j.root_id, j.recorded_at, j.outbox,
                    CASE WHEN p.entry = j.number THEN p.attempts ELSE 0 END
                FROM journal j LEFT JOIN outbox_parked p ON p.root_id = j.root_id AND p.root_kind = j.root_kind
                WHERE j.outbox IS NOT NULL AND j.sent_at IS NULL AND j.shard = ANY(?)
                    AND (p.entry IS NULL OR p.retry_at <= ?)
                ORDER BY j.number LIMIT ?",
            );
            script
                .bind(shards.clone())?
                .bind(now.timestamp_micros())?
                .bind(limit_rows)?;
            Ok(script)
        });
        let entries = entries.await?;
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
        // What tells of an erased user stayed for its events alone.
        let mut script = SqlBuilder::new(
            "WITH gone AS (DELETE FROM journal WHERE number = ANY(?) AND outbox IS NOT NULL AND sent_at IS NULL
                AND request IS NULL),
            unparked AS (DELETE FROM outbox_parked WHERE entry = ANY(?))
            UPDATE journal SET sent_at = ? WHERE number = ANY(?) AND outbox IS NOT NULL AND sent_at IS NULL
                AND request IS NOT NULL",
        );
        script
            .bind(entries.to_vec())?
            .bind(entries.to_vec())?
            .bind(at.timestamp_micros())?
            .bind(entries.to_vec())?;
        self.database.run(script).await.map(drop).map_err(unavailable)
    }

    async fn park(&self, events: &[ParkRequest]) -> Result<(), StoreError> {
        use Kind::{Id, Number, Text};
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
        if rows.is_empty() {
            return Ok(());
        }
        let mut script = SqlBuilder::new(
            "INSERT INTO outbox_parked AS p (root_id, root_kind, entry, event_id, attempts, since, retry_at, data)
            SELECT root_id, root_kind, entry, event_id, 1, at, retry_at, data FROM ",
        );
        script.rows(rows)?.then(
            " AS t (root_id, root_kind, entry, event_id, at, retry_at, data)
            ON CONFLICT (root_id, root_kind) DO UPDATE SET
                attempts = CASE WHEN p.entry = excluded.entry THEN p.attempts + 1 ELSE 1 END,
                since = CASE WHEN p.entry = excluded.entry THEN p.since ELSE excluded.since END,
                entry = excluded.entry, event_id = excluded.event_id, retry_at = excluded.retry_at,
                data = excluded.data",
        );
        self.database.run(script).await.map(drop).map_err(unavailable)
    }

    async fn parked(&self, after: Option<i64>, limit: usize) -> Result<Vec<ParkedEvent>, StoreError> {
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "SELECT p.attempts, p.since, p.retry_at, p.data, (SELECT count(*) FROM journal j
                    WHERE j.root_id = p.root_id AND j.root_kind = p.root_kind AND j.number > p.entry
                        AND j.outbox IS NOT NULL AND j.sent_at IS NULL)
                FROM outbox_parked p WHERE p.entry > ? ORDER BY p.entry LIMIT ?",
            );
            script
                .bind(after.unwrap_or(i64::MIN))?
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))?;
            Ok(script)
        });
        let rows = rows.await?;
        let rows = rows.iter().map(ResultRow);
        rows.map(|row| parked_event(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            .collect()
    }

    async fn retry_parked(&self, event: Option<EventId>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut script = SqlBuilder::new("UPDATE outbox_parked SET retry_at = ? WHERE ");
        script.bind(now.timestamp_micros())?;
        match event {
            Some(event) => script.then("event_id = ?").bind(event.0)?,
            None => script.then("TRUE"),
        };
        script.then(" RETURNING entry");
        let rows = self.database.run(script).await.map_err(unavailable)?;
        Ok(rows.len() as u64)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let sql = "SELECT count(*), min(recorded_at), (SELECT count(*) FROM outbox_parked) FROM journal
            WHERE outbox IS NOT NULL AND sent_at IS NULL";
        let rows = self.database.read(|| Ok(SqlBuilder::new(sql))).await?;
        let Some(row) = rows.first().map(ResultRow) else {
            return Ok(Backlog::default());
        };
        Ok(Backlog {
            entries: u64::try_from(row.get::<i64>(0)?).unwrap_or_default(),
            oldest: row.get::<Option<i64>>(1)?.map(instant).transpose()?,
            parked: u64::try_from(row.get::<i64>(2)?).unwrap_or_default(),
        })
    }
}

fn unpack(entry: &ResultRow<'_>, waiting: &mut Vec<OutboxEvent>) -> Result<(), StoreError> {
    let number = entry.get(0)?;
    let root = root_of(entry.get(1)?, entry.get(2)?);
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
