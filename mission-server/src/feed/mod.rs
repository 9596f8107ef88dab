//! The feed: events as they left, followed live by whoever may see them, and resumed where the connection broke.
//!
//! It costs nothing where nobody follows: the relay writes events into it only while somebody has asked for them within the
//! last day. Each server looks for new ones while it has followers, and hands them on in memory.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    EventId, UserId,
    event::{CloudEvent, IntegrationEventType},
    ports::{clock::Clock, store::StoreError},
};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{outbox::Subscriber, webhooks::envelope_ids};

/// How long events are kept, and written down after somebody last asked for them.
pub const KEPT: chrono::Duration = chrono::Duration::hours(24);
/// How often somebody looks for events of other servers.
const LOOK: Duration = Duration::from_millis(250);
/// How long another server does not know that somebody follows.
const FRESH: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody follows: so that it is known within `FRESH`.
const LOOK_FOR_FOLLOWERS: Duration = Duration::from_millis(500);
/// Followers that are further behind read from the store again.
const BUFFER: usize = 4096;
/// How many events are read at once.
pub const PAGE: usize = 1000;

/// An event in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEvent {
    /// Its place in the feed; rises.
    pub number: i64,
    /// Its CloudEvents type.
    pub event_type: String,
    /// Whose event it is.
    pub user: UserId,
    /// The CloudEvent as JSON.
    pub body: String,
}

/// An event that is to be put into the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFeedEvent {
    /// The event, which is put in once.
    pub event: EventId,
    /// Its CloudEvents type.
    pub event_type: String,
    /// Whose event it is.
    pub user: UserId,
    /// The CloudEvent as JSON.
    pub body: String,
}

/// Keeps the feed.
#[async_trait]
pub trait FeedStore: Send + Sync {
    /// Until when events are to be put in.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn feed_until(&self) -> Result<DateTime<Utc>, StoreError>;

    /// Has events put in until an instant, if not longer.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn want_feed(&self, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Puts events in, each once, so that their numbers rise in the order in which readers see them.
    ///
    /// # Errors
    /// When none was put in.
    async fn feed(&self, events: &[NewFeedEvent], at: DateTime<Utc>) -> Result<(), StoreError>;

    /// The first events after a number, of one user where one is named.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn fed_after(
        &self,
        number: i64,
        user: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<FeedEvent>, StoreError>;

    /// The least and the greatest number in the feed.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn fed_range(&self) -> Result<Option<(i64, i64)>, StoreError>;

    /// Forgets a user who was erased.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn forget_fed(&self, user: UserId) -> Result<(), StoreError>;

    /// Removes events that were put in before an instant; how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn prune_feed(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Whether other servers put events in too.
    fn is_shared(&self) -> bool;
}

/// The feed of one server.
pub struct EventFeed {
    store: Arc<dyn FeedStore>,
    clock: Arc<dyn Clock>,
    /// Until when events are put in, and when that was looked up.
    wanted: Mutex<Option<(Instant, DateTime<Utc>)>>,
    /// Whether events are put in now.
    is_followed: Arc<AtomicBool>,
    events: broadcast::Sender<Arc<FeedEvent>>,
    wake: Notify,
    stop: CancellationToken,
}

impl EventFeed {
    /// A feed that nobody follows yet. Those who do are let go when it is stopped.
    #[must_use]
    pub fn new(store: Arc<dyn FeedStore>, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        EventFeed {
            store,
            clock,
            wanted: Mutex::default(),
            is_followed: Arc::default(),
            events: broadcast::Sender::new(BUFFER),
            wake: Notify::new(),
            stop,
        }
    }

    /// Where the feed is kept.
    #[must_use]
    pub fn store(&self) -> &dyn FeedStore {
        self.store.as_ref()
    }

