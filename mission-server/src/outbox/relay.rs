//! The relay: reads the outbox, publishes, notes what was taken and parks what was not.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use mission_core::ports::{
    bus::{Bus, Outbox, OutboxEvent, ParkRequest, PublishError},
    clock::Clock,
    store::{Root, StoreError},
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::back_off;

/// Options of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayOptions {
    /// Events that are published together, or a few more: entries are never torn.
    pub batch: usize,
    /// How long to wait where nobody says that there is something new.
    pub poll: Duration,
    /// How long to rest after something was sent, unless a whole batch waits: what comes meanwhile goes together, at a
    /// fraction of the cost. What comes after a quiet moment is sent at once.
    pub rest: Duration,
    /// How long an event waits that was not taken for the first time; doubled each time after. The same holds for all
    /// where the bus cannot be reached.
    pub first_back_off: Duration,
    /// The longest such wait.
    pub longest_back_off: Duration,
    /// How long an event waits that was refused as it is.
    pub refused_back_off: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        RelayOptions {
            batch: 2048,
            poll: Duration::from_secs(1),
            rest: Duration::from_millis(25),
            first_back_off: Duration::from_millis(100),
            longest_back_off: Duration::from_secs(10),
            refused_back_off: Duration::from_secs(3600),
        }
    }
}

/// Moves events from an outbox to a bus. Run one for an outbox: a second would send everything twice.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    notify: Arc<Notify>,
    options: RelayOptions,
    /// When the next parked event may be tried again, as far as this relay has parked it.
    next_retry: Option<DateTime<Utc>>,
    /// Events that could not leave at the last look because the bus was away: the next one looks past them.
    behind: usize,
    /// Whether the bus could not be reached at the last look.
    away: bool,
}

/// How many batches are looked at, at most, while the bus cannot be reached and only a part of it may go on: what is
/// looked at must be sent again within a lease of outbox shards.
const WIDEST_AWAY: usize = 4;

/// How long a stopping server waits for a bus that cannot be reached.
const FLUSH_TO_NOBODY: Duration = Duration::from_secs(2);

/// The result of one pass over the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RelayPass {
    /// Events that need no more be sent.
    sent: usize,
    /// Events that were looked at and have to be sent again.
    left: usize,
    /// Events that are parked as of this look.
    parked: usize,
    /// Whether another look at once would show something else.
    more: bool,
    /// Whether the bus could not be reached.
    away: bool,
}

/// The updates of the outbox after one pass.
#[derive(Debug, Default)]
struct RelayOutcome<'r> {
    /// Entries all of whose events were taken.
    sent: Vec<i64>,
    parkings: Vec<ParkRequest>,
    /// Events of other entries.
    left: usize,
    /// Those of them that are on roots which are parked now.
    parked: usize,
    /// Why the bus cannot be reached, if it cannot.
    away: Option<&'r str>,
}

