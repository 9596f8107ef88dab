//! The correlation id and the trace: taken from the request, or made. The id is on every response, event and log line;
//! both go along with calls to other services.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, TraceContextExt, TraceFlags, TraceState},
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{IdGenerator, RandomIdGenerator},
};
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::ops;

/// The header that carries it, both ways.
pub(crate) const HEADER: &str = "x-correlation-id";

tokio::task_local! {
    static CURRENT: Current;
}

/// The correlation id and trace of the current request.
struct Current {
    id: String,
    trace: SpanContext,
}

/// The id of the request that is being served.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(|current| current.id.clone()).ok()
}

/// The trace of the request that is being served; outside of one, a new trace.
pub(crate) fn trace() -> SpanContext {
    CURRENT
        .try_with(|current| current.trace.clone())
        .unwrap_or_else(|_| new_trace())
}

/// A trace that begins here; whoever is called may record it.
fn new_trace() -> SpanContext {
    let ids = RandomIdGenerator::default();
    SpanContext::new(
        ids.new_trace_id(),
        ids.new_span_id(),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    )
}

/// The headers of HTTP, as what carries a trace (W3C Trace Context).
pub(crate) struct HttpHeaders<H>(pub(crate) H);

impl Extractor for HttpHeaders<&HeaderMap> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

impl Injector for HttpHeaders<&mut HeaderMap> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// The trace that the caller of a request names.
fn parent_of(headers: &HeaderMap) -> Option<SpanContext> {
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &HttpHeaders(headers));
    Some(parent.span().span_context().clone()).filter(SpanContext::is_valid)
}

/// A span as others see it, where traces are sent.
fn sent(span: &Span) -> Option<SpanContext> {
    Some(span.context().span().span_context().clone()).filter(SpanContext::is_valid)
}

/// Makes a span part of a trace that began elsewhere; without effect where no traces are sent.
pub(crate) fn put_into(span: &Span, trace: &SpanContext) {
    // That it is part of one already is no harm.
    let _ = span.set_parent(Context::new().with_remote_span_context(trace.clone()));
}

/// Adds `traceparent` and `tracestate` of a call that is made within a trace: the same trace, and the span of the call, or
/// one of its own where no traces are sent.
pub(crate) fn follow(trace: &SpanContext, headers: &mut HttpHeaders<&mut HeaderMap>) {
    let span = sent(&Span::current()).unwrap_or_else(|| {
        SpanContext::new(
            trace.trace_id(),
            RandomIdGenerator::default().new_span_id(),
            trace.trace_flags(),
            false,
            trace.trace_state().clone(),
        )
    });
    let context = Context::new().with_remote_span_context(span);
    TraceContextPropagator::new().inject_context(&context, headers);
}

/// What a caller may name an id: short, and safe in a log line and a header.
pub(crate) fn acceptable(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"-_.:".contains(&c))
}

/// Gives every request an id, and every response and log line within it the same one.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|id| acceptable(id));
    let id = given.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
    let span = tracing::info_span!(
        "request",
        correlation_id = %id,
        method = %request.method(),
        path = %request.uri().path(),
    );
    let header = HeaderValue::from_str(&id);
    let parent = parent_of(request.headers());
    let traced = span.in_scope(|| {
        tracing::debug_span!(
            "http",
            otel.kind = "server",
            otel.name = format!("{} {}", request.method(), ops::route(&request)),
            otel.status_code = Empty,
            correlation_id = %id,
            http.request.method = request.method().as_str(),
            http.route = ops::route(&request),
            http.response.status_code = Empty,
        )
    });
    if let Some(parent) = &parent {
        put_into(&traced, parent);
    }
    let trace = sent(&traced).or(parent).unwrap_or_else(new_trace);
    let current = Current { id, trace };
    let mut response = CURRENT
        .scope(
            current,
            next.run(request).instrument(traced.clone()).instrument(span),
        )
        .await;
    let status = response.status();
    traced.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        traced.record("otel.status_code", "ERROR");
    }
    if let Ok(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_belongs_to_the_trace_of_its_request() {
        let mut headers = HeaderMap::new();
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        headers.insert("traceparent", HeaderValue::from_static(given));
        headers.insert("tracestate", HeaderValue::from_static("vendor=1"));
        let mut out = HeaderMap::new();
        follow(&parent_of(&headers).unwrap(), &mut HttpHeaders(&mut out));
        let parent = out["traceparent"].to_str().unwrap();
        assert!(
            parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && parent.ends_with("-00"),
            "{parent}"
        );
        assert_ne!(parent, given, "a span of its own");
        assert_eq!(out["tracestate"], "vendor=1");
    }

    #[test]
    fn a_request_without_a_good_trace_begins_one() {
        let begun = new_trace();
        assert!(begun.is_valid() && begun.is_sampled());
        for given in [
            None,
            Some("00-00000000000000000000000000000000-0000000000000000-00"),
            Some("x"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert("traceparent", HeaderValue::from_static(given));
            }
            assert_eq!(parent_of(&headers), None, "{given:?}");
        }
    }
}
