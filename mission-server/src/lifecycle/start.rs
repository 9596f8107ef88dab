//! From settings to a serving process, and back to none.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Datelike, Utc};
use mission_core::{
    ports::{clock::Clock, rate_limit::RateLimiter},
    system::SystemClock,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    EngineHost, ExpiryJob, StartError, TestClock,
    broker::BrokerConnections,
    expiry_job::ExpiryError,
    files,
    gauges::Gauges,
    greeting::greeting,
    health_checks::HealthChecks,
    jobs::Jobs,
    listener::{Listener, StartupFailure},
    outbox_worker::OutboxWorker,
    queue_stats::QueueStats,
    redis::RedisTasks,
    stop::Signals,
    storage,
    tls::Tls,
};
use crate::{
    auth::Authenticator,
    cache::Cache,
    config::{LogSettings, PackSource, Settings},
    feed::EventFeed,
    http::{self, AppState, LocalRateLimiter, Parts, Problem, RateLimits, SetClock},
    moderation::Moderator,
    neighbours::{Limits, Neighbours},
    review_timeouts::ReviewTimeouts,
    rings::{RingSearch, RingWork},
    rule_health::RuleHealth,
    telemetry::{self, TraceSettings},
    uploads::Uploads,
    webhooks::{TargetPolicy, Webhooks},
};

/// Serves until a signal says to stop. Answers 0 after an orderly end, 1 after a failure.
#[must_use]
pub fn run(settings: Settings) -> ExitCode {
    let (log, traces, drain) = (settings.log.clone(), settings.traces.clone(), settings.drain);
    run_until_signalled(&log, traces.as_ref(), drain, |draining, stop| {
        serve(settings, draining, stop)
    })
}

