//! The database: the memory store behind connections on which every operation waits until the schedule comes to it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::Duration;
use futures_channel::oneshot;
use uuid::Uuid;

use super::{Mutation, relay::Leases, schedule::DatabaseOutcome};
use crate::{
    CommandId,
    engine::{LoadedRecords, ReadSet},
    memory::MemoryStore,
    mission::Budget,
    ports::store::{BlockingStore, Change, Claim, CommitOutcome, Store, StoreError},
};

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What an instance has asked of the database.
pub(super) enum Operation {
    Load(Box<ReadSet>, Answer<LoadedRecords>),
    Commit(Vec<Change>, Answer<Vec<CommitOutcome>>),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Load(..) => f.write_str("a load"),
            Operation::Commit(changes, _) => {
                let entries = changes.iter().flat_map(|change| &change.journal);
                let commands: Vec<&str> = entries.map(|entry| entry.request.command.name()).collect();
                write!(f, "a commit of {commands:?}")
            }
        }
    }
}

/// An instance's connection. What is asked waits here for the schedule.
#[derive(Clone, Default)]
pub(super) struct Connection(Arc<Mutex<Vec<Operation>>>);

impl Connection {
    fn operations(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waiting(&self) -> usize {
        self.operations().len()
    }

    pub(super) fn take(&self, number: usize) -> Option<Operation> {
        let mut operations = self.operations();
        (number < operations.len()).then(|| operations.remove(number))
    }

    /// The commits that were under way when the connection was lost.
    pub(super) fn abandoned_commits(&self) -> Vec<Vec<Change>> {
        let operations = self.operations().drain(..).collect::<Vec<_>>();
        let commits = operations.into_iter().filter_map(|operation| match operation {
            Operation::Load(..) => None,
            Operation::Commit(changes, _) => Some(changes),
        });
        commits.collect()
    }

    async fn ask<T>(&self, operation: impl FnOnce(Answer<T>) -> Operation) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.operations().push(operation(sender));
        receiver.await.unwrap_or_else(|_| Err(connection_lost()))
    }
}

fn connection_lost() -> StoreError {
    StoreError::Unavailable("the connection was lost".to_owned())
}

#[async_trait]
impl Store for Connection {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        self.ask(|answer| Operation::Load(Box::new(keys.clone()), answer))
            .await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        self.ask(|answer| Operation::Commit(changes.to_vec(), answer))
            .await
    }
}

/// The one database of the deployment.
pub(super) struct Database {
    pub(super) store: MemoryStore,
    /// Commits that were given up by their senders and may still arrive.
    pub(super) late: Vec<Vec<Change>>,
    /// What was committed and the auditor has not seen yet.
    pub(super) committed: Vec<Change>,
    /// How many changes were not committed since.
    pub(super) conflicts: usize,
    pub(super) leases: Leases,
    /// How far its clock is off.
    pub(super) clock_off: Duration,
    mutation: Option<Mutation>,
    forgotten_keys: u128,
}

impl Database {
    pub(super) fn new(mutation: Option<Mutation>) -> Self {
        Database {
            store: MemoryStore::default(),
            late: Vec::new(),
            committed: Vec::new(),
            conflicts: 0,
            leases: Leases::default(),
            clock_off: Duration::zero(),
            mutation,
            forgotten_keys: 0,
        }
    }

    /// Carries an operation out, or not.
    pub(super) fn carry_out(&mut self, operation: Operation, outcome: DatabaseOutcome) {
        let refused = || StoreError::Refused("a value is too long".to_owned());
        match operation {
            Operation::Load(keys, answer) => {
                let result = match outcome {
                    DatabaseOutcome::Refused => Err(refused()),
                    DatabaseOutcome::Answered | DatabaseOutcome::Conflict => Ok(self.load(&keys)),
                    _ => Err(connection_lost()),
                };
                let _ = answer.send(result);
            }
            Operation::Commit(changes, answer) => {
                let result = match outcome {
                    DatabaseOutcome::Refused => Err(refused()),
                    DatabaseOutcome::Conflict => Ok(vec![CommitOutcome::Conflict; changes.len()]),
                    DatabaseOutcome::Answered if self.mutation == Some(Mutation::AnswerBeforeCommit) => {
                        let outcomes = vec![CommitOutcome::Committed; changes.len()];
                        self.late.push(changes);
                        Ok(outcomes)
                    }
                    DatabaseOutcome::Answered => Ok(self.commit(&changes)),
                    DatabaseOutcome::AnswerLost | DatabaseOutcome::CrashAfter => {
                        self.commit(&changes);
                        Err(connection_lost())
                    }
                    DatabaseOutcome::Late => {
                        self.late.push(changes);
                        Err(connection_lost())
                    }
                    DatabaseOutcome::Unreachable => Err(connection_lost()),
                };
                let _ = answer.send(result);
            }
        }
    }

    pub(super) fn load(&mut self, keys: &ReadSet) -> LoadedRecords {
        let mut loaded = BlockingStore::load(&mut self.store, keys).unwrap_or_default();
        if self.mutation == Some(Mutation::ReceiptIgnored) {
            loaded.receipts.values_mut().for_each(|receipt| *receipt = None);
        }
        loaded
    }

    pub(super) fn commit(&mut self, changes: &[Change]) -> Vec<CommitOutcome> {
        let mut outcomes = Vec::new();
        for change in changes {
            let change = self.mutated(change.clone());
            let outcome = BlockingStore::commit(&mut self.store, std::slice::from_ref(&change));
            let outcome = outcome.ok().and_then(|outcomes| outcomes.first().copied());
            let outcome = outcome.unwrap_or(CommitOutcome::Conflict);
            if outcome == CommitOutcome::Committed {
                self.committed.push(change);
            } else {
                self.conflicts += 1;
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// The change as a store would take it that does not keep a promise.
    fn mutated(&mut self, mut change: Change) -> Change {
        match self.mutation {
            Some(Mutation::VersionCheckOff) => {
                let keys = ReadSet {
                    roots: change.expected.keys().copied().collect(),
                    ..ReadSet::default()
                };
                let versions: BTreeMap<_, _> = self.load(&keys).versions;
                change.expected.extend(versions);
            }
            Some(Mutation::ReceiptIgnored) => {
                for entry in &mut change.journal {
                    self.forgotten_keys += 1;
                    entry.request.receipt.command = CommandId(Uuid::from_u128(self.forgotten_keys));
                }
            }
            Some(Mutation::BudgetUnguarded) => {
                for reservation in change.write_set.reservations.values_mut() {
                    reservation.limit = Budget::default();
                }
            }
            Some(Mutation::InboundIdNotKept) => {
                let claims = &mut change.write_set.claims;
                claims.retain(|claim, _| !matches!(claim, Claim::Inbound { .. }));
            }
            _ => {}
        }
        change
    }
}
