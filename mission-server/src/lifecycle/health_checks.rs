//! What the server depends on, looked at one by one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mission_core::ports::queries::Queries;
use tokio_util::sync::CancellationToken;

use super::queue_stats::QueueStats;
use crate::{
    amqp::Broker,
    config::ReadyRequires,
    http::{Probe, ProbeReport, QueuesReport},
    neighbours::{self, Neighbours},
    redis::RedisConnection,
    store::WriteHealth,
};

/// A dependency that takes longer is as good as away.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// Health checks of all configured dependencies.
pub(super) struct HealthChecks {
    pub(super) queries: Arc<dyn Queries>,
    pub(super) writes: WriteHealth,
    pub(super) redis: Option<Arc<RedisConnection>>,
    pub(super) broker: Option<Broker>,
    pub(super) neighbours: Neighbours,
    pub(super) required: ReadyRequires,
    /// What is on its way, where that is of interest.
    pub(super) queues: Option<Arc<QueueStats>>,
    /// Cancelled once the server was told to stop.
    pub(super) draining: CancellationToken,
}

#[async_trait]
impl Probe for HealthChecks {
    async fn queues(&self) -> Option<QueuesReport> {
        let looking = self.queues.as_ref()?.look();
        tokio::time::timeout(PROBE_TIME, looking).await.ok()
    }

    async fn probe(&self) -> Vec<ProbeReport> {
        let all = self.required == ReadyRequires::All;
        let database = async {
            let report = look("database", true, self.queries.catalog_version()).await;
            with_writes(report, &self.writes)
        };
        let redis = async {
            match &self.redis {
                Some(link) => Some(look("redis", all, link.ping()).await),
                None => None,
            }
        };
        let broker = async {
            match &self.broker {
                Some(broker) => Some(look("rabbitmq", all, broker.ping()).await),
                None => None,
            }
        };
        let (database, redis, broker) = tokio::join!(database, redis, broker);
        let stopping = self.draining.is_cancelled().then(stopping);
        let neighbours: Vec<ProbeReport> = self.neighbours.reports().into_iter().map(neighbour).collect();
        for report in [Some(&database), redis.as_ref(), broker.as_ref()]
            .into_iter()
            .flatten()
            .chain(&neighbours)
        {
            metrics::gauge!("mission_dependency_up", "dependency" => report.name)
                .set(f64::from(u8::from(report.up)));
        }
        [Some(database), redis, broker, stopping]
            .into_iter()
            .flatten()
            .chain(neighbours)
            .collect()
    }
}

/// Another service as the last call found it: it is not asked for the sake of this.
fn neighbour(report: neighbours::ServiceReport) -> ProbeReport {
    ProbeReport {
        name: report.service,
        up: report.up,
        required: false,
        latency: report.latency,
        detail: report.detail,
        writes: None,
    }
}

/// The server itself, which is up and asks to be left alone.
fn stopping() -> ProbeReport {
    ProbeReport {
        name: "server",
        up: false,
        required: true,
        latency: Duration::ZERO,
        detail: Some("it was told to stop, and takes no new work soon".to_owned()),
        writes: None,
    }
}

/// A database that can be read and takes no writes is not up.
fn with_writes(report: ProbeReport, writes: &WriteHealth) -> ProbeReport {
    let failing = writes.failing();
    let detail = failing
        .as_ref()
        .map(|failing| format!("the last writes failed: {}", failing.reason));
    ProbeReport {
        up: report.up && failing.is_none(),
        detail: report.detail.or(detail),
        writes: Some(failing.map(|failing| failing.since)),
        ..report
    }
}

async fn look<T, E: std::fmt::Display>(
    name: &'static str,
    required: bool,
    answer: impl Future<Output = Result<T, E>>,
) -> ProbeReport {
    let began = Instant::now();
    let detail = match tokio::time::timeout(PROBE_TIME, answer).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {PROBE_TIME:?}")),
    };
    ProbeReport {
        name,
        up: detail.is_none(),
        required,
        latency: began.elapsed(),
        detail,
        writes: None,
    }
}
