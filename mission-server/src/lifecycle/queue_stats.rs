//! What is on its way: events that have to leave, messages that have come.

use std::sync::{Mutex, PoisonError};

use mission_core::{engine::Engine, ports::bus::Backlog};

use super::Storage;
use crate::{
    amqp::{Broker, INBOUND_DEAD, INBOUND_QUEUE},
    http::{InboundReport, OutboxReport, QueuesReport},
};

/// Statistics of the outbox and of the inbound queue.
pub(super) struct QueueStats {
    pub(super) engine: Engine,
    pub(super) storage: Storage,
    /// The connection by which messages come.
    pub(super) messages: Option<Broker>,
    /// The outbox as it was seen last: while the database is away it waits on.
    pub(super) last: Mutex<Backlog>,
}

impl QueueStats {
    pub(super) async fn look(&self) -> QueuesReport {
        let (outbox, inbound) = tokio::join!(self.outbox(), self.inbound());
        QueuesReport { outbox, inbound }
    }

    async fn outbox(&self) -> OutboxReport {
        let seen = self.storage.outbox.backlog().await;
        let backlog = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = seen.unwrap_or(*last);
            *last
        };
        let age = backlog.oldest.map_or(0, |oldest| {
            let age = self.engine.now() - oldest;
            age.num_seconds().max(0).unsigned_abs()
        });
        OutboxReport {
            entries: backlog.entries,
            oldest_seconds: age,
            parked: backlog.parked,
            shards: self.storage.outbox_shards(),
        }
    }

    /// Nothing where the broker is away: its own report says so.
    async fn inbound(&self) -> Option<InboundReport> {
        let messages = self.messages.as_ref()?;
        let depths = messages.depths([INBOUND_QUEUE, INBOUND_DEAD]).await;
        let [waiting, dead] = depths.ok()?;
        Some(InboundReport { waiting, dead })
    }
}
