//! When keys were written last.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// Keys share this many places by their hash, where nobody says how many.
const PLACES: usize = 1 << 16;

/// When each key was written last, as far as its hash tells: a key may look as if it was written when another one was, never
/// the other way round. A cache of keys would have to forget some of them, and could forget the wrong ones.
pub(crate) struct WriteTimes {
    start: Instant,
    hasher: RandomState,
    /// Nanoseconds since the start; 0 where nothing was written.
    places: Box<[AtomicU64]>,
}

impl Default for WriteTimes {
    fn default() -> Self {
        WriteTimes::with_places(PLACES)
    }
}

impl WriteTimes {
    /// For few keys.
    pub(crate) fn with_places(places: usize) -> Self {
        WriteTimes {
            start: Instant::now(),
            hasher: RandomState::new(),
            places: (0..places.max(1)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Notes that a key is written now.
    pub(crate) fn note(&self, key: impl Hash) {
        let since = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(place) = self.place(key) {
            place.fetch_max(since.max(1), Ordering::AcqRel);
        }
    }

    /// When a key was written last.
    pub(crate) fn last(&self, key: impl Hash) -> Option<Instant> {
        match self.place(key)?.load(Ordering::Acquire) {
            0 => None,
            since => Some(self.start + Duration::from_nanos(since)),
        }
    }

    fn place(&self, key: impl Hash) -> Option<&AtomicU64> {
        let place = self.hasher.hash_one(key) % self.places.len() as u64;
        self.places.get(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_write_is_forgotten_however_many_follow() {
        let times = WriteTimes::default();
        let before = Instant::now();
        for key in 0..200_000_u32 {
            times.note(key);
        }
        assert!((0..200_000_u32).all(|key| times.last(key).is_some_and(|at| at >= before)));
    }

    #[test]
    fn what_nobody_wrote_was_never_written() {
        let times = WriteTimes::default();
        assert_eq!(times.last("a"), None);
        times.note("a");
        let written = (0..1_000_u32).filter(|key| times.last(key).is_some()).count();
        assert!(written <= 1, "{written} others look written");
    }
}
