//! What an operator sees: log lines, one record each, with everything masked that must not leave; and metrics.

mod log_layer;
mod mask;
mod metrics;
mod record;
mod traces;

use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

pub(crate) use self::metrics::fraud_decision;
use self::traces::Traces;
pub use self::{
    log_layer::LogLayer,
    mask::mask,
    metrics::{Metrics, install as install_metrics},
    traces::TraceSettings,
};
use crate::config::{LogFormat, LogSettings};

/// What leaves the process besides its answers, until it is stopped.
#[must_use = "traces that still wait are sent by `stop`"]
pub struct Telemetry(Option<Traces>);

impl Telemetry {
    /// Sends what still waits; for some seconds at most.
    pub fn stop(self) {
        if let Some(traces) = self.0 {
            traces.stop();
        }
    }
}

/// Logs to stderr from now on, in the whole process, and sends traces where a collector is named. A second call changes
/// nothing.
///
/// # Errors
/// When no HTTP client can be made for the collector.
pub fn install(
    settings: &LogSettings,
    traces: Option<&TraceSettings>,
) -> Result<Telemetry, opentelemetry_otlp::ExporterBuildError> {
    let traces = traces.map(Traces::new).transpose()?;
    let layer = LogLayer::new(settings.format, |line: &[u8]| {
        // A closed stderr must not stop the server.
        let _ = std::io::stderr().lock().write_all(line);
    });
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(quiet(&settings.filter)))
        .with(traces.as_ref().map(Traces::layer))
        .try_init();
    Ok(Telemetry(traces))
}

/// Libraries below `warn` only where they are asked for by name: a statement or a connection a line helps nobody.
fn quiet(filter: &Targets) -> Targets {
    let libraries = [
        "hyper",
        "hyper_util",
        "opentelemetry",
        "reqwest",
        "rustls",
        "sqlx",
        "tower",
        "tower_http",
        "h2",
    ];
    // What it would say of connections is told by `amqp`, and of messages not with their content.
    let quieter = [("lapin", LevelFilter::OFF)];
    let libraries = libraries.map(|library| (library, LevelFilter::WARN));
    libraries
        .into_iter()
        .chain(quieter)
        .fold(filter.clone(), |filter, (library, most)| {
            if filter.iter().any(|(target, _)| target.starts_with(library)) {
                filter
            } else {
                let level = filter.default_level().unwrap_or(LevelFilter::OFF).min(most);
                filter.with_target(library, level)
            }
        })
}

/// Whether lines are for people.
fn is_pretty(format: LogFormat) -> bool {
    format == LogFormat::Pretty
}
