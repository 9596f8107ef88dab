//! The steps of a schedule.

use chrono::Duration;
use futures_util::FutureExt as _;

use super::{
    super::{
        Violation,
        instance::Caller,
        relay::RelayStep,
        schedule::{DatabaseOutcome, PublishOutcome, Step},
        violation::{Guarantee, ensure},
        wallet::Booking,
    },
    Deployment, missions_of,
};
use crate::ports::bus::{Outbox as _, OutboxEvent};

/// Events that a relay looks at together.
const RELAYED: usize = 8;

fn place(number: u8, length: usize) -> Option<usize> {
    usize::from(number).checked_rem(length)
}

impl Deployment {
    pub(super) fn step(&mut self, step: Step) -> Result<(), Violation> {
        match step {
            Step::Action {
                user,
                instance,
                action,
            } => {
                self.act(self.user_of(user), self.instance_of(instance), action);
                Ok(())
            }
            Step::Retry {
                request,
                instance,
                hangs_up,
            } => {
                let waiting = self.requests.waiting(self.now);
                match place(request, waiting.len()).and_then(|place| waiting.get(place)) {
                    Some(request) => self.retry(*request, self.instance_of(instance), hangs_up),
                    None => Ok(()),
                }
            }
            Step::Deliver { message, transport } => match place(message, self.requests.in_flight.len()) {
                Some(message) => self.deliver(message, transport),
                None => Ok(()),
            },
            Step::Database { operation, outcome } => self.database(operation, outcome),
            Step::LateCommit { commit } => match place(commit, self.database.late.len()) {
                Some(commit) => self.late_commit(commit),
                None => Ok(()),
            },
            Step::Consume { instance, message } => match place(message, self.inbound.len()) {
                Some(message) => self.consume(self.instance_of(instance), message),
                None => Ok(()),
            },
            Step::Relay { instance, publish } => self.relay(self.instance_of(instance), publish),
            Step::LatePublish { message } => {
                if let Some(message) = place(message, self.late.len()) {
                    self.late_publish(message);
                }
                Ok(())
            }
            Step::Wallet { crashes } => self.wallet(crashes),
            Step::Crash {
                instance,
                commits_arrive,
            } => {
                self.crash(self.instance_of(instance), commits_arrive);
                Ok(())
            }
            Step::Sweep { instance, user } => self.sweep(self.instance_of(instance), self.user_of(user)),
            other => {
                self.surroundings(other);
                Ok(())
            }
        }
    }

    /// Steps that nobody hears of at once.
    fn surroundings(&mut self, step: Step) {
        match step {
            Step::Start { instance } => self.start(self.instance_of(instance)),
            Step::SetClock { clock, off_by } => {
                let off_by = Duration::milliseconds(i64::from(off_by));
                let clocks = self.instances.len() + 1;
                match self.instances.get_mut(usize::from(clock) % clocks) {
                    Some(instance) => instance.set_off_by(off_by, self.now),
                    None => self.database.clock_off = off_by,
                }
                self.note(|| format!("{step:?}"));
            }
            Step::Wait { millis } => {
                self.pass(Duration::milliseconds(i64::from(millis)));
                self.note(|| format!("{step:?}"));
            }
            Step::LoseCache => {
                self.cache.clear();
                self.note(|| format!("{step:?}"));
            }
            Step::SyncReplica => {
                self.sync_replica();
                self.note(|| format!("{step:?}"));
            }
            Step::Refresh {
                instance,
                from_replica,
            } => {
                let missions = if from_replica {
                    self.replica.missions.clone()
                } else {
                    missions_of(&self.database.store)
                };
                let instance = self.instance_of(instance);
                if let Some(running) = self.instances.get(instance).and_then(|it| it.running.as_ref()) {
                    running.engine.refresh(missions);
                    self.note(|| format!("{step:?}"));
                }
            }
            _ => {}
        }
    }

    /// Who has no answer asks again.
    pub(super) fn retry(&mut self, request: usize, instance: usize, hangs_up: bool) -> Result<(), Violation> {
        self.note(|| format!("request {request} is sent again, hung up: {hangs_up}"));
        if hangs_up {
            for running in self.instances.iter_mut().filter_map(|it| it.running.as_mut()) {
                running
                    .waiting
                    .retain(|waiting| !matches!(waiting.caller, Caller::Client(of) if of == request));
            }
        }
        self.requests.send(request, instance, self.mutation, self.now);
        Ok(())
    }

    pub(super) fn start(&mut self, number: usize) {
        let (missions, mutation) = (missions_of(&self.database.store), self.mutation);
        if let Some(instance) = self.instances.get_mut(number).filter(|it| it.running.is_none()) {
            instance.start(missions, mutation);
            self.note(|| format!("instance {number} starts"));
        }
    }

    /// An instance is gone, and with it all that it had not committed. What it had taken out of the inbound queue goes back.
    fn crash(&mut self, number: usize, commits_arrive: bool) {
        let instance = self.instances.get_mut(number);
        let Some(running) = instance.and_then(|instance| instance.running.take()) else {
            return;
        };
        self.summary.crashes += 1;
        let commits = running.connection.abandoned_commits();
        if commits_arrive {
            self.database.late.extend(commits);
        }
        for waiting in running.waiting {
            if let Caller::Consumer(message) = waiting.caller {
                self.inbound.push(message);
            }
        }
        self.note(|| format!("instance {number} crashes; its commits arrive: {commits_arrive}"));
    }

