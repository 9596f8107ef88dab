//! After the faults: everything goes its way until nothing is left to do, and then everything must agree.

use chrono::Duration;

use super::{
    super::{
        Violation,
        schedule::{DatabaseOutcome, PublishOutcome, Transport},
        violation::Guarantee,
    },
    Deployment, missions_of,
};

/// Rounds after which everything must have come to rest: some leases long.
const ROUNDS: usize = 40;
/// How long a round takes.
const ROUND: Duration = Duration::seconds(2);

impl Deployment {
    pub(super) fn quiesce(&mut self) -> Result<(), Violation> {
        self.note(|| "from here on nothing fails".to_owned());
        for instance in 0..self.instances.len() {
            self.start(instance);
        }
        for _ in 0..ROUNDS {
            if self.is_quiet() {
                return self.check_all();
            }
            self.round()?;
        }
        let waiting = self.requests.waiting(self.now);
        Err(Violation::new(
            Guarantee::Convergence,
            format!(
                "after {ROUNDS} rounds requests {waiting:?} are not answered, {} events not decided, {} not sent, {} not booked",
                self.inbound.len(),
                self.database.store.outbox().len(),
                self.broker.len(),
            ),
        ))
    }

    fn is_quiet(&self) -> bool {
        let running = self
            .instances
            .iter()
            .filter_map(|instance| instance.running.as_ref());
        let mut operations = running.map(|running| running.connection.waiting() + running.waiting.len());
        operations.all(|waiting| waiting == 0)
            && self.requests.in_flight.is_empty()
            && self.requests.waiting(self.now).is_empty()
            && self.inbound.is_empty()
            && self.database.late.is_empty()
            && self.late.is_empty()
            && self.broker.is_empty()
            && self.database.store.outbox().is_empty()
    }

    fn round(&mut self) -> Result<(), Violation> {
        while !self.database.late.is_empty() {
            self.late_commit(0)?;
        }
        while !self.late.is_empty() {
            self.late_publish(0);
        }
        self.drain()?;
        for (instance, request) in self.requests.waiting(self.now).into_iter().enumerate() {
            self.retry(request, instance % self.instances.len(), true)?;
            self.drain()?;
        }
        for instance in 0..self.instances.len() {
            while !self.inbound.is_empty() {
                self.consume(instance, 0)?;
                self.drain()?;
            }
            // One look, what was found, and a note of it.
            for _ in 0..10 {
                self.relay(instance, PublishOutcome::Confirmed)?;
            }
        }
        while !self.broker.is_empty() {
            self.wallet(false)?;
        }
        self.pass(ROUND);
        Ok(())
    }

    /// Lets messages and the database go on until both rest.
    fn drain(&mut self) -> Result<(), Violation> {
        loop {
            let mut moved = false;
            while !self.requests.in_flight.is_empty() {
                self.deliver(0, Transport::Arrives)?;
                moved = true;
            }
            for instance in 0..self.instances.len() {
                while self.has_operations(instance) {
                    self.carry_out(instance, 0, DatabaseOutcome::Answered)?;
                    moved = true;
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn has_operations(&self, instance: usize) -> bool {
        let running = self.instances.get(instance).and_then(|it| it.running.as_ref());
        running.is_some_and(|running| running.connection.waiting() > 0)
    }

    fn check_all(&mut self) -> Result<(), Violation> {
        let events = self.requests.all.iter();
        let taken = events.filter(|found| found.is_event() && found.is_taken);
        self.auditor.check_taken(taken.map(|found| found.number))?;
        self.auditor.check_store(&mut self.database.store)?;
        self.auditor.check_wallet(&self.wallet)?;
        self.sync_replica();
        self.auditor.check_replica(&self.replica.records)?;
        let missions = missions_of(&self.database.store);
        for running in self.instances.iter().filter_map(|it| it.running.as_ref()) {
            running.engine.refresh(missions.clone());
            self.auditor.check_catalog(&running.engine.catalog())?;
        }
        Ok(())
    }
}
