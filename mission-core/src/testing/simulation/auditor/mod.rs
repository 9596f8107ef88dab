//! The auditor: sees what is asked, committed, answered, delivered and booked, and knows after every step what must be so.
//! It keeps books of its own, from what was committed alone.

mod end;
mod records;

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{
    missions,
    requests::brief,
    violation::{Guarantee, Violation, ensure},
    wallet::{Booking, BookingKind},
};
use crate::{
    EventId, MissionId, RewardId, UserId,
    check_in::CheckInPolicy,
    decision::{Answer, Change, Command, JournalEntry, OutboundEvent, Records, Reply, Root},
    event::{EventOutcome, IntegrationEvent},
    mission::BudgetUse,
    reward::RewardType,
    testing::model::CheckInModel,
};

/// What is known of one thing that somebody asked for, however often.
#[derive(Default)]
struct RequestHistory {
    /// Whose it is.
    user: Option<UserId>,
    /// The answers that were committed with it.
    durable: Vec<Answer>,
    /// The answer that was committed before an erasure forgot it: whoever read it before may still be told.
    forgotten: Option<Answer>,
    /// Whether it was answered without a commit: an event that was there before, or that nobody waits for.
    settled: bool,
}

/// What was told of a grant.
struct Grant {
    points: Decimal,
    is_revoked: bool,
}

/// The events of one root.
#[derive(Default)]
struct RootEvents {
    /// All that was committed, in order.
    events: Vec<EventId>,
    /// How many of them have arrived.
    arrived: usize,
}

/// See the module.
pub(super) struct Auditor {
    policy: CheckInPolicy,
    requests: BTreeMap<usize, RequestHistory>,
    records: Records,
    check_ins: BTreeMap<UserId, CheckInModel>,
    budgets: BTreeMap<MissionId, BudgetUse>,
    sources: BTreeMap<(RewardType, uuid::Uuid), RewardId>,
    grants: BTreeMap<RewardId, Grant>,
    bookings: BTreeSet<(RewardId, BookingKind)>,
    told: BTreeMap<Root, RootEvents>,
    arrived: BTreeSet<EventId>,
    /// How many events took effect for a user.
    events: BTreeMap<UserId, u64>,
    erased: BTreeSet<UserId>,
}

impl RequestHistory {
    /// Whether an answer is, or was, durable.
    fn has(&self, answer: &Answer) -> bool {
        self.durable.first() == Some(answer) || self.forgotten.as_ref() == Some(answer)
    }
}

impl Auditor {
    pub(super) fn new() -> Self {
        Auditor {
            policy: missions::policy().check_in.unwrap_or_default(),
            requests: BTreeMap::new(),
            records: Records::default(),
            check_ins: BTreeMap::new(),
            budgets: BTreeMap::new(),
            sources: BTreeMap::new(),
            grants: BTreeMap::new(),
            bookings: BTreeSet::new(),
            told: BTreeMap::new(),
            arrived: BTreeSet::new(),
            events: BTreeMap::new(),
            erased: BTreeSet::new(),
        }
    }

    /// A change is durable.
    pub(super) fn committed(&mut self, change: &Change) -> Result<(), Violation> {
        for user in &change.write_set.erasures {
            self.erase(*user);
        }
        for entry in &change.journal {
            self.entry(entry)?;
        }
        self.reviews(change)?;
        self.rewards(change)?;
        self.records.extend(change.write_set.writes.clone());
        for root in change.expected.keys() {
            if let Root::User(user) = root {
                self.check_user(*user)?;
            }
        }
        Ok(())
    }

    /// The command of an entry took effect, or was refused for good.
    fn entry(&mut self, entry: &JournalEntry) -> Result<(), Violation> {
        if let Some(request) = super::requests::number_of(entry.request.signals.correlation_id.as_deref()) {
            let history = self.requests.entry(request).or_default();
            if let Root::User(user) = entry.root {
                history.user = Some(user);
            }
            history.durable.push(entry.answer.clone());
            ensure(history.durable.len() == 1, Guarantee::OneEffect, || {
                let answers: Vec<String> = history.durable.iter().map(brief).collect();
                format!("request {request} was decided more than once: {answers:?}")
            })?;
        }
        match &entry.request.command {
            Command::CheckIn(check_in) => self.check_in(check_in.user, entry)?,
            Command::ApplyEvent(applied) if entry.answer.is_ok() => {
                *self.events.entry(applied.event.user_id).or_default() += 1;
            }
            _ => {}
        }
        for outgoing in &entry.events {
            self.told.entry(entry.root).or_default().events.push(outgoing.id);
            self.note_grant(outgoing)?;
        }
        Ok(())
    }

