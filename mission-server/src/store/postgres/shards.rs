//! The shards of the outbox that this process has leased.
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

use mission_core::ports::store::StoreError;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::connection::Database;
use crate::store::{record::unavailable, row::SqlRow, sql_builder::SqlBuilder};

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
    shards: Vec<i64>,
    renewed: Option<Instant>,
}

/// Says that this relay is there, forgets those that are gone.
const ATTEND: &str =
    "WITH gone AS (DELETE FROM outbox_relays WHERE seen_at < now() - make_interval(secs => 60)
        AND id <> ?)
    INSERT INTO outbox_relays (id, seen_at) VALUES (?, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()";

/// Keeps and takes as many shards as are due to each relay that is there, and lets the others go.
const RENEW: &str = "WITH me AS (SELECT ? AS id, make_interval(secs => ? / 1000.0) AS lease),
    due AS (SELECT ceil(64.0 / greatest(count(*), 1))::bigint AS shards FROM outbox_relays, me
        WHERE seen_at > now() - me.lease),
    keep AS MATERIALIZED (SELECT s.shard FROM outbox_shards s, me
        WHERE s.holder = me.id OR s.leased_until <= now()
        ORDER BY s.holder = me.id DESC NULLS LAST, s.shard LIMIT (SELECT shards FROM due)
        FOR UPDATE OF s SKIP LOCKED),
    surplus AS (UPDATE outbox_shards s SET holder = NULL, leased_until = '-infinity' FROM me
        WHERE s.holder = me.id AND s.shard NOT IN (SELECT shard FROM keep))
    UPDATE outbox_shards s SET holder = me.id, leased_until = now() + me.lease FROM me
        WHERE s.shard IN (SELECT shard FROM keep) RETURNING s.shard::bigint";

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
    pub(super) async fn shards(&self, database: &Database) -> Result<Vec<i64>, StoreError> {
        let mut held = self.held.lock().await;
        let fresh = |at: Instant| at.elapsed() < self.duration / 5;
        if !held.renewed.is_some_and(fresh) {
            held.renewed = None;
            let began = Instant::now();
            let attend = SqlBuilder::new(ATTEND).with(self.id).with(self.id);
            database.run(attend).await.map_err(unavailable)?;
            let millis = i64::try_from(self.duration.as_millis()).unwrap_or(i64::MAX);
            let renew = SqlBuilder::new(RENEW).with(self.id).with(millis);
            let rows = database.run(renew).await.map_err(unavailable)?;
            held.shards = rows.iter().map(|row| row.number(0)).collect::<Result<_, _>>()?;
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
            let release = SqlBuilder::new(RELEASE).with(self.id).with(self.id);
            database.run(release).await.map_err(unavailable)?;
        }
        Ok(())
    }

    /// The number of shards that this process has leased.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Has it renewed at the next use, as it is after a fifth of its time.
    #[cfg(test)]
    pub(super) async fn expire(&self) {
        self.held.lock().await.renewed = None;
    }
}
