//! Invalidations of cached values after writes: each replaces the value in Redis with a tombstone, so that no server goes
//! on with an old one.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    RedisConnection,
    cache::{MARK, MARK_LIFE},
};

/// The pause before failed invalidations are sent again.
const AGAIN: Duration = Duration::from_millis(250);
/// Invalidations per pipeline.
const TOGETHER: usize = 1000;

/// Pending invalidations. While Redis is away they wait, and its values are not used.
#[derive(Default)]
pub struct Invalidations {
    pending: Mutex<HashSet<String>>,
    notify: Notify,
    late: AtomicBool,
}

impl Invalidations {
    /// Queues the invalidation of a key.
    pub(super) fn push(&self, name: String) {
        let mut waiting = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(name);
        drop(waiting);
        self.notify.notify_one();
    }

    /// Whether every invalidation so far has reached Redis in time.
    pub(super) fn are_current(&self) -> bool {
        !self.late.load(Ordering::Acquire)
    }

    /// Sends invalidations until it is stopped.
    pub async fn run(&self, connection: &RedisConnection, stop: &CancellationToken) {
        while stop.run_until_cancelled(self.notify.notified()).await.is_some() {
            while !self.send_pending(connection).await {
                self.late.store(true, Ordering::Release);
                if stop
                    .run_until_cancelled(tokio::time::sleep(AGAIN))
                    .await
                    .is_none()
                {
                    return;
                }
            }
            self.late.store(false, Ordering::Release);
        }
    }

    /// Sends what is pending; answers whether all of it succeeded.
    async fn send_pending(&self, connection: &RedisConnection) -> bool {
        loop {
            let names: Vec<String> = {
                let waiting = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.iter().take(TOGETHER).cloned().collect()
            };
            if names.is_empty() {
                return true;
            }
            // Taken out first: whoever writes meanwhile puts it in again, and it is laid once more.
            self.change(|waiting| waiting.retain(|name| !names.contains(name)));
            let life = u64::try_from(MARK_LIFE.as_millis()).unwrap_or(u64::MAX);
            let commands = names.iter().map(|name| {
                let mut command = redis::cmd("SET");
                command.arg(name).arg(MARK).arg("PX").arg(life);
                command
            });
            if connection.send_all(commands.collect()).await.is_err() {
                self.change(|waiting| waiting.extend(names));
                return false;
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<String>)) {
        change(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
