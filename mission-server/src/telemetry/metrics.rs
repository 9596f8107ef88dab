//! Metrics in Prometheus form.

use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

pub use metrics_exporter_prometheus::PrometheusHandle;

/// The upper bounds of the buckets of times, in seconds.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// Counts in this process from now on; the handle renders what was counted. `None` where somebody else, such as an
/// embedding program, counts already.
#[must_use]
pub fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .ok()?;
    let handle = builder.install_recorder().ok()?;
    describe();
    Some(handle)
}

fn describe() {
    metrics::describe_histogram!(
        "mission_http_request_seconds",
        Unit::Seconds,
        "Time of requests by route and status"
    );
    metrics::describe_counter!(
        "mission_fraud_rate_limited_total",
        "Requests that were one too many, by scope"
    );
    metrics::describe_counter!(
        "mission_rule_failures_total",
        "Evaluations of rules that failed, by mission, hook and kind"
    );
    metrics::describe_counter!(
        "mission_jwks_reads_total",
        "Reads of the keys for tokens, by result"
    );
    metrics::describe_counter!(
        "mission_tasks_expired_total",
        "Tasks that were written down as expired"
    );
    metrics::describe_counter!(
        "mission_rewards_expired_total",
        "Rewards that were written down as expired"
    );
    metrics::describe_gauge!("mission_commands_waiting", "Commands in the queue of the writer");
    metrics::describe_gauge!("mission_missions", "Missions in the book");
    metrics::describe_gauge!(
        "mission_outbox_entries",
        "Journal entries whose events have not all left"
    );
    metrics::describe_gauge!(
        "mission_outbox_lag_seconds",
        Unit::Seconds,
        "Age of the oldest of them"
    );
}