impl Relay {
    /// A relay. `notify` is notified whenever the outbox has something new.
    #[must_use]
    pub fn new(
        outbox: Arc<dyn Outbox>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        notify: Arc<Notify>,
        options: RelayOptions,
    ) -> Self {
        Relay {
            outbox,
            bus,
            clock,
            notify,
            options,
            next_retry: None,
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
                self.notify.notified().await;
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = news, if failures == 0 => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Sends all that waits and is not parked, for as long as there is time, and for a moment where the bus cannot be
    /// reached.
    ///
    /// # Errors
    /// With the number of events that still wait; they are sent after the next start.
    pub async fn flush(&mut self, time: Duration) -> Result<(), usize> {
        let began = Instant::now();
        let deadline = began + time;
        let mut waiting = 0;
        loop {
            match tokio::time::timeout_at(deadline, self.pass()).await {
                Ok(Ok(pass)) if pass.left == pass.parked && !pass.more => return Ok(()),
                Ok(Ok(pass)) => {
                    waiting = pass.left;
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
    async fn pass(&mut self) -> Result<RelayPass, StoreError> {
        let now = self.clock.now();
        self.next_retry = self.next_retry.filter(|at| *at > now);
        let widest = self.options.batch.saturating_mul(WIDEST_AWAY);
        let limit = self.options.batch.saturating_add(self.behind).min(widest);
        let waiting = self.outbox.waiting(limit, now).await?;
        if waiting.is_empty() {
            self.behind = 0;
            return Ok(RelayPass::default());
        }
        let span = tracing::debug_span!("publish", otel.kind = "producer", events = waiting.len());
        let results = self.bus.publish(&waiting).instrument(span).await;
        let outcome = self.outcomes(&waiting, &results, now);
        if !outcome.sent.is_empty() {
            self.outbox.sent(&outcome.sent, now).await?;
        }
        if !outcome.parkings.is_empty() {
            self.outbox.park(&outcome.parkings).await?;
            let retries = outcome.parkings.iter().map(|parking| parking.retry_at);
            self.next_retry = retries.chain(self.next_retry).min();
        }
        self.note_away(outcome.away);
        let away = outcome.away.is_some();
        self.behind = if away { outcome.left } else { 0 };
        let full = waiting.len() >= limit;
        let moved = !outcome.sent.is_empty() || !outcome.parkings.is_empty();
        let wider = self.options.batch.saturating_add(self.behind).min(widest) > limit;
        Ok(RelayPass {
            sent: waiting.len() - outcome.left,
            left: outcome.left,
            parked: outcome.parked,
            more: moved && (full || outcome.left > 0) || full && wider,
            away,
        })
    }

    /// What is to be noted of what the bus said of each event.
    fn outcomes<'r>(
        &self,
        waiting: &[OutboxEvent],
        results: &'r [Result<(), PublishError>],
        now: DateTime<Utc>,
    ) -> RelayOutcome<'r> {
        let mut outcome = RelayOutcome::default();
        // Roots that go no further, and whether they are parked.
        let mut stuck: HashMap<Root, bool> = HashMap::new();
        let mut entries: BTreeMap<i64, bool> = BTreeMap::new();
        for (place, outgoing) in waiting.iter().enumerate() {
            match results.get(place) {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    if let PublishError::Away { reason } = error {
                        outcome.away = Some(reason);
                    }
                    if let Entry::Vacant(vacant) = stuck.entry(outgoing.root) {
                        let parking = self.park_request(outgoing, error, now);
                        vacant.insert(parking.is_some());
                        outcome.parkings.extend(parking);
                    }
                }
                None => {
                    outcome.away = Some("the bus said nothing of an event");
                    stuck.entry(outgoing.root).or_insert(false);
                }
            }
            let taken = !stuck.contains_key(&outgoing.root);
            *entries.entry(outgoing.position.entry).or_insert(true) &= taken;
            if taken {
                let event_type = outgoing.event.event.event_type();
                metrics::counter!("mission_outbox_published_total", "type" => event_type).increment(1);
            }
        }
        for outgoing in waiting {
            if entries.get(&outgoing.position.entry) == Some(&false) {
                outcome.left += 1;
                outcome.parked += usize::from(stuck.get(&outgoing.root) == Some(&true));
            }
        }
        entries.retain(|_, taken| *taken);
        outcome.sent = entries.into_keys().collect();
        outcome
    }

    /// How an event is parked that was not taken; not at all where that was no fault of its own.
    fn park_request(
        &self,
        outgoing: &OutboxEvent,
        error: &PublishError,
        now: DateTime<Utc>,
    ) -> Option<ParkRequest> {
        let (wait, reason) = match error {
            PublishError::Deferred { reason, .. } => {
                let (first, longest) = (self.options.first_back_off, self.options.longest_back_off);
                (back_off::after(outgoing.attempts + 1, first, longest), reason)
            }
            PublishError::Refused { reason, .. } => (self.options.refused_back_off, reason),
            PublishError::Untried | PublishError::Away { .. } => return None,
        };
        metrics::counter!("mission_outbox_refused_total").increment(1);
        let event = outgoing.event.id;
        if outgoing.attempts == 0 {
            tracing::warn!(
                %event,
                root = ?outgoing.root,
                retry_in_ms = wait.as_millis(),
                reason,
                "an event was not taken; it is parked, and later ones of its root wait behind it"
            );
        } else {
            tracing::debug!(%event, retry_in_ms = wait.as_millis(), reason, "an event was not taken again");
        }
        Some(ParkRequest {
            entry: outgoing.position.entry,
            root: outgoing.root,
            event,
            event_type: outgoing.event.event.event_type().to_owned(),
            reason: reason.clone(),
            at: now,
            retry_at: now + wait,
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

    /// Until the first parked event may be tried again, or the next look without being told.
    fn next_try(&self) -> Duration {
        let retry = self.next_retry.map(|at| at - self.clock.now());
        // A time that is over is due at once.
        let retry = retry.map(|wait| wait.to_std().unwrap_or_default());
        retry.unwrap_or(self.options.poll).min(self.options.poll)
    }
}

#[cfg(test)]
mod tests;
