//! The relay: reads the outbox, publishes, notes what was taken.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use mission_core::ports::{
    bus::{Bus, Outbox, Outgoing, PublishError},
    clock::Clock,
    store::{Root, StoreError},
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::back_off;

/// How a relay works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayOptions {
    /// Events that are published together, or a few more: entries are never torn.
    pub batch: usize,
    /// How long to wait where nobody says that there is something new.
    pub poll: Duration,
    /// How long to rest after something was sent, unless a whole batch waits: what comes meanwhile goes together, at a
    /// fraction of the cost. What comes after a quiet moment is sent at once.
    pub rest: Duration,
    /// How long a root waits after its event was not taken for the first time; doubled each time after.
    pub first_back_off: Duration,
    /// The longest such wait.
    pub longest_back_off: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        RelayOptions {
            batch: 512,
            poll: Duration::from_secs(1),
            rest: Duration::from_millis(25),
            first_back_off: Duration::from_millis(100),
            longest_back_off: Duration::from_secs(10),
        }
    }
}

/// Moves events from an outbox to a bus. Run one for an outbox: a second would send everything twice.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    told: Arc<Notify>,
    options: RelayOptions,
    held: HashMap<Root, Held>,
    /// Events that were held back at the last look: the next one looks past them.
    behind: usize,
    /// Whether the bus could not be reached at the last look.
    away: bool,
}

/// A root whose oldest waiting event was not taken.
#[derive(Clone, Copy, Debug)]
struct Held {
    until: Instant,
    back_off: Duration,
}

/// How many batches are looked at, at most, to find what is not held back.
const WIDEST: usize = 64;

/// The same while the bus cannot be reached, when nothing is held back and only a part of the bus may go on: what is
/// looked at must be sent again within a lease of outbox shards.
const WIDEST_AWAY: usize = 16;

/// How long a stopping server waits for a bus that cannot be reached.
const FLUSH_TO_NOBODY: Duration = Duration::from_secs(2);

/// What one look into the outbox came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pass {
    /// Events that need no more be sent.
    sent: usize,
    /// Events that were not taken, or wait behind such a one.
    held: usize,
    /// Whether another look at once would show something else.
    more: bool,
    /// Whether the bus could not be reached.
    away: bool,
}

impl Relay {
    /// A relay. `told` is notified whenever the outbox has something new.
    #[must_use]
    pub fn new(
        outbox: Arc<dyn Outbox>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        told: Arc<Notify>,
        options: RelayOptions,
    ) -> Self {
        Relay {
            outbox,
            bus,
            clock,
            told,
            options,
            held: HashMap::new(),
            behind: 0,
            away: false,
        }
    }

