//! Waiting until nothing moves any more, and looking at what is there then.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use crate::{
    Result,
    checks::{self, Check},
    client::Client,
    facts::{Facts, dead_letters},
    instances::Instances,
    load_state::LoadState,
    recorder::Recorder,
    services::Services,
};

/// Everything must have arrived within so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// What should not come does so within so long.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// What is looked at.
pub(crate) struct FinalChecks<'r> {
    /// The database, Redis and RabbitMQ.
    pub(crate) services: &'r Services,
    /// The servers and the wallet.
    pub(crate) instances: &'r Instances,
    /// What was done.
    pub(crate) load_state: &'r LoadState,
    /// What was told.
    pub(crate) recorder: &'r Recorder,
    /// The way to the servers.
    pub(crate) client: &'r Client,
}

impl FinalChecks<'_> {
    /// Looks until everything holds, at most for a while, and once more after that; then asks the servers.
    pub(crate) async fn look(&self, random: &mut Rng) -> Result<Vec<Check>> {
        let begun = Instant::now();
        let mut dead = Vec::new();
        loop {
            let (_, checks) = self.facts(&mut dead).await?;
            if checks.iter().all(Check::holds) {
                println!("everything arrived within {:.1?}", begun.elapsed());
                break;
            }
            if begun.elapsed() > PATIENCE {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        sleep(AFTERWARDS).await;
        let (facts, mut checks) = self.facts(&mut dead).await?;
        // Nobody else works any more.
        let state = std::mem::take(&mut *self.load_state.now());
        checks.push(checks::told_alike(&state, &facts, self.client, random).await?);
        checks.push(checks::replays(&state, self.client, random).await?);
        checks.push(checks::unavailable(&self.client.outcomes));
        checks.push(checks::audit(&self.services.database.url())?);
        Ok(checks)
    }

    async fn facts(&self, dead: &mut Vec<String>) -> Result<(Facts, Vec<Check>)> {
        let (database, broker) = (&self.services.database, self.services.amqp_url());
        let counting = self.load_state.now().counting.clone();
        let facts = Facts::read(database, &counting, &self.instances.ledger, &broker).await?;
        dead.extend(dead_letters(&broker).await?);
        let checks = checks::all(&self.load_state.now(), &facts, &self.recorder.seen(), dead);
        Ok((facts, checks))
    }
}
