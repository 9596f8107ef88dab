//! Gauges that are looked at from time to time.

use std::sync::Arc;

use mission_core::{
    fraud::ReviewStatus,
    ports::queries::{Page, ReviewFilter},
};

use super::{EngineHost, Storage, queue_stats::QueueStats};
use crate::{
    http::{Probe, QueuesReport},
    telemetry::Metrics,
};

/// The sources of gauges.
pub(super) struct Gauges {
    pub(super) core: EngineHost,
    pub(super) storage: Storage,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) metrics: Option<Metrics>,
    pub(super) queues: Arc<QueueStats>,
}

impl Gauges {
    /// Sets all of them.
    pub(super) async fn set(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.run_upkeep();
        }
        let (engine, storage) = (&self.core.engine, &self.storage);
        metrics::gauge!("mission_commands_waiting").set(as_f64(engine.waiting() as u64));
        metrics::gauge!("mission_missions").set(as_f64(engine.catalog().missions().count() as u64));
        let pool = storage.pool_use();
        metrics::gauge!("mission_database_connections_max").set(as_f64(pool.most as u64));
        for (state, count) in [("in_use", pool.in_use), ("idle", pool.idle)] {
            metrics::gauge!("mission_database_connections", "state" => state).set(as_f64(count as u64));
        }
        metrics::gauge!("mission_database_waiting").set(as_f64(pool.waiting as u64));
        let failing = storage.writes.failing().is_some();
        metrics::gauge!("mission_writes_failing").set(f64::from(u8::from(failing)));
        // Sets what tells whether dependencies are up.
        self.probe.probe().await;
        if let Ok(open) = storage.open_reviews().await {
            metrics::gauge!("mission_reviews_open").set(as_f64(open));
        }
        if let Some(age) = self.oldest_review().await {
            metrics::gauge!("mission_reviews_oldest_seconds").set(as_f64(age));
        }
        let QueuesReport { outbox, inbound } = self.queues.look().await;
        metrics::gauge!("mission_outbox_entries").set(as_f64(outbox.entries));
        metrics::gauge!("mission_outbox_lag_seconds").set(as_f64(outbox.oldest_seconds));
        metrics::gauge!("mission_outbox_parked").set(as_f64(outbox.parked));
        if let Some(shards) = outbox.shards {
            metrics::gauge!("mission_outbox_shards").set(as_f64(shards));
        }
        if let Some(inbound) = inbound {
            metrics::gauge!("mission_inbound_waiting").set(as_f64(inbound.waiting.into()));
            metrics::gauge!("mission_inbound_dead_letters").set(as_f64(inbound.dead.into()));
        }
    }

    /// For how many seconds the oldest open review has waited; 0 where none does, `None` where that is not known.
    async fn oldest_review(&self) -> Option<u64> {
        let open = ReviewFilter {
            status: Some(ReviewStatus::Open),
            ..ReviewFilter::default()
        };
        let first = Page {
            limit: 1,
            after: None,
        };
        let oldest = self.core.queries.reviews(open, first).await.ok()?;
        let now = self.core.engine.now();
        let age = oldest
            .first()
            .map(|review| (now - review.created_at).num_seconds());
        Some(age.map_or(0, |age| u64::try_from(age).unwrap_or(0)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is read by people")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
