//! An instance: the engine with its writer, which runs until it waits for the database; its clock and its relay.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use chrono::{DateTime, Duration, Utc};

use super::{Mutation, database::Connection, missions, relay::Relay, requests::InboundEvent};
use crate::{
    decision::{CatalogBuilder, CatalogRecords, Reply, Settings},
    engine::{Engine, EngineBuilder, ExecuteError, Executed, Limits, PendingCommand},
    ports::rules::NoScripts,
    testing::{CountingIds, FixedClock},
};

/// Small, so that queues fill and tries run out.
const LIMITS: Limits = Limits {
    queue: 6,
    batch: 4,
    batches: 2,
    tries: 4,
};

/// Who waits for a command.
pub(super) enum Caller {
    /// A client, for the answer to its request.
    Client(usize),
    /// The consumer of the inbound queue, to acknowledge a message.
    Consumer(InboundEvent),
    /// Nobody.
    Housekeeping,
}

/// A submitted command.
pub(super) struct Waiting {
    pub(super) caller: Caller,
    pub(super) pending: PendingCommand,
}

/// What lives from a start to a crash.
pub(super) struct Running {
    pub(super) engine: Engine,
    pub(super) connection: Connection,
    pub(super) waiting: Vec<Waiting>,
    pub(super) relay: Relay,
    writer: Pin<Box<dyn Future<Output = ()> + Send>>,
}

type Settled = (Caller, Result<Executed<Reply>, ExecuteError>);

impl Running {
    /// Lets the writer run until it waits, and takes the answers that are ready.
    pub(super) fn poll(&mut self) -> Vec<Settled> {
        let mut context = Context::from_waker(Waker::noop());
        let _ = self.writer.as_mut().poll(&mut context);
        let mut settled = Vec::new();
        let mut waiting = Vec::new();
        for mut command in self.waiting.drain(..) {
            match Pin::new(&mut command.pending).poll(&mut context) {
                Poll::Ready(result) => settled.push((command.caller, result)),
                Poll::Pending => waiting.push(command),
            }
        }
        self.waiting = waiting;
        settled
    }
}

/// A place where an instance runs, or does not.
pub(super) struct Instance {
    number: u64,
    starts: u64,
    clock: FixedClock,
    off_by: Duration,
    pub(super) running: Option<Running>,
}

impl Instance {
    pub(super) fn new(number: u64, now: DateTime<Utc>) -> Self {
        Instance {
            number,
            starts: 0,
            clock: FixedClock::at(now),
            off_by: Duration::zero(),
            running: None,
        }
    }

    /// Starts it on the missions that it has read.
    pub(super) fn start(&mut self, missions: CatalogRecords, mutation: Option<Mutation>) {
        self.starts += 1;
        let of_this_start = self.number << 32 | self.starts;
        let connection = Connection::default();
        let catalog = CatalogBuilder::new(&NoScripts, Settings::default());
        let catalog = catalog.policy(missions::policy()).records(missions);
        let ids = CountingIds::starting_at(of_this_start << 16);
        let builder = EngineBuilder::new(connection.clone(), self.clock.clone(), ids);
        let (engine, writer) = builder.catalog(catalog.build()).limits(LIMITS).build();
        self.running = Some(Running {
            engine,
            connection,
            waiting: Vec::new(),
            relay: Relay::new(of_this_start, mutation),
            writer: Box::pin(writer.run()),
        });
    }

    /// Sets its clock right, or wrong by as much as NTP allows.
    pub(super) fn set_off_by(&mut self, off_by: Duration, now: DateTime<Utc>) {
        self.off_by = off_by;
        self.show(now);
    }

    /// Lets its clock show what it shows at an instant.
    pub(super) fn show(&mut self, now: DateTime<Utc>) {
        self.clock.set(now + self.off_by);
    }
}
