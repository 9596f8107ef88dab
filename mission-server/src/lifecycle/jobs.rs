//! What goes on beside requests, until the server stops.

use std::{sync::Arc, time::Duration};

use mission_core::{ports::clock::Clock, system::SystemClock};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{EngineHost, Storage, files, gauges::Gauges, retention::RetentionJob};
use crate::{
    auth::Authenticator,
    feed::{self, FeedStore},
    http::LocalRateLimiter,
    rings::RingSearch,
    uploads::Uploads,
    webhooks::WebhookStore,
};

/// How often another server's changes of missions are looked for.
const CATALOG: Duration = Duration::from_secs(1);
/// How often what happened is folded into the sums behind leaderboards and analytics.
const ACTIVITY: Duration = Duration::from_secs(1);
/// How often a write is tried where the last one failed.
const FAILED_WRITES: Duration = Duration::from_secs(1);
/// How often what has expired is written down.
const EXPIRY: Duration = Duration::from_secs(30);
/// How often gauges are set.
const GAUGES: Duration = Duration::from_secs(5);
/// How often uploaded files are looked through.
const FILES: Duration = Duration::from_secs(3600);
/// How often what is kept for a time is looked through.
const RETENTION: Duration = Duration::from_secs(3600);
/// How long a webhook's deliveries are kept.
const DELIVERIES: chrono::Duration = chrono::Duration::days(30);
/// How often what is no longer needed is thrown away.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Background jobs with one way to stop them.
#[derive(Clone, Default)]
pub(super) struct Jobs {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Jobs {
    /// The token that stops every job.
    pub(super) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs a job by the side. A job ends by itself once [`Jobs::stopping`] is cancelled.
    pub(super) fn run(&self, job: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(job);
    }

