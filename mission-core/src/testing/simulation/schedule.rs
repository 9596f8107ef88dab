//! What happens in a simulation, step by step, drawn from a seed before anything runs.

use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What a user, a producer of events, or an operator asks for. Numbers pick among what there is by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The user is here today.
    CheckIn,
    /// Another service tells that the user watched a video.
    Watch,
    /// The user starts a mission.
    Start(u8),
    /// The user's client reports progress of a task.
    Report(u8, u8),
    /// The user completes a task.
    Complete(u8),
    /// The user claims a reward.
    Claim(u8),
    /// The client sends an answered request again, under its key.
    Repeat(u8),
    /// An invitee of the user became active.
    Refer(u8),
    /// An operator revokes a reward of the user.
    Revoke(u8),
    /// An operator pauses a mission.
    Pause(u8),
    /// An operator activates a mission.
    Activate(u8),
    /// An operator creates a mission.
    Create(u8),
    /// An operator changes what a mission pays.
    Reprice(u8),
    /// An operator grants the user something, which another one may have to approve.
    Grant(u8),
    /// A reviewer decides what waits, or was decided before.
    Decide(u8),
    /// An operator erases the user.
    Erase,
}

/// What becomes of a message on its way between a client and an instance, or a producer and the inbound queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// It arrives.
    Arrives,
    /// It is lost.
    Lost,
    /// It arrives, and will arrive again.
    Duplicated,
}

/// What becomes of an operation of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseOutcome {
    /// It is carried out and answered.
    Answered,
    /// The connection is lost before it was carried out.
    Unreachable,
    /// It is carried out, and the connection is lost before the answer.
    AnswerLost,
    /// The connection is lost; a commit arrives at the database later.
    Late,
    /// It is carried out, and the instance crashes before it hears so.
    CrashAfter,
    /// The database refuses it.
    Refused,
    /// Somebody was faster, as the database says: nothing of a commit is written. A load is answered.
    Conflict,
}

/// What becomes of a message to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// It arrives and is confirmed.
    Confirmed,
    /// It is lost.
    Lost,
    /// It arrives, and the confirmation is lost.
    ConfirmLost,
    /// It arrives later, and the confirmation is not waited for.
    Delayed,
    /// It arrives twice and is confirmed.
    Duplicated,
    /// The broker does not take it.
    Refused,
}

/// One step of a simulation. Where there is nothing to do it for, it does nothing; numbers pick among what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are numbers that pick")]
pub enum Step {
    /// Somebody asks for something.
    Action { user: u8, instance: u8, action: Action },
    /// Whoever has no answer asks again, having hung up or not.
    Retry {
        request: u8,
        instance: u8,
        hangs_up: bool,
    },
    /// A message between a client and an instance arrives.
    Deliver { message: u8, transport: Transport },
    /// The database comes to an operation.
    Database { operation: u8, outcome: DatabaseOutcome },
    /// A commit arrives at the database whose sender has given it up.
    LateCommit { commit: u8 },
    /// An instance takes a message out of the inbound queue.
    Consume { instance: u8, message: u8 },
    /// An instance's relay goes one step on.
    Relay { instance: u8, publish: PublishOutcome },
    /// A delayed message arrives at the broker.
    LatePublish { message: u8 },
    /// The wallet takes the next message, and may crash before it acknowledges it.
    Wallet { crashes: bool },
    /// An instance crashes; its commits under way arrive or not.
    Crash { instance: u8, commits_arrive: bool },
    /// A crashed instance starts.
    Start { instance: u8 },
    /// A clock is set right by NTP: an instance's, or after the last one's the database's. It is so many milliseconds off then.
    SetClock { clock: u8, off_by: i16 },
    /// Time passes, in milliseconds.
    Wait { millis: u32 },
    /// The cache is lost.
    LoseCache,
    /// The replica catches up.
    SyncReplica,
    /// An instance reads the missions anew, of the database or its replica.
    Refresh { instance: u8, from_replica: bool },
    /// An instance writes down what has expired of a user, as the replica has it.
    Sweep { instance: u8, user: u8 },
}

/// All that happens in a simulation: the same schedule gives the same simulation, whatever seed it was drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How many instances there are.
    pub instances: u8,
    /// How many users there are.
    pub users: u8,
    /// What happens.
    pub steps: Vec<Step>,
}

/// Which faults happen in a simulation, and how often: in percent of the steps that each may hit. Few seeds have all of
/// them, so that one fault does not hide what another does.
struct FaultRates {
    transport: u32,
    database: u32,
    publish: u32,
    wallet: u32,
    crash: u32,
    clock: u32,
    cache: u32,
    hang_up: u32,
}

impl FaultRates {
    fn draw(rng: &mut impl Rng) -> Self {
        let mut rate = |most: u32| {
            if rng.random_range(0..3_u32) == 0 {
                0
            } else {
                rng.random_range(1..=most)
            }
        };
        FaultRates {
            transport: rate(30),
            database: rate(30),
            publish: rate(50),
            wallet: rate(50),
            crash: rate(100),
            clock: rate(100),
            cache: rate(100),
            hang_up: rate(100),
        }
    }
}

/// How often everybody wants the same, in percent of the steps.
const RUSHES: u32 = 2;

