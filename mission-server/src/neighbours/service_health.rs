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

/// The health of a neighbour, from its last calls.
#[derive(Debug)]
pub struct ServiceHealth {
    service: &'static str,
    open: AtomicBool,
    last: Mutex<(Duration, Option<String>)>,
}

/// The health of a neighbour as reported by `/health`; one that was never called is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReport {
    /// Which.
    pub service: &'static str,
    /// Whether the last call succeeded.
    pub up: bool,
    /// How long that call took; 0 where there was none.
    pub latency: Duration,
    /// What is wrong, if something is.
    pub detail: Option<String>,
}

impl ServiceHealth {
    pub(super) fn new(service: &'static str) -> Self {
        ServiceHealth {
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
    pub fn report(&self) -> ServiceReport {
        let (latency, trouble) = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = self.open.load(Ordering::Relaxed);
        let detail = if open {
            let last = trouble.map(|trouble| format!("; the last time {trouble}"));
            Some(format!("{}{}", CallError::Open, last.unwrap_or_default()))
        } else {
            trouble
        };
        ServiceReport {
            service: self.service,
            up: detail.is_none(),
            latency,
            detail,
        }
    }
}

/// Opens after some failures in a row, for a time that grows while the service stays away.
pub(super) type Breaker = StateMachine<ConsecutiveFailures<BreakerBackOff>, BreakerObserver>;

/// The back-off of the breaker: how long it stays open each time. A copy begins anew. (The breaker's own pauses are whole seconds, and panic
/// below one.)
pub(super) struct BreakerBackOff {
    builder: ExponentialBuilder,
    running: ExponentialBackoff,
}

impl BreakerBackOff {
    fn new(builder: ExponentialBuilder) -> Self {
        let running = builder.build();
        BreakerBackOff { builder, running }
    }
}

impl Clone for BreakerBackOff {
    fn clone(&self) -> Self {
        BreakerBackOff::new(self.builder)
    }
}

impl Iterator for BreakerBackOff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.running.next()
    }
}

/// Observes the breaker's state changes.
pub(super) struct BreakerObserver(Arc<ServiceHealth>);

pub(super) fn breaker(limits: &Limits, health: &Arc<ServiceHealth>) -> Breaker {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(limits.open_first)
        .with_max_delay(limits.open_longest)
        .without_max_times()
        .with_jitter();
    let policy = failure_policy::consecutive_failures(limits.failures, BreakerBackOff::new(pauses));
    StateMachine::new(policy, BreakerObserver(Arc::clone(health)))
}

impl Instrument for BreakerObserver {
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
