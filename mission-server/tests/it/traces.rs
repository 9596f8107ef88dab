//! What a collector of traces gets, read with the protocol's own definitions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing};
use mission_neighbours::StandIn;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use serde_json::Value;

use crate::support::Server;

/// Whatever was sent to a collector, in order.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>);

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Collector::default();
        let receive = |State(collector): State<Collector>, headers: HeaderMap, body: Bytes| async move {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            collector.0.lock().unwrap().push((headers, request));
        };
        let app = Router::new()
            .route("/otlp/v1/traces", routing::post(receive))
            .with_state(collector.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/otlp", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        (collector, url)
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap();
        let resources = requests.iter().flat_map(|(_, request)| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The first span of a trace with a name, once it has come.
    async fn span(&self, trace: &str, name: &str) -> Span {
        for _ in 0..400 {
            let found = self
                .spans()
                .into_iter()
                .find(|span| hex(&span.trace_id) == trace && span.name == name);
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let names: Vec<String> = self.spans().into_iter().map(|span| span.name).collect();
        panic!("no `{name}` came; there are {names:?}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shown(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let shown = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    };
    let named = attributes
        .iter()
        .filter_map(|attribute| Some((attribute.key.clone(), shown(attribute)?)));
    named.collect()
}

async fn traced(more: &[(&str, &str)]) -> (Server, Collector) {
    let (collector, url) = Collector::start().await;
    let mut settings = vec![
        ("MISSION_TRACES_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ];
    settings.extend_from_slice(more);
    (Server::with(&settings).await, collector)
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-00f067aa0ba902b7-{flags}")
}

#[tokio::test]
async fn a_request_is_a_trace_down_to_its_commit() {
    let (server, collector) = traced(&[]).await;
    let user = server
        .user()
        .header("traceparent", &traceparent("01"))
        .header("x-correlation-id", "c-1");
    user.post("/checkin", Value::Null).await.ok(200);
    let http = collector.span(TRACE, "POST /api/v1/checkin").await;
    assert_eq!(hex(&http.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(http.kind, SpanKind::Server as i32);
    let attributes = shown(&http.attributes);
    assert_eq!(attributes["http.request.method"], "POST");
    assert_eq!(attributes["http.route"], "/api/v1/checkin");
    assert_eq!(attributes["http.response.status_code"], "200");
    assert_eq!(attributes["correlation_id"], "c-1");
    let mut parent = http;
    for name in ["command", "batch"] {
        let span = collector.span(TRACE, name).await;
        assert_eq!(span.parent_span_id, parent.span_id, "{name}");
        parent = span;
    }
    for name in ["load", "decide", "commit"] {
        let span = collector.span(TRACE, name).await;
        assert_eq!(span.parent_span_id, parent.span_id, "{name}");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    let command = collector.span(TRACE, "command").await;
    assert_eq!(shown(&command.attributes)["command"], "CheckIn");
    let requests = collector.0.lock().unwrap();
    let (headers, request) = &requests[0];
    assert_eq!(headers["x-key"], "hunter2");
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    let resource = shown(&resource.attributes);
    assert_eq!(resource["service.name"], "mission-server");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["deployment.environment.name"], "test");
}

#[tokio::test]
async fn a_call_of_another_service_goes_on_with_the_trace() {
    let iam = StandIn::start().await.unwrap();
    let (server, collector) = traced(&[
        ("MISSION_IAM_URL", &iam.url),
        ("MISSION_SERVICE_TOKEN", "hunter2"),
    ])
    .await;
    let user = server.user().header("traceparent", &traceparent("01"));
    user.post("/checkin", Value::Null).await.ok(200);
    user.get("/leaderboards/all_time").await.ok(200);
    let seen = iam.seen();
    let sent = seen[0].headers["traceparent"].to_str().unwrap();
    let called: Vec<&str> = sent.split('-').collect();
    assert_eq!((called[1], called[3]), (TRACE, "01"));
    let board = collector.span(TRACE, "GET /api/v1/leaderboards/{span}").await;
    let spans = collector.spans();
    let call = spans.iter().find(|span| hex(&span.span_id) == called[2]).unwrap();
    assert_eq!(call.kind, SpanKind::Client as i32);
    assert_eq!(call.parent_span_id, board.span_id);
    assert_eq!(shown(&call.attributes)["peer.service"], "iam");
}

#[tokio::test]
async fn traces_hold_nothing_personal_and_no_secret() {
    let (server, collector) = traced(&[]).await;
    let user = server.user().header("traceparent", &traceparent("01"));
    user.post("/checkin", Value::Null).await.ok(200);
    server.admin().get(&format!("/users/{}", user.user)).await.ok(200);
    let refused = user.get("/users/nobody@example.org").await;
    assert_eq!(refused.status, 403);
    collector.span(TRACE, "GET /api/v1/users/{id}").await;
    let sent = format!("{:?}", collector.spans());
    for secret in [
        user.user.to_string().as_str(),
        "nobody@example.org",
        "Bearer",
        "hunter2",
    ] {
        assert!(!sent.contains(secret), "{secret}");
    }
    assert!(collector.spans().iter().all(|span| {
        span.events.is_empty()
            && span
                .status
                .as_ref()
                .is_none_or(|status| status.code != StatusCode::Error as i32)
    }));
}

#[tokio::test]
async fn a_collector_that_is_away_is_told_of_and_disturbs_nobody() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoint = format!("http://{closed}");
    let server = Server::with(&[
        ("MISSION_TRACES_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ])
    .await;
    server.user().post("/checkin", Value::Null).await.ok(200);
    // It is tried again within a second before it is told.
    tokio::time::sleep(Duration::from_secs(4)).await;
    server.user().post("/checkin", Value::Null).await.ok(200);
    let log = server.into_log();
    let is_told = |line: &str| line.contains("opentelemetry") && line.contains("\"level\":\"ERROR\"");
    assert!(log.lines().any(is_told), "{log}");
}

#[tokio::test]
async fn what_a_caller_does_not_record_is_not_sent() {
    let (server, collector) = traced(&[("MISSION_TRACES_SAMPLE", "0")]).await;
    let silent = server.user().header("traceparent", &traceparent("00"));
    silent.post("/checkin", Value::Null).await.ok(200);
    // One that begins here is as rare as the settings say.
    server.user().post("/checkin", Value::Null).await.ok(200);
    const RECORDED: &str = "0af7651916cd43dd8448eb211c80319c";
    let recorded = server
        .user()
        .header("traceparent", &format!("00-{RECORDED}-00f067aa0ba902b7-01"));
    recorded.post("/checkin", Value::Null).await.ok(200);
    collector.span(RECORDED, "commit").await;
    let traces: Vec<String> = collector.spans().iter().map(|span| hex(&span.trace_id)).collect();
    assert!(traces.iter().all(|trace| trace == RECORDED), "{traces:?}");
}
