//! A slow script stalls nobody but the users whom it is asked about.

use std::{
    sync::{Arc, Condvar, Mutex, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use mission_core::{
    engine::{
        CatalogBuilder, CheckIn, Command, DescribeUser, Engine, EngineBuilder, EraseUser, ExecuteError,
        Limits, PendingCommand, Rejection, Reply, Settings, Signals, StartTask,
    },
    memory::MemoryStore,
    mission::Definition,
    ports::{
        rules::{
            CompileError, EvidenceVerdict, RewardPatch, RuleContext, RuleFailure, Script, ScriptCompiler,
        },
        store::Store,
    },
    testing::{CountingIds, FixedClock, active, at, definition, mission_id, user},
    user::UserUpdate,
};
use pollster::block_on;

use crate::writer::{Trouble, Troubled};

/// A mission with a script that waits.
const GATED: u64 = 1;
/// A mission without a script.
const OPEN: u64 = 2;

/// A script that is not done before the gate is opened.
#[derive(Clone, Debug, Default)]
struct Gate(Arc<(Mutex<GateState>, Condvar)>);

#[derive(Debug, Default)]
struct GateState {
    open: bool,
    entered: usize,
}

impl Gate {
    fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    fn wait_until_entered(&self, times: usize) {
        let state = self.0.0.lock().unwrap();
        let waiting = |state: &mut GateState| state.entered < times;
        let (_state, late) = self.0.1.wait_timeout_while(state, PATIENCE, waiting).unwrap();
        assert!(!late.timed_out(), "the script was never asked");
    }
}

impl ScriptCompiler for Gate {
    fn compile(&self, _: &str) -> Result<Arc<dyn Script>, CompileError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Script for Gate {
    fn eligible(&self, context: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure> {
        let mut state = self.0.0.lock().unwrap();
        state.entered += 1;
        self.0.1.notify_all();
        let closed = |state: &mut GateState| !state.open;
        drop(self.0.1.wait_while(state, closed).unwrap());
        Ok(Some(context.user.tags.is_empty()))
    }

    fn progress(&self, _: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure> {
        Ok(None)
    }

    fn verify(&self, _: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure> {
        Ok(None)
    }

    fn reward(&self, _: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure> {
        Ok(None)
    }

    fn risk(&self, _: &RuleContext<'_>) -> Result<Option<mission_core::fraud::RiskAssessment>, RuleFailure> {
        Ok(None)
    }

    fn is_slow(&self) -> bool {
        true
    }
}

/// How long a test waits for what must come; it fails after it, and never sooner.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    engine: Engine,
    gate: Gate,
    writers: [JoinHandle<()>; 2],
}

fn run(store: impl Store + 'static, limits: Limits) -> Running {
    run_after(store, limits, |_| ()).0
}

/// Lets the writers run when something has been done with the engine.
fn run_after<T>(
    store: impl Store + 'static,
    limits: Limits,
    before: impl FnOnce(&Engine) -> T,
) -> (Running, T) {
    let gate = Gate::default();
    let gated = Definition {
        script: Some("waits".to_owned()),
        ..definition("gated")
    };
    let catalog = CatalogBuilder::new(&gate, Settings::default())
        .mission(active(GATED, gated))
        .mission(active(OPEN, definition("open")))
        .build();
    let clock = FixedClock::at(at("2026-01-05T12:00:00Z"));
    let (engine, writer) = EngineBuilder::new(store, clock, CountingIds::default())
        .scripts(gate.clone())
        .catalog(catalog)
        .limits(limits)
        .build();
    let done = before(&engine);
    let (quick, slow) = writer.with_slow_lane();
    let writers = [
        std::thread::spawn(move || block_on(quick.run())),
        std::thread::spawn(move || block_on(slow.run())),
    ];
    let running = Running {
        engine,
        gate,
        writers,
    };
    (running, done)
}

impl Running {
    fn submit(&self, command: impl Into<Command>) -> PendingCommand {
        self.engine
            .submit(command.into(), Signals::default(), None)
            .unwrap()
    }
}

fn start(who: u64, mission: u64) -> StartTask {
    StartTask {
        user: user(who),
        mission: mission_id(mission),
    }
}

fn check_in(who: u64) -> CheckIn {
    CheckIn { user: user(who) }
}

fn answer(ticket: PendingCommand) -> Result<Reply, ExecuteError> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more where the test has failed.
        let _ = sender.send(block_on(ticket));
    });
    receiver
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| panic!("the command is stalled"))
        .map(|done| done.reply)
}

#[test]
fn others_do_not_wait_for_a_slow_script() {
    let running = run(MemoryStore::default(), Limits::default());
    let slow = running.submit(start(1, GATED));
    running.gate.wait_until_entered(1);
    assert!(answer(running.submit(check_in(2))).is_ok());
    assert!(answer(running.submit(start(2, OPEN))).is_ok());
    running.gate.open();
    assert!(answer(slow).is_ok());
    assert!(
        answer(running.submit(check_in(1))).is_ok(),
        "who was away comes back"
    );
}

#[test]
fn a_users_commands_keep_their_order_over_both_lanes() {
    let running = run(MemoryStore::default(), Limits::default());
    let tickets = [
        running.submit(check_in(1)),
        running.submit(start(1, GATED)),
        running.submit(start(1, OPEN)),
        running.submit(EraseUser { user: user(1) }),
        running.submit(check_in(1)),
    ];
    running.gate.wait_until_entered(1);
    let later = running.submit(check_in(1));
    assert!(answer(running.submit(check_in(2))).is_ok());
    running.gate.open();
    let mut answers = tickets.map(answer).into_iter();
    let done = answers.by_ref().take(4).filter(Result::is_ok).count();
    assert_eq!(done, 4, "none was overtaken by the erasure");
    let erased = Err(ExecuteError::Rejected(Rejection::UserErased));
    assert_eq!(answers.next(), Some(erased.clone()));
    assert_eq!(answer(later), erased);
}

#[test]
fn what_is_decided_again_stays_before_what_waits_for_a_slow_script() {
    let ban = DescribeUser {
        user: user(1),
        update: UserUpdate {
            tags: Some(vec!["banned".to_owned()]),
            ..UserUpdate::default()
        },
    };
    let store = Troubled::with(&[Trouble::Beaten]);
    let (running, tickets) = run_after(store, Limits::default(), |engine| {
        let commands: [Command; 2] = [ban.into(), start(1, GATED).into()];
        commands.map(|command| engine.submit(command, Signals::default(), None).unwrap())
    });
    running.gate.open();
    let [banned, started] = tickets.map(answer);
    assert!(banned.is_ok(), "{banned:?}");
    assert!(
        matches!(started, Err(ExecuteError::Rejected(Rejection::NotEligible(_)))),
        "the script has seen the tag: {started:?}"
    );
}

#[test]
fn both_lanes_are_drained_at_the_end() {
    let running = run(MemoryStore::default(), Limits::default());
    let tickets = [1, 2, 3].map(|who| running.submit(start(who, GATED)));
    let last = running.submit(check_in(4));
    running.gate.wait_until_entered(1);
    drop(running.engine);
    running.gate.open();
    for writer in running.writers {
        writer.join().unwrap();
    }
    assert!(tickets.map(answer).iter().all(Result::is_ok));
    assert!(answer(last).is_ok());
}

#[test]
fn a_full_slow_lane_refuses_and_holds_nobody_up() {
    let limits = Limits {
        queue: 1,
        ..Limits::default()
    };
    let running = run(MemoryStore::default(), limits);
    let first = running.submit(start(1, GATED));
    running.gate.wait_until_entered(1);
    let second = running.submit(start(2, GATED));
    while running.engine.waiting() < 2 {
        std::thread::yield_now();
    }
    // A command that passes by shows that the one before it has been handed on.
    assert!(answer(running.submit_when_there_is_room(check_in(4))).is_ok());
    let third = running.submit_when_there_is_room(start(3, GATED));
    assert_eq!(answer(third), Err(ExecuteError::Overloaded), "nothing was done");
    assert!(answer(running.submit_when_there_is_room(check_in(3))).is_ok());
    running.gate.open();
    assert!(answer(first).is_ok() && answer(second).is_ok());
}

#[test]
fn commands_that_wait_for_slow_scripts_leave_room_for_others() {
    let limits = Limits {
        queue: 512,
        ..Limits::default()
    };
    let running = run(MemoryStore::default(), limits);
    let mut tickets: Vec<PendingCommand> = (1..=40).map(|who| running.submit(start(who, GATED))).collect();
    let refused = tickets.split_off(32);
    for ticket in refused {
        assert_eq!(answer(ticket), Err(ExecuteError::Overloaded));
    }
    assert!(answer(running.submit(check_in(41))).is_ok());
    running.gate.open();
    assert!(tickets.into_iter().map(answer).all(|done| done.is_ok()));
}

impl Running {
    fn submit_when_there_is_room(&self, command: impl Into<Command>) -> PendingCommand {
        let command = command.into();
        loop {
            match self.engine.submit(command.clone(), Signals::default(), None) {
                Ok(ticket) => return ticket,
                Err(ExecuteError::Overloaded) => std::thread::yield_now(),
                Err(other) => panic!("{other}"),
            }
        }
    }
}
