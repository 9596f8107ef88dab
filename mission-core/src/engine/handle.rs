//! The engine as callers hold it: cheap to clone, without a type parameter, without a runtime.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, RwLock},
    task::{Context, Poll},
};

use futures_channel::oneshot;
use tracing::Span;
use uuid::Uuid;

use super::{
    Catalog, CatalogBuilder, Command, CommandError, Fingerprint, FriendFacts, Friends, ReceiptKey, Rejection,
    Reply, Request, Signals, TypedCommand, Writer,
    slow_lane::{SlowCommand, SlowLaneUsers},
};
use crate::{
    CommandId,
    ports::{
        clock::{Clock, Ids},
        queries::CatalogRecords,
        rules::{MissionRuleFailure, ScriptCompiler},
        social::Social,
        store::Store,
    },
};

/// Why a command has no reply.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExecuteError {
    /// The domain says no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The domain said no when the key was first used, and so it stays.
    #[error("{0}")]
    RejectedBefore(Rejection),
    /// More commands wait than the engine takes on; nothing was done.
    #[error("too many commands are waiting")]
    Overloaded,
    /// Others were faster every time; nothing was done.
    #[error("others were faster {0} times")]
    Contended(u8),
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] CommandError),
    /// The writer is gone; whether the command was carried out is unknown.
    #[error("the writer has stopped; the outcome is unknown")]
    Stopped,
}

/// A reply, and whether it was given before under the same key.
#[derive(Debug, Clone, PartialEq)]
pub struct Executed<R> {
    /// The reply.
    pub reply: R,
    /// Whether the command had been carried out before.
    pub replayed: bool,
    /// The rules that failed on what the command made happen; see [`super::Decision::failures`].
    pub failures: Vec<MissionRuleFailure>,
}

/// A caller's key for a command: the same key gives the same answer, and the command takes effect once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is.
    pub caller: Uuid,
    /// The key.
    pub command: CommandId,
    /// What it is used for.
    pub fingerprint: Fingerprint,
}

/// Limits of the engine: queue length, batch size, attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Commands that may wait; one more is refused.
    pub queue: usize,
    /// Commands that are committed together at most.
    pub batch: usize,
    /// Batches that may be under way at once, on different roots: while one is committed, the next is loaded and decided.
    /// More than one pays where the store is far away.
    pub batches: usize,
    /// Tries of one command that others overtake.
    pub tries: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            queue: 4096,
            batch: 256,
            batches: 1,
            tries: 8,
        }
    }
}

/// A command in the writer's queue.
pub(super) struct QueuedCommand {
    pub(super) request: Request,
    pub(super) waiter: Waiter,
}

/// The channel to the caller of a queued command, with its retry state.
pub(super) struct Waiter {
    pub(super) tries: u8,
    pub(super) recheck: bool,
    pub(super) alone: bool,
    pub(super) answer: oneshot::Sender<Result<Executed<Reply>, ExecuteError>>,
    /// From when it is submitted until it is answered.
    pub(super) span: Span,
    /// While it is in the slow lane.
    pub(super) slow_lane_entry: Option<SlowCommand>,
}

/// The receiving end of a writer's queue.
pub(super) struct CommandQueue(pub(super) async_channel::Receiver<QueuedCommand>);

impl Drop for CommandQueue {
    /// Whoever still waits is told that nobody will come: the queue itself lives on with its senders.
    fn drop(&mut self) {
        self.0.close();
        while self.0.try_recv().is_ok() {}
    }
}

/// The current catalog, shared by the writers and every handle.
pub(super) struct SharedCatalog {
    catalog: RwLock<Arc<Catalog>>,
    editing: Mutex<()>,
    compiler: Arc<dyn ScriptCompiler>,
}

