//! What handlers share.

use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    Points,
    engine::Engine,
    ports::{bus::Outbox, clock::Clock, queries::Queries, store::Store},
};
use mission_rules::Scripts;
use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

use super::{
    Problem, RateLimits, admission::Admission, erased_user_guard::ErasedUserGuard, idempotency::InFlightKeys,
    rendered::RenderedCache, view::ResponseView,
};
use crate::{
    amqp::DeadLetters, auth::Authenticator, cache::Cache, config::EffectiveSetting, feed::EventFeed,
    moderation::Moderator, neighbours::Neighbours, rings::RingStore, rule_health::RuleHealth,
    telemetry::Metrics, uploads::Uploads, wallet::Wallet, webhooks::Webhooks,
};

/// The state of the handlers, shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    parts: Parts,
    admission: Admission,
    running: InFlightKeys,
    living: ErasedUserGuard,
    rendered: RenderedCache,
}

/// The parts of the state.
pub struct Parts {
    /// Commands.
    pub engine: Engine,
    /// Records as commands read them.
    pub store: Arc<dyn Store>,
    /// Lists and records.
    pub queries: Arc<dyn Queries>,
    /// What is kept of the queries' answers.
    pub cache: Arc<Cache>,
    /// Events that have to leave.
    pub outbox: Arc<dyn Outbox>,
    /// Notified when some of them may leave.
    pub outbox_notify: Arc<Notify>,
    /// Messages of other services that could not be taken, where there is a broker.
    pub dead_letters: Option<DeadLetters>,
    /// Who is told of events by HTTP.
    pub webhooks: Webhooks,
    /// Events, for who follows them.
    pub feed: Arc<EventFeed>,
    /// Rings of accounts.
    pub rings: Arc<dyn RingStore>,
    /// Notified when one of them is decided.
    pub ring_decided: Arc<Notify>,
    /// Files that users upload.
    pub uploads: Arc<Uploads>,
    /// The domain's time.
    pub clock: Arc<dyn Clock>,
    /// The embedded ledger.
    pub wallet: Wallet,
    /// Other services.
    pub neighbours: Neighbours,
    /// Who sees to it that uploads are judged; a person where there is nobody.
    pub moderator: Option<Arc<Moderator>>,
    /// The script compiler, shared with the engine.
    pub scripts: Arc<Scripts>,
    /// How the missions' rules do.
    pub rule_health: Arc<RuleHealth>,
    /// Tokens.
    pub auth: Arc<Authenticator>,
    /// The first check against fraud.
    pub rate_limits: RateLimits,
    /// Grants by hand of more points need a second operator's approval.
    pub approve_grants_above: Option<Points>,
    /// Of more points a revocation by hand waits for another operator.
    pub approve_revocations_above: Option<Points>,
    /// For how many minutes a review is left to the reviewer who takes it on.
    pub assignment_minutes: u32,
    /// What the server depends on.
    pub probe: Arc<dyn Probe>,
    /// Metrics in Prometheus form.
    pub metrics: Option<Metrics>,
    /// The clock that can be set, where there is one.
    pub test_clock: Option<Arc<dyn SetClock>>,
    /// Limits of requests.
    pub settings: HttpSettings,
    /// The configuration in force.
    pub configuration: Vec<EffectiveSetting>,
}

impl AppState {
    /// A state of these parts, in which no request runs yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        AppState(Arc::new(Shared {
            admission: Admission::new(&parts.settings),
            parts,
            running: InFlightKeys::default(),
            living: ErasedUserGuard::default(),
            rendered: RenderedCache::default(),
        }))
    }

    /// Shows something by the catalog and at the time of this moment.
    pub(super) fn view<T>(&self, view: impl FnOnce(ResponseView<'_>) -> T) -> T {
        let catalog = self.engine.catalog();
        view(ResponseView {
            catalog: &catalog,
            now: self.engine.now(),
        })
    }

    /// How many requests are served at once.
    pub(super) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// The keys of the requests that run.
    pub(super) fn in_flight_keys(&self) -> &InFlightKeys {
        &self.0.running
    }

    /// Answers that depend on the catalog alone.
    pub(super) fn rendered(&self) -> &RenderedCache {
        &self.0.rendered
    }

    /// Operators who were not erased.
    pub(super) fn erased_user_guard(&self) -> &ErasedUserGuard {
        &self.0.living
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

/// Limits of requests.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The largest body in bytes.
    pub body_limit: usize,
    /// How long a request may take.
    pub timeout: std::time::Duration,
    /// Requests of users that are served at once; one more is refused. Operators and services have limits of their own, as
    /// parts of this one.
    pub max_requests: usize,
    /// Connections that are open at once; further ones wait until one is closed.
    pub max_connections: usize,
    /// How long a client may pause while it sends a body.
    pub body_timeout: std::time::Duration,
    /// Whether the console gives a development token to whoever asks.
    pub development: bool,
    /// Origins whose pages may call the API; `*` for all.
    pub cors_origins: Vec<String>,
}

impl Default for HttpSettings {
    /// 1 MiB, 30 seconds, 1,024 requests of users, 4,096 connections, pauses of ten seconds, no other origins.
    fn default() -> Self {
        HttpSettings {
            body_limit: 1 << 20,
            timeout: std::time::Duration::from_secs(30),
            max_requests: 1024,
            max_connections: 4096,
            body_timeout: std::time::Duration::from_secs(10),
            development: false,
            cors_origins: Vec::new(),
        }
    }
}

/// Looks at what the server depends on.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Each dependency, as it is now.
    async fn probe(&self) -> Vec<ProbeReport>;

    /// What is on its way, where somebody keeps an eye on that.
    async fn queues(&self) -> Option<QueuesReport>;
}

/// Statistics of outbox and inbound queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuesReport {
    /// Events that have to leave.
    pub outbox: OutboxReport,
    /// Messages of other services, where there is a broker and it answers.
    pub inbound: Option<InboundReport>,
}

/// Events that have to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutboxReport {
    /// Journal entries whose events have not all left, of all servers.
    pub entries: u64,
    /// The age of the oldest in seconds; 0 where there is none.
    pub oldest_seconds: u64,
    /// Events that were not taken and are to be tried again; see `GET /api/v1/outbox/parked`.
    pub parked: u64,
    /// Of how many of the 64 shards this server sends the events, where several servers share them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<u64>,
}

/// Messages of other services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InboundReport {
    /// Messages in the queue that no server has been given yet.
    pub waiting: u32,
    /// Messages that could not be taken; see `GET /api/v1/inbound/dead`.
    pub dead: u32,
}

/// One dependency.
#[derive(Clone, Debug)]
pub struct ProbeReport {
    /// Its name.
    pub name: &'static str,
    /// Whether it answers.
    pub up: bool,
    /// Whether the server is not ready without it.
    pub required: bool,
    /// How long it took to answer.
    pub latency: std::time::Duration,
    /// What is wrong, if something is.
    pub detail: Option<String>,
    /// Of what keeps data: since when writes have failed, if they do.
    pub writes: Option<Option<DateTime<Utc>>>,
}

/// A domain clock that can be set. Whoever sets it waits until what is due by then has expired.
#[async_trait]
pub trait SetClock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Sets it; it runs on from there.
    async fn set(&self, now: DateTime<Utc>) -> Result<(), Problem>;
}
