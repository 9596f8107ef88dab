//! What the evaluations of a hook have cost so far.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// One in so many evaluations of a compiled hook is timed: to look at the clock takes about as long as one of them.
const SAMPLE: u64 = 64;

/// Evaluations of one hook in one way, counted. Two threads may overwrite each other's count of compiled ones, which cost
/// too little for more.
#[derive(Debug, Default)]
pub(crate) struct CostCounter {
    evaluations: AtomicU64,
    timed: AtomicU64,
    nanoseconds: AtomicU64,
    longest: AtomicU64,
}

/// The counters of one hook.
#[derive(Debug, Default)]
pub(crate) struct HookCounters {
    pub(crate) compiled: CostCounter,
    pub(crate) interpreted: CostCounter,
}

impl CostCounter {
    /// Counts an evaluation that was timed.
    pub(crate) fn note(&self, took: Duration) {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        self.note_time(took);
    }

    /// Counts an evaluation; whether it is to be timed.
    pub(crate) fn count(&self) -> bool {
        let before = self.evaluations.load(Ordering::Relaxed);
        self.evaluations.store(before + 1, Ordering::Relaxed);
        before.is_multiple_of(SAMPLE)
    }

    /// Notes the time of one that was counted.
    pub(crate) fn note_time(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.timed.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        self.longest.fetch_max(nanoseconds, Ordering::Relaxed);
    }

    /// How many there were, how long all took, as those that were timed tell, and the longest of these.
    pub(crate) fn sums(&self) -> (u64, Duration, Duration) {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (evaluations, timed) = (of(&self.evaluations), of(&self.timed).max(1));
        let total = u128::from(of(&self.nanoseconds)) * u128::from(evaluations) / u128::from(timed);
        let total = Duration::from_nanos(u64::try_from(total).unwrap_or(u64::MAX));
        (evaluations, total, Duration::from_nanos(of(&self.longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_all_follows_from_those_that_were_timed() {
        let counter = CostCounter::default();
        let timed = (0..640).filter(|_| counter.count()).count();
        assert_eq!(timed, 10);
        for n in 1..=10 {
            counter.note_time(Duration::from_micros(n));
        }
        let (evaluations, total, longest) = counter.sums();
        assert_eq!((evaluations, longest), (640, Duration::from_micros(10)));
        assert_eq!(total, Duration::from_micros(55 * 64));
    }

    #[test]
    fn what_is_timed_each_time_is_exact() {
        let counter = CostCounter::default();
        assert_eq!(counter.sums(), (0, Duration::ZERO, Duration::ZERO));
        for millis in [3, 1] {
            counter.note(Duration::from_millis(millis));
        }
        assert_eq!(
            counter.sums(),
            (2, Duration::from_millis(4), Duration::from_millis(3))
        );
    }
}
