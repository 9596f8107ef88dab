//! The relay of each instance, as the server's: it leases shards of the outbox, publishes what waits in order, one event
//! of a root after the other, and notes what was taken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Duration, Utc};

use super::{Mutation, schedule::PublishOutcome};
use crate::ports::{
    bus::{OutboxEvent, ParkRequest},
    store::Root,
};

/// How long a lease holds.
const LEASE: Duration = Duration::seconds(15);
/// How long an event waits that the broker did not take.
const BACK_OFF: Duration = Duration::seconds(2);
/// Shards of the outbox.
const SHARDS: u128 = 4;

/// The shard of a root's events.
pub(super) fn shard_of(root: Root) -> u128 {
    let id = match root {
        Root::User(user) => user.0,
        Root::Mission(mission) => mission.0,
        Root::Pack(pack) => pack.0,
    };
    id.as_u128() % SHARDS
}

/// Who holds which shard until when, by the database's clock.
#[derive(Default)]
pub(super) struct Leases {
    held: BTreeMap<u128, (u64, DateTime<Utc>)>,
    seen: BTreeMap<u64, DateTime<Utc>>,
}

impl Leases {
    /// Keeps and takes as many shards as are due to each relay that is there, and lets the others go.
    fn renew(&mut self, relay: u64, now: DateTime<Utc>) -> BTreeSet<u128> {
        self.seen.insert(relay, now);
        self.seen.retain(|_, seen| *seen > now - LEASE);
        let due = (SHARDS as usize).div_ceil(self.seen.len().max(1));
        let is_own = |held: Option<&(u64, DateTime<Utc>)>| held.is_some_and(|(holder, _)| *holder == relay);
        let is_free = |held: Option<&(u64, DateTime<Utc>)>| held.is_none_or(|(_, until)| *until <= now);
        let own = (0..SHARDS).filter(|shard| is_own(self.held.get(shard)));
        let free = (0..SHARDS).filter(|shard| {
            let held = self.held.get(shard);
            !is_own(held) && is_free(held)
        });
        let kept: BTreeSet<u128> = own.chain(free).take(due).collect();
        self.held.retain(|_, (holder, _)| *holder != relay);
        self.held
            .extend(kept.iter().map(|shard| (*shard, (relay, now + LEASE))));
        kept
    }

    /// The relay that may send the events of a root.
    pub(super) fn holder(&self, root: Root, now: DateTime<Utc>) -> Option<u64> {
        let (holder, until) = self.held.get(&shard_of(root))?;
        (now < *until).then_some(*holder)
    }
}

/// One look into the outbox, and what became of what was found.
struct Pass {
    events: VecDeque<OutboxEvent>,
    stuck: BTreeSet<Root>,
    /// Entries, and whether all of their events were taken.
    entries: BTreeMap<i64, bool>,
    parkings: Vec<ParkRequest>,
}

/// See the module.
pub(super) struct Relay {
    pub(super) id: u64,
    mutation: Option<Mutation>,
    shards: BTreeSet<u128>,
    /// When it asked for its leases.
    renewed: Option<DateTime<Utc>>,
    pass: Option<Pass>,
}

/// What a relay does next.
pub(super) enum RelayStep {
    /// It looks into the outbox.
    Read,
    /// It publishes an event.
    Publish(Box<OutboxEvent>),
    /// It notes what was taken, and parks what was refused.
    Note(Vec<i64>, Vec<ParkRequest>),
}

impl Relay {
    pub(super) fn new(id: u64, mutation: Option<Mutation>) -> Self {
        Relay {
            id,
            mutation,
            shards: BTreeSet::new(),
            renewed: None,
            pass: None,
        }
    }

    /// What is next. A lease that is nearly over is not relied on: what is left of the pass is not tried.
    pub(super) fn next(&mut self, now: DateTime<Utc>) -> RelayStep {
        let holds = self.renewed.is_some_and(|renewed| now - renewed < LEASE * 4 / 5);
        let Some(pass) = &mut self.pass else {
            return RelayStep::Read;
        };
        while let Some(event) = pass.events.pop_front() {
            if holds && !pass.stuck.contains(&event.root) {
                return RelayStep::Publish(Box::new(event));
            }
            pass.entries.insert(event.position.entry, false);
        }
        let entries = pass.entries.iter().filter(|(_, taken)| **taken);
        let step = RelayStep::Note(entries.map(|(entry, _)| *entry).collect(), pass.parkings.clone());
        self.pass = None;
        step
    }

    /// Leases the shards, where a fifth of the lease is over.
    pub(super) fn renew(&mut self, leases: &mut Leases, database_now: DateTime<Utc>, now: DateTime<Utc>) {
        if self.renewed.is_none_or(|renewed| now - renewed >= LEASE / 5) {
            self.shards = leases.renew(self.id, database_now);
            self.renewed = Some(now);
        }
    }

    /// Begins a pass with what waits in its shards.
    pub(super) fn found(&mut self, waiting: Vec<OutboxEvent>) {
        let mut events: VecDeque<OutboxEvent> = waiting.into();
        if self.mutation != Some(Mutation::LeaseNotChecked) {
            events.retain(|event| self.shards.contains(&shard_of(event.root)));
        }
        self.pass = (!events.is_empty()).then(|| Pass {
            events,
            stuck: BTreeSet::new(),
            entries: BTreeMap::new(),
            parkings: Vec::new(),
        });
    }

    /// What the broker said of an event.
    pub(super) fn published(&mut self, event: &OutboxEvent, outcome: PublishOutcome, now: DateTime<Utc>) {
        let Some(pass) = &mut self.pass else { return };
        let is_confirmed = matches!(outcome, PublishOutcome::Confirmed | PublishOutcome::Duplicated);
        let is_taken = is_confirmed || self.mutation == Some(Mutation::SentBeforeConfirm);
        *pass.entries.entry(event.position.entry).or_insert(true) &= is_taken;
        if !is_taken && self.mutation != Some(Mutation::OrderIgnored) {
            pass.stuck.insert(event.root);
        }
        if outcome == PublishOutcome::Refused {
            pass.parkings.push(ParkRequest {
                entry: event.position.entry,
                root: event.root,
                event: event.event.id,
                event_type: event.event.event.event_type().to_owned(),
                reason: "no queue takes it".to_owned(),
                at: now,
                retry_at: now + BACK_OFF,
            });
        }
    }
}
