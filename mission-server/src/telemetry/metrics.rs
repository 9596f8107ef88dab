//! Metrics in Prometheus form. Every metric has its line in [`METRICS`], so that it has a HELP whoever counts it first,
//! and its line in `docs/metrics.md`.

use std::sync::Arc;

use metrics::{SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// The upper bounds of the buckets of times, in seconds.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// Every metric of the server, with what it tells.
const METRICS: &[(Kind, &str, &str)] = &[
    (
        Gauge,
        "mission_build_info",
        "Always 1; the labels tell which program runs",
    ),
    (
        Histogram,
        "mission_http_request_seconds",
        "Time of HTTP requests by method, route and status",
    ),
    (
        Gauge,
        "mission_http_requests_in_flight",
        "Requests that are being served, by kind: users, operators, events, uploads, streams",
    ),
    (
        Gauge,
        "mission_http_requests_max",
        "Requests that are served at once at most, by kind",
    ),
    (
        Counter,
        "mission_http_requests_shed_total",
        "Requests that were refused because enough of their kind were being served, by kind",
    ),
    (
        Counter,
        "mission_problems_total",
        "Requests that were answered with a problem, by its code",
    ),
    (
        Counter,
        "mission_tokens_refused_total",
        "Requests without a good token, by reason",
    ),
    (
        Counter,
        "mission_jwks_reads_total",
        "Reads of the keys for tokens, by result",
    ),
    (
        Counter,
        "mission_rewards_granted_total",
        "Rewards that were granted, by type",
    ),
    (
        Counter,
        "mission_points_granted_total",
        "Points that were granted, bonus included, by type of reward and currency; the sum is rounded down",
    ),
    (
        Counter,
        "mission_webhook_attempts_total",
        "Deliveries to webhooks that were tried, by outcome",
    ),
    (
        Counter,
        "mission_webhooks_disabled_total",
        "Webhooks that were disabled, for nothing was taken any more",
    ),
    (
        Counter,
        "mission_rewards_revoked_total",
        "Granted rewards that were revoked",
    ),
    (
        Counter,
        "mission_points_revoked_total",
        "Points that were taken back with revoked rewards, by currency; the sum is rounded down",
    ),
    (
        Counter,
        "mission_fraud_decisions_total",
        "Decisions of the checks against fraud, by stage (rate_limit, cooldown, device, evidence), outcome (passed, flagged, refused) and mode (on, observe)",
    ),
    (
        Gauge,
        "mission_reviews_open",
        "Flagged commands that wait for a reviewer, of all servers",
    ),
    (
        Gauge,
        "mission_reviews_oldest_seconds",
        "For how long the oldest flagged command has waited for a reviewer; 0 where none waits",
    ),
    (
        Counter,
        "mission_fraud_rate_limited_total",
        "Requests that were one too many, by scope",
    ),
    (
        Counter,
        "mission_rate_limit_fallbacks_total",
        "Requests that were counted by one server alone, because Redis was away",
    ),
    (
        Histogram,
        "mission_store_seconds",
        "Time of the writer's batches in the database, by operation: load or commit",
    ),
    (
        Counter,
        "mission_commands_committed_total",
        "Commands that were committed; divided by the commits, what a batch holds",
    ),
    (
        Counter,
        "mission_commit_conflicts_total",
        "Changes that another server's commit stood against, each try; they are decided again",
    ),
    (
        Counter,
        "mission_rule_failures_total",
        "Evaluations of mission scripts that failed, by mission, hook and kind",
    ),
    (
        Counter,
        "mission_tasks_expired_total",
        "Tasks that were written down as expired",
    ),
    (
        Counter,
        "mission_rewards_expired_total",
        "Rewards that were written down as expired",
    ),
    (
        Counter,
        "mission_retention_removed_total",
        "Rows that were removed because their time was over, by table",
    ),
    (
        Gauge,
        "mission_commands_waiting",
        "Commands in the queue of this server's writer",
    ),
    (
        Gauge,
        "mission_missions",
        "Missions that this server knows, in any status",
    ),
    (
        Gauge,
        "mission_outbox_entries",
        "Journal entries whose events have not all left, of all servers; as last seen while the database is away",
    ),
    (
        Gauge,
        "mission_outbox_lag_seconds",
        "Age in seconds of the oldest journal entry whose events have not all left; 0 where there is none",
    ),
    (
        Gauge,
        "mission_outbox_parked",
        "Events that were not taken and are to be tried again, of all servers",
    ),
    (
        Gauge,
        "mission_outbox_shards",
        "Shards of the outbox, of 64, whose events this server sends; only where PostgreSQL is shared",
    ),
    (
        Counter,
        "mission_outbox_published_total",
        "Events that the bus has taken, by type",
    ),
    (
        Counter,
        "mission_outbox_refused_total",
        "Events that the bus has not taken, each try",
    ),
    (
        Counter,
        "mission_inbound_messages_total",
        "Messages of other services, by outcome: applied, duplicate, ignored, retried or dead",
    ),
    (
        Gauge,
        "mission_inbound_waiting",
        "Messages of other services in the queue that no server has been given yet",
    ),
    (
        Gauge,
        "mission_inbound_dead_letters",
        "Messages of other services that could not be taken",
    ),
    (
        Counter,
        "mission_inbound_redelivered_total",
        "Messages that the broker had handed out before",
    ),
    (
        Counter,
        "mission_wallet_messages_total",
        "Messages that a wallet in a process of its own was given, by outcome: booked or dead",
    ),
    (
        Histogram,
        "mission_broker_confirm_seconds",
        "Time until the broker has confirmed an event",
    ),
    (
        Gauge,
        "mission_dependency_up",
        "Whether a dependency can be used, by dependency: 1 or 0",
    ),
    (
        Gauge,
        "mission_writes_failing",
        "Whether the database answers but the last writes were not kept, as on a full disk: 1 or 0",
    ),
    (
        Gauge,
        "mission_database_connections",
        "Open connections to the database, by state: in_use or idle",
    ),
    (
        Gauge,
        "mission_database_connections_max",
        "Connections to the database at most, of this server",
    ),
    (
        Gauge,
        "mission_database_waiting",
        "Uses of the database that wait for a connection at this moment",
    ),
    (
        Counter,
        "mission_redis_failures_total",
        "Uses of Redis that failed or were not answered in time",
    ),
    (
        Counter,
        "mission_cache_reads_total",
        "Looks into the cache in Redis, by result",
    ),
    (
        Counter,
        "mission_neighbour_requests_total",
        "Requests to other services, each try, by service, route and outcome (ok, refused, failed, timed_out, unreachable, cut, too_large, unreadable, forbidden, open, busy)",
    ),
    (
        Histogram,
        "mission_neighbour_request_seconds",
        "Time of requests to other services, each try, by service and route",
    ),
];

/// What was counted in this process, and what the operating system tells of it.
#[derive(Clone)]
pub struct Metrics {
    counted: PrometheusHandle,
    process: Arc<Collector>,
}

impl Metrics {
    /// All of it in Prometheus text form.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        self.counted.render()
    }

    /// Lets go of what was drawn on only to render it; to be called every few seconds.
    pub fn run_upkeep(&self) {
        self.counted.run_upkeep();
    }
}

