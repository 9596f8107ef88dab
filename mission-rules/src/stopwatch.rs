//! Elapsed time, as a parameter: the only thing that the sandbox knows of clocks.

use std::time::{Duration, Instant};

/// Measures elapsed real time. Scripts never see it; it only ends those that run too long.
///
/// It must not be the domain's clock, which stands still or jumps in tests.
pub trait Stopwatch: Send + Sync {
    /// The time since some fixed moment; never less than at an earlier call.
    fn elapsed(&self) -> Duration;
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicStopwatch {
    start: Instant,
}

impl MonotonicStopwatch {
    /// Starts at zero.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox's time-out is about the machine, not about the domain"
    )]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Stopwatch for MonotonicStopwatch {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// For evaluations that must give the same on every machine and every run, such as replays: time never passes, so that
/// the count of operations alone ends a script.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoppedStopwatch;

impl Stopwatch for StoppedStopwatch {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
