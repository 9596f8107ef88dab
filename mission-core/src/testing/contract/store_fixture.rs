//! What the cases share: a store, fresh ids, and short ways to commit and to look.

use std::{collections::BTreeSet, future::Future, pin::pin, task::Poll};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::WholeStore;
use crate::{
    CommandId, EventId, TaskId, UserId,
    engine::{
        Answer, Command, Fingerprint, LoadedRecords, OutboundEvent, ReadSet, ReceiptKey, RegisterUser, Reply,
        Request, Signals, UserSaved,
    },
    event::{IntegrationEvent, TaskStarted},
    ports::{
        clock::Ids,
        store::{Change, CommitOutcome, JournalEntry, Root, Version},
    },
    testing::{CountingIds, at, mission_id},
    user::User,
};

pub(super) struct StoreFixture<'s, S> {
    pub(super) store: &'s S,
    ids: CountingIds,
}

/// The day on which most cases play.
pub(super) fn noon() -> DateTime<Utc> {
    at("2026-01-05T12:00:00Z")
}

impl<'s, S: WholeStore> StoreFixture<'s, S> {
    pub(super) fn new(store: &'s S) -> Self {
        StoreFixture {
            store,
            ids: CountingIds::starting_at(1),
        }
    }

    /// An id that was not given before; later ones are higher.
    pub(super) fn fresh(&self) -> Uuid {
        self.ids.next()
    }

    #[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
    pub(super) async fn load(&self, keys: ReadSet) -> LoadedRecords {
        self.store.load(&keys).await.expect("`load` must answer")
    }

    #[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
    pub(super) async fn commit(&self, changes: &[Change]) -> Vec<CommitOutcome> {
        let outcomes = self.store.commit(changes).await;
        let outcomes = outcomes.expect("`commit` must say what became of each change");
        assert_eq!(outcomes.len(), changes.len(), "one outcome a change");
        outcomes
    }

    pub(super) async fn commit_one(&self, change: &Change) -> CommitOutcome {
        self.commit(std::slice::from_ref(change)).await[0]
    }

    pub(super) async fn committed(&self, change: &Change) {
        assert_eq!(
            self.commit_one(change).await,
            CommitOutcome::Committed,
            "nothing stands against this change: {change:?}"
        );
    }

    pub(super) async fn refused(&self, change: &Change, why: &str) {
        assert_eq!(self.commit_one(change).await, CommitOutcome::Conflict, "{why}");
    }

    pub(super) async fn version(&self, root: Root) -> u64 {
        let keys = ReadSet {
            roots: BTreeSet::from([root]),
            ..ReadSet::default()
        };
        let loaded = self.load(keys).await;
        let version = loaded.versions.get(&root);
        assert!(
            version.is_some(),
            "the version of every root that was asked for is answered"
        );
        version.map_or(0, |version| version.0)
    }

    /// A change of a user at a version: the user's record and one journal entry.
    pub(super) fn change(&self, user: UserId, version: u64) -> Change {
        self.change_of(User::new(user, noon()), version)
    }

    pub(super) fn change_of(&self, user: User, version: u64) -> Change {
        let mut change = Change::default();
        let root = Root::User(user.id);
        change.expected.insert(root, Version(version));
        change.journal.push(self.entry(root, noon()));
        change.write_set.writes.user.insert(user.id, Some(user));
        change
    }

    /// Commits something below a user's root, whatever its version is by now.
    pub(super) async fn settle(&self, user: UserId, edit: impl FnOnce(&mut Change)) {
        let version = self.version(Root::User(user)).await;
        let mut change = self.change(user, version);
        edit(&mut change);
        self.committed(&change).await;
    }

    /// An entry as the engine writes it for a command without a caller's key.
    pub(super) fn entry(&self, root: Root, recorded_at: DateTime<Utc>) -> JournalEntry {
        let user = match root {
            Root::User(user) => user,
            Root::Mission(_) | Root::Pack(_) => UserId(Uuid::nil()),
        };
        let answer: Answer = Ok(Reply::UserSaved(UserSaved {
            user: User::new(user, recorded_at),
        }));
        JournalEntry {
            root,
            request: Request {
                receipt: ReceiptKey {
                    caller: Uuid::nil(),
                    command: CommandId(self.fresh()),
                },
                fingerprint: Fingerprint::default(),
                keyed: false,
                at: recorded_at,
                signals: Signals::default(),
                command: Command::RegisterUser(RegisterUser {
                    user,
                    registered_at: None,
                    display_name: None,
                }),
            },
            answer,
            events: Vec::new(),
        }
    }

    /// An event of a user.
    pub(super) fn event(&self, user: UserId) -> OutboundEvent {
        OutboundEvent {
            id: EventId(self.fresh()),
            event: IntegrationEvent::TaskStarted(TaskStarted {
                task_id: TaskId(self.fresh()),
                user_id: user,
                mission_id: mission_id(1),
                started_at: noon(),
            }),
        }
    }
}

/// Awaits all futures at once, on whatever drives the caller.
pub(super) async fn all_at_once<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None::<F::Output>))
        .collect();
    let mut round = pin!(std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(done) => *output = Some(done),
                    Poll::Pending => ready = false,
                }
            }
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }));
    round.as_mut().await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
