//! The writer under trouble: races, poison, panics, stores that fail before, after and in between.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use mission_core::{
    CommandId, UserId,
    engine::{
        CatalogBuilder, CheckIn, Command, CommandError, CreateMission, Engine, EngineBuilder, EraseUser,
        ExecuteError, Fingerprint, IdempotencyKey, Limits, LoadedRecords, MoveMission, ReadSet, Rejection,
        Settings, Signals, StartTask, Writer,
    },
    memory::MemoryStore,
    mission::{Definition, StatusTransition},
    ports::{
        queries::Queries,
        store::{Change, CommitOutcome, Root, Store, StoreError},
    },
    testing::{CountingIds, FixedClock, active, at, definition, mission_id, user},
};
use pollster::block_on;

use crate::play::Words;

const NOON: &str = "2026-01-05T12:00:00Z";

/// What a store does with one commit, instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It answers that it does not know, and has written.
    LostAfter,
    /// It answers that it does not know, and has not written.
    LostBefore,
    /// Another instance was faster.
    Beaten,
    /// It cannot be read.
    Unreadable,
}

/// A memory store that plays the given troubles first, and never takes a change of one user.
#[derive(Clone, Default)]
pub(crate) struct Troubled {
    pub(crate) inner: MemoryStore,
    troubles: Arc<Mutex<Vec<Trouble>>>,
    poison: Option<UserId>,
    loads: Arc<AtomicUsize>,
}

impl Troubled {
    pub(crate) fn with(troubles: &[Trouble]) -> Self {
        let mut troubles = troubles.to_vec();
        troubles.reverse();
        Troubled {
            troubles: Arc::new(Mutex::new(troubles)),
            ..Troubled::default()
        }
    }

    fn next(&self, of: &[Trouble]) -> Option<Trouble> {
        let mut troubles = self.troubles.lock().unwrap();
        let next = troubles.last().copied().filter(|trouble| of.contains(trouble))?;
        troubles.pop();
        Some(next)
    }
}

#[async_trait]
impl Store for Troubled {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        match self.next(&[Trouble::Unreadable]) {
            Some(_) => Err(StoreError::Unavailable("unplugged".to_owned())),
            None => Store::load(&self.inner, keys).await,
        }
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        let poisoned = |change: &Change| {
            let poison = self.poison.map(Root::User);
            poison.is_some_and(|root| change.expected.contains_key(&root))
        };
        if changes.iter().any(poisoned) {
            return Err(StoreError::Refused("this row is too long".to_owned()));
        }
        match self.next(&[Trouble::LostAfter, Trouble::LostBefore, Trouble::Beaten]) {
            Some(Trouble::LostAfter) => {
                Store::commit(&self.inner, changes).await?;
                Err(StoreError::Unavailable("connection lost".to_owned()))
            }
            Some(Trouble::LostBefore) => Err(StoreError::Unavailable("connection lost".to_owned())),
            Some(_) => Ok(vec![CommitOutcome::Conflict; changes.len()]),
            None => Store::commit(&self.inner, changes).await,
        }
    }
}

/// An engine with its writer on a thread, which ends with the last handle.
struct Running {
    engine: Engine,
    clock: FixedClock,
}

fn run(store: impl Store + 'static, limits: Limits) -> Running {
    run_with_ids(store, limits, 1)
}

fn run_with_ids(store: impl Store + 'static, limits: Limits, ids_from: u64) -> Running {
    let clock = FixedClock::at(at(NOON));
    let script = |source: &str| Definition {
        script: Some(source.to_owned()),
        ..definition("panics")
    };
    let catalog = CatalogBuilder::new(&Words, Settings::default())
        .mission(active(1, definition("read-it")))
        .mission(active(2, script("panic")))
        .build();
    let ids = CountingIds::starting_at(ids_from);
    let (engine, writer) = EngineBuilder::new(store, clock.clone(), ids)
        .scripts(Words)
        .catalog(catalog)
        .limits(limits)
        .build();
    std::thread::spawn(move || block_on(writer.run()));
    Running { engine, clock }
}

/// An engine whose writer does not run yet.
fn waiting_engine<S: Store>(store: S, limits: Limits) -> (Engine, Writer<S>) {
    let clock = FixedClock::at(at(NOON));
    EngineBuilder::new(store, clock, CountingIds::default())
        .scripts(Words)
        .limits(limits)
        .build()
}

