//! Tasks and rewards that have expired are written down as expired.

use std::sync::Arc;

use mission_core::{
    engine::{Engine, ExecuteError, ExpireDue, Signals},
    ports::{queries::Queries, store::StoreError},
};
use tokio::sync::Mutex;

/// So many users are looked at together.
const USERS: usize = 256;

/// Finds expired tasks and rewards, and has the engine expire them.
pub struct ExpiryJob {
    engine: Engine,
    queries: Arc<dyn Queries>,
    /// One sweep at a time: two at once would ask for the same.
    sweeping: Mutex<()>,
}

/// How many tasks and rewards were expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpiryCounts {
    /// Tasks.
    pub tasks: usize,
    /// Rewards.
    pub rewards: usize,
}

/// The job stopped before its end; what it has written stays.
#[derive(Debug, thiserror::Error)]
pub enum ExpiryError {
    /// What is due could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be written down.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl ExpiryJob {
    /// The job of an engine and the store behind it.
    #[must_use]
    pub fn new(engine: Engine, queries: Arc<dyn Queries>) -> Self {
        ExpiryJob {
            engine,
            queries,
            sweeping: Mutex::new(()),
        }
    }

    /// Writes down everything that has expired by now.
    ///
    /// # Errors
    /// When the store or the engine fails.
    pub async fn run_once(&self) -> Result<ExpiryCounts, ExpiryError> {
        let _one_at_a_time = self.sweeping.lock().await;
        let mut sum = ExpiryCounts::default();
        loop {
            let round = self.round().await?;
            sum.tasks += round.tasks;
            sum.rewards += round.rewards;
            // What only seemed due, as the engine sees it, will seem due again: a round without effect is the last.
            if round == ExpiryCounts::default() {
                metrics::counter!("mission_tasks_expired_total").increment(sum.tasks as u64);
                metrics::counter!("mission_rewards_expired_total").increment(sum.rewards as u64);
                return Ok(sum);
            }
        }
    }

    async fn round(&self) -> Result<ExpiryCounts, ExpiryError> {
        let due = self.queries.due_expiries(self.engine.now(), USERS).await?;
        let commands = due.into_iter().map(|due| {
            let command = ExpireDue {
                user: due.user,
                tasks: due.tasks,
                rewards: due.rewards,
            };
            self.engine.execute(command, Signals::default(), None)
        });
        let mut expired = ExpiryCounts::default();
        for done in futures_util::future::join_all(commands).await {
            let reply = done?.reply;
            expired.tasks += reply.tasks;
            expired.rewards += reply.rewards;
        }
        Ok(expired)
    }
}
