//! Traces of what requests do, sent to a collector by OTLP; off unless one is named.
//!
//! Spans are those of `tracing` at its level `DEBUG`: a request, the command that it asks for, the engine's batch that decides it, the
//! batch's load and commit, calls of other services, and what the relay publishes. Log lines are no part of a trace, so
//! that what is masked there cannot leave here.

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    resource::EnvResourceDetector,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::{Level, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, filter_fn},
    registry::LookupSpan,
};
use url::Url;

/// Where traces go, and how many.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector, to whose path `v1/traces` is added.
    pub endpoint: Url,
    /// The part of the traces that begin here which is sent, from 0 to 1; those that a caller began are sent as the
    /// caller decided.
    pub sample: f64,
}

/// The sender of traces.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Nothing is sent yet, and that nobody listens is found when something is.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(settings: &TraceSettings) -> Result<Self, ExporterBuildError> {
        let mut endpoint = settings.endpoint.clone();
        // It has a host, so that it has segments too.
        if let Ok(mut path) = endpoint.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "traces"]);
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.as_str())
            .build()?;
        let resource = Resource::builder_empty()
            .with_service_name("mission-server")
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string()),
            ])
            .with_detector(Box::new(EnvResourceDetector::new()))
            .build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Traces(provider))
    }

    /// What turns the spans of this process into those of traces.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        OpenTelemetryLayer::new(self.0.tracer("mission-server"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(own_spans())
    }

    /// Sends what still waits. It takes seconds where the collector cannot be reached.
    pub(super) fn stop(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}

/// The spans that are meant for traces: those of this project's crates at the level `DEBUG`; others are for log lines.
/// No event.
fn own_spans() -> FilterFn {
    let is_own = |of: &Metadata<'_>| {
        of.is_span() && *of.level() == Level::DEBUG && of.target().starts_with("mission_")
    };
    filter_fn(is_own as fn(&Metadata<'_>) -> bool)
}
