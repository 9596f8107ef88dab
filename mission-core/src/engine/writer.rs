//! The writer: takes all that waits, decides it together, commits it at once, answers each. Where it may, it loads and
//! decides the next batch, on other roots, while one is committed.

use std::{
    collections::{BTreeSet, VecDeque},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream::FuturesUnordered,
};
use tracing::{Instrument as _, Span};

use super::{
    Catalog, Command, CommandError, CommandOutcome, ExecuteError, Executed, Limits, ReadSet, Reply, Request,
    RetryReason,
    batch::{self},
    handle::{CommandQueue, QueuedCommand, SharedCatalog, Waiter},
    read_set::read_set,
    slow_lane::SlowLaneUsers,
};
use crate::{decision::Root, ports::store::Store};

/// Commands of the slow lane that are committed together at most: whoever is there waits for few others.
const SLOW_BATCH: usize = 16;

/// The part of the queue that commands in the slow lane may be, apart from events: a server that serves so many requests at
/// once has room for others beside those that wait for slow scripts.
const SLOW_PART: usize = 16;

/// Commands that are set aside behind the batches under way at most; what comes later stays in the queue.
const MOST_SET_ASIDE: usize = 256;

/// Owns the store and does the engine's work until every handle is gone.
#[must_use = "nothing is committed until the writer runs"]
pub struct Writer<S> {
    store: S,
    queue: CommandQueue,
    lane: Lane,
    slow_lane: Arc<SlowLaneUsers>,
    catalog: Arc<SharedCatalog>,
    limits: Limits,
    progress_is_followed: Arc<AtomicBool>,
}

/// Which commands a writer decides.
enum Lane {
    /// All of them: it waits for slow scripts.
    Single,
    /// Those without slow scripts; it hands the others to the slow lane.
    Quick(async_channel::Sender<QueuedCommand>),
    /// Those that were handed to the slow lane.
    Slow,
}

/// Commands that are about to be decided together.
struct NewBatch {
    catalog: Arc<Catalog>,
    jobs: Vec<QueuedCommand>,
    read_sets: Vec<ReadSet>,
    /// The roots of each command.
    roots: Vec<BTreeSet<Root>>,
}

impl NewBatch {
    fn new(catalog: Arc<Catalog>) -> Self {
        NewBatch {
            catalog,
            jobs: Vec::new(),
            read_sets: Vec::new(),
            roots: Vec::new(),
        }
    }

    fn add(&mut self, job: QueuedCommand, read_set: ReadSet, roots: BTreeSet<Root>) {
        self.jobs.push(job);
        self.read_sets.push(read_set);
        self.roots.push(roots);
    }
}

/// A batch whose commands are answered, but for those that are to be tried again.
struct SettledBatch {
    roots: Vec<BTreeSet<Root>>,
    retries: VecDeque<QueuedCommand>,
}

/// The roots of the batches under way, which no other batch may have, and the number of their commands.
#[derive(Default)]
struct BusyRoots {
    roots: BTreeSet<Root>,
    commands: usize,
}

impl BusyRoots {
    fn enter(&mut self, roots: &[BTreeSet<Root>]) {
        self.roots.extend(roots.iter().flatten());
        self.commands += roots.len();
    }

    fn leave(&mut self, roots: &[BTreeSet<Root>]) {
        for root in roots.iter().flatten() {
            self.roots.remove(root);
        }
        self.commands -= roots.len();
    }

    fn contains(&self, root: Root) -> bool {
        self.roots.contains(&root)
    }

    fn commands(&self) -> usize {
        self.commands
    }
}

/// Answers a command that is not taken on.
fn refuse(job: QueuedCommand) {
    let why = if job.waiter.recheck {
        CommandError::Unknown("too many commands are waiting".to_owned()).into()
    } else {
        ExecuteError::Overloaded
    };
    let _ = job.waiter.answer.send(Err(why));
}

/// The span of a batch: within that of its first command, and with a link to those of the others.
fn batch_span(callers: &[Waiter]) -> Span {
    let first = callers.first().and_then(|caller| caller.span.id());
    let span = tracing::debug_span!(parent: first, "batch", commands = callers.len());
    if !span.is_disabled() {
        for caller in callers.iter().skip(1) {
            span.follows_from(&caller.span);
        }
    }
    span
}

impl<S: Store> Writer<S> {
    pub(super) fn new(
        store: S,
        inbox: CommandQueue,
        away: Arc<SlowLaneUsers>,
        catalog: Arc<SharedCatalog>,
        limits: Limits,
    ) -> Self {
        Writer {
            store,
            queue: inbox,
            lane: Lane::Single,
            slow_lane: away,
            catalog,
            limits,
            progress_is_followed: Arc::default(),
        }
    }

    /// Tells of every task that moves, while the flag says that somebody follows.
    pub(super) fn telling_progress_while(self, followed: Arc<AtomicBool>) -> Self {
        Writer {
            progress_is_followed: followed,
            ..self
        }
    }

