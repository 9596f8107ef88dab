//! Batches that are under way at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use mission_core::{
    engine::{CheckIn, EngineBuilder, ExecuteError, Limits, LoadedRecords, ReadSet, Rejection, Signals},
    memory::MemoryStore,
    ports::store::{Change, CommitOutcome, Store, StoreError},
    testing::{CountingIds, FixedClock, at, user},
};

/// A memory store whose commits wait for a permit each; the next `beaten` ones find that others were faster.
#[derive(Clone)]
struct GatedStore {
    inner: MemoryStore,
    loads: Arc<AtomicUsize>,
    beaten: Arc<AtomicUsize>,
    permits: Arc<tokio::sync::Semaphore>,
}

impl GatedStore {
    fn new(permits: usize) -> Self {
        GatedStore {
            inner: MemoryStore::default(),
            loads: Arc::default(),
            beaten: Arc::default(),
            permits: Arc::new(tokio::sync::Semaphore::new(permits)),
        }
    }
}

#[async_trait]
impl Store for GatedStore {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        Store::load(&self.inner, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        self.permits.acquire().await.unwrap().forget();
        let beaten = self
            .beaten
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if beaten.is_ok() {
            return Ok(vec![CommitOutcome::Conflict; changes.len()]);
        }
        Store::commit(&self.inner, changes).await
    }
}

#[tokio::test]
async fn the_next_batch_is_decided_while_one_is_committed() {
    for (batches, loads) in [(1, 1), (2, 2), (3, 2)] {
        let store = GatedStore::new(0);
        let limits = Limits {
            batch: 1,
            batches,
            ..Limits::default()
        };
        let clock = FixedClock::at(at("2026-01-05T12:00:00Z"));
        let (engine, writer) = EngineBuilder::new(store.clone(), clock, CountingIds::default())
            .limits(limits)
            .build();
        let submit = |who| {
            let command = CheckIn { user: user(who) }.into();
            engine.submit(command, Signals::default(), None).unwrap()
        };
        // The second of user 1 has to wait for the first.
        let pending = [submit(1), submit(1), submit(2)];
        let writing = tokio::spawn(writer.run());
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.loads.load(Ordering::Relaxed), loads, "{batches} at once");
        store.permits.add_permits(10);
        let [first, second, other] = pending;
        assert!(first.await.is_ok() && other.await.is_ok());
        let again = Err(ExecuteError::Rejected(Rejection::AlreadyCheckedIn));
        assert_eq!(second.await.map(|_| ()), again);
        drop(engine);
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn a_users_commands_keep_their_order_across_batches_and_retries() {
    for (batch, batches, beaten) in [(1, 2, 0), (3, 3, 4), (4, 2, 6), (16, 4, 5)] {
        let store = GatedStore::new(10_000);
        store.beaten.store(beaten, Ordering::Relaxed);
        let limits = Limits {
            batch,
            batches,
            tries: 20,
            ..Limits::default()
        };
        let clock = FixedClock::at(at("2026-01-05T12:00:00Z"));
        let (engine, writer) = EngineBuilder::new(store, clock, CountingIds::default())
            .limits(limits)
            .build();
        let writing = tokio::spawn(writer.run());
        let mut pending = Vec::new();
        for n in 0..200_u64 {
            let who = n * 7 % 13;
            let command = CheckIn { user: user(who) }.into();
            pending.push((who, engine.submit(command, Signals::default(), None).unwrap()));
            if n % 5 == 0 {
                tokio::task::yield_now().await;
            }
        }
        drop(engine);
        let mut seen = std::collections::BTreeSet::new();
        for (who, pending) in pending {
            let answer = pending.await.map(|_| ());
            let expected = if seen.insert(who) {
                Ok(())
            } else {
                Err(ExecuteError::Rejected(Rejection::AlreadyCheckedIn))
            };
            assert_eq!(
                answer, expected,
                "user {who}, batches of {batch}, {batches} at once"
            );
        }
        writing.await.unwrap();
    }
}