    /// Whether events are put in: what is told to followers alone need not be written down while they are not.
    #[must_use]
    pub fn is_followed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_followed)
    }

    /// Puts an event in that no command led to.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn tell(&self, event: NewFeedEvent) -> Result<(), StoreError> {
        self.store.feed(&[event], self.clock.now()).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Cancelled when followers are to go.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Begins to follow: every event from now on, of all users.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn follow(&self) -> Result<broadcast::Receiver<Arc<FeedEvent>>, StoreError> {
        let now = self.clock.now();
        let was_wanted = self.store.feed_until().await? > now;
        self.store.want_feed(now + KEPT).await?;
        self.set_wanted(now + KEPT);
        self.is_followed.store(true, Ordering::Relaxed);
        if !was_wanted && self.store.is_shared() {
            // Until every server has heard of it.
            tokio::time::sleep(FRESH).await;
        }
        let receiver = self.events.subscribe();
        self.wake.notify_one();
        Ok(receiver)
    }

    /// Keeps up with whether somebody follows, here or at another server, until it is stopped.
    pub async fn look_for_followers(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            match self.is_wanted_by_now(self.clock.now()).await {
                Ok(is_followed) => self.is_followed.store(is_followed, Ordering::Relaxed),
                Err(error) => tracing::debug!(%error, "it is not known whether somebody follows"),
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_FOR_FOLLOWERS) => {}
            }
        }
    }

    /// Hands new events on while somebody follows, until it is stopped.
    pub async fn run(self: Arc<Self>) {
        let mut last = None;
        while !self.stop.is_cancelled() {
            if self.events.receiver_count() == 0 {
                last = None;
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.wake.notified() => {}
                }
                continue;
            }
            match self.hand_on(last).await {
                Ok((next, whole)) => {
                    last = Some(next);
                    if !whole {
                        continue;
                    }
                }
                Err(error) => tracing::debug!(%error, "new events could not be looked for"),
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// The last number that was handed on, and whether there is nothing more for now.
    async fn hand_on(&self, last: Option<i64>) -> Result<(i64, bool), StoreError> {
        let Some(last) = last else {
            let range = self.store.fed_range().await?;
            // Who follows has looked at what was there before, or will: a part may be told twice and is told by its number.
            let back = i64::try_from(BUFFER / 2).unwrap_or_default();
            return Ok((range.map_or(0, |(_, latest)| (latest - back).max(0)), false));
        };
        let found = self.store.fed_after(last, None, PAGE).await?;
        let whole = found.len() < PAGE;
        let next = found.last().map_or(last, |event| event.number);
        for event in found {
            // Nobody may follow any more.
            let _ = self.events.send(Arc::new(event));
        }
        Ok((next, whole))
    }

    fn set_wanted(&self, until: DateTime<Utc>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), until));
    }

    fn known(&self) -> Option<(Instant, DateTime<Utc>)> {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn is_wanted(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        if let Some((at, until)) = self.known()
            && (until > now || at.elapsed() < FRESH)
        {
            return Ok(until > now);
        }
        let until = self.store.feed_until().await?;
        self.set_wanted(until);
        Ok(until > now)
    }

    /// The same, looked up anew unless it is known to be so.
    async fn is_wanted_by_now(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        if self.known().is_some_and(|(_, until)| until > now) {
            return Ok(true);
        }
        let until = self.store.feed_until().await?;
        if until > now {
            self.set_wanted(until);
        }
        Ok(until > now)
    }
}

#[async_trait]
impl Subscriber for EventFeed {
    async fn handle(&self, events: &[CloudEvent]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let is_wanted = self.is_wanted(now).await?;
        let mut fed = Vec::with_capacity(events.len());
        for event in events {
            let Some((id, user)) = envelope_ids(event) else {
                continue;
            };
            if event.event_type == IntegrationEventType::UserErased.name() {
                // Also while nobody follows: what was put in before may still be there.
                self.store.forget_fed(user).await?;
                fed.retain(|earlier: &NewFeedEvent| earlier.user != user);
            }
            if is_wanted {
                fed.push(NewFeedEvent {
                    event: id,
                    event_type: event.event_type.clone(),
                    user,
                    body: crate::webhooks::envelope_body(event)?,
                });
            }
        }
        if !fed.is_empty() {
            self.store.feed(&fed, now).await?;
            self.wake.notify_one();
        }
        Ok(())
    }
}