    /// Two writers, so that slow scripts stall nobody: the second decides the commands of missions whose script has
    /// shown itself slow ([`Script::is_slow`](crate::ports::rules::Script::is_slow)), and what their users ask until
    /// those are answered; the first decides all others. So each user's commands are still decided in the order in
    /// which they were submitted. Both must run, the second on a thread of its own; it ends after the first, when
    /// all that it was handed is answered.
    ///
    /// ```
    /// # use mission_core::{engine::{CheckIn, EngineBuilder, Signals}, memory::MemoryStore};
    /// # use mission_core::{testing::{CountingIds, FixedClock}, UserId};
    /// # let clock = FixedClock::at("2026-01-05T10:00:00Z".parse()?);
    /// let (engine, writer) = EngineBuilder::new(MemoryStore::default(), clock, CountingIds::default()).build();
    /// let (quick, slow) = writer.with_slow_lane();
    /// std::thread::spawn(|| pollster::block_on(quick.run()));
    /// std::thread::spawn(|| pollster::block_on(slow.run()));
    /// # let user = UserId(uuid::Uuid::from_u128(1));
    /// # assert!(pollster::block_on(engine.execute(CheckIn { user }, Signals::default(), None)).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_slow_lane(self) -> (Writer<Arc<S>>, Writer<Arc<S>>) {
        let (handed_on, inbox) = async_channel::bounded(self.limits.queue.max(1));
        let store = Arc::new(self.store);
        let slow = Writer {
            store: Arc::clone(&store),
            queue: CommandQueue(inbox),
            lane: Lane::Slow,
            slow_lane: Arc::clone(&self.slow_lane),
            catalog: Arc::clone(&self.catalog),
            limits: Limits {
                batch: self.limits.batch.min(SLOW_BATCH),
                batches: 1,
                ..self.limits
            },
            progress_is_followed: Arc::clone(&self.progress_is_followed),
        };
        let quick = Writer {
            store,
            queue: self.queue,
            lane: Lane::Quick(handed_on),
            slow_lane: self.slow_lane,
            catalog: self.catalog,
            limits: self.limits,
            progress_is_followed: self.progress_is_followed,
        };
        (quick, slow)
    }

    /// Runs until every [`super::Engine`] is gone and all that waited is answered.
    pub async fn run(self) {
        // What is to be tried again, and what waits for a batch that is under way; in order.
        let mut waiting = VecDeque::new();
        let mut busy = BusyRoots::default();
        let mut batches = FuturesUnordered::new();
        loop {
            // Another batch beside one only where it would be as large: small ones cost more each than they save.
            while batches.is_empty()
                || (batches.len() < self.limits.batches
                    && waiting.len() + self.queue.0.len() >= busy.commands())
            {
                let Some(batch) = self.next_batch(&mut waiting, &busy) else {
                    break;
                };
                busy.enter(&batch.roots);
                batches.push(self.process(batch));
            }
            let arrived = pin!(self.queue.0.recv());
            // The queue is full of what waits for the batches under way, or there is no place for another.
            let is_full = batches.len() >= self.limits.batches || waiting.len() >= MOST_SET_ASIDE;
            let settled = if batches.is_empty() {
                match arrived.await {
                    Ok(job) => waiting.push_back(job),
                    Err(_) => return,
                }
                None
            } else if is_full || self.queue.0.is_closed() {
                batches.next().await
            } else {
                match select(batches.next(), arrived).await {
                    Either::Left((settled, _)) => settled,
                    Either::Right((job, _)) => {
                        waiting.extend(job);
                        None
                    }
                }
            };
            if let Some(SettledBatch { roots, mut retries }) = settled {
                busy.leave(&roots);
                // They go before all that waits, so that a user's commands keep their order.
                retries.append(&mut waiting);
                waiting = retries;
            }
        }
    }

    /// The next commands on roots that no batch under way has: first those that wait already, a suspect by itself; then
    /// what is in the queue. A command that has to wait keeps later ones on its roots behind it.
    fn next_batch(&self, waiting: &mut VecDeque<QueuedCommand>, busy: &BusyRoots) -> Option<NewBatch> {
        let mut batch = NewBatch::new(self.catalog.get());
        let mut blocked: BTreeSet<Root> = BTreeSet::new();
        let mut kept = VecDeque::new();
        // Only this writer sends commands away, so whoever is not away now stays here.
        let handed_on = match &self.lane {
            Lane::Quick(slow) if self.slow_lane.commands() > 0 => Some(slow),
            _ => None,
        };
        while batch.jobs.len() < self.limits.batch && kept.len() < MOST_SET_ASIDE {
            let Some(job) = waiting.pop_front().or_else(|| self.queue.0.try_recv().ok()) else {
                break;
            };
            // Who has gone away before anything was tried need not be served; after a try the outcome matters.
            if job.waiter.tries == 0 && job.waiter.answer.is_canceled() {
                continue;
            }
            if let Some(slow) = handed_on
                && self.slow_lane.contains(job.request.command.home())
                && !blocked.contains(&job.request.command.home())
            {
                self.defer(slow, job);
                continue;
            }
            let read_set = read_set(&job.request, &batch.catalog);
            let roots = read_set.all_roots();
            if roots
                .iter()
                .any(|root| busy.contains(*root) || blocked.contains(root))
            {
                blocked.extend(roots);
                kept.push_back(job);
                continue;
            }
            let is_suspect = job.waiter.alone;
            if is_suspect && !batch.jobs.is_empty() {
                waiting.push_front(job);
                break;
            }
            batch.add(job, read_set, roots);
            if is_suspect {
                break;
            }
        }
        kept.append(waiting);
        *waiting = kept;
        (!batch.jobs.is_empty()).then_some(batch)
    }

    /// Puts a command into the slow lane, behind all that its user has there.
    fn defer(&self, slow: &async_channel::Sender<QueuedCommand>, mut job: QueuedCommand) {
        let most = (self.limits.queue / SLOW_PART).max(2 * SLOW_BATCH);
        if !matches!(job.request.command, Command::ApplyEvent(_)) && self.slow_lane.commands() >= most {
            return refuse(job);
        }
        job.waiter.slow_lane_entry = Some(self.slow_lane.enter(job.request.command.home()));
        if let Err(async_channel::TrySendError::Full(job)) = slow.try_send(job) {
            refuse(job);
        }
    }

    async fn process(&self, batch: NewBatch) -> SettledBatch {
        let NewBatch {
            catalog,
            jobs,
            read_sets,
            roots,
        } = batch;
        let recheck = jobs.iter().any(|job| job.waiter.recheck);
        let (requests, callers): (Vec<Request>, Vec<Waiter>) =
            jobs.into_iter().map(|job| (job.request, job.waiter)).unzip();
        let step = batch::start_with(requests, read_sets, catalog, recheck)
            .telling_progress(self.progress_is_followed.load(Ordering::Relaxed));
        let step = match &self.lane {
            Lane::Quick(_) => step.deferring_slow_scripts(),
            Lane::Single | Lane::Slow => step,
        };
        let span = batch_span(&callers);
        let settled = batch::run(&self.store, step).instrument(span).await;
        self.update_catalog(&settled);
        let mut retries = VecDeque::new();
        for ((request, outcome), caller) in settled.into_iter().zip(callers) {
            let result = match outcome {
                CommandOutcome::Answered {
                    answer: Ok(reply),
                    replayed,
                    failures,
                } => {
                    // An answer that the engine itself asked for again is no replay to its caller.
                    Ok(Executed {
                        reply,
                        replayed: replayed && request.keyed && !caller.recheck,
                        failures,
                    })
                }
                CommandOutcome::Answered {
                    answer: Err(why),
                    replayed: true,
                    ..
                } if request.keyed && !caller.recheck => Err(ExecuteError::RejectedBefore(why)),
                CommandOutcome::Answered { answer: Err(why), .. } => Err(why.into()),
                CommandOutcome::Failed(fault) => Err(fault.into()),
                CommandOutcome::Again(why) => match self.retry(
                    QueuedCommand {
                        request,
                        waiter: caller,
                    },
                    why,
                ) {
                    Some(job) => {
                        retries.push_back(job);
                        continue;
                    }
                    None => continue,
                },
            };
            // Whoever asked may be gone; the command stands all the same.
            let _ = caller.answer.send(result);
        }
        SettledBatch { roots, retries }
    }

    /// What was not decided: to be tried again here, if it is not handed on or given up.
    fn retry(&self, mut job: QueuedCommand, why: RetryReason) -> Option<QueuedCommand> {
        let caller = &mut job.waiter;
        let given_up = match why {
            RetryReason::NextBatch => None,
            RetryReason::SlowLane => {
                if let Lane::Quick(slow) = &self.lane {
                    self.defer(slow, job);
                    return None;
                }
                None
            }
            RetryReason::Uncertain if caller.recheck => {
                Some(CommandError::Unknown("the store failed twice".to_owned()).into())
            }
            RetryReason::Conflict | RetryReason::Uncertain | RetryReason::Alone => {
                caller.tries += 1;
                caller.recheck |= why == RetryReason::Uncertain;
                caller.alone |= why == RetryReason::Alone;
                (caller.tries >= self.limits.tries).then_some(ExecuteError::Contended(caller.tries))
            }
        };
        match given_up {
            Some(error) => {
                let _ = job.waiter.answer.send(Err(error));
                None
            }
            None => Some(job),
        }
    }

    /// Missions and policies that were just committed are in force before anybody hears of it.
    fn update_catalog(&self, settled: &[(Request, CommandOutcome)]) {
        for (request, outcome) in settled {
            let CommandOutcome::Answered {
                answer: Ok(reply), ..
            } = outcome
            else {
                continue;
            };
            match (reply, &request.command) {
                (Reply::MissionSaved(saved), _) => {
                    self.catalog
                        .edit(|builder| builder.mission(saved.mission.clone()));
                }
                (Reply::PackSaved(saved), Command::PutPack(command)) => self.catalog.edit(|builder| {
                    let builder = builder
                        .pack_policy(command.pack, command.policy.clone())
                        .pack_caps(&command.name, command.caps.clone());
                    saved
                        .saved()
                        .cloned()
                        .fold(builder, super::CatalogBuilder::mission)
                }),
                _ => {}
            }
        }
    }
}
