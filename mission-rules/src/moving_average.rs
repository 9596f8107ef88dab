//! How long the evaluations of a script take of late.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A script whose evaluations take longer than this on average is slow. A batch of 256 commands that evaluate no slow
/// script is decided in about 50 ms at worst; an ordinary evaluation takes a twentieth of it.
pub const SLOW_EVALUATION: Duration = Duration::from_micros(200);

/// How many evaluations the average looks back on: one that the machine interrupts does not make a script slow, one
/// that uses up its wall time does, and so do a few that take some milliseconds.
const WEIGHT: u64 = 64;

/// A moving average, in nanoseconds. Two threads may overwrite each other's note: it is a hint, not a count.
#[derive(Debug, Default)]
pub(crate) struct MovingAverage(AtomicU64);

impl MovingAverage {
    pub(crate) fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let before = self.0.load(Ordering::Relaxed);
        self.0
            .store(before - before / WEIGHT + took / WEIGHT, Ordering::Relaxed);
    }

    pub(crate) fn is_slow(&self) -> bool {
        Duration::from_nanos(self.0.load(Ordering::Relaxed)) > SLOW_EVALUATION
    }
}
