//! The way out for integration events: an outbox that holds them, a bus that takes them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::store::{Root, StoreError};
use crate::{EventId, decision::OutboundEvent};

/// An event that waits in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxEvent {
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
    /// How often its entry was parked so far: refused, and set aside to be tried again.
    pub attempts: u32,
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
///
/// An event that was not taken is *parked*: it and all later ones of its root are left out of [`Outbox::waiting`] until
/// it is to be tried again. Others pass by.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The oldest events that wait and may be sent, in order; whole entries, so possibly a few more than `limit`. Roots
    /// with a parked event that is not to be tried again by `now` are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn waiting(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<OutboxEvent>, StoreError>;

    /// Notes that every event of these journal entries was taken by the bus, and parks them no longer.
    ///
    /// # Errors
    /// When it cannot be noted; the events will be sent again then.
    async fn sent(&self, entries: &[i64], at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Parks events, each the first that waits of its root: at most one of a root. One that is parked already stays
    /// parked with the new reason and time, and counts one parking more.
    ///
    /// # Errors
    /// When it cannot be noted; the events will be tried again at once.
    async fn park(&self, events: &[ParkRequest]) -> Result<(), StoreError>;

    /// Parked events, by the number of their entry; at most `limit` of those `after` an entry.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn parked(&self, after: Option<i64>, limit: usize) -> Result<Vec<ParkedEvent>, StoreError>;

    /// Has one parked event, or all without an id, tried again as of `now`; says how many there were.
    ///
    /// # Errors
    /// When it cannot be noted.
    async fn retry_parked(&self, event: Option<EventId>, now: DateTime<Utc>) -> Result<u64, StoreError>;

    /// How many entries wait, and since when.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
}

/// Parks an event that could not be published, with the time of the next try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkRequest {
    /// The journal entry that holds it.
    pub entry: i64,
    /// Whose later events wait behind it.
    pub root: Root,
    /// The event.
    pub event: EventId,
    /// Its CloudEvents type.
    pub event_type: String,
    /// Why it was not taken.
    pub reason: String,
    /// When it was not taken.
    pub at: DateTime<Utc>,
    /// When it is tried again by itself.
    pub retry_at: DateTime<Utc>,
}

/// A parked event, with what became of it so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedEvent {
    /// What was noted last.
    pub last: ParkRequest,
    /// How often it was parked.
    pub attempts: u32,
    /// When it was parked for the first time.
    pub since: DateTime<Utc>,
    /// How many later entries of its root wait behind it.
    pub behind: u64,
}

/// The lag of the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Entries that wait, parked ones and those behind them included.
    pub entries: u64,
    /// When the oldest of them was recorded.
    pub oldest: Option<DateTime<Utc>>,
    /// Events that are parked.
    pub parked: u64,
}

/// Takes events for other services. Delivery is at least once; an event's id is stable.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends events in order; answers one result an event, `Ok` once the receiving side has it for good.
    async fn publish(&self, events: &[OutboxEvent]) -> Vec<Result<(), PublishError>>;
}

/// An event was not taken, as far as is known. Sending it again does no harm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The receiving side does not take this one for now. Others are not touched by it, but for later ones of its root,
    /// which wait behind it.
    #[error("event {id} was not taken: {reason}")]
    Deferred {
        /// Which.
        id: EventId,
        /// Why.
        reason: String,
    },
    /// The receiving side does not take this one, and will hardly do so before somebody has put something right. Later
    /// ones of its root wait behind it.
    #[error("event {id} was refused: {reason}")]
    Refused {
        /// Which.
        id: EventId,
        /// Why.
        reason: String,
    },
    /// It was not tried: there was no time left, or an earlier event of its root was not taken.
    #[error("the event was not tried yet")]
    Untried,
    /// The receiving side cannot be reached, or takes nothing at the moment: no fault of the event, and the same for
    /// all others.
    #[error("the way out is closed: {reason}")]
    Away {
        /// Why.
        reason: String,
    },
}
