//! Tasks and rewards that have expired are written down as expired.

use std::sync::Arc;

use mission_core::{
    engine::{Engine, ExecuteError, ExpireDue, Signals},
    ports::{queries::Queries, store::StoreError},
};
use tokio::sync::Mutex;

/// So many users are looked at together.
const USERS: usize = 256;

/// Finds what has expired and has the engine write it down.
pub struct Sweeper {
    engine: Engine,
    queries: Arc<dyn Queries>,
    /// One sweep at a time: two at once would ask for the same.
    sweeping: Mutex<()>,
}

/// How much was written down as expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Tasks.
    pub tasks: usize,
    /// Rewards.
    pub rewards: usize,
}

/// A sweep stopped before its end; what it wrote down stays.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// What is due could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be written down.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl Sweeper {
    /// A sweeper for an engine and the store behind it.
    #[must_use]
    pub fn new(engine: Engine, queries: Arc<dyn Queries>) -> Self {
        Sweeper {
            engine,
            queries,
            sweeping: Mutex::new(()),
        }
    }

    /// Writes down everything that has expired by now.
    ///
    /// # Errors
    /// When the store or the engine fails.
    pub async fn sweep_now(&self) -> Result<Swept, SweepError> {
        let _one_at_a_time = self.sweeping.lock().await;
        let mut sum = Swept::default();
        loop {
            let round = self.round().await?;
            sum.tasks += round.tasks;
            sum.rewards += round.rewards;
            // What only seemed due, as the engine sees it, will seem due again: a round without effect is the last.
            if round == Swept::default() {
                metrics::counter!("mission_tasks_expired_total").increment(sum.tasks as u64);
                metrics::counter!("mission_rewards_expired_total").increment(sum.rewards as u64);
                return Ok(sum);
            }
        }
    }

    async fn round(&self) -> Result<Swept, SweepError> {
        let due = self.queries.due_expiries(self.engine.now(), USERS).await?;
        let commands = due.into_iter().map(|due| {
            let command = ExpireDue {
                user: due.user,
                tasks: due.tasks,
                rewards: due.rewards,
            };
            self.engine.execute(command, Signals::default(), None)
        });
        let mut swept = Swept::default();
        for done in futures_util::future::join_all(commands).await {
            let reply = done?.reply;
            swept.tasks += reply.tasks;
            swept.rewards += reply.rewards;
        }
        Ok(swept)
    }
}