    /// Does something again and again; the first time after one period.
    fn every<F>(&self, period: Duration, mut act: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                act().await;
            }
        });
    }

    /// Stops all jobs and waits for them.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Starts the jobs of a server.
    pub(super) fn start(
        &self,
        core: &EngineHost,
        storage: &Storage,
        auth: Arc<Authenticator>,
        limiter: Arc<LocalRateLimiter>,
        gauges: Gauges,
    ) {
        let stop = self.stopping();
        self.run(async move { auth.refresh_keys(stop).await });
        self.refresh_catalog(core.clone());
        self.sweep(core.clone());
        self.watch_writes(storage.clone());
        self.fold_activity(storage.clone());
        self.start_housekeeping(core.clone(), storage.clone(), limiter);
        self.set_gauges(gauges);
    }

    /// Removes uploaded files that nobody needs, from time to time.
    pub(super) fn sweep_files(&self, storage: Storage, uploads: Arc<Uploads>) {
        self.every(FILES, move || {
            let (storage, uploads) = (storage.clone(), Arc::clone(&uploads));
            async move {
                let swept = files::sweep(&uploads, storage.store.as_ref(), storage.queries.as_ref());
                match swept.await {
                    Ok(0) => {}
                    Ok(removed) => tracing::info!(removed, "uploaded files that nobody needs were removed"),
                    Err(error) => tracing::warn!(%error, "uploaded files could not be looked through"),
                }
            }
        });
    }

    fn refresh_catalog(&self, core: EngineHost) {
        let seen = Arc::new(tokio::sync::Mutex::new(None));
        self.every(CATALOG, move || {
            let (core, seen) = (core.clone(), Arc::clone(&seen));
            async move {
                let mut seen = seen.lock().await;
                if let Err(error) = refresh(&core, &mut seen).await {
                    tracing::warn!(%error, "changes of missions could not be looked for");
                }
            }
        });
    }

    /// Commands bring no writes while the server is not ready, so that it has to find out by itself.
    fn watch_writes(&self, storage: Storage) {
        self.every(FAILED_WRITES, move || {
            let storage = storage.clone();
            async move { storage.look_whether_writes_succeed().await }
        });
    }

    fn fold_activity(&self, storage: Storage) {
        self.every(ACTIVITY, move || {
            let storage = storage.clone();
            async move { storage.fold_activity().await }
        });
    }

    fn sweep(&self, core: EngineHost) {
        self.every(EXPIRY, move || {
            let expiry_job = Arc::clone(&core.expiry_job);
            async move {
                match expiry_job.run_once().await {
                    Ok(expired) if expired == super::ExpiryCounts::default() => {}
                    Ok(expired) => {
                        tracing::info!(
                            swept.tasks = expired.tasks,
                            swept.rewards = expired.rewards,
                            "what had expired was written down"
                        );
                    }
                    Err(error) => tracing::warn!(%error, "what has expired could not be written down"),
                }
            }
        });
    }

    fn start_housekeeping(&self, core: EngineHost, storage: Storage, limiter: Arc<LocalRateLimiter>) {
        self.every(HOUSEKEEPING, move || {
            limiter.forget_idle();
            let (core, storage) = (core.clone(), storage.clone());
            async move {
                // Receipts were dated by the domain's time, so they grow old by it.
                if let Err(error) = storage.housekeeping(core.engine.now()).await {
                    tracing::warn!(%error, "what is no longer needed could not be thrown away");
                }
            }
        });
    }

    /// Removes journal entries and expired tasks whose time is over, from time to time.
    pub(super) fn remove_overdue(&self, core: EngineHost, job: RetentionJob) {
        let stop = self.stopping();
        self.every(RETENTION, move || {
            let (core, job, stop) = (core.clone(), job.clone(), stop.clone());
            async move {
                match job.run_once(core.engine.now(), &stop).await {
                    Ok(0) => {}
                    Ok(rows) => tracing::info!(rows, "journal entries and tasks whose time is over are gone"),
                    Err(error) => {
                        tracing::warn!(%error, "journal entries and tasks whose time is over are still there");
                    }
                }
            }
        });
    }

    /// Throws away deliveries that are long over, and what has left the feed's time.
    pub(super) fn prune_deliveries(&self, webhooks: Arc<dyn WebhookStore>, feed: Arc<dyn FeedStore>) {
        self.every(RETENTION, move || {
            let (webhooks, feed) = (Arc::clone(&webhooks), Arc::clone(&feed));
            async move {
                let now = SystemClock.now();
                let deliveries = webhooks.prune_deliveries(now - DELIVERIES).await;
                if let Err(error) = deliveries.and(feed.prune_feed(now - feed::KEPT).await) {
                    tracing::warn!(%error, "old deliveries and events of the feed are still there");
                }
            }
        });
    }

    /// Looks for rings of accounts, from time to time.
    pub(super) fn find_rings(&self, search: RingSearch) {
        self.every(search.every(), move || {
            let search = search.clone();
            async move {
                match search.run_once().await {
                    Ok(None) => {}
                    Ok(Some(found)) if found.opened == 0 => {
                        tracing::debug!(found.accounts, found.rings, "rings were looked for");
                    }
                    Ok(Some(found)) => tracing::info!(
                        found.accounts,
                        found.rings,
                        found.opened,
                        "rings of accounts wait for a reviewer"
                    ),
                    Err(error) => tracing::warn!(%error, "rings could not be looked for"),
                }
            }
        });
    }

    fn set_gauges(&self, gauges: Gauges) {
        let gauges = Arc::new(gauges);
        let stop = self.stopping();
        self.run(async move {
            let mut ticks = tokio::time::interval(GAUGES);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                gauges.set().await;
            }
        });
    }
}

async fn refresh(
    core: &EngineHost,
    seen: &mut Option<u64>,
) -> Result<(), mission_core::ports::store::StoreError> {
    let version = core.queries.catalog_version().await?;
    if *seen != Some(version) {
        let catalog = core.queries.catalog_records().await?;
        *seen = Some(catalog.version);
        core.engine.refresh(catalog);
    }
    Ok(())
}