    /// The database comes to an operation of some instance.
    fn database(&mut self, number: u8, outcome: DatabaseOutcome) -> Result<(), Violation> {
        let waiting = |running: &super::super::instance::Running| running.connection.waiting();
        let running = self.instances.iter().map(|instance| instance.running.as_ref());
        let counts: Vec<usize> = running.map(|running| running.map_or(0, waiting)).collect();
        let Some(mut place) = place(number, counts.iter().sum()) else {
            return Ok(());
        };
        for (instance, count) in counts.into_iter().enumerate() {
            if place < count {
                return self.carry_out(instance, place, outcome);
            }
            place -= count;
        }
        Ok(())
    }

    /// The database comes to one operation of an instance.
    pub(super) fn carry_out(
        &mut self,
        number: usize,
        place: usize,
        outcome: DatabaseOutcome,
    ) -> Result<(), Violation> {
        let running = self.instances.get(number).and_then(|it| it.running.as_ref());
        let Some(operation) = running.and_then(|running| running.connection.take(place)) else {
            return Ok(());
        };
        self.note(|| format!("the database comes to {operation} of instance {number}: {outcome:?}"));
        self.database.carry_out(operation, outcome);
        self.audit_commits()?;
        if outcome == DatabaseOutcome::CrashAfter {
            self.crash(number, false);
            return Ok(());
        }
        self.poll(number)
    }

    pub(super) fn late_commit(&mut self, number: usize) -> Result<(), Violation> {
        let changes = self.database.late.remove(number);
        let outcomes = self.database.commit(&changes);
        self.note(|| format!("a late commit arrives: {outcomes:?}"));
        self.audit_commits()
    }

    /// An instance's relay goes one step on.
    pub(super) fn relay(&mut self, number: usize, outcome: PublishOutcome) -> Result<(), Violation> {
        let (now, database_now) = (self.now, self.database_now());
        let running = self.instances.get_mut(number).and_then(|it| it.running.as_mut());
        let Some(Relaying { relay, wall_clock }) = running.map(|running| Relaying {
            wall_clock: running.engine.now(),
            relay: &mut running.relay,
        }) else {
            return Ok(());
        };
        match relay.next(now) {
            RelayStep::Read => {
                relay.renew(&mut self.database.leases, database_now, now);
                let waiting = self.database.store.waiting(RELAYED, wall_clock).now_or_never();
                relay.found(waiting.and_then(Result::ok).unwrap_or_default());
                Ok(())
            }
            RelayStep::Publish(event) => {
                let holder = self.database.leases.holder(event.root, database_now);
                let sender = relay.id;
                relay.published(&event, outcome, wall_clock);
                let is_alone = holder.is_none_or(|holder| holder == sender);
                ensure(is_alone, Guarantee::OneSender, || {
                    format!(
                        "{:?}: relay {sender} sends, and {holder:?} holds the lease",
                        event.root
                    )
                })?;
                self.note(|| format!("instance {number} publishes {}: {outcome:?}", event.event.id));
                self.publish(*event, outcome);
                Ok(())
            }
            RelayStep::Note(sent, parkings) => {
                if outcome != PublishOutcome::Lost {
                    // The memory store always can.
                    let _ = self.database.store.sent(&sent, now).now_or_never();
                    let _ = self.database.store.park(&parkings).now_or_never();
                    self.note(|| format!("instance {number} notes that entries {sent:?} are sent"));
                }
                Ok(())
            }
        }
    }

    fn publish(&mut self, event: OutboxEvent, outcome: PublishOutcome) {
        match outcome {
            PublishOutcome::Confirmed | PublishOutcome::ConfirmLost => self.broker.push_back(event),
            PublishOutcome::Duplicated => {
                self.broker.push_back(event.clone());
                self.broker.push_back(event);
            }
            PublishOutcome::Delayed => self.late.push(event),
            PublishOutcome::Lost | PublishOutcome::Refused => {}
        }
    }

    pub(super) fn late_publish(&mut self, number: usize) {
        let event = self.late.remove(number);
        self.note(|| format!("a late message arrives: {}", event.event.id));
        self.broker.push_back(event);
    }

    /// The wallet takes the next message, books, and acknowledges it, unless it crashes before.
    pub(super) fn wallet(&mut self, crashes: bool) -> Result<(), Violation> {
        let Some(message) = self.broker.front().cloned() else {
            return Ok(());
        };
        self.note(|| format!("the wallet takes {}, crashes: {crashes}", message.event.id));
        self.summary.deliveries += 1;
        self.auditor.delivered(message.root, &message.event)?;
        if let Some(booking) = Booking::of(&message.event.event)
            && self.wallet.book(booking)
        {
            self.summary.bookings += 1;
            self.auditor.booked(booking)?;
        }
        if !crashes {
            self.broker.pop_front();
        }
        Ok(())
    }
}

struct Relaying<'a> {
    relay: &'a mut super::super::relay::Relay,
    wall_clock: chrono::DateTime<chrono::Utc>,
}
