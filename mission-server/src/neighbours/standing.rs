//! How a neighbour did lately, for `/health`, and the breaker that stops calls while it is away.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use failsafe::{
    Instrument, StateMachine,
    failure_policy::{self, ConsecutiveFailures},
};

use super::{CallError, Limits};

/// How a neighbour did lately.
#[derive(Debug)]
pub struct Standing {
    service: &'static str,
    open: AtomicBool,
    last: Mutex<(Duration, Option<String>)>,
}

/// How a neighbour did when it was last called; one that was never called is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub service: &'static str,
    /// Whether the last call succeeded.
    pub up: bool,
    /// How long that call took; 0 where there was none.
    pub latency: Duration,
    /// What is wrong, if something is.
    pub detail: Option<String>,
}

impl Standing {
    pub(super) fn new(service: &'static str) -> Self {
        Standing {
            service,
            open: AtomicBool::new(false),
            last: Mutex::default(),
        }
    }

    /// Notes what a call came to.
    pub(super) fn note(&self, latency: Duration, trouble: Option<&CallError>) {
        let trouble = trouble.map(ToString::to_string);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = (latency, trouble);
    }

    /// How it did.
    #[must_use]
    pub fn report(&self) -> Report {
        let (latency, trouble) = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = self.open.load(Ordering::Relaxed);
        let detail = if open {
            let last = trouble.map(|trouble| format!("; the last time {trouble}"));
            Some(format!("{}{}", CallError::Open, last.unwrap_or_default()))
        } else {
            trouble
        };
        Report {
            service: self.service,
            up: detail.is_none(),
            latency,
            detail,
        }
    }
}

/// Opens after some failures in a row, for a time that grows while the service stays away.
pub(super) type Breaker = StateMachine<ConsecutiveFailures<Pauses>, Watch>;

/// How long the breaker stays open each time. A copy begins anew. (The breaker's own pauses are whole seconds, and panic
/// below one.)
pub(super) struct Pauses {
    builder: ExponentialBuilder,
    running: ExponentialBackoff,
}

impl Pauses {
    fn new(builder: ExponentialBuilder) -> Self {
        let running = builder.build();
        Pauses { builder, running }
    }
}

impl Clone for Pauses {
    fn clone(&self) -> Self {
        Pauses::new(self.builder)
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.running.next()
    }
}

/// Hears of the breaker's changes.
pub(super) struct Watch(Arc<Standing>);

pub(super) fn breaker(limits: &Limits, standing: &Arc<Standing>) -> Breaker {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(limits.open_first)
        .with_max_delay(limits.open_longest)
        .without_max_times()
        .with_jitter();
    let policy = failure_policy::consecutive_failures(limits.failures, Pauses::new(pauses));
    StateMachine::new(policy, Watch(Arc::clone(standing)))
}

impl Instrument for Watch {
    fn on_call_rejected(&self) {}

    fn on_open(&self) {
        // One that fails again on its trial was open a moment ago.
        if !self.0.open.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                service = self.0.service,
                "a neighbour is away and is not asked for a while"
            );
        }
    }

    fn on_half_open(&self) {}

    fn on_closed(&self) {
        if self.0.open.swap(false, Ordering::Relaxed) {
            tracing::info!(service = self.0.service, "a neighbour is back");
        }
    }
}