/// Lives a life that ends by itself after its second token was cancelled, as the first signal and the drain say.
pub(super) fn run_until_signalled<L>(
    log: &LogSettings,
    traces: Option<&TraceSettings>,
    drain: Duration,
    life: impl FnOnce(CancellationToken, CancellationToken) -> L,
) -> ExitCode
where
    L: Future<Output = Result<(), StartError>>,
{
    let telemetry = match telemetry::install(log, traces) {
        Ok(telemetry) => telemetry,
        Err(error) => return failed(&error.into()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let code = runtime.block_on(until_signalled(drain, life));
    // Whatever still runs has had its time.
    runtime.shutdown_background();
    telemetry.stop();
    code
}

fn failed(error: &StartError) -> ExitCode {
    // Diagnostics of several lines are for people; elsewhere every line must be a log line.
    if std::io::stderr().is_terminal() || !tracing::enabled!(tracing::Level::ERROR) {
        let _ = writeln!(std::io::stderr().lock(), "mission-server: {error}");
    } else {
        tracing::error!(%error, "the server ends");
    }
    ExitCode::FAILURE
}

async fn until_signalled<L>(
    drain: Duration,
    life: impl FnOnce(CancellationToken, CancellationToken) -> L,
) -> ExitCode
where
    L: Future<Output = Result<(), StartError>>,
{
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return failed(&error.into()),
    };
    let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
    let drained = async {
        draining.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    let life = life(draining.clone(), stop.clone());
    tokio::pin!(drained, life);
    loop {
        tokio::select! {
            ended = &mut life => return match ended {
                Ok(()) => {
                    tracing::info!("the server has stopped in order");
                    ExitCode::SUCCESS
                }
                Err(error) => failed(&error),
            },
            () = &mut drained, if !stop.is_cancelled() => stop.cancel(),
            signal = signals.next() => {
                if draining.is_cancelled() {
                    tracing::warn!(signal, "told to stop a second time: aborting");
                    return ExitCode::FAILURE;
                }
                tracing::info!(signal, ?drain, "not ready from now on, stopping after the drain; a second signal aborts");
                draining.cancel();
            }
        }
    }
}

async fn serve(
    settings: Settings,
    draining: CancellationToken,
    stop: CancellationToken,
) -> Result<(), StartError> {
    let began = Instant::now();
    warn_of_danger(&settings);
    let metrics = telemetry::install_metrics();
    let auth = Arc::new(Authenticator::new(&settings.jwt).await?);
    let tls = settings.tls.as_ref().map(Tls::new).transpose()?;
    let listener = Listener::open(
        &settings.listen,
        tls,
        &settings.http,
        metrics.clone(),
        &stop,
        settings.shutdown_timeout,
    );
    let listener = listener.await?;
    if settings.dev {
        storage::make_folder(&settings.database.url)?;
    }
    let Some(storage) = listener.storage(&settings.database, &stop).await? else {
        return Ok(());
    };
    let test_clock = settings.test_clock.then(|| Arc::new(TestClock::new()));
    let clock: Arc<dyn Clock> = match &test_clock {
        Some(clock) => clock.clone(),
        None => Arc::new(SystemClock),
    };
    let jobs = Jobs::default();
    let redis = RedisTasks::of(&settings, &jobs)?;
    let cache = Arc::new(Cache::new(redis.as_ref().map(RedisTasks::remote_cache)));
    let neighbours = Neighbours::new(&settings.neighbours, &Limits::default())?
        .or_embedded(&storage.store, &storage.queries);
    let uploads = files::open(&settings, &neighbours)?;
    let retention = storage.retention(&settings.retention)?;
    let broker = settings.amqp.as_ref().map(BrokerConnections::start).transpose()?;
    // Receivers of webhooks and followers of the feed know nothing of the domain's time.
    let machine: Arc<dyn Clock> = Arc::new(SystemClock);
    let feed = EventFeed::new(Arc::clone(&storage.feed), Arc::clone(&machine), stop.clone());
    let feed = Arc::new(feed);
    let start_core = async || {
        let clock = Arc::clone(&clock);
        let started = EngineHost::start(
            &storage,
            &settings,
            clock,
            &cache,
            &neighbours,
            feed.is_followed(),
        );
        started.await.map_err(StartupFailure::from)
    };
    let started = listener.retry(&settings.database, &stop, start_core);
    let Some((core, mut writer)) = started.await? else {
        return Ok(());
    };
    let policy = TargetPolicy::new(settings.webhook_addresses.clone());
    let webhooks = Webhooks::new(Arc::clone(&storage.webhooks), policy, machine);
    let mut outbox_worker = OutboxWorker::start(
        &storage,
        Arc::clone(&clock),
        broker.as_ref().map(|broker| &broker.events),
        Arc::clone(&webhooks.fan_out),
        Arc::clone(&feed),
    );
    jobs.run(webhooks.sender()?.run(jobs.stopping()));
    jobs.run(Arc::clone(&feed).run());
    jobs.run(Arc::clone(&feed).look_for_followers());
    jobs.prune_deliveries(Arc::clone(&storage.webhooks), Arc::clone(&storage.feed));
    let limiter = Arc::new(LocalRateLimiter::new(
        settings.fraud.rate_limit_per_user,
        settings.fraud.rate_limit_per_address,
    ));
    let set_clock = test_clock.map(|clock| {
        let expiry_job = Arc::clone(&core.expiry_job);
        Arc::new(SettableClock { clock, expiry_job }) as Arc<dyn SetClock>
    });
    let limits: Arc<dyn RateLimiter> = match &redis {
        Some(redis) => redis.limiter(&settings, Arc::clone(&limiter)),
        None => limiter.clone(),
    };
    let queues = Arc::new(QueueStats {
        engine: core.engine.clone(),
        storage: storage.clone(),
        messages: broker.as_ref().map(|broker| broker.messages.clone()),
        last: Mutex::default(),
    });
    let probe = Arc::new(HealthChecks {
        queries: Arc::clone(&core.queries),
        writes: storage.writes.clone(),
        redis: redis.map(|redis| redis.connection),
        broker: broker.as_ref().map(|broker| broker.events.clone()),
        neighbours: neighbours.clone(),
        required: settings.ready_requires,
        queues: Some(Arc::clone(&queues)),
        draining,
    });
    jobs.start(
        &core,
        &storage,
        Arc::clone(&auth),
        limiter,
        Gauges {
            core: core.clone(),
            storage: storage.clone(),
            probe: probe.clone(),
            metrics: metrics.clone(),
            queues,
        },
    );
    jobs.remove_overdue(core.clone(), retention);
    if let Some(every) = settings.fraud.find_rings_every {
        jobs.find_rings(RingSearch::new(
            Arc::clone(&storage.rings),
            core.engine.clone(),
            every,
        ));
    }
    let ring_decided = Arc::<tokio::sync::Notify>::default();
    let ring_work = RingWork::new(
        Arc::clone(&storage.rings),
        core.engine.clone(),
        Arc::clone(&core.queries),
        Arc::clone(&ring_decided),
    );
    jobs.run(ring_work.run(jobs.stopping()));
    if let Some((hours, timeout)) = settings.fraud.review_timeout {
        let (engine, queries) = (core.engine.clone(), Arc::clone(&core.queries));
        let timeouts = ReviewTimeouts::new(engine, queries, hours, timeout);
        jobs.run(timeouts.run(jobs.stopping()));
    }
    jobs.sweep_files(storage.clone(), Arc::clone(&uploads));
    let moderator = moderator(&core, &neighbours, &uploads, &settings, listener.address());
    let rule_health = Arc::<RuleHealth>::default();
    let state = AppState::new(Parts {
        engine: core.engine.clone(),
        store: Arc::clone(&storage.store),
        queries: Arc::clone(&core.queries),
        outbox: Arc::clone(&storage.outbox),
        outbox_notify: Arc::clone(&storage.outbox_notify),
        uploads: Arc::clone(&uploads),
        clock: Arc::clone(&clock),
        dead_letters: broker.as_ref().map(BrokerConnections::dead_letters),
        wallet: storage.wallet.clone(),
        webhooks,
        feed,
        rings: Arc::clone(&storage.rings),
        ring_decided,
        neighbours,
        moderator: moderator.clone(),
        scripts: Arc::clone(&core.scripts),
        rule_health: Arc::clone(&rule_health),
        auth,
        cache,
        rate_limits: RateLimits::new(limits, settings.trusted_proxies.clone()),
        approve_grants_above: settings.fraud.approve_grants_above,
        approve_revocations_above: settings.fraud.approve_revocations_above,
        assignment_minutes: settings.fraud.assignment_minutes,
        probe,
        metrics,
        test_clock: set_clock,
        settings: settings.http.clone(),
        configuration: settings.in_force.clone(),
    });
    if let Some(moderator) = moderator {
        jobs.run(moderator.run(jobs.stopping()));
    }
    if let Some(broker) = &broker {
        // What is declared in it is there before the server is ready, where that can be.
        broker.first_try().await;
        broker.consume(&core, rule_health, settings.neighbours.iam.is_none(), &jobs);
    }
    listener.serve(http::router(state));
    let address = listener.address();
    tracing::info!(%address, database = %settings.database.url, took = ?began.elapsed(), "the server is ready");
    if settings.dev {
        greet(address, core.engine.now(), &settings)?;
    }
    tokio::select! {
        () = stop.cancelled() => {}
        ended = &mut writer => return Err(writer_ended(ended)),
        reason = outbox_worker.error() => return Err(StartError::Relay(reason)),
    }
    // Finishes what runs, in the order in which things depend on each other: requests need the writer, the writer's
    // events need the relay, all need the store.
    let patience = Instant::now() + settings.shutdown_timeout;
    listener.close().await;
    jobs.stop().await;
    drop(core);
    finish(writer).await?;
    outbox_worker
        .flush(patience.saturating_duration_since(Instant::now()).max(LAST_FLUSH))
        .await;
    if let Some(broker) = broker {
        broker.close().await;
    }
    storage.close().await;
    Ok(())
}

/// Who sees to it that uploads are judged, where that is the moderation service.
fn moderator(
    core: &EngineHost,
    neighbours: &Neighbours,
    uploads: &Arc<Uploads>,
    settings: &Settings,
    address: SocketAddr,
) -> Option<Arc<Moderator>> {
    let moderation = neighbours.moderation.clone()?;
    let key = settings.neighbours.moderation_secret.clone();
    let listens = || Url::parse(&format!("http://{address}")).ok();
    let public_url = settings.public_url.clone().or_else(listens)?;
    let (engine, queries) = (core.engine.clone(), Arc::clone(&core.queries));
    let moderator = Moderator::new(moderation, key, engine, queries, Arc::clone(uploads), public_url);
    Some(Arc::new(moderator))
}

/// The relay gets at least so long for what the last requests had to tell.
const LAST_FLUSH: Duration = Duration::from_secs(2);
/// The writer gets so long for commands whose callers were cut off.
const LAST_COMMANDS: Duration = Duration::from_secs(2);

/// Waits for the writer, which ends when every copy of the engine is gone and all that waited is answered.
async fn finish(writer: JoinHandle<()>) -> Result<(), StartError> {
    match tokio::time::timeout(LAST_COMMANDS, writer).await {
        Ok(Ok(())) => Ok(()),
        Ok(panicked) => Err(writer_ended(panicked)),
        Err(_) => {
            tracing::warn!("commands were still waiting when the time to stop was over");
            Ok(())
        }
    }
}

fn warn_of_danger(settings: &Settings) {
    if settings.dev {
        tracing::warn!(
            "DEVELOPMENT SERVER: its key is known to everybody and its clock can be set by everybody; never use it in production"
        );
    } else if settings.test_clock {
        tracing::warn!("TEST CLOCK: everybody can set this server's time; never use it in production");
    }
    if let Some(PackSource::Folder(folder)) = &settings.pack {
        tracing::debug!(folder = %folder.display(), "a pack will be applied");
    }
}

pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed stdout must not stop the server.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn greet(address: SocketAddr, now: DateTime<Utc>, settings: &Settings) -> Result<(), StartError> {
    let url = format!("http://{address}");
    print(&greeting(&url, now, settings.test_clock)?);
    Ok(())
}

fn writer_ended(ended: Result<(), tokio::task::JoinError>) -> StartError {
    StartError::Writer(ended.map_or_else(|panic| panic.to_string(), |()| "it ended by itself".to_owned()))
}

/// The clock of a test server: whoever sets it sees what has expired by then as expired.
struct SettableClock {
    clock: Arc<TestClock>,
    expiry_job: Arc<ExpiryJob>,
}

/// The years between which a test clock can be set: far enough for any test, near enough for sums of dates.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2999;

#[async_trait]
impl SetClock for SettableClock {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn set(&self, now: DateTime<Utc>) -> Result<(), Problem> {
        if !YEARS.contains(&now.year()) {
            let message = format!(
                "must be a time from the year {} to {}",
                YEARS.start(),
                YEARS.end()
            );
            return Err(Problem::invalid_field("/now", message));
        }
        self.clock.set(now);
        tracing::info!(%now, "the test clock was set");
        self.expiry_job
            .run_once()
            .await
            .map(drop)
            .map_err(|error| match error {
                ExpiryError::Store(error) => error.into(),
                ExpiryError::Execute(error) => error.into(),
            })
    }
}