    /// Relays until it is told to stop; what is being published then is finished. [`Relay::flush`] sends the rest.
    pub async fn run(&mut self, stop: &CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let mut rest = Duration::ZERO;
            let wait = match self.pass().await {
                Ok(pass) if pass.away => {
                    failures += 1;
                    back_off::after(
                        failures,
                        self.options.first_back_off,
                        self.options.longest_back_off,
                    )
                }
                Ok(pass) if pass.more => {
                    failures = 0;
                    continue;
                }
                Ok(pass) => {
                    failures = 0;
                    if pass.sent > 0 {
                        rest = self.options.rest;
                    }
                    self.next_try()
                }
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read or written");
                    failures += 1;
                    back_off::after(
                        failures,
                        self.options.first_back_off,
                        self.options.longest_back_off,
                    )
                }
            };
            let news = async {
                tokio::time::sleep(rest).await;
                self.told.notified().await;
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = news, if failures == 0 => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Sends all that waits, for as long as there is time, and for a moment where the bus cannot be reached.
    ///
    /// # Errors
    /// With the number of events that still wait; they are sent after the next start.
    pub async fn flush(&mut self, time: Duration) -> Result<(), usize> {
        let began = Instant::now();
        let deadline = began + time;
        let mut waiting = 0;
        loop {
            for held in self.held.values_mut() {
                held.until = Instant::now();
            }
            match tokio::time::timeout_at(deadline, self.pass()).await {
                Ok(Ok(pass)) if pass.held == 0 && !pass.more => return Ok(()),
                Ok(Ok(pass)) => {
                    waiting = pass.held;
                    if pass.away && began.elapsed() >= FLUSH_TO_NOBODY {
                        return Err(waiting);
                    }
                    if pass.more && !pass.away {
                        continue;
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "the outbox cannot be read or written"),
                Err(_) => return Err(waiting),
            }
            let pause = self.options.first_back_off.min(Duration::from_millis(50));
            if Instant::now() + pause >= deadline {
                return Err(waiting);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One look into the outbox.
    async fn pass(&mut self) -> Result<Pass, StoreError> {
        let now = Instant::now();
        let widest = self.options.batch.saturating_mul(WIDEST);
        let limit = self.options.batch.saturating_add(self.behind).min(widest);
        let waiting = self.outbox.waiting(limit).await?;
        let full = waiting.len() >= limit;
        let roots: HashSet<Root> = waiting.iter().map(|outgoing| outgoing.root).collect();
        self.held.retain(|root, _| roots.contains(root));
        let total = waiting.len();
        let due: Vec<Outgoing> = waiting
            .into_iter()
            .filter(|outgoing| self.held.get(&outgoing.root).is_none_or(|held| held.until <= now))
            .collect();
        let results = if due.is_empty() {
            Vec::new()
        } else {
            self.bus.publish(&due).await
        };
        let mut stuck: HashSet<Root> = HashSet::new();
        let mut entries: BTreeMap<i64, bool> = BTreeMap::new();
        let mut away = None;
        for (place, outgoing) in due.iter().enumerate() {
            match results.get(place) {
                Some(Ok(())) => {}
                Some(Err(PublishError::Refused { reason, .. })) => {
                    if stuck.insert(outgoing.root) {
                        self.hold(outgoing, reason, now);
                    }
                }
                Some(Err(PublishError::Away { reason })) => {
                    stuck.insert(outgoing.root);
                    away = Some(reason.as_str());
                }
                None => {
                    stuck.insert(outgoing.root);
                    away = Some("the bus said nothing of an event");
                }
            }
            let done = !stuck.contains(&outgoing.root);
            *entries.entry(outgoing.position.entry).or_insert(true) &= done;
            if done {
                let event_type = outgoing.event.event.event_type();
                metrics::counter!("mission_outbox_published_total", "type" => event_type).increment(1);
            }
        }
        for outgoing in &due {
            if !stuck.contains(&outgoing.root) {
                self.held.remove(&outgoing.root);
            }
        }
        entries.retain(|_, done| *done);
        let events = due.iter().map(|outgoing| outgoing.position.entry);
        let sent = events.filter(|entry| entries.contains_key(entry)).count();
        if sent > 0 {
            let entries: Vec<i64> = entries.into_keys().collect();
            self.outbox.sent(&entries, self.clock.now()).await?;
        }
        if !due.is_empty() {
            self.note_away(away);
        }
        self.behind = total - sent;
        if away.is_some() {
            self.behind = self.behind.min(self.options.batch.saturating_mul(WIDEST_AWAY));
        }
        let wider = self.options.batch.saturating_add(self.behind).min(widest) > limit;
        Ok(Pass {
            sent,
            held: total - sent,
            more: full && (sent > 0 || wider),
            away: away.is_some(),
        })
    }

    /// Tells once that the bus went away, and once that it is there again.
    fn note_away(&mut self, reason: Option<&str>) {
        match reason {
            Some(reason) if !self.away => {
                tracing::warn!(reason, "events wait: they cannot leave at the moment");
            }
            None if self.away => tracing::info!("events leave again"),
            _ => {}
        }
        self.away = reason.is_some();
    }

    fn hold(&mut self, outgoing: &Outgoing, reason: &str, now: Instant) {
        let before = self.held.get(&outgoing.root).map(|held| held.back_off);
        let wait = before.map_or(self.options.first_back_off, |before| {
            (before * 2).min(self.options.longest_back_off)
        });
        let until = now + back_off::jittered(wait);
        self.held.insert(
            outgoing.root,
            Held {
                until,
                back_off: wait,
            },
        );
        metrics::counter!("mission_outbox_refused_total").increment(1);
        tracing::warn!(
            event = %outgoing.event.id,
            root = ?outgoing.root,
            retry_in_ms = wait.as_millis(),
            reason,
            "an event was not taken; it holds back later ones of its root"
        );
    }

    /// Until the first held root may be tried again, or the next look without being told.
    fn next_try(&self) -> Duration {
        let now = Instant::now();
        let held = self
            .held
            .values()
            .map(|held| held.until.saturating_duration_since(now));
        held.min().unwrap_or(self.options.poll).min(self.options.poll)
    }
}

#[cfg(test)]
mod tests;
