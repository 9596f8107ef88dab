//! The domain's time and ids.

use std::{
    sync::{PoisonError, RwLock},
    time::Instant,
};

use chrono::{DateTime, Utc};
use mission_core::{ports::clock::Clock, system::SystemClock};

/// A clock that can be set, and runs on from what it was set to.
///
/// ```
/// use mission_core::ports::clock::Clock;
/// use mission_server::lifecycle::TestClock;
/// let clock = TestClock::new();
/// clock.set("2026-01-05T10:00:00Z".parse()?);
/// assert_eq!(clock.now().date_naive().to_string(), "2026-01-05");
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug)]
pub struct TestClock {
    /// What the clock showed at an instant.
    set: RwLock<(DateTime<Utc>, Instant)>,
}

impl TestClock {
    /// A clock that shows the machine's time until it is set.
    #[must_use]
    pub fn new() -> Self {
        TestClock {
            set: RwLock::new((SystemClock.now(), Instant::now())),
        }
    }

    /// Sets the clock; it runs on from there.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = (now, Instant::now());
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let (base, at) = *self.set.read().unwrap_or_else(PoisonError::into_inner);
        chrono::Duration::from_std(at.elapsed())
            .ok()
            .and_then(|elapsed| base.checked_add_signed(elapsed))
            .unwrap_or(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_clock_runs_on_from_what_it_was_set_to() {
        let clock = TestClock::new();
        assert!((clock.now() - SystemClock.now()).num_seconds().abs() < 2);
        let asked: DateTime<Utc> = "2031-12-31T23:59:59Z".parse().unwrap();
        clock.set(asked);
        let first = clock.now();
        std::thread::sleep(std::time::Duration::from_millis(3));
        let second = clock.now();
        assert!(asked <= first && first < second && (second - asked).num_seconds() < 60);
    }
}