/// Everybody wants the same at once, of different instances.
fn rush(rng: &mut impl Rng, users: u8, steps: &mut Vec<Step>) {
    // Without anybody left nothing would happen any more.
    let action = Some(action(rng)).filter(|action| *action != Action::Erase);
    let action = action.unwrap_or(Action::CheckIn);
    steps.extend((0..users).map(|user| Step::Action {
        user,
        instance: rng.random(),
        action,
    }));
}

fn happens(rng: &mut impl Rng, percent: u32) -> bool {
    rng.random_range(0..100_u32) < percent
}

/// One of some equally likely things, or the usual one.
fn fault<F: Copy>(rng: &mut impl Rng, percent: u32, usual: F, faults: &[F]) -> F {
    if happens(rng, percent) {
        let drawn = rng.random_range(0..faults.len());
        faults.get(drawn).copied().unwrap_or(usual)
    } else {
        usual
    }
}

impl Schedule {
    /// Draws what happens.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let rates = FaultRates::draw(&mut rng);
        let instances = rng.random_range(1..=3);
        let users = rng.random_range(1..=4);
        let length = rng.random_range(200..=600_usize);
        let mut steps = Vec::with_capacity(length);
        while steps.len() < length {
            if happens(&mut rng, RUSHES) {
                rush(&mut rng, users, &mut steps);
            } else {
                steps.push(step(&mut rng, &rates));
            }
        }
        Schedule {
            instances,
            users,
            steps,
        }
    }
}

fn step(rng: &mut impl Rng, rates: &FaultRates) -> Step {
    let (pick, instance) = (rng.random::<u8>(), rng.random::<u8>());
    match rng.random_range(0..100_u32) {
        0..13 => Step::Action {
            user: pick,
            instance,
            action: action(rng),
        },
        13..36 => Step::Deliver {
            message: pick,
            transport: fault(
                rng,
                rates.transport,
                Transport::Arrives,
                &[Transport::Lost, Transport::Duplicated],
            ),
        },
        36..65 => Step::Database {
            operation: pick,
            outcome: fault(
                rng,
                rates.database,
                DatabaseOutcome::Answered,
                &[
                    DatabaseOutcome::Unreachable,
                    DatabaseOutcome::AnswerLost,
                    DatabaseOutcome::Late,
                    DatabaseOutcome::CrashAfter,
                    DatabaseOutcome::Refused,
                    DatabaseOutcome::Conflict,
                ],
            ),
        },
        65..69 => Step::Retry {
            request: pick,
            instance,
            hangs_up: happens(rng, rates.hang_up),
        },
        69..74 => Step::Consume {
            instance,
            message: pick,
        },
        74..86 => Step::Relay {
            instance,
            publish: fault(
                rng,
                rates.publish,
                PublishOutcome::Confirmed,
                &[
                    PublishOutcome::Lost,
                    PublishOutcome::ConfirmLost,
                    PublishOutcome::Delayed,
                    PublishOutcome::Duplicated,
                    PublishOutcome::Refused,
                ],
            ),
        },
        86..90 => Step::Wallet {
            crashes: happens(rng, rates.wallet),
        },
        90..94 => Step::Wait { millis: wait(rng) },
        94 => Step::Start { instance },
        95 => Step::SyncReplica,
        96 => Step::LateCommit { commit: pick },
        97 => Step::LatePublish { message: pick },
        98 => Step::Refresh {
            instance,
            from_replica: rng.random(),
        },
        _ => rare(rng, rates, pick, instance),
    }
}

fn rare(rng: &mut impl Rng, rates: &FaultRates, pick: u8, instance: u8) -> Step {
    match rng.random_range(0..5_u32) {
        0 | 1 if happens(rng, rates.crash) => Step::Crash {
            instance,
            commits_arrive: rng.random(),
        },
        2 if happens(rng, rates.clock) => Step::SetClock {
            clock: pick,
            off_by: rng.random_range(-500..=500),
        },
        3 if happens(rng, rates.cache) => Step::LoseCache,
        _ => Step::Sweep { instance, user: pick },
    }
}

fn action(rng: &mut impl Rng) -> Action {
    let pick = rng.random::<u8>();
    match rng.random_range(0..100_u32) {
        0..18 => Action::CheckIn,
        18..42 => Action::Watch,
        42..54 => Action::Start(pick),
        54..60 => Action::Report(pick, rng.random()),
        60..72 => Action::Complete(pick),
        72..81 => Action::Claim(pick),
        81..84 => Action::Grant(pick),
        84..87 => Action::Repeat(pick),
        87..89 => Action::Refer(pick),
        89..93 => Action::Decide(pick),
        93..95 => Action::Revoke(pick),
        95 => Action::Pause(pick),
        96..98 => Action::Activate(pick),
        98 => Action::Create(pick),
        _ if rng.random_range(0..3_u32) == 0 => Action::Erase,
        _ => Action::Reprice(pick),
    }
}

/// Mostly the time of a round trip, at times a time-out's or a lease's, seldom most of a day.
fn wait(rng: &mut impl Rng) -> u32 {
    match rng.random_range(0..20_u32) {
        0..5 => rng.random_range(1..=200),
        5..10 => rng.random_range(1_000..=20_000),
        _ => rng.random_range(6 * 3_600_000..=30 * 3_600_000),
    }
}
