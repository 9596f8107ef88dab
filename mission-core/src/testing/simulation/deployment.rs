//! The deployment under simulation: instances on one database, a broker, a wallet, a cache, a replica, and those who use it.

mod actions;
mod messages;
mod quiesce;
mod steps;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Duration, Utc};
use futures_util::FutureExt as _;

use super::{
    Mutation, Schedule, Summary, Violation,
    auditor::Auditor,
    database::Database,
    instance::Instance,
    missions,
    requests::{InboundEvent, Requests},
    schedule::Step,
    users,
    wallet::Wallet,
};
use crate::{
    RewardId, TaskId, UserId,
    decision::{CatalogRecords, Records},
    memory::MemoryStore,
    ports::{bus::OutboxEvent, queries::Queries as _},
    testing::{at, user},
};

/// When every simulation begins: the evening before a month's last day.
const START: &str = "2026-01-30T22:30:00Z";

/// What a client knows of its user.
#[derive(Clone, Default)]
struct UserView {
    open_tasks: Vec<TaskId>,
    pending: Vec<RewardId>,
    claimed: Vec<RewardId>,
    read_at: DateTime<Utc>,
}

/// A copy of the database that lags behind.
#[derive(Default)]
struct Replica {
    records: Records,
    missions: CatalogRecords,
}

/// See the module.
pub(super) struct Deployment {
    mutation: Option<Mutation>,
    users: u64,
    now: DateTime<Utc>,
    database: Database,
    instances: Vec<Instance>,
    requests: Requests,
    inbound: Vec<InboundEvent>,
    /// The queue of the wallet, in order.
    broker: VecDeque<OutboxEvent>,
    /// Messages on their way to the broker of which nobody waits for the confirmation.
    late: Vec<OutboxEvent>,
    wallet: Wallet,
    cache: BTreeMap<UserId, UserView>,
    replica: Replica,
    auditor: Auditor,
    summary: Summary,
    /// What happened, where somebody wants to read it.
    trace: Option<Vec<String>>,
}

impl Deployment {
    /// Plays a schedule to its end, and then without faults until nothing moves. With `traced`, what happened is told as
    /// well, a line a step.
    pub(super) fn play(
        schedule: &Schedule,
        mutation: Option<Mutation>,
        traced: bool,
    ) -> (Result<Summary, Violation>, Vec<String>) {
        let mut deployment = Deployment::new(schedule, mutation, traced);
        let result = deployment.play_to_the_end(&schedule.steps);
        (
            result.map(|()| deployment.summary),
            deployment.trace.unwrap_or_default(),
        )
    }

    fn new(schedule: &Schedule, mutation: Option<Mutation>, traced: bool) -> Self {
        let now = at(START);
        let instances = 0..u64::from(schedule.instances.max(1));
        Deployment {
            mutation,
            users: u64::from(schedule.users.max(1)),
            now,
            database: Database::new(mutation),
            instances: instances.map(|number| Instance::new(number, now)).collect(),
            requests: Requests::default(),
            inbound: Vec::new(),
            broker: VecDeque::new(),
            late: Vec::new(),
            wallet: Wallet::new(mutation),
            cache: BTreeMap::new(),
            replica: Replica::default(),
            auditor: Auditor::new(),
            summary: Summary::default(),
            trace: traced.then(Vec::new),
        }
    }

    fn play_to_the_end(&mut self, steps: &[Step]) -> Result<(), Violation> {
        self.database.commit(&missions::setup());
        self.database.commit(&users::setup(self.now));
        self.audit_commits()?;
        self.sync_replica();
        for instance in 0..self.instances.len() {
            self.start(instance);
        }
        for step in steps {
            self.step(*step)?;
        }
        self.quiesce()
    }

    /// Tells what happens, where somebody listens.
    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }

    /// Shows the auditor what was committed since.
    fn audit_commits(&mut self) -> Result<(), Violation> {
        self.summary.conflicts += std::mem::take(&mut self.database.conflicts);
        for change in std::mem::take(&mut self.database.committed) {
            self.summary.commits += 1;
            self.summary.erasures += change.write_set.erasures.len();
            self.auditor.committed(&change)?;
        }
        Ok(())
    }

    fn instance_of(&self, number: u8) -> usize {
        usize::from(number) % self.instances.len()
    }

    fn user_of(&self, number: u8) -> UserId {
        user(1 + u64::from(number) % self.users)
    }

    fn database_now(&self) -> DateTime<Utc> {
        self.now + self.database.clock_off
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for instance in &mut self.instances {
            instance.show(self.now);
        }
    }

    fn sync_replica(&mut self) {
        self.replica = Replica {
            records: self.database.store.records(),
            missions: missions_of(&self.database.store),
        };
    }
}

/// The missions that a store holds.
fn missions_of(store: &MemoryStore) -> CatalogRecords {
    let records = store.catalog_records().now_or_never();
    records.and_then(Result::ok).unwrap_or_default()
}