    fn note_grant(&mut self, outgoing: &OutboundEvent) -> Result<(), Violation> {
        match &outgoing.event {
            IntegrationEvent::RewardClaimed(claimed) => {
                let grant = Grant {
                    points: claimed.total_points,
                    is_revoked: false,
                };
                let before = self.grants.insert(claimed.reward_id, grant);
                ensure(before.is_none(), Guarantee::OneGrant, || {
                    format!("reward {} is granted twice", claimed.reward_id)
                })
            }
            IntegrationEvent::RewardRevoked(revoked) => {
                let grant = self.grants.get_mut(&revoked.reward_id);
                let is_first = grant.is_some_and(|grant| {
                    let is_first = !grant.is_revoked && grant.points == revoked.total_points;
                    grant.is_revoked = true;
                    is_first
                });
                ensure(is_first, Guarantee::OneGrant, || {
                    format!(
                        "reward {} is revoked, and not granted or revoked before",
                        revoked.reward_id
                    )
                })
            }
            _ => Ok(()),
        }
    }

    /// A client is answered under its key.
    pub(super) fn answered(&mut self, request: usize, answer: &Answer) -> Result<(), Violation> {
        let history = self.requests.entry(request).or_default();
        ensure(history.has(answer), Guarantee::DurableAnswer, || {
            format!(
                "request {request} is answered {answer:?}; durable is {:?}",
                history.durable
            )
        })
    }

    /// An inbound event is decided.
    pub(super) fn decided(&mut self, request: usize, answer: &Answer) -> Result<(), Violation> {
        let history = self.requests.entry(request).or_default();
        let Ok(Reply::EventResult(result)) = answer else {
            let seen = format!("event {request} is refused: {answer:?}");
            return Err(Violation::new(Guarantee::NoEventLost, seen));
        };
        history.settled = true;
        let is_erased = result.reason.as_deref() == Some("user_erased");
        let is_so = match result.outcome {
            EventOutcome::Applied => history.has(answer),
            // What is known of the event outlives what is known of the user.
            EventOutcome::Duplicate => {
                !history.durable.is_empty() || history.user.is_some_and(|user| self.erased.contains(&user))
            }
            EventOutcome::Ignored => is_erased,
            EventOutcome::Rejected => result.reason.as_deref() == Some("too_late"),
        };
        ensure(is_so, Guarantee::DurableAnswer, || {
            format!(
                "event {request} is answered {answer:?}; durable is {:?}",
                history.durable
            )
        })
    }

    /// A message of the broker arrives at a consumer.
    pub(super) fn delivered(&mut self, root: Root, event: &OutboundEvent) -> Result<(), Violation> {
        if !self.arrived.insert(event.id) {
            return Ok(());
        }
        let told = self.told.entry(root).or_default();
        let expected = told.events.get(told.arrived).copied();
        told.arrived += 1;
        ensure(expected == Some(event.id), Guarantee::OrderKept, || {
            format!("{root:?}: {} arrives where {expected:?} is next", event.id)
        })
    }

    /// The wallet has booked.
    pub(super) fn booked(&mut self, booking: Booking) -> Result<(), Violation> {
        let is_new = self.bookings.insert((booking.grant, booking.kind));
        ensure(is_new, Guarantee::WalletExact, || {
            format!("{booking:?} is booked twice")
        })?;
        let grant = self.grants.get(&booking.grant);
        let is_told = grant.is_some_and(|grant| match booking.kind {
            BookingKind::Grant => grant.points == booking.amount,
            BookingKind::Revocation => grant.is_revoked && grant.points == -booking.amount,
        });
        ensure(is_told, Guarantee::WalletExact, || {
            format!("{booking:?} was never committed")
        })
    }
}
