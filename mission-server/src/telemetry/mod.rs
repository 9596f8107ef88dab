//! What an operator sees: log lines, one record each, with everything masked that must not leave; and metrics.

mod log_layer;
mod mask;
mod metrics;
mod record;

use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

pub(crate) use self::metrics::fraud_decision;
pub use self::{
    log_layer::LogLayer,
    mask::mask,
    metrics::{Metrics, install as install_metrics},
};
use crate::config::{LogFormat, LogSettings};

/// Logs to stderr from now on, in the whole process. A second call changes nothing.
pub fn install_log(settings: &LogSettings) {
    let layer = LogLayer::new(settings.format, |line: &[u8]| {
        // A closed stderr must not stop the server.
        let _ = std::io::stderr().lock().write_all(line);
    });
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(quiet(&settings.filter)))
        .try_init();
}

/// Libraries below `warn` only where they are asked for by name: a statement or a connection a line helps nobody.
fn quiet(filter: &Targets) -> Targets {
    let libraries = [
        "hyper",
        "hyper_util",
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