impl Running {
    fn check_in(&self, who: UserId, key: Option<IdempotencyKey>) -> Result<(u32, bool), ExecuteError> {
        let done = block_on(
            self.engine
                .execute(CheckIn { user: who }, Signals::default(), key),
        )?;
        Ok((done.reply.streak.current, done.replayed))
    }
}

fn key(n: u128, used_for: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        caller: user(1).0,
        command: CommandId(uuid::Uuid::from_u128(n)),
        fingerprint: Fingerprint::of([used_for.as_bytes()]),
    })
}

fn rejected(result: Result<(u32, bool), ExecuteError>) -> &'static str {
    match result {
        Err(ExecuteError::Rejected(why)) => why.code(),
        other => panic!("{other:?}"),
    }
}

fn rejected_before(result: Result<(u32, bool), ExecuteError>) -> &'static str {
    match result {
        Err(ExecuteError::RejectedBefore(why)) => why.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_64_at_once_one_wins() {
    let store = MemoryStore::default();
    let running = run(store.clone(), Limits::default());
    let tickets: Vec<_> = (0..64)
        .map(|_| {
            let command = CheckIn { user: user(1) }.into();
            running.engine.submit(command, Signals::default(), None).unwrap()
        })
        .collect();
    let answers: Vec<_> = tickets.into_iter().map(block_on).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let already = Err(ExecuteError::Rejected(Rejection::AlreadyCheckedIn));
    assert_eq!(answers.iter().filter(|answer| **answer == already).count(), 63);
    assert_eq!(store.records().reward.len(), 1);
}

#[test]
fn of_64_at_once_under_one_key_one_works_and_63_are_replayed() {
    let store = MemoryStore::default();
    let running = run(store.clone(), Limits::default());
    let tickets: Vec<_> = (0..64)
        .map(|_| {
            let command = CheckIn { user: user(1) }.into();
            running
                .engine
                .submit(command, Signals::default(), key(1, "checkin"))
                .unwrap()
        })
        .collect();
    let answers: Vec<_> = tickets
        .into_iter()
        .map(|ticket| block_on(ticket).unwrap())
        .collect();
    assert_eq!(answers.iter().filter(|answer| answer.replayed).count(), 63);
    assert!(answers.iter().all(|answer| answer.reply == answers[0].reply));
    assert_eq!(store.outbox().len(), 2, "one grant and one completion are told");
}

#[test]
fn a_key_gives_the_first_answer_for_a_day() {
    let running = run(MemoryStore::default(), Limits::default());
    assert_eq!(running.check_in(user(1), key(1, "checkin")), Ok((1, false)));
    assert_eq!(running.check_in(user(1), key(1, "checkin")), Ok((1, true)));
    assert_eq!(
        rejected(running.check_in(user(1), key(1, "another"))),
        "idempotency_key_reused"
    );
    let start = StartTask {
        user: user(1),
        mission: mission_id(1),
    };
    let other = block_on(
        running
            .engine
            .execute(start, Signals::default(), key(1, "checkin")),
    );
    assert!(
        matches!(
            other,
            Err(ExecuteError::Rejected(Rejection::IdempotencyKeyReused))
        ),
        "another command"
    );
    assert_eq!(
        rejected(running.check_in(user(1), key(2, "checkin"))),
        "already_checked_in"
    );
    running.clock.set(at("2026-01-06T11:59:59Z"));
    assert_eq!(running.check_in(user(1), key(1, "checkin")), Ok((1, true)));
    assert_eq!(
        rejected_before(running.check_in(user(1), key(2, "checkin"))),
        "already_checked_in",
        "refusals, too"
    );
    running.clock.set(at("2026-01-06T12:00:00Z"));
    assert_eq!(
        running.check_in(user(1), key(1, "checkin")),
        Ok((2, false)),
        "after a day the key is free"
    );
    running.clock.set(at("2026-01-07T12:00:00Z"));
    assert_eq!(running.check_in(user(1), key(2, "checkin")), Ok((3, false)));
}

#[test]
fn keys_belong_to_their_callers() {
    let running = run(MemoryStore::default(), Limits::default());
    let of = |caller: u64| {
        key(1, "checkin").map(|key| IdempotencyKey {
            caller: user(caller).0,
            ..key
        })
    };
    assert_eq!(running.check_in(user(1), of(1)), Ok((1, false)));
    assert_eq!(running.check_in(user(2), of(2)), Ok((1, false)));
}

#[test]
fn an_uncertain_commit_is_settled_by_its_receipt() {
    use Trouble::{Beaten, LostAfter, LostBefore, Unreadable};
    let unknown = |why: &str| Err(ExecuteError::Fault(CommandError::Unknown(why.to_owned())));
    let cases: [(&[Trouble], _); 7] = [
        (&[LostAfter], Ok((1, false))),
        (&[LostBefore], Ok((1, false))),
        (&[Beaten, LostAfter], Ok((1, false))),
        (&[LostBefore, Beaten], Ok((1, false))),
        (&[LostBefore, LostAfter], unknown("the store failed twice")),
        (&[LostAfter, Unreadable], unknown("unavailable: unplugged")),
        (
            &[Unreadable],
            Err(ExecuteError::Fault(CommandError::NotWritten(
                "unavailable: unplugged".to_owned(),
            ))),
        ),
    ];
    for (troubles, expected) in cases {
        for keyed in [false, true] {
            let store = Troubled::with(troubles);
            let running = run(store.clone(), Limits::default());
            let key = key(1, "checkin").filter(|_| keyed);
            assert_eq!(
                running.check_in(user(1), key),
                expected,
                "{troubles:?} keyed: {keyed}"
            );
            let written = store.inner.records().check_in_day.len();
            assert!(
                written <= 1 && (expected.is_err() || written == 1),
                "{troubles:?}"
            );
            assert_eq!(
                store.inner.outbox().len(),
                written * 2,
                "told as often as written: {troubles:?}"
            );
        }
    }
}

#[test]
fn who_is_beaten_every_time_is_told_so() {
    let store = Troubled::with(&[Trouble::Beaten; 100]);
    let limits = Limits {
        tries: 5,
        ..Limits::default()
    };
    let running = run(store.clone(), limits);
    assert_eq!(running.check_in(user(1), None), Err(ExecuteError::Contended(5)));
    assert_eq!(
        store.loads.load(Ordering::Relaxed),
        5,
        "each try on what is there by then"
    );
    assert!(store.inner.records().is_empty());
}

#[test]
fn poison_fails_alone() {
    let store = Troubled {
        poison: Some(user(5)),
        ..Troubled::default()
    };
    let running = run(store.clone(), Limits::default());
    let tickets: Vec<_> = (0..10)
        .map(|n| {
            let command = CheckIn { user: user(n) }.into();
            running.engine.submit(command, Signals::default(), None).unwrap()
        })
        .collect();
    for (n, ticket) in tickets.into_iter().enumerate() {
        let answer = block_on(ticket);
        if n == 5 {
            let why = "this row is too long".to_owned();
            assert_eq!(answer, Err(ExecuteError::Fault(CommandError::NotWritten(why))));
        } else {
            assert!(answer.is_ok(), "user {n}: {answer:?}");
        }
    }
    assert_eq!(store.inner.records().user.len(), 9);
}

#[test]
fn a_panicking_decision_fails_alone() {
    let store = MemoryStore::default();
    let running = run(store.clone(), Limits::default());
    let commands = [
        CheckIn { user: user(1) }.into(),
        StartTask {
            user: user(1),
            mission: mission_id(2),
        }
        .into(),
        StartTask {
            user: user(1),
            mission: mission_id(1),
        }
        .into(),
        CheckIn { user: user(2) }.into(),
    ];
    let submit = |command| running.engine.submit(command, Signals::default(), None).unwrap();
    let tickets = commands.map(submit);
    let answers = tickets.map(block_on);
    let panicked = ExecuteError::Fault(CommandError::NotWritten("the decision panicked".to_owned()));
    assert_eq!(answers[1], Err(panicked));
    assert!(
        answers[0].is_ok() && answers[2].is_ok() && answers[3].is_ok(),
        "{answers:?}"
    );
    assert_eq!(store.records().task.len(), 1);
}

#[test]
fn what_is_submitted_after_an_erasure_is_decided_after_it() {
    let limits = Limits {
        tries: 2,
        ..Limits::default()
    };
    let (engine, writer) = waiting_engine(MemoryStore::default(), limits);
    let erase = |who| EraseUser { user: user(who) }.into();
    let check_in = |who| CheckIn { user: user(who) }.into();
    let commands: [Command; 6] = [
        check_in(1),
        erase(1),
        check_in(1),
        erase(2),
        erase(3),
        check_in(3),
    ];
    let tickets = commands.map(|command| engine.submit(command, Signals::default(), None).unwrap());
    drop(engine);
    block_on(writer.run());
    let answers = tickets.map(|ticket| block_on(ticket).map(|_| ()));
    let erased = Err(ExecuteError::Rejected(Rejection::UserErased));
    assert_eq!(
        answers,
        [Ok(()), Ok(()), erased.clone(), Ok(()), Ok(()), erased],
        "in the order of submission, and waiting for an erasure is no try"
    );
}

#[test]
fn more_than_the_queue_holds_is_refused_at_once() {
    let limits = Limits {
        queue: 2,
        ..Limits::default()
    };
    let store = MemoryStore::default();
    let (engine, writer) = waiting_engine(store.clone(), limits);
    let submit = |n| engine.submit(CheckIn { user: user(n) }.into(), Signals::default(), None);
    let (first, second) = (submit(1).unwrap(), submit(2).unwrap());
    assert_eq!(engine.waiting(), 2);
    assert!(matches!(submit(3), Err(ExecuteError::Overloaded)));
    drop(second);
    drop(engine);
    block_on(writer.run());
    assert!(
        block_on(first).is_ok(),
        "what waited is answered before the writer ends"
    );
    let seen: Vec<_> = store.records().user.into_keys().collect();
    assert_eq!(seen, [user(1)], "who has gone away before is not served");
}

#[test]
fn without_a_writer_nothing_is_promised() {
    let (engine, writer) = waiting_engine(MemoryStore::default(), Limits::default());
    let waiting = engine
        .submit(CheckIn { user: user(1) }.into(), Signals::default(), None)
        .unwrap();
    drop(writer);
    assert_eq!(block_on(waiting), Err(ExecuteError::Stopped));
    let late = engine.submit(CheckIn { user: user(1) }.into(), Signals::default(), None);
    assert!(matches!(late, Err(ExecuteError::Stopped)));
}

#[test]
fn several_engines_on_one_store_converge() {
    let store = MemoryStore::default();
    let engines: Vec<Running> = (0..3)
        .map(|n| run_with_ids(store.clone(), Limits::default(), 1 + n * 1_000_000))
        .collect();
    let won = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for running in &engines {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..25 {
                        match running.check_in(user(n % 5), None) {
                            Ok(_) => {
                                won.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(ExecuteError::Rejected(Rejection::AlreadyCheckedIn)) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                });
            }
        }
    });
    assert_eq!(
        won.load(Ordering::Relaxed),
        5,
        "each user's one check-in was won by one engine"
    );
    let records = store.records();
    assert_eq!((records.check_in_day.len(), records.reward.len()), (5, 5));
    let sent: BTreeSet<_> = store.outbox().into_iter().map(|out| out.event.id).collect();
    assert_eq!(
        sent.len(),
        10,
        "a grant and a completion each, under ids of their own"
    );
}

