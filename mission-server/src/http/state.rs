//! What handlers share.

use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{engine::Engine, ports::queries::Queries};
use mission_rules::Scripts;

use super::{Problem, RateLimits, idempotency::Running, living::Living, view::Lens};
use crate::{auth::Authenticator, cache::Cache, rule_health::RuleHealth, telemetry::Metrics, wallet::Wallet};

/// What handlers work with, shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    parts: Parts,
    running: Running,
    living: Living,
}

/// Everything that a handler may use.
pub struct Parts {
    /// Commands.
    pub engine: Engine,
    /// Lists and records.
    pub queries: Arc<dyn Queries>,
    /// What is kept of the queries' answers.
    pub cache: Arc<Cache>,
    /// The embedded ledger.
    pub wallet: Wallet,
    /// The script compiler, shared with the engine.
    pub scripts: Arc<Scripts>,
    /// How the missions' rules do.
    pub rule_health: Arc<RuleHealth>,
    /// Tokens.
    pub auth: Arc<Authenticator>,
    /// The first check against fraud.
    pub rate_limits: RateLimits,
    /// What the server depends on.
    pub probe: Arc<dyn Probe>,
    /// Metrics in Prometheus form.
    pub metrics: Option<Metrics>,
    /// The clock that can be set, where there is one.
    pub test_clock: Option<Arc<dyn SetClock>>,
    /// Limits of requests.
    pub settings: HttpSettings,
}

impl AppState {
    /// A state of these parts, in which no request runs yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        AppState(Arc::new(Shared {
            parts,
            running: Running::default(),
            living: Living::default(),
        }))
    }

    /// Shows something by the book and at the time of this moment.
    pub(super) fn with_lens<T>(&self, view: impl FnOnce(Lens<'_>) -> T) -> T {
        let book = self.engine.book();
        view(Lens {
            book: &book,
            now: self.engine.now(),
        })
    }

    /// The keys of the requests that run.
    pub(super) fn running(&self) -> &Running {
        &self.0.running
    }

    /// Operators who were not erased.
    pub(super) fn living(&self) -> &Living {
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
    /// Origins whose pages may call the API; `*` for all.
    pub cors_origins: Vec<String>,
}

impl Default for HttpSettings {
    /// 1 MiB, 30 seconds, no other origins.
    fn default() -> Self {
        HttpSettings {
            body_limit: 1 << 20,
            timeout: std::time::Duration::from_secs(30),
            cors_origins: Vec::new(),
        }
    }
}

/// Looks at what the server depends on.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Each dependency, as it is now.
    async fn probe(&self) -> Vec<ProbeReport>;
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