impl SharedCatalog {
    pub(super) fn get(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts an edited copy in place. One edit at a time, so that none is lost.
    pub(super) fn edit(&self, edit: impl FnOnce(CatalogBuilder<'_>) -> CatalogBuilder<'_>) {
        let _one_at_a_time = self.editing.lock().unwrap_or_else(PoisonError::into_inner);
        let edited = edit(self.get().edit(self.compiler.as_ref())).build();
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(edited);
    }
}

/// Takes commands and answers them when they are durable.
///
/// ```
/// use mission_core::{engine::{CheckIn, EngineBuilder, Signals}, memory::MemoryStore};
/// use mission_core::{testing::{CountingIds, FixedClock}, UserId};
///
/// let clock = FixedClock::at("2026-01-05T10:00:00Z".parse()?);
/// let (engine, writer) = EngineBuilder::new(MemoryStore::default(), clock, CountingIds::default()).build();
/// std::thread::spawn(|| pollster::block_on(writer.run()));
/// let user = UserId(uuid::Uuid::from_u128(1));
/// let done = pollster::block_on(engine.execute(CheckIn { user }, Signals::default(), None))?;
/// assert_eq!(done.reply.streak.current, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    queue: async_channel::Sender<QueuedCommand>,
    catalog: Arc<SharedCatalog>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    social: Option<Arc<dyn Social>>,
    slow_lane: Arc<SlowLaneUsers>,
}

/// The engine of all its parts, and the writer that does its work.
pub(super) fn assemble<S: Store>(
    store: S,
    catalog: Catalog,
    compiler: Arc<dyn ScriptCompiler>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    social: Option<Arc<dyn Social>>,
    limits: Limits,
) -> (Engine, Writer<S>) {
    let (sender, receiver) = async_channel::bounded(limits.queue.max(1));
    let catalog = Arc::new(SharedCatalog {
        catalog: RwLock::new(Arc::new(catalog)),
        editing: Mutex::new(()),
        compiler,
    });
    let away = Arc::new(SlowLaneUsers::default());
    let engine = Engine {
        queue: sender,
        catalog: Arc::clone(&catalog),
        clock,
        ids,
        social,
        slow_lane: Arc::clone(&away),
    };
    (
        engine,
        Writer::new(store, CommandQueue(receiver), away, catalog, limits),
    )
}

impl Engine {
    /// The catalog that commands are decided on now.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.get()
    }

    /// Brings the catalog up to what a store says; newer missions than the store's stay.
    pub fn refresh(&self, catalog: CatalogRecords) {
        self.catalog.edit(|builder| builder.records(catalog));
    }

    pub(super) fn compiler(&self) -> &dyn ScriptCompiler {
        self.catalog.compiler.as_ref()
    }

    /// The domain's time.
    #[must_use]
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    /// A fresh id.
    #[must_use]
    pub fn next_id(&self) -> Uuid {
        self.ids.next()
    }

    /// Commands that wait, those in the slow lane with them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len() + self.slow_lane.commands()
    }

    /// Carries a command out, and answers when it is durable.
    ///
    /// # Errors
    /// When the domain refuses it, or it could not be carried out.
    pub async fn execute<I: TypedCommand>(
        &self,
        intent: I,
        signals: Signals,
        key: Option<IdempotencyKey>,
    ) -> Result<Executed<I::Reply>, ExecuteError> {
        let command = intent.into();
        let signals = self.with_friends(&command, signals).await;
        let done = self.submit(command, signals, key)?.await?;
        match I::Reply::try_from(done.reply) {
            Ok(reply) => Ok(Executed {
                reply,
                replayed: done.replayed,
                failures: done.failures,
            }),
            Err(_) => Err(Rejection::IdempotencyKeyReused.into()),
        }
    }

    /// The signals with what rules read that another service knows: who the user's friends are. Nothing is asked where no
    /// rule that may decide on the command reads it.
    pub async fn with_friends(&self, command: &Command, signals: Signals) -> Signals {
        let Some(social) = &self.social else {
            return signals;
        };
        let Some(user) = self.catalog().friends_read_by(command) else {
            return signals;
        };
        let friends = match social.friends(user).await {
            Ok(friends) => Friends::Known(FriendFacts::of(&friends, command)),
            Err(_) => Friends::Unknown,
        };
        Signals {
            friends: Some(friends),
            ..signals
        }
    }

    /// Puts a command into the queue without waiting. Commands of one user are decided in the order in which they
    /// were submitted.
    ///
    /// # Errors
    /// When the queue is full, or the writer is gone.
    pub fn submit(
        &self,
        command: Command,
        signals: Signals,
        key: Option<IdempotencyKey>,
    ) -> Result<PendingCommand, ExecuteError> {
        let at = self.clock.now();
        let request = match key {
            Some(key) => Request {
                receipt: ReceiptKey {
                    caller: key.caller,
                    command: key.command,
                },
                fingerprint: key.fingerprint,
                keyed: true,
                at,
                signals,
                command,
            },
            None => Request::unkeyed(command, CommandId(self.ids.next()), at, signals),
        };
        let span = tracing::debug_span!("command", command = request.command.name());
        let (sender, receiver) = oneshot::channel();
        let job = QueuedCommand {
            request,
            waiter: Waiter {
                tries: 0,
                recheck: false,
                alone: false,
                answer: sender,
                span,
                slow_lane_entry: None,
            },
        };
        match self.queue.try_send(job) {
            Ok(()) => Ok(PendingCommand(receiver)),
            Err(async_channel::TrySendError::Full(_)) => Err(ExecuteError::Overloaded),
            Err(async_channel::TrySendError::Closed(_)) => Err(ExecuteError::Stopped),
        }
    }
}

/// A submitted command; a future of its answer.
#[must_use = "the answer comes by this"]
pub struct PendingCommand(oneshot::Receiver<Result<Executed<Reply>, ExecuteError>>);

impl Future for PendingCommand {
    type Output = Result<Executed<Reply>, ExecuteError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|received| received.unwrap_or(Err(ExecuteError::Stopped)))
    }
}
