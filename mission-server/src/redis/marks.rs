//! Marks that writes lay over cached values, so that no server goes on with the old ones.

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
    Link,
    shelf::{MARK, MARK_LIFE},
};

/// How long to wait before marks that could not be laid are tried again.
const AGAIN: Duration = Duration::from_millis(250);
/// Marks that are sent together.
const TOGETHER: usize = 1000;

/// Marks that have to be laid. While Redis is away they wait, and values there are not to be trusted.
#[derive(Default)]
pub struct Marks {
    waiting: Mutex<HashSet<String>>,
    news: Notify,
    behind: AtomicBool,
}

impl Marks {
    /// Has a mark laid over a key, soon.
    pub(super) fn lay(&self, name: String) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(name);
        drop(waiting);
        self.news.notify_one();
    }

    /// Whether no mark is late.
    pub(super) fn are_in_time(&self) -> bool {
        !self.behind.load(Ordering::Acquire)
    }

    /// Lays marks until it is told to stop.
    pub async fn keep_laying(&self, link: &Link, stop: &CancellationToken) {
        while stop.run_until_cancelled(self.news.notified()).await.is_some() {
            while !self.lay_some(link).await {
                self.behind.store(true, Ordering::Release);
                if stop
                    .run_until_cancelled(tokio::time::sleep(AGAIN))
                    .await
                    .is_none()
                {
                    return;
                }
            }
            self.behind.store(false, Ordering::Release);
        }
    }

    /// Answers whether none is left, or at least none could not be laid.
    async fn lay_some(&self, link: &Link) -> bool {
        loop {
            let names: Vec<String> = {
                let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
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
            if link.send_all(commands.collect()).await.is_err() {
                self.change(|waiting| waiting.extend(names));
                return false;
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<String>)) {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
