//! The way out for integration events: an outbox that holds them, a bus that takes them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::store::{Root, StoreError};
use crate::{EventId, engine::OutboundEvent};

/// An event that waits in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Where it stands in the outbox; rises along every root's events.
    pub position: OutboxPosition,
    /// Whose events it must stay in order with.
    pub root: Root,
    /// The event.
    pub event: OutboundEvent,
    /// The request that led to it.
    pub correlation_id: Option<String>,
    /// When the command that it tells of counted.
    pub recorded_at: DateTime<Utc>,
}

/// A journal entry's number and an event's place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxPosition {
    /// The journal entry.
    pub entry: i64,
    /// The event among its events, from 0.
    pub event: usize,
}

/// The events that have been committed and not yet been sent.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The oldest events that wait, in order; whole entries, so possibly a few more than `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn waiting(&self, limit: usize) -> Result<Vec<Outgoing>, StoreError>;

    /// Notes that every event of these journal entries was taken by the bus.
    ///
    /// # Errors
    /// When it cannot be noted; the events will be sent again then.
    async fn sent(&self, entries: &[i64], at: DateTime<Utc>) -> Result<(), StoreError>;

    /// How many entries wait, and since when.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
}

/// How far the outbox lags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Entries that wait.
    pub entries: u64,
    /// When the oldest of them was recorded.
    pub oldest: Option<DateTime<Utc>>,
}

/// Takes events for other services. Delivery is at least once; an event's id is stable.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends events in order; answers one result an event, `Ok` once the receiving side has it for good.
    async fn publish(&self, events: &[Outgoing]) -> Vec<Result<(), PublishError>>;
}

/// An event was not taken, as far as is known. Sending it again does no harm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The receiving side does not take this one. Others are not touched by it, but for later ones of its root, which
    /// wait behind it.
    #[error("event {id} was not taken: {reason}")]
    Refused {
        /// Which.
        id: EventId,
        /// Why.
        reason: String,
    },
    /// The receiving side cannot be reached, or takes nothing at the moment: no fault of the event, and the same for
    /// all others.
    #[error("the way out is closed: {reason}")]
    Away {
        /// Why.
        reason: String,
    },
}