#[test]
fn a_mission_is_in_force_before_its_maker_hears_of_it_and_elsewhere_after_a_refresh() {
    let store = MemoryStore::default();
    let here = run_with_ids(store.clone(), Limits::default(), 1);
    let there = run_with_ids(store.clone(), Limits::default(), 1_000_000);
    let create = CreateMission {
        mission: mission_id(7),
        definition: definition("new"),
    };
    block_on(here.engine.execute(create, Signals::default(), None)).unwrap();
    let activate = MoveMission {
        mission: mission_id(7),
        asked: StatusTransition::Activate,
        expected_version: None,
    };
    block_on(here.engine.execute(activate, Signals::default(), None)).unwrap();
    let start = StartTask {
        user: user(1),
        mission: mission_id(7),
    };
    assert!(block_on(here.engine.execute(start.clone(), Signals::default(), None)).is_ok());
    let unknown = block_on(there.engine.execute(start.clone(), Signals::default(), None));
    assert!(matches!(
        unknown,
        Err(ExecuteError::Rejected(Rejection::NotFound(_)))
    ));
    there.engine.refresh(block_on(store.catalog_records()).unwrap());
    let open = block_on(there.engine.execute(start, Signals::default(), None));
    assert!(matches!(
        open,
        Err(ExecuteError::Rejected(Rejection::TaskAlreadyOpen))
    ));
}