/// Counts in this process from now on. `None` where somebody else, such as an embedding program, counts already.
#[must_use]
pub fn install() -> Option<Metrics> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .ok()?;
    let counted = builder.install_recorder().ok()?;
    let process = Arc::new(Collector::default());
    process.describe();
    describe();
    metrics::gauge!("mission_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    // What an alert asks for must be there before it first happens.
    for gauge in [
        "mission_outbox_entries",
        "mission_outbox_lag_seconds",
        "mission_outbox_parked",
        "mission_writes_failing",
    ] {
        metrics::gauge!(gauge).set(0.0);
    }
    metrics::gauge!("mission_dependency_up", "dependency" => "database").set(0.0);
    Some(Metrics { counted, process })
}

/// Counts what a check against fraud came to.
pub(crate) fn fraud_decision(stage: &'static str, outcome: &'static str, mode: &'static str) {
    let labels = [("stage", stage), ("outcome", outcome), ("mode", mode)];
    metrics::counter!("mission_fraud_decisions_total", &labels).increment(1);
}

fn describe() {
    metrics::with_recorder(|recorder| {
        for (kind, name, help) in METRICS {
            let unit = name.ends_with("_seconds").then_some(Unit::Seconds);
            let (name, help) = ((*name).into(), SharedString::const_str(help));
            match kind {
                Counter => recorder.describe_counter(name, unit, help),
                Gauge => recorder.describe_gauge(name, unit, help),
                Histogram => recorder.describe_histogram(name, unit, help),
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        path::{Path, PathBuf},
    };

    use super::METRICS;

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// The names that are counted anywhere in the sources of the server.
    fn counted() -> BTreeSet<String> {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let mut names = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            for macro_name in ["counter", "gauge", "histogram"] {
                for (at, call) in text.match_indices(&format!("metrics::{macro_name}!(")) {
                    let after = text[at + call.len()..].trim_start();
                    if let Some(name) = after.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
        names
    }

    #[test]
    fn alerts_ask_for_metrics_that_there_are() {
        let alerts = include_str!("../../../docs/alerts.yml");
        let of_a_name = |c: char| c.is_ascii_lowercase() || c == '_';
        let asked: BTreeSet<&str> = alerts
            .split(|c: char| !of_a_name(c))
            .filter(|word| word.starts_with("mission_"))
            .map(|word| word.trim_end_matches("_count").trim_end_matches("_bucket"))
            .collect();
        assert!(asked.len() > 8, "{asked:?}");
        for name in asked {
            assert!(METRICS.iter().any(|(_, known, _)| *known == name), "{name}");
        }
        let explained = include_str!("../../../docs/alerts.md");
        for alert in alerts.split("- alert: ").skip(1) {
            let name = alert.lines().next().unwrap();
            assert!(explained.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn every_metric_is_explained_here_and_in_the_documents() {
        let explained: BTreeSet<String> = METRICS.iter().map(|(_, name, _)| (*name).to_owned()).collect();
        assert_eq!(explained.len(), METRICS.len(), "each is explained once");
        let counted = counted();
        assert!(counted.len() > 20, "{counted:?}");
        let unexplained: Vec<_> = counted.difference(&explained).collect();
        assert!(unexplained.is_empty(), "{unexplained:?}");
        let documents = include_str!("../../../docs/metrics.md");
        for (_, name, help) in METRICS {
            assert!(
                documents.contains(&format!("`{name}`")),
                "{name} is not in docs/metrics.md"
            );
            assert!(help.len() > 15 && !help.ends_with('.'), "{name}: {help}");
        }
    }
}
